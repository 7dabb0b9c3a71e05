"""The folder of calendar snapshots: files that only this user may read, each there as a whole or not at all.

Knows names and bytes, and nothing of calendars. The folder is made with its first file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.domain.errors import NotFoundError, StorageError
from app.system.paths import PRIVATE_FILE, PRIVATE_FOLDER

_SUFFIX = ".ics"
_UNFINISHED = ".part"


class SnapshotFolder:
    """`domain.snapshots.SnapshotFiles`.

    Args:
        folder: need not be there yet; what lies above it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self) -> Mapping[str, int]:
        """Names (without suffix) and sizes in bytes of the files there."""
        found: dict[str, int] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                        found[entry.name.removesuffix(_SUFFIX)] = entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable(self._folder, error) from error
        return found

    def begin(self, name: str) -> SnapshotDraft:
        """Begin a file."""
        with _writing(self._folder):
            self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._folder.chmod(PRIVATE_FOLDER)
            for left in self._folder.glob(f".*{_UNFINISHED}"):
                # Only a process that died leaves one, and only one process writes here.
                left.unlink(missing_ok=True)
            return SnapshotDraft(self._path(name))

    def read(self, name: str) -> bytes:
        """A file whole."""
        path = self._path(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise NotFoundError("There is no such snapshot.") from None
        except OSError as error:
            raise self._unreadable(path, error) from error

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; one that is gone already is no fault."""
        with _writing(self._folder):
            for name in names:
                self._path(name).unlink(missing_ok=True)

    def where(self, name: str) -> str:
        """The path of a file."""
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    @staticmethod
    def _unreadable(path: Path, error: OSError) -> StorageError:
        return StorageError(f"Kalends cannot read {path} ({error.strerror or type(error).__name__}).")


class SnapshotDraft:
    """`domain.snapshots.Draft`: a file beside the one it becomes, under another name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
        descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        # newline: the line ends of iCalendar are CRLF on every system.
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")

    def write(self, text: str) -> None:
        """Add text."""
        with _writing(self._path.parent):
            self._file.write(text)

    def keep(self) -> None:
        """Put the file in its place, durable on return."""
        with _writing(self._path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._draft, self._path)
            self._sync_folder()

    def discard(self) -> None:
        """Remove what was written so far, unless it was kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._draft.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        if os.name != "posix":
            return
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Kalends cannot write to {folder} ({error.strerror or type(error).__name__}).",
            code="home_unwritable",
            fix="Make room on the disk, and make the folder writable for your user.",
        ) from error
