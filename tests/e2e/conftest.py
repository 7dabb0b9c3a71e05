"""A desktop of the tests' own: screen, window manager, message bus, keyring, tray, browser; ended when the tests are.

Screen and browser serve all tests; bus, home and tray are new for each, so that none finds what another left. Pictures
and what the programs said lie in `test-output/e2e`.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.desktop import Session, desktop_session, outside_of
from tests.e2e.house import ROOT, House, Sandbox
from tests.e2e.notifications import Notifications, notification_server
from tests.e2e.person import Person
from tests.e2e.processes import Processes
from tests.e2e.screen import Screen
from tests.e2e.sight import Sight
from tests.e2e.trays import EmbeddingTray, NotifierTray, TrayPlace

OUTPUT = ROOT / "test-output" / "e2e"
_FAILED = pytest.StashKey[bool]()
_TRAYER_STARTS = 4
_TRAYER_SECONDS = 20.0
_STORY_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories take long where many other programs run; each of their steps has a deadline of its own."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_STORY_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a failure, so that a fixture can keep what the screen shows."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session", autouse=True)
def needed() -> None:
    """Says what is missing rather than failing one by one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("windows on a screen of the tests' own are a matter of X11")
    programs = "Xvfb openbox xdotool trayer dbus-daemon gnome-keyring-daemon chromium chromedriver"
    missing = [name for name in programs.split() if shutil.which(name) is None]
    assert not missing, f"not installed: {missing}"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short name: the addresses of sockets below it have at most 108 characters."""
    with tempfile.TemporaryDirectory(prefix="kalends-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def outside(folder: Path) -> dict[str, str]:
    """The environment of everything: nothing of the person who runs the tests but where programs lie."""
    return outside_of(folder)


@pytest.fixture(scope="session")
def screen(folder: Path, outside: dict[str, str]) -> Iterator[Screen]:
    """The screen, with a window manager."""
    processes = Processes(OUTPUT / "log" / "screen")
    try:
        buffer = folder / "screen"
        buffer.mkdir()
        yield Screen(processes, buffer, outside)
    finally:
        processes.close()


@pytest.fixture(scope="session")
def browser(folder: Path, outside: dict[str, str]) -> Iterator[Browser]:
    """The browser."""
    processes = Processes(OUTPUT / "log" / "browser")
    try:
        browser = Browser(processes, folder, outside)
        yield browser
        browser.close()
    finally:
        processes.close()


@pytest.fixture
def output(request: pytest.FixtureRequest) -> Path:
    """Where a test leaves pictures and logs."""
    path = OUTPUT / re.sub(r"[^\w\-]+", "-", request.node.name).strip("-")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


@pytest.fixture
def session(screen: Screen, outside: dict[str, str], output: Path) -> Iterator[Session]:
    """A desktop session with an unlocked keyring, in a home that nobody used before."""
    with desktop_session(screen, outside, output / "log") as session:
        yield session


@pytest.fixture
def house(session: Session) -> Iterator[House]:
    """The home, and what is started in it."""
    house = House(session.environ)
    yield house
    house.close()


@pytest.fixture
def sandbox(house: House) -> Sandbox:
    """The emulated services."""
    return house.sandbox()


@pytest.fixture
def sight(session: Session) -> Iterator[Sight]:
    """What the app shows."""
    sight = Sight(session.caller, "kalends")
    yield sight
    sight.close()


@pytest.fixture
def person(
    request: pytest.FixtureRequest, screen: Screen, sight: Sight, session: Session, house: House, output: Path
) -> Iterator[Person]:
    """Somebody before the screen. After a failure there is a picture of what they saw."""
    person = Person(screen, sight, session.opened, output)
    yield person
    if request.node.stash.get(_FAILED, False):
        person.picture("failed")
        (output / "failed.txt").write_text("\n".join(map(str, sight.things())), "utf-8")


@pytest.fixture
def notifications(session: Session) -> Iterator[Notifications]:
    """The desktop's notifications."""
    notifications = notification_server(session.address)
    yield notifications
    notifications.close()


@pytest.fixture
def trayer(screen: Screen, sight: Sight, session: Session) -> EmbeddingTray:
    """A place for icons over XEmbed."""
    tray = EmbeddingTray(screen, sight, "kalends")
    for _ in range(_TRAYER_STARTS):
        program = session.processes.start(
            *("trayer", "--edge", "top", "--align", "right", "--widthtype", "request", "--height", "24"),
            environ=session.environ,
        )
        if tray.is_there_within(_TRAYER_SECONDS):
            return tray
        # On a busy machine trayer now and then comes up without ever mapping its window; a fresh one does.
        program.kill()
        program.wait()
    raise AssertionError("trayer does not show a place for icons")


@pytest.fixture
def notifier(session: Session) -> Iterator[NotifierTray]:
    """A place for icons over D-Bus."""
    tray = NotifierTray(session.address)
    yield tray
    tray.close()


@pytest.fixture(params=["trayer", "notifier"])
def tray(request: pytest.FixtureRequest) -> TrayPlace:
    """Each of the places for icons."""
    place: TrayPlace = request.getfixturevalue(request.param)
    return place
