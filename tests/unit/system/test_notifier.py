"""Notifications go where the desktop is, one for each tag; without a desktop nothing happens, and nothing is said."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from app.system import notifier as module
from app.system.notifier import BusNotifier
from tests.unit.system.notification_bus import NotificationBus

pytestmark = pytest.mark.anyio
RECONNECT = [("reconnect", "Reconnect"), ("remind_tomorrow", "Remind me tomorrow")]


@pytest.fixture
async def bus() -> AsyncIterator[NotificationBus]:
    # A short name: the address of a socket has at most 108 characters.
    with tempfile.TemporaryDirectory(prefix="kalends-") as folder:
        bus = NotificationBus(Path(folder))
        await bus.start()
        yield bus
        await bus.stop()


@pytest.fixture
async def notifier(bus: NotificationBus, tmp_path: Path) -> AsyncIterator[BusNotifier]:
    notifier = BusNotifier(bus.environ, icon=tmp_path / "kalends.svg")
    yield notifier
    await notifier.aclose()


async def test_a_notification_has_its_buttons_and_is_the_first_when_pressed_itself(
    bus: NotificationBus, notifier: BusNotifier
) -> None:
    await notifier.show("sign_in", "Sign in again", "Google ended it.", RECONNECT)
    (shown,) = bus.all
    assert (shown.application, shown.replaces, shown.title, shown.body) == (
        *("Kalends", 0),
        *("Sign in again", "Google ended it."),
    )
    assert shown.actions == (
        *("default", "", "reconnect", "Reconnect"),
        *("remind_tomorrow", "Remind me tomorrow"),
    )
    assert shown.hints == {"urgency": 1, "desktop-entry": "kalends"}
    (rule,) = bus.rules
    assert "sender='org.freedesktop.Notifications'" in rule


@pytest.mark.parametrize(
    ("pressed", "action"),
    [("default", "reconnect"), ("reconnect", "reconnect"), ("remind_tomorrow", "remind_tomorrow")],
)
async def test_a_press_is_told_with_tag_and_action(
    bus: NotificationBus, notifier: BusNotifier, pressed: str, action: str
) -> None:
    heard: list[tuple[str, str]] = []

    def hear(tag: str, what: str) -> None:
        heard.append((tag, what))
        bus.changed.set()

    notifier.on_action(hear)
    await notifier.show("hold", "A hold", "…", [("review_hold", "Review")])
    await notifier.show("sign_in", "Sign in again", "…", RECONNECT)
    bus.press(bus.all[1].number, pressed)
    await bus.until(lambda: heard)
    assert heard == [("sign_in", action)]


async def test_a_listener_that_fails_does_not_end_the_listening(bus: NotificationBus, notifier: BusNotifier) -> None:
    heard: list[str] = []

    def hear(tag: str, _action: str) -> None:
        heard.append(tag)
        bus.changed.set()
        raise RuntimeError("nobody is there")

    notifier.on_action(hear)
    for tag in ("a", "b"):
        await notifier.show(tag, tag, "", [("open", "Show")])
    for shown in tuple(bus.all):
        bus.press(shown.number, "open")
    await bus.until(lambda: len(heard) == 2)
    assert heard == ["a", "b"]


async def test_a_tag_has_one_place_and_is_withdrawn_from_it(bus: NotificationBus, notifier: BusNotifier) -> None:
    await notifier.show("sign_in", "One", "", [])
    await notifier.show("sign_in", "Two", "", [], quiet=True)
    await notifier.show("hold", "Other", "", [])
    first, second, other = bus.all
    assert (second.number, second.replaces, second.hints["urgency"]) == (first.number, first.number, 0)
    await notifier.withdraw("sign_in")
    assert list(bus.shown) == [other.number]
    await notifier.withdraw("sign_in")
    await notifier.withdraw("never shown")
    assert list(bus.shown) == [other.number]


async def test_what_a_person_closed_is_not_replaced_but_shown_anew(bus: NotificationBus, notifier: BusNotifier) -> None:
    await notifier.show("sign_in", "One", "", [])
    bus.close(bus.all[0].number, 2)
    await notifier.show("other", "Other", "", [])
    await notifier.show("sign_in", "One", "", [])
    assert bus.all[2].replaces == 0
    assert bus.all[2].number != bus.all[0].number


async def test_a_server_that_took_over_gets_new_notifications(bus: NotificationBus, notifier: BusNotifier) -> None:
    await notifier.show("sign_in", "One", "", [])
    bus.server = ":1.8"
    await notifier.show("sign_in", "One", "", [])
    assert [shown.replaces for shown in bus.all] == [0, 0]
    assert bus.connections == 1


async def test_markup_is_escaped_where_it_would_be_read_and_left_where_it_would_not(
    bus: NotificationBus, notifier: BusNotifier
) -> None:
    body = 'R&D <a href="http://x">"now"</a>'
    await notifier.show("a", "A & <b>", body, [])
    bus.abilities = ("body",)
    await notifier.show("b", "B", body, RECONNECT)
    assert bus.all[0].body == 'R&amp;D &lt;a href="http://x"&gt;"now"&lt;/a&gt;'
    assert bus.all[0].title == "A & <b>"
    assert bus.all[1].body == body
    assert bus.all[1].actions == (), "this server shows no buttons"


async def test_closing_takes_everything_away_and_leaves_the_bus(bus: NotificationBus, notifier: BusNotifier) -> None:
    await notifier.show("a", "A", "", [])
    await notifier.show("b", "B", "", [])
    await notifier.aclose()
    assert bus.shown == {}
    await bus.until(lambda: bus.open == 0)


async def test_nothing_is_connected_before_there_is_something_to_show(
    bus: NotificationBus, notifier: BusNotifier
) -> None:
    await notifier.withdraw("a")
    await notifier.aclose()
    assert bus.connections == 0


@pytest.mark.parametrize("refused", ["AddMatch", "GetCapabilities", "Notify"])
async def test_who_does_not_want_notifications_gets_none_until_the_next_and_no_line_stays_open(
    bus: NotificationBus, notifier: BusNotifier, refused: str
) -> None:
    bus.refuses = (refused,)
    for _ in range(3):
        await notifier.show("a", "A", "", [])
    await bus.until(lambda: bus.open == 0)
    bus.refuses = ()
    await notifier.show("a", "A", "", [])
    assert [shown.title for shown in bus.all] == ["A"]
    assert bus.open == 1


async def test_a_bus_that_went_is_found_again(bus: NotificationBus, notifier: BusNotifier) -> None:
    await notifier.show("a", "A", "", [])
    await bus.stop()
    await notifier.show("a", "A", "", [])
    await bus.start()
    await notifier.show("a", "A", "", [])
    assert len(bus.shown) == 2


async def test_a_server_that_never_answers_keeps_nobody_waiting(
    bus: NotificationBus, notifier: BusNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALL_SECONDS", 0.1)
    bus.silent = True
    await notifier.show("a", "A", "", [])
    await bus.until(lambda: bus.open == 0)
    bus.silent = False
    monkeypatch.undo()
    await notifier.show("a", "A", "", [])
    assert len(bus.all) == 1


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"},
        {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=127.0.0.1,port=1"},
        {"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"},
        {"DBUS_SESSION_BUS_ADDRESS": "nonsense"},
        {"XDG_RUNTIME_DIR": "/nowhere"},
    ],
)
async def test_without_a_bus_nothing_happens_and_nothing_is_said(
    environ: Mapping[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notifier = BusNotifier(environ, icon=tmp_path / "kalends.svg")
    await notifier.show("a", "A", "", RECONNECT)
    await notifier.withdraw("a")
    await notifier.aclose()
    assert capfd.readouterr().err == ""


async def test_a_bus_where_the_system_puts_it_is_found_without_being_named(
    bus: NotificationBus, tmp_path: Path
) -> None:
    notifier = BusNotifier({"XDG_RUNTIME_DIR": str(bus.folder)}, icon=tmp_path / "kalends.svg")
    await notifier.show("a", "A", "", [])
    assert len(bus.shown) == 1
    await notifier.aclose()
