"""Whether a folder is one a database can live in: on this computer, and carried elsewhere by nobody.

On a network share locks are not kept and the write-ahead log needs memory that two computers cannot share; a program
that synchronises a folder copies a database in the middle of a write, and brings back an older one. Both are on
SQLite's own list of ways to lose a database (https://sqlite.org/howtocorrupt.html §2). Looks, and makes nothing.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from app.system.mac_volumes import is_remote

MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    "nfs nfs4 cifs smb3 smbfs ncpfs afs coda ceph glusterfs lustre beegfs ocfs2 gfs2 davfs fuse.davfs2 fuse.davfs "
    "fuse.sshfs fuse.rclone fuse.gvfsd-fuse fuse.s3fs fuse.goofys fuse.glusterfs fuse.ceph fuse.cephfs fuse.pcloud "
    "fuse.google-drive-ocamlfuse fuse.onedriver fuse.insync fuse.kio-fuse fuse.curlftpfs drvfs".split()
)
_MARKS: Final = {
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".849C9593-D756-4E56-8D6E-42412F2A707B": "OneDrive",
    ".nextcloudsync.log": "Nextcloud",
    ".owncloudsync.log": "ownCloud",
    ".stfolder": "Syncthing",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
    ".pcloud": "pCloud",
    ".megaignore": "MEGA",
}
"""Files and folders that a synchronising program leaves at the top of what it synchronises."""
_PATTERNS: Final = {"._sync_*.db": "Nextcloud", ".sync_*.db": "Nextcloud"}
_NAMES: Final = (
    (re.compile(r"OneDrive(?: - .+)?"), "OneDrive"),
    (re.compile(r"Dropbox(?: \(.+\))?"), "Dropbox"),
    (re.compile(r"Google ?Drive|GoogleDrive-.+"), "Google Drive"),
    (re.compile(r"iCloud ?Drive|iCloudDrive|com~apple~CloudDocs"), "iCloud Drive"),
    (re.compile(r"Nextcloud|ownCloud"), "Nextcloud"),
)
_VARIABLES: Final = ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")


def unsuitable(folder: Path, environ: Mapping[str, str]) -> str | None:
    """Why a database must not lie in a folder, as the end of a sentence; None where it may.

    Args:
        folder: it may be missing: then what is above it counts.
        environ: the environment, for the folders of OneDrive on Windows.
    """
    place = _resolved(folder)
    if _on_network(place):
        return "on a network share"
    by = _synchronised(place, environ)
    return None if by is None else f"synchronised by {by}"


def local_folder(environ: Mapping[str, str], user: str | None = None) -> Path | None:
    """A folder of this computer that could be `KALENDS_HOME`; None where none is found. It is not made."""
    name = user if user is not None else getpass.getuser()
    for parent in (Path.home(), *(Path(above) / name for above in ("/local", "/scratch", "/var/local"))):
        if os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK) and unsuitable(parent, environ) is None:
            return parent / ".kalends"
    shared = Path("/var/tmp")  # noqa: S108 - it outlives a restart; what Kalends makes there is for this user alone
    if os.path.isdir(shared) and unsuitable(shared, environ) is None:
        return shared / f"kalends-{name}"
    return None


def _resolved(folder: Path) -> Path:
    """The folder without links, as far as it is there."""
    return folder.expanduser().resolve()


# -- the network -----------------------------------------------------------------------------------------------------


def _on_network(place: Path) -> bool:
    if sys.platform == "win32":
        return _is_remote_drive(place)
    if sys.platform == "darwin":
        return is_remote(place)
    found = mount_of(place, _mounts())
    return found is not None and (found[1] in _NETWORK or (found[1] == "9p" and _is_windows_drive(found[2])))


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""  # a system that keeps no such list


def mount_of(place: Path, mounts: str) -> tuple[Path, str, str] | None:
    """Where a folder is mounted, its file system and source, by `mountinfo` (proc(5)); None where that does not say."""
    best: tuple[Path, str, str] | None = None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5 or len(kind) < 2:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        # The last of equals lies on top.
        if place.is_relative_to(point) and (best is None or len(point.parts) >= len(best[0].parts)):
            best = (point, kind[0], kind[1])
    return best


def _is_windows_drive(source: str) -> bool:
    """A drive of Windows inside its Linux: no locks, no shared memory."""
    return source == "drvfs" or re.match(r"[A-Za-z]:", source) is not None


def _is_remote_drive(place: Path) -> bool:
    if place.drive.startswith("\\\\"):
        return True
    import ctypes

    remote = 4  # DRIVE_REMOTE (fileapi.h)
    windll = getattr(ctypes, "windll", None)
    return windll is not None and windll.kernel32.GetDriveTypeW(f"{place.drive}\\") == remote


# -- programs that synchronise ---------------------------------------------------------------------------------------


def _synchronised(place: Path, environ: Mapping[str, str]) -> str | None:
    for variable in _VARIABLES:
        top = environ.get(variable, "")
        if top and place.is_relative_to(_resolved(Path(top))):
            return "OneDrive"
    for above in (place, *place.parents):
        by = _by_name(above) or _by_mark(above)
        if by is not None:
            return by
    return None


def _by_name(folder: Path) -> str | None:
    if folder.parent.name == "CloudStorage" and folder.parent.parent.name == "Library":
        return folder.name.split("-")[0]  # macOS, File Provider
    if folder.name == "Mobile Documents" and folder.parent.name == "Library":
        return "iCloud Drive"
    return next((by for form, by in _NAMES if form.fullmatch(folder.name)), None)


def _by_mark(folder: Path) -> str | None:
    # A mark in the home folder is the program's own settings there, not a sign that the home is synchronised.
    if folder == Path.home().resolve() or folder == Path(folder.anchor):
        return None
    for mark, by in _MARKS.items():
        # Of a folder that may not be entered nothing is known; whoever makes folders there says so better.
        if os.path.lexists(folder / mark):
            return by
    return next((by for pattern, by in _PATTERNS.items() if _any(folder.glob(pattern))), None)


def _any(found: Iterable[Path]) -> bool:
    try:
        return next(iter(found), None) is not None
    except OSError:
        return False  # a folder that may be entered and not listed
