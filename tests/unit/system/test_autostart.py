"""Starting with the computer: three kinds of entry, each written, read, switched off elsewhere, moved, refused."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.autostart import AutostartState
from app.domain.checkups import CheckStatus
from app.domain.errors import InputError, StorageError
from app.services.autostart import StartEntry, StartsWithComputer
from app.system import autostart
from app.system.autostart import Command, own_command
from app.system.autostart_linux import LinuxEntry, autostart_folders
from app.system.autostart_macos import MacEntry
from app.system.autostart_windows import APPROVED, RUN, SETTINGS, VALUE, UserRegistry, WindowsEntry

ON, OFF = AutostartState.ON, AutostartState.OFF
BLOCKED, OTHER, BROKEN = AutostartState.BLOCKED, AutostartState.OTHER, AutostartState.BROKEN


class RegistryDouble:
    """The person's registry in memory; a key can be closed."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}
        self.closed = False

    def get(self, key: str, name: str) -> str | bytes | None:
        self._open()
        return self.values.get((key, name))

    def put(self, key: str, name: str, value: str) -> None:
        self._open()
        self.values[key, name] = value

    def delete(self, key: str, name: str) -> None:
        self._open()
        self.values.pop((key, name), None)

    def _open(self) -> None:
        if self.closed:
            raise PermissionError(13, "Access is denied")


