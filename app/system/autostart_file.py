"""The file in which Linux and macOS keep what starts with the computer: replaced whole, taken away, or why that fails.

Knows nothing of what the file says.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from app.domain.errors import StorageError


class EntryFile:
    """One such file; its folder is made when it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def replace(self, content: bytes) -> None:
        """Put this in its place, whole or not at all. Raises StorageError."""
        draft = self.path.with_name(f".{self.path.name}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            os.replace(draft, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise self.refused("write", error) from error

    def remove(self) -> None:
        """Take it away if it is there. Raises StorageError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self.refused("remove", error) from error

    def refused(self, verb: str, error: OSError) -> StorageError:
        """Why it cannot be read, written or removed, with the fix."""
        why = error.strerror or type(error).__name__
        return StorageError(
            f"Kalends cannot {verb} the file that starts it with your computer ({why}).",
            code="autostart_unwritable",
            fix=f"Make {self.path.parent} writable for your user, then try again.",
        )
