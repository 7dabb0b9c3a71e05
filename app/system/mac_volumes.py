"""Whether a folder of macOS lies on a disk of this computer, by statfs(2). Asks the system, decides nothing else."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

MNT_LOCAL: Final = 0x1000
"""Flag of a file system that is stored locally (`sys/mount.h`)."""
NETWORK: Final = frozenset({"smbfs", "nfs", "afpfs", "webdav", "ftp", "cifs", "acfs", "macfuse", "osxfuse", "fusefs"})
"""File systems that are none of this computer's disks; those of FUSE may call themselves local, and keep no locks."""
_HEAD: Final = struct.Struct("=I i Q Q Q Q Q 2i I I I I 16s")
"""`struct statfs` with 64-bit inodes as far as the name of the file system: `f_bsize` to `f_fstypename`."""
SIZE: Final = 2168
"""Bytes of the whole struct: two paths of 1 024 and eight reserved words follow."""


def asked(folder: Path) -> bytes | None:
    """The struct that statfs answers for a folder, None where it answers nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    # On Intel the plain name is that of the struct with 32-bit inodes.
    statfs = getattr(libc, "statfs$INODE64", None) or libc.statfs
    answer = ctypes.create_string_buffer(SIZE)
    return answer.raw if statfs(os.fsencode(folder), answer) == 0 else None


def is_remote(place: Path, ask: Callable[[Path], bytes | None] = asked) -> bool:
    """Whether a folder, or what is above it where it is missing, lies on a network drive.

    Args:
        ask: answers for one folder.
    """
    for folder in (place, *place.parents):
        answer = ask(folder)
        if answer is not None:
            *_, flags, _subtype, name = _HEAD.unpack_from(answer)
            return not flags & MNT_LOCAL or name.split(b"\0", 1)[0].decode("ascii", "replace") in NETWORK
    return False
