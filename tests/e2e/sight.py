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
_ENABLED, _SENSITIVE, _SHOWING, _VISIBLE = (1 << number for number in (8, 24, 25, 30))


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on the screen.

    Args:
        role: AT-SPI's word (`push button`, `label`, `frame`, `menu item`, `table cell`).
        name: what it is called.
        usable: it can be pressed.
        place: x, y, width and height in pixels.
        source: the connection and path under which it can be asked for more.
    """

    role: str
    name: str
    usable: bool
    place: tuple[int, int, int, int]
    source: tuple[str, str]

    @property
    def middle(self) -> tuple[int, int]:
        """Where one presses it."""
        x, y, width, height = self.place
        return x + width // 2, y + height // 2

    def stands_below(self, other: Thing) -> bool:
        """Whether it is further down than another, in the same column."""
        return self.place[1] >= other.place[1] and self.place[0] <= other.middle[0] < self.place[0] + self.place[2]

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
        self._focused: tuple[str, str] | None = None
        self._moves = 0
        self._changes = Listener(address, "type='signal',interface='org.a11y.atspi.Event.Object',member='StateChanged'")

    def things(self) -> list[Thing]:
        """Everything that is shown now, from the outside in. Nothing while the app changes what it shows."""
        try:
            return self._look()
        except BusError:
            return []  # something went away while it was looked at: the next look is the answer

    def is_without(self, role: str, name: str | re.Pattern[str]) -> bool:
        """Whether a look at everything that is shown found no such thing. False when it could not look to the end."""
        try:
            return not any(thing.is_a(role, name) for thing in self._look())
        except BusError:
            return False

    def is_empty(self) -> bool:
        """Whether the app shows nothing at all. False when that could not be seen."""
        try:
            return not self._look()
        except BusError:
            return False

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

    def focus(self) -> tuple[int, Thing | None]:
        """How often the focus has moved, and where it is. What was told counts: a table's current cell claims to have
        the focus even when the table has not.
        """
        self._hear()
        try:
            return self._moves, self._thing(*self._focused) if self._focused else None
        except BusError:
            return self._moves, None  # what had it is gone

    def content(self, field: Thing) -> str:
        """What stands in a text field. Raises BusError when it is gone."""
        return str(self._caller.call(*field.source, "org.a11y.atspi.Text", "GetText", "ii", 0, -1))

    def words(self) -> list[str]:
        """The names of all that is shown."""
        return [thing.name for thing in self.things() if thing.name]

    def close(self) -> None:
        """Look no more."""
        self._changes.close()
        self._caller.close()

    def _look(self) -> list[Thing]:
        return [thing for service, path in self._roots() for thing in self._below(service, path)]

    def _roots(self) -> Iterator[tuple[str, str]]:
        for service, path in self._caller.call("org.a11y.atspi.Registry", _ROOT, _ACCESSIBLE, "GetChildren"):
            if self._caller.get(service, path, _ACCESSIBLE, "Name") == self._application:
                yield service, path
        self._hear()
        for menu in tuple(self._menus):
            try:
                shown = self._shows(*menu)
            except BusError:
                self._menus.discard(menu)  # it was made for one time
                continue
            if shown:
                yield menu

    def _hear(self) -> None:
        """Note what the app told: where the focus is, and which menus it shows, as Qt lists none among its windows."""
        for service, path, (kind, on, *_more) in self._changes.heard():
            if kind == "focused" and on:
                self._focused = (service, path)
                self._moves += 1
            elif kind == "showing" and on:
                with contextlib.suppress(BusError):  # it is gone already
                    if self._caller.call(service, path, _ACCESSIBLE, "GetRoleName") == "popup menu":
                        self._menus.add((service, path))

    def _shows(self, service: str, path: str) -> bool:
        low, _high = self._caller.call(service, path, _ACCESSIBLE, "GetState")
        return bool(low & _SHOWING and low & _VISIBLE)

    def _below(self, service: str, path: str) -> Iterator[Thing]:
        for child in self._caller.call(service, path, _ACCESSIBLE, "GetChildren"):
            if self._shows(*child):  # else nothing inside it is shown either
                yield self._thing(*child)
                yield from self._below(*child)

    def _thing(self, service: str, path: str) -> Thing:
        low, _high = self._caller.call(service, path, _ACCESSIBLE, "GetState")
        return Thing(
            role=self._caller.call(service, path, _ACCESSIBLE, "GetRoleName"),
            name=self._caller.get(service, path, _ACCESSIBLE, "Name"),
            usable=bool(low & _ENABLED and low & _SENSITIVE),
            place=self._caller.call(service, path, _COMPONENT, "GetExtents", "u", _ON_SCREEN),
            source=(service, path),
        )
