"""Where a database may lie: on this computer, in a folder that nobody carries elsewhere, else another is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.checkups import CheckStatus
from app.domain.errors import StorageError
from app.system import checkup, placement
from app.system.paths import find_paths
from app.system.placement import local_folder, mount_of, unsuitable

LOCAL = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, on a local disk."""
    home = tmp_path / "home" / "ada"
    home.mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what is mounted where, as the kernel would."""

    def say(*lines: str) -> None:
        file = tmp_path / "mountinfo"
        file.write_text("\n".join([LOCAL, *lines]) + "\n")
        monkeypatch.setattr(placement, "MOUNTS", file)

    say()
    return say


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "davfs"])
def test_a_network_share_is_refused(home: Path, mounted: Callable[..., None], kind: str) -> None:
    mounted(f"40 22 0:50 / {home} rw,relatime shared:7 - {kind} server:/export rw")
    assert unsuitable(home / ".local" / "share" / "kalends", {}) == "on a network share"


def test_a_local_disk_below_a_share_is_fine_and_a_share_below_a_disk_is_not(
    home: Path, mounted: Callable[..., None]
) -> None:
    mounted(
        f"40 22 0:50 / {home} rw - nfs4 server:/export rw",
        f"41 40 8:1 / {home}/on\\040disk rw - ext4 /dev/sdb1 rw",
        f"42 41 0:51 / {home}/on\\040disk/share rw - cifs //server/share rw",
    )
    assert unsuitable(home / "on disk" / "kalends", {}) is None
    assert unsuitable(home / "on disk" / "share" / "kalends", {}) == "on a network share"


def test_of_two_mounts_on_one_folder_the_last_counts(home: Path) -> None:
    mounts = f"{LOCAL}\n40 22 0:50 / {home} rw - nfs4 s:/e rw\n41 22 8:1 / {home} rw - ext4 /dev/sdb1 rw\n"
    found = mount_of(home, mounts)
    assert found is not None
    assert found[1] == "ext4"


@pytest.mark.parametrize(("source", "refused"), [("C:\\134", True), ("drvfs", True), ("share0", False)])
def test_a_drive_of_windows_inside_its_linux_is_refused(
    home: Path, mounted: Callable[..., None], source: str, refused: bool
) -> None:
    mounted(f"40 22 0:50 / {home} rw - 9p {source} rw")
    assert (unsuitable(home / "kalends", {}) is not None) is refused


@pytest.mark.parametrize(
    ("folder", "mark", "by"),
    [
        ("Dropbox", None, "Dropbox"),
        ("Dropbox (Firm)", None, "Dropbox"),
        ("OneDrive - Firm", None, "OneDrive"),
        ("Google Drive", None, "Google Drive"),
        ("Library/Mobile Documents", None, "iCloud Drive"),
        ("Library/CloudStorage/OneDrive-Firm", None, "OneDrive"),
        ("anything", ".dropbox.cache", "Dropbox"),
        ("anything", ".stfolder", "Syncthing"),
        ("anything", "._sync_0123abcd.db", "Nextcloud"),
        ("anything", ".sync_0123abcd.db", "Nextcloud"),
        ("anything", ".tmp.drivedownload", "Google Drive"),
    ],
)
def test_a_synchronised_folder_is_refused_by_its_name_or_mark(
    home: Path, mounted: Callable[..., None], folder: str, mark: str | None, by: str
) -> None:
    top = home / folder
    top.mkdir(parents=True)
    if mark is not None:
        (top / mark).mkdir()
    assert unsuitable(top / "deep" / "kalends", {}) == f"synchronised by {by}"


def test_a_link_into_a_synchronised_folder_is_followed(home: Path, mounted: Callable[..., None]) -> None:
    (home / "Dropbox").mkdir()
    (home / "kalends").symlink_to(home / "Dropbox")
    assert unsuitable(home / "kalends", {}) == "synchronised by Dropbox"


def test_the_folders_that_onedrive_names_are_refused(home: Path, mounted: Callable[..., None]) -> None:
    assert unsuitable(home / "Documents" / "kalends", {"OneDrive": str(home / "Documents")}) is not None


def test_what_such_a_program_keeps_for_itself_in_the_home_is_no_mark(home: Path, mounted: Callable[..., None]) -> None:
    (home / ".dropbox").mkdir()
    (home / "Nextcloud").mkdir()
    assert unsuitable(home / ".local" / "share" / "kalends", {}) is None


def test_a_refused_folder_is_not_made_and_a_local_one_is_offered(home: Path, mounted: Callable[..., None]) -> None:
    environ = {"KALENDS_HOME": str(home / "Dropbox" / "kalends")}
    with pytest.raises(StorageError) as caught:
        find_paths(environ).prepare(environ)
    assert caught.value.code == "home_unsuitable"
    assert "synchronised by Dropbox" in caught.value.message
    assert str(home / ".kalends") in str(caught.value.fix)
    assert not (home / "Dropbox").exists()
    check = checkup.place(find_paths(environ), environ)
    assert (check.status, check.id) == (CheckStatus.FAIL, "place")


def test_with_the_home_on_a_share_a_folder_beside_it_is_offered(home: Path, mounted: Callable[..., None]) -> None:
    mounted(f"40 22 0:50 / {home} rw - nfs4 server:/export rw")
    offer = local_folder({}, "ada")
    assert offer is not None
    assert not offer.is_relative_to(home)
    assert unsuitable(offer, {}) is None


def test_a_folder_that_may_not_be_entered_is_left_to_whoever_writes_to_it(
    home: Path, mounted: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as closed:
        closed.setattr("os.stat", forbidden)
        closed.setattr("os.lstat", forbidden)
        assert not placement._by_mark(home / "closed")


def test_an_ordinary_home_is_fine(home: Path, mounted: Callable[..., None]) -> None:
    environ = {"KALENDS_HOME": str(home / "kalends")}
    paths = find_paths(environ)
    paths.prepare(environ)
    assert paths.data.is_dir()
    assert checkup.place(paths, environ).status is CheckStatus.OK
