"""The desktop's notifications: a server of the tests' own that keeps what it is told and presses buttons."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.e2e.message_bus import Served

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


def notification_server(address: str) -> Notifications:
    """Serve the notifications of a session bus, by its address."""
    notifications = Notifications(Served(address, _NAME))
    notifications.start()
    return notifications
