"""What is on the screen, as a screen reader is told it (AT-SPI 2): roles, names and places of what the app shows.

The app is not changed for it: it offers this to anyone, once the session says that somebody listens.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.message_bus import BusError, Caller, Listener
from tests.e2e.waiting import until

_ACCESSIBLE = "org.a11y.atspi.Accessible"
_COMPONENT = "org.a11y.atspi.Component"
_ROOT = "/org/a11y/atspi/accessible/root"
_ON_SCREEN = 0
_ENABLED, _FOCUSED, _SENSITIVE, _SHOWING, _VISIBLE = (1 << number for number in (8, 12, 24, 25, 30))


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on the screen.

    Args:
        role: AT-SPI's word (`push button`, `label`, `frame`, `menu item`, `table cell`).
        name: what it is called.
        usable: it can be pressed.
        focused: keys go there.
        place: x, y, width and height in pixels.
    """

    role: str
    name: str
    usable: bool
    focused: bool
    place: tuple[int, int, int, int]

    @property
    def middle(self) -> tuple[int, int]:
        """Where one presses it."""
        x, y, width, height = self.place
        return x + width // 2, y + height // 2

    def is_a(self, role: str, name: str | re.Pattern[str]) -> bool:
        """Whether it has this role and name; a pattern is searched for in the name."""
        named = name == self.name if isinstance(name, str) else name.search(self.name) is not None
        return role == self.role and named


class Sight:
    """Looks at one app.

    Args:
        session: the session bus.
        application: the name under which the app offers itself.
    """

    def __init__(self, session: Caller, application: str) -> None:
        self._application = application
        service, path = "org.a11y.Bus", "/org/a11y/bus"
        address = session.call(service, path, "org.a11y.Bus", "GetAddress")
        session.set(service, path, "org.a11y.Status", "IsEnabled", "b", True)
        self._caller = Caller(address)
        registry = "org.a11y.atspi.Registry"
        self._caller.call(registry, "/org/a11y/atspi/registry", registry, "RegisterEvent", "s", "object:state-changed:")
        self._menus: set[tuple[str, str]] = set()
        self._changes = Listener(address, "type='signal',interface='org.a11y.atspi.Event.Object',member='StateChanged'")

    def things(self) -> list[Thing]:
        """Everything that is shown now, from the outside in. Nothing while the app changes what it shows."""
        try:
            return [thing for service, path in self._roots() for thing in self._below(service, path)]
        except BusError:
            return []  # something went away while it was looked at: the next look is the answer

    def find(self, role: str, name: str | re.Pattern[str]) -> Thing | None:
        """The first thing of this role; a pattern is searched for in its name."""
        for thing in self.things():
            if thing.is_a(role, name):
                return thing
        return None

    def wait_for(self, role: str, name: str | re.Pattern[str]) -> Thing:
        """The thing, once it is there, can be used and stands still."""
        seen: list[Thing] = []

        def still() -> bool:
            found = self.find(role, name)
            if found is None or not found.usable:
                seen.clear()
                return False
            seen.append(found)
            return seen[-2:] == [found, found]

        until(f"there is a {role} {name!r}", still)
        return seen[-1]

    def focused(self) -> Thing | None:
        """What has the focus: the innermost thing that says so."""
        return next((thing for thing in reversed(self.things()) if thing.focused), None)

    def words(self) -> list[str]:
        """The names of all that is shown."""
        return [thing.name for thing in self.things() if thing.name]

    def close(self) -> None:
        """Look no more."""
        self._changes.close()
        self._caller.close()

    def _roots(self) -> Iterator[tuple[str, str]]:
        for service, path in self._caller.call("org.a11y.atspi.Registry", _ROOT, _ACCESSIBLE, "GetChildren"):
            if self._caller.get(service, path, _ACCESSIBLE, "Name") == self._application:
                yield service, path
        self._hear_of_menus()
        for service, path in self._menus:
            if self._shows(service, path):
                yield service, path

    def _hear_of_menus(self) -> None:
        """Qt lists no menus among its windows; it only tells that one is shown."""
        for service, path, (kind, on, *_more) in self._changes.heard():
            if kind == "showing" and on:
                with contextlib.suppress(BusError):  # it is gone already
                    if self._caller.call(service, path, _ACCESSIBLE, "GetRoleName") == "popup menu":
                        self._menus.add((service, path))

    def _shows(self, service: str, path: str) -> bool:
        try:
            low, _high = self._caller.call(service, path, _ACCESSIBLE, "GetState")
        except BusError:
            return False  # it was a menu made for one time
        return bool(low & _SHOWING)

    def _below(self, service: str, path: str) -> Iterator[Thing]:
        for child_service, child_path in self._caller.call(service, path, _ACCESSIBLE, "GetChildren"):
            low, _high = self._caller.call(child_service, child_path, _ACCESSIBLE, "GetState")
            if not (low & _SHOWING and low & _VISIBLE):
                continue  # nothing inside it is shown either
            yield Thing(
                role=self._caller.call(child_service, child_path, _ACCESSIBLE, "GetRoleName"),
                name=self._caller.get(child_service, child_path, _ACCESSIBLE, "Name"),
                usable=bool(low & _ENABLED and low & _SENSITIVE),
                focused=bool(low & _FOCUSED),
                place=self._caller.call(child_service, child_path, _COMPONENT, "GetExtents", "u", _ON_SCREEN),
            )
            yield from self._below(child_service, child_path)