class Bench:
    """A program that can be started, and an entry of each kind in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = self._program("Apps and more/ka$lends 50%")
        self.registry = RegistryDouble()

    def _program(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(0o700)
        return path

    def command(self, program: Path | None = None) -> Command:
        return Command((str(program or self.program), "run", "--hidden"))

    def entry(self, kind: str, command: Command | None = None) -> StartEntry:
        command = command or self.command()
        if kind == "linux":
            return LinuxEntry(command, self.folder / "autostart", [self.folder / "shared"])
        if kind == "macos":
            return MacEntry(command, self.folder / "agents")
        return WindowsEntry(command, self.registry)

    def other(self) -> Command:
        return self.command(self._program("elsewhere/kalends"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


KINDS = pytest.mark.parametrize("kind", ["linux", "macos", "windows"])


@KINDS
def test_it_is_off_until_switched_on_and_follows_the_entry_alone(bench: Bench, kind: str) -> None:
    starts = StartsWithComputer(bench.entry(kind))
    assert starts.get().state is OFF
    assert starts.change(True).state is ON
    assert StartsWithComputer(bench.entry(kind)).get().program == str(bench.program)
    assert starts.change(False).state is OFF
    assert starts.change(False).state is OFF, "what is off can be switched off again"


@KINDS
def test_an_entry_whose_program_was_moved_is_mended_by_the_next_start(bench: Bench, kind: str) -> None:
    StartsWithComputer(bench.entry(kind)).change(True)
    moved = bench.program.rename(bench.folder / "kalends-2")
    starts = StartsWithComputer(bench.entry(kind, bench.command(moved)))
    assert starts.get().state is BROKEN
    assert not starts.get().on
    assert starts.mend()
    assert (starts.get().state, starts.get().program) == (ON, str(moved))
    assert not starts.mend()


@KINDS
def test_an_entry_that_starts_another_kalends_is_told_and_left(bench: Bench, kind: str) -> None:
    other = bench.other()
    StartsWithComputer(bench.entry(kind, other)).change(True)
    starts = StartsWithComputer(bench.entry(kind))
    assert not starts.mend()
    assert (starts.get().state, starts.get().program) == (OTHER, other.program)
    assert starts.get().on


def refuse_folder(path: Path) -> None:
    """Where a folder would be there is a file, so nothing can be written below it, whoever runs the test."""
    path.write_text("", encoding="utf-8")


@pytest.mark.parametrize(("kind", "folder"), [("linux", "autostart"), ("macos", "agents")])
def test_what_cannot_be_written_is_said_with_the_fix(bench: Bench, kind: str, folder: str) -> None:
    refuse_folder(bench.folder / folder)
    with pytest.raises(StorageError) as caught:
        StartsWithComputer(bench.entry(kind)).change(True)
    assert caught.value.code == "autostart_unwritable"
    assert str(bench.folder / folder) in (caught.value.fix or "")


def test_a_closed_registry_is_said_with_the_fix(bench: Bench) -> None:
    bench.registry.closed = True
    starts = StartsWithComputer(bench.entry("windows"))
    asks: list[Callable[[], object]] = [starts.get, lambda: starts.change(True), lambda: starts.change(False)]
    for ask in asks:
        with pytest.raises(StorageError) as caught:
            ask()
        assert "Startup" in (caught.value.fix or "")


# -- freedesktop ------------------------------------------------------------------------------------------------------


def test_the_desktop_file_is_what_desktops_expect(bench: Bench) -> None:
    bench.entry("linux").write()
    lines = (bench.folder / "autostart" / "kalends.desktop").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "[Desktop Entry]"
    # The words of Exec are quoted, and the whole is then escaped as a string: a dollar sign takes two backslashes.
    program = str(bench.program).replace("$", "\\\\$").replace("%", "%%")
    assert f'Exec="{program}" run --hidden' in lines
    assert {"Type=Application", "Name=Kalends", "Terminal=false", "X-GNOME-Autostart-Delay=20"} <= set(lines)
    assert sorted(os.listdir(bench.folder / "autostart")) == ["kalends.desktop"], "no draft is left"


@pytest.mark.parametrize("odd", ['a "b"', "back\\slash", "tick`s", "dollar$", "100 %", "tab\tand;more", "plain"])
def test_every_program_name_comes_back_from_the_desktop_file(tmp_path: Path, odd: str) -> None:
    program = tmp_path / odd
    program.write_text("", encoding="utf-8")
    program.chmod(0o700)
    entry = LinuxEntry(Command((str(program), "run", "--hidden")), tmp_path / "autostart")
    entry.write()
    assert (entry.read().state, entry.read().program) == (ON, str(program))


def test_a_switch_of_the_desktop_counts(bench: Bench) -> None:
    entry = bench.entry("linux")
    entry.write()
    path = bench.folder / "autostart" / "kalends.desktop"
    path.write_text(path.read_text(encoding="utf-8") + "X-GNOME-Autostart-enabled=false\n", encoding="utf-8")
    assert entry.read().state is BLOCKED
    entry.write()
    assert entry.read().state is ON, "switching it on by hand overrules what the desktop noted in the same file"
    path.write_text(path.read_text(encoding="utf-8") + "Hidden=true\n", encoding="utf-8")
    assert entry.read().state is OFF


def test_keys_of_other_groups_and_comments_say_nothing(bench: Bench) -> None:
    entry = bench.entry("linux")
    entry.write()
    path = bench.folder / "autostart" / "kalends.desktop"
    more = "#Hidden=true\n[Desktop Action Sync]\nHidden=true\nExec=/nowhere\n"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert entry.read().state is ON


def test_an_entry_for_the_whole_computer_is_on_and_can_be_hidden_by_the_person(bench: Bench) -> None:
    LinuxEntry(bench.command(), bench.folder / "shared").write()
    starts = StartsWithComputer(bench.entry("linux"))
    assert starts.get().state is ON
    assert starts.change(False).state is OFF
    assert "Hidden=true" in (bench.folder / "autostart" / "kalends.desktop").read_text(encoding="utf-8")
    assert starts.change(True).state is ON


def test_a_home_of_its_own_goes_into_the_entry(bench: Bench) -> None:
    command = Command(bench.command().words, home="/srv/my kalends")
    entry = bench.entry("linux", command)
    entry.write()
    text = (bench.folder / "autostart" / "kalends.desktop").read_text(encoding="utf-8")
    assert 'Exec=env "KALENDS_HOME=/srv/my kalends" ' in text
    assert (entry.read().state, entry.read().program) == (ON, str(bench.program))
    assert bench.entry("linux").read().state is OTHER, "the same program, with other folders"


def test_a_checkout_that_moved_is_broken_though_its_interpreter_is_there(bench: Bench) -> None:
    folder = bench.folder / "checkout"
    folder.mkdir()
    entry = bench.entry("linux", Command((sys.executable, "-m", "app", "run", "--hidden"), folder=folder))
    entry.write()
    assert entry.read().state is ON
    folder.rename(bench.folder / "checkout-2")
    assert entry.read().state is BROKEN


def test_a_folder_in_place_of_the_file_is_said(bench: Bench) -> None:
    (bench.folder / "autostart" / "kalends.desktop").mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        bench.entry("linux").read()
    assert caught.value.code == "autostart_unreadable"


def test_the_folders_are_those_of_the_desktop(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_CONFIG_DIRS": "/etc/xdg-a:/etc/xdg-b"}
    own, shared = autostart_folders(environ)
    assert own == tmp_path / "c" / "autostart"
    assert list(shared) == [Path("/etc/xdg-a/autostart"), Path("/etc/xdg-b/autostart")]
    assert autostart_folders({}) == (Path.home() / ".config/autostart", [Path("/etc/xdg/autostart")])


# -- macOS and Windows ------------------------------------------------------------------------------------------------


def test_the_launch_agent_starts_hidden_once_per_sign_in(bench: Bench) -> None:
    command = Command(bench.command().words, folder=bench.folder, home="/Users/ana/kalends")
    bench.entry("macos", command).write()
    path = bench.folder / "agents" / "kalends.plist"
    found = plistlib.loads(path.read_bytes())
    assert found["ProgramArguments"] == [str(bench.program), "run", "--hidden"]
    assert (found["RunAtLoad"], found["KeepAlive"], found["WorkingDirectory"]) == (True, False, str(bench.folder))
    assert found["EnvironmentVariables"] == {"KALENDS_HOME": "/Users/ana/kalends"}
    path.write_bytes(plistlib.dumps({**found, "Disabled": True}))
    assert bench.entry("macos", command).read().state is BLOCKED


@pytest.mark.parametrize("content", [b"", b"not a list", b"<plist><dict><key>a</key></plist>", plistlib.dumps([1])])
def test_a_launch_agent_that_is_none_is_broken(bench: Bench, content: bytes) -> None:
    (bench.folder / "agents").mkdir()
    (bench.folder / "agents" / "kalends.plist").write_bytes(content)
    assert bench.entry("macos").read().state is BROKEN


@pytest.mark.parametrize(("noted", "state"), [(b"\x02" + bytes(11), ON), (b"\x03" + bytes(11), BLOCKED), (b"", ON)])
def test_what_windows_noted_is_the_truth(bench: Bench, noted: bytes, state: AutostartState) -> None:
    entry = bench.entry("windows")
    entry.write()
    assert bench.registry.values[RUN, VALUE] == f'"{bench.program}" run --hidden'
    bench.registry.values[APPROVED, VALUE] = noted
    assert entry.read().state is state
    assert entry.read().settings == (SETTINGS if state is BLOCKED else None)


def test_windows_refuses_in_words_what_its_entry_cannot_say(bench: Bench) -> None:
    entry = bench.entry("windows", Command(bench.command().words, home="C:\\Kalends"))
    with pytest.raises(InputError, match="usual folders"):
        entry.write()
    assert bench.registry.values == {}


# -- which command, and the check-up ----------------------------------------------------------------------------------


def test_the_command_beside_the_interpreter_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert own_command({}).words == (str(tmp_path / "python"), "-m", "app", "run", "--hidden")
    assert (own_command({}).folder or Path()).joinpath("app", "main.py").is_file()
    (tmp_path / "kalends").write_text("", encoding="utf-8")
    assert own_command({}) == Command((str(tmp_path / "kalends"), "run", "--hidden"))
    assert own_command({"KALENDS_HOME": "/srv/k"}).home == "/srv/k"


def test_the_doctor_tells_what_the_entry_says(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = bench.entry("linux")
    monkeypatch.setattr(autostart, "find_entry", lambda environ: entry)
    assert autostart.checkup({}).summary == "Kalends does not start with this computer."
    entry.write()
    assert autostart.checkup({}).summary == "Kalends starts with this computer."
    bench.program.unlink()
    broken = autostart.checkup({})
    assert (broken.status, str(bench.program) in broken.summary) == (CheckStatus.WARN, True)
    monkeypatch.setattr(autostart, "find_entry", lambda environ: None)
    assert autostart.checkup({}).status is CheckStatus.OK


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a registry")
def test_where_there_is_no_registry_that_is_said() -> None:
    with pytest.raises(StorageError):
        WindowsEntry(Command(("kalends",)), UserRegistry()).read()
