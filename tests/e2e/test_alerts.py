"""A sign-in that ends while nobody looks: the desktop is told, the icon too, and both forget it once it is mended."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.e2e.browser import Browser
from tests.e2e.desktop import Session
from tests.e2e.house import Api, House, Sandbox
from tests.e2e.message_bus import Served
from tests.e2e.person import Person
from tests.e2e.trays import NotifierTray
from tests.e2e.waiting import until

_NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
_CLOSED_BY_THE_APP = 3
_LISTEN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification as the desktop got it."""

    number: int
    title: str
    body: str
    actions: tuple[str, ...]
    hints: dict[str, Any]


@dataclass
class Notifications:
    """A notification server that keeps what it is told (Desktop Notifications Specification 1.2)."""

    served: Served
    shown: dict[int, Notified] = field(default_factory=dict)
    all: list[Notified] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _pressed: list[tuple[int, str]] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to serve."""
        self._thread = threading.Thread(target=self._serve, name="notifications", daemon=True)
        self._thread.start()

    def press(self, notified: Notified, action: str) -> None:
        """A person presses a button. The notification stays, as on some desktops: it is the app's to take away."""
        assert action in notified.actions
        self._pressed.append((notified.number, action))

    def close(self) -> None:
        """Leave the bus."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.served.close()

    def _serve(self) -> None:
        numbers = count(1)
        while not self._over.is_set():
            call = self.served.receive(_LISTEN_SECONDS)
            if call is not None:
                self._answer(numbers, *call)
            while self._pressed:
                number, action = self._pressed.pop()
                self.served.signal(_PATH, _NAME, "ActionInvoked", "us", number, action)

    def _answer(
        self, numbers: Iterator[int], message: Any, _sender: str, _interface: str, method: str, asked: tuple[Any, ...]
    ) -> None:
        if method == "GetCapabilities":
            self.served.reply(message, "as", ["actions", "body", "body-markup"])
        elif method == "Notify":
            _application, replaces, _icon, title, body, actions, hints, _timeout = asked
            number = replaces or next(numbers)
            told = {name: value for name, (_, value) in hints.items()}
            notified = Notified(number, title, body, tuple(actions), told)
            self.served.reply(message, "u", number)
            self.shown[number] = notified
            self.all.append(notified)
        elif method == "CloseNotification":
            self.served.reply(message)
            self.shown.pop(asked[0], None)
            self.served.signal(_PATH, _NAME, "NotificationClosed", "uu", asked[0], _CLOSED_BY_THE_APP)
        else:
            self.served.refuse(message)


@pytest.fixture
def notifications(session: Session) -> Iterator[Notifications]:
    """The desktop's notifications."""
    notifications = Notifications(Served(session.address, _NAME))
    notifications.start()
    yield notifications
    notifications.close()


@pytest.mark.timeout(300)
def test_an_ended_sign_in_reaches_the_person_and_is_mended_from_the_notification(
    house: House,
    person: Person,
    sandbox: Sandbox,
    browser: Browser,
    notifier: NotifierTray,
    notifications: Notifications,
) -> None:
    google, microsoft = sandbox.emails["google"], sandbox.emails["microsoft"]
    app = house.start(environ=sandbox.environ)
    person.press("Connect my calendars")
    person.press(re.compile("^Google:"))
    browser.consent(person.link(), google)
    person.press("Connect another account")
    person.press(re.compile("^Microsoft:"))
    browser.consent(person.link(), microsoft)
    person.reads("2 accounts")
    api = house.api("default")
    connections = {one["calendar_name"]: one["id"] for one in api.ask("GET", "/connections")["connections"]}
    made = house.command("pairs", "add", connections["Work"], connections["Home"], "--direction", "a_to_b", "--json")
    assert made.code == 0, made
    person.reads("Everything is in sync.")
    first = len(sandbox.titles("Home"))
    assert app.stop()[0] == 0
    app = house.start("run", "--hidden", environ=sandbox.environ)
    api = house.api("default")
    until("the run at the start was good", lambda: (len(runs(api)), runs(api)[0]["status"]) == (2, "success"))
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]

    # The permission is taken back at the service. Nobody looks; a run finds out.
    sandbox.end_sign_in(google)
    start = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=3)
    sandbox.add("Work", "Salary talk", start.isoformat(), (start + timedelta(minutes=20)).isoformat())
    api.ask("POST", f"/sync-pairs/{pair['id']}/trigger")
    until("its run has ended", lambda: runs(api)[0]["status"] == "failed")
    assert api.ask("GET", f"/sync-pairs/{pair['id']}")["state"] == "needs_signin"
    until("the icon says so", lambda: notifier.tooltip.startswith("Kalends — sign in again"))

    # What nobody asks for is skipped, with its reason on record.
    api.ask("PATCH", f"/sync-pairs/{pair['id']}", {"status": "paused"})
    api.ask("PATCH", f"/sync-pairs/{pair['id']}", {"status": "active"})
    until("a run was skipped", lambda: runs(api)[0]["status"] == "skipped")
    assert runs(api)[0]["reason"] == "needs_sign_in"

    # The desktop is told, once, of no event.
    (notified,) = until("the desktop is told", lambda: list(notifications.shown.values()))
    assert notified.title == "An account needs you to sign in again"
    assert notified.body == f"Google ended the sign-in for {google}. 1 pair is waiting."
    assert notified.actions[0::2] == ("default", "reconnect", "remind_tomorrow")
    assert notified.hints["desktop-entry"] == "kalends"
    person.sees_no_window()

    # Its button leads to the sign-in; what follows comes by itself.
    notifications.press(notified, "reconnect")
    person.reads(f"Sign in to Google as {google}")
    person.picture("reconnect")
    browser.consent(person.link(), google)
    until("the next run, which nobody asked for, is good", lambda: len(sandbox.titles("Home")) == first + 1)
    until("the notification is withdrawn", lambda: not notifications.shown)
    until("the icon is as before", lambda: notifier.tooltip.startswith("Kalends — up to date"))
    person.reads("Everything is in sync.")
    assert len(notifications.all) == 1
    notifier.choose("Quit Kalends")
    assert house.ended(app) == 0
    assert "Traceback" not in "".join(app.said["err"])


def runs(api: Api) -> list[dict[str, Any]]:
    """All runs, the newest first."""
    found: list[dict[str, Any]] = api.ask("GET", "/runs")["runs"]
    return found
