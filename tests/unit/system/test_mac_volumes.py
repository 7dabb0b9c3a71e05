"""Network drives of macOS, by made-up answers of statfs(2)."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from app.system.mac_volumes import MNT_LOCAL, SIZE, is_remote

JOURNALED, DONT_BROWSE = 0x0080_0000, 0x0010_0000


def answer(name: str, flags: int) -> bytes:
    """What the kernel writes for a volume, field by field as `sys/mount.h` has them."""
    numbers = struct.pack("=Ii5Q", 4096, 1 << 20, 10**8, 10**7, 10**7, 10**6, 10**5)
    names = struct.pack("=16s1024s1024s", name.encode(), b"/Volumes/there", b"//ada@server/share")
    told = numbers + struct.pack("=2i4I", 16777220, 17, 501, 23, flags, 0) + names + bytes(32)
    assert len(told) == SIZE
    return told


@pytest.mark.parametrize(
    ("name", "flags", "remote"),
    [
        ("apfs", MNT_LOCAL | JOURNALED, False),
        ("hfs", MNT_LOCAL, False),
        ("exfat", MNT_LOCAL | DONT_BROWSE, False),
        ("smbfs", DONT_BROWSE, True),
        ("nfs", 0, True),
        ("afpfs", JOURNALED, True),
        ("webdav", 0, True),
        ("something_new", 0, True),
        ("macfuse", MNT_LOCAL, True),
    ],
)
def test_a_volume_that_is_not_local_or_only_says_so_is_remote(name: str, flags: int, remote: bool) -> None:
    assert is_remote(Path("/Volumes/there/kalends"), lambda _: answer(name, flags)) is remote


def test_for_a_folder_that_is_not_made_yet_what_is_above_it_counts() -> None:
    answers = {Path("/Volumes/share"): answer("smbfs", 0), Path("/"): answer("apfs", MNT_LOCAL)}
    assert is_remote(Path("/Volumes/share/deep/kalends"), answers.get)
    assert not is_remote(Path("/Users/ada/kalends"), answers.get)


def test_a_system_that_answers_nothing_keeps_nobody_out() -> None:
    assert not is_remote(Path("/Users/ada"), lambda _: None)
