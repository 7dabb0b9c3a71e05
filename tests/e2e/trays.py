"""The places where a tray icon can be: trayer, over XEmbed, and a StatusNotifier host of the tests' own, over D-Bus.

Both are used through the same few wishes; what a person does with the mouse on one is a message of the host on the
other (`org.kde.StatusNotifierItem`, `com.canonical.dbusmenu`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from tests.e2e.message_bus import BusError, Caller, Served
from tests.e2e.screen import Screen
from tests.e2e.sight import Sight
from tests.e2e.waiting import until

_ICON_PIXELS, _PLACE_PIXELS = 48, 1280
_WATCHER = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH = "/StatusNotifierWatcher"
_ITEM = "org.kde.StatusNotifierItem"
_MENU = "com.canonical.dbusmenu"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_LISTEN_SECONDS = 0.1
_BUTTON_RIGHT = 3
_ACCESS_KEY = re.compile("_(.)")
"""An underscore marks the access key, two are one that is shown."""


class TrayPlace(Protocol):
    """What a person does with a tray icon."""

    def wait_for_icon(self) -> None:
        """Wait until the app's icon is there."""

    def open(self) -> None:
        """Press the icon."""

    def choose(self, *labels: str) -> None:
        """Open the menu and choose an entry, by the beginning of its label; all but the last are menus in the menu."""


class EmbeddingTray:
    """An icon in trayer.

    Args:
        screen: where trayer runs.
        sight: of the app.
        application: the class of the app's windows.
    """

    def __init__(self, screen: Screen, sight: Sight, application: str) -> None:
        self._screen = screen
        self._sight = sight
        self._application = application

    def is_there_within(self, seconds: float) -> bool:
        """Wait for a place for icons; whether there is one by then."""
        try:
            until("trayer is there", lambda: self._screen.windows("^trayer$", _PLACE_PIXELS), seconds=seconds)
        except AssertionError:
            return False
        return True

    def wait_for_icon(self) -> None:
        """Wait until the app's icon is there."""
        self._icon()

    def open(self) -> None:
        """Press the icon."""
        self._screen.click(*self._icon())

    def choose(self, *labels: str) -> None:
        """Open the menu with the right button, and press the entries."""
        self._screen.click(*self._icon(), _BUTTON_RIGHT)
        for label in labels:
            self._screen.click(*self._sight.wait_for("menu item", re.compile("^" + re.escape(label))).middle)

    def _icon(self) -> tuple[int, int]:
        return until("the icon is in the tray", lambda: self._screen.windows(f"^{self._application}$", _ICON_PIXELS))[0]


class NotifierTray:
    """A StatusNotifier host with its watcher: keeps what registers and when (by the monotonic clock), and acts on it.

    Args:
        address: of the session bus.
    """

    def __init__(self, address: str) -> None:
        self._caller = Caller(address)
        self._served = Served(address, _WATCHER)
        self._items: list[tuple[str, str]] = []
        self.registered_at: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="status notifier watcher", daemon=True)
        self._thread.start()

    def wait_for_icon(self) -> None:
        """Wait until the app has registered its icon."""
        until("an icon registered", self._pixels)

    def open(self) -> None:
        """Press the icon."""
        self.wait_for_icon()
        self._caller.call(*self._items[-1], _ITEM, "Activate", "ii", 0, 0)

    def choose(self, *labels: str) -> None:
        """Choose an entry of the menu, once it is there."""
        entry = until(f"the menu has {labels}", lambda: self._entry(labels))
        service, path = self._menu()
        self._caller.call(service, path, _MENU, "Event", "isvu", entry, "clicked", ("s", ""), 0)

    @property
    def tooltip(self) -> str:
        """What the host would show beside the pointer: title and text."""
        _icon, _pixels, title, text = self._caller.get(*self._items[-1], _ITEM, "ToolTip")
        return f"{title} {text}".strip()

    def labels(self) -> list[str]:
        """The entries of the menu."""
        return [label for _entry, label in self._entries(0)]

    def close(self) -> None:
        """Leave the bus."""
        self._over.set()
        self._thread.join()
        self._served.close()
        self._caller.close()

    def _pixels(self) -> Any:
        return self._items and self._caller.get(*self._items[-1], _ITEM, "IconPixmap")

    def _menu(self) -> tuple[str, str]:
        service, path = self._items[-1]
        return service, self._caller.get(service, path, _ITEM, "Menu")

    def _entries(self, parent: int) -> list[tuple[int, str]]:
        """Id and label of the entries of a menu, 0 for the whole. A host asks it to get ready first."""
        service, path = self._menu()
        self._caller.call(service, path, _MENU, "AboutToShow", "i", parent)
        _revision, layout = self._caller.call(service, path, _MENU, "GetLayout", "iias", parent, 1, [])
        found = []
        for _signature, (entry, properties, _below) in layout[2]:
            if "label" in properties:
                found.append((entry, _ACCESS_KEY.sub(r"\1", properties["label"][1])))
        return found

    def _entry(self, labels: Sequence[str]) -> int | None:
        parent = 0
        try:
            for wanted in labels:
                parent = next(entry for entry, label in self._entries(parent) if label.startswith(wanted))
        except (StopIteration, BusError, IndexError):
            return None  # it changed while it was looked at, or is not there yet
        return parent

    def _serve(self) -> None:
        while not self._over.is_set():
            call = self._served.receive(_LISTEN_SECONDS)
            if call is not None:
                self._answer(*call)

    def _answer(self, message: Any, sender: str, interface: str, method: str, arguments: tuple[Any, ...]) -> None:
        served = self._served
        if method == "RegisterStatusNotifierItem":
            (named,) = arguments
            item = (sender, named) if named.startswith("/") else (named, "/StatusNotifierItem")
            self.registered_at.append(time.monotonic())
            self._items.append(item)
            served.reply(message)
            served.signal(_WATCHER_PATH, _WATCHER, "StatusNotifierItemRegistered", "s", "".join(item))
        elif interface == _PROPERTIES and method == "Get":
            served.reply(message, "v", self._properties()[arguments[1]])
        elif interface == _PROPERTIES and method == "GetAll":
            served.reply(message, "a{sv}", self._properties())
        else:
            served.refuse(message)

    def _properties(self) -> dict[str, tuple[str, Any]]:
        return {
            "RegisteredStatusNotifierItems": ("as", ["".join(item) for item in self._items]),
            "IsStatusNotifierHostRegistered": ("b", True),
            "ProtocolVersion": ("i", 0),
        }
