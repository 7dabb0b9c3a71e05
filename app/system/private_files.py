"""Small JSON files that only this user may read, replaced as a whole: a reader sees the old one or the new one.

They hold what one process tells another; whoever finds none or a broken one finds nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from app.domain.errors import StorageError
from app.system.paths import PRIVATE_FILE


class PrivateFile:
    """One such file, for whoever keeps a record without knowing where.

    Args:
        path: in a folder that exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Mapping[str, object] | None:
        """As `read_json`."""
        return read_json(self._path)

    def store(self, content: Mapping[str, object]) -> None:
        """As `write_json`."""
        write_json(self._path, content)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Replace the file at once, readable for this user alone (0600).

    Raises:
        StorageError: `home_unwritable`.
    """
    write_text(path, json.dumps(content))


def write_text(path: Path, text: str) -> None:
    """Replace a text file at once, readable for this user alone (0600).

    Raises:
        StorageError: `home_unwritable`.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise
    except OSError as error:
        raise StorageError(
            f"Kalends cannot write {path} ({error.strerror or type(error).__name__}).",
            code="home_unwritable",
            fix="Make the folder writable for your user, or set KALENDS_HOME to a folder that is.",
        ) from error


def read_json(path: Path) -> dict[str, object] | None:
    """What the file says, None when there is no file, or none that is ours in form.

    Raises:
        StorageError: the file is there and may not be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    except OSError as error:
        raise StorageError(f"Kalends cannot read {path} ({error.strerror or type(error).__name__}).") from error
    return content if isinstance(content, dict) else None


def remove(path: Path) -> None:
    """Remove the file if it is there.

    Raises:
        StorageError: `home_unwritable`.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"Kalends cannot remove {path} ({error.strerror or type(error).__name__}).", code="home_unwritable"
        ) from error
