"""One writer a profile: a lock of the operating system on a file beside the database (`architecture.md`, "Decided").

The lock ends with the process, however it ends. The note beside it only says who holds it; it decides nothing. No Qt.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from app.domain.errors import StorageError
from app.system.paths import PRIVATE_FILE
from app.system.private_files import read_json, remove, write_json


class SingleWriter:
    """The right to write to a profile's database.

    Args:
        lock_file: in the data folder, which exists.
    """

    def __init__(self, lock_file: Path) -> None:
        self._path = lock_file
        # A holder may release on another thread than it acquired on: the core thread starts, the main thread stops.
        self._lock = FileLock(lock_file, timeout=0, mode=PRIVATE_FILE, thread_local=False)

    @property
    def _note(self) -> Path:
        return self._path.with_suffix(".holder.json")

    def acquire(self) -> None:
        """Take the lock, at once or not at all.

        Raises:
            StorageError: `database_locked`, naming the process that holds it; `home_unwritable`.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise self._held() from error
        except OSError as error:
            raise StorageError(
                f"Kalends cannot lock its folder {self._path.parent} ({error.strerror or type(error).__name__}).",
                code="home_unwritable",
                fix="Make the folder writable for your user, or set KALENDS_HOME to a folder that is.",
            ) from error
        write_json(self._note, {"pid": os.getpid()})

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._lock.is_locked:
            remove(self._note)
            self._lock.release()

    def __enter__(self) -> SingleWriter:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _held(self) -> StorageError:
        note = read_json(self._note) or {}
        holder = f" (process {note['pid']})" if isinstance(note.get("pid"), int) else ""
        return StorageError(
            f"Kalends is already running{holder} and writes to {self._path.parent}.",
            code="database_locked",
            fix="Use the running one, or stop it with `kalends quit` and try again.",
        )
