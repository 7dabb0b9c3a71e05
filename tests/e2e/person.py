"""Somebody before the screen: reads what is there, presses what is there, and keeps pictures."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from tests.e2e.screen import Screen
from tests.e2e.sight import Sight, Thing
from tests.e2e.waiting import until

_STEPS_AT_MOST = 30
_PRESSES_AT_MOST = 4
_HEEDED_SECONDS = 15.0
_DARK = 64
_BUTTON_RIGHT = 3


class Person:
    """Uses the app with eyes, mouse and keyboard.

    Args:
        screen: the screen.
        sight: of the app.
        opened: the file that holds the links which the desktop was asked to open, one a line.
        pictures: where pictures go.
    """

    def __init__(self, screen: Screen, sight: Sight, opened: Path, pictures: Path) -> None:
        self._screen = screen
        self._sight = sight
        self._opened = opened
        self._pictures = pictures
        self._links_seen = 0
        self._taken = 0

    def press(self, name: str | re.Pattern[str], role: str = "push button") -> None:
        """Press something with the mouse, once it is there."""
        self._screen.click(*self._sight.wait_for(role, name).middle)

    def choose(self, label: str, value: str) -> None:
        """Choose from the list below a label, by the first word of its name."""
        self._sight.wait_for("label", label)
        field = self._list_below(label)
        assert field is not None, f"there is no list below {label!r}"
        self._choose_from(field, value)
        until(f"{value!r} is chosen", lambda: getattr(self._list_below(label), "name", None) == value)

    def choose_instead(self, present: str, value: str) -> None:
        """Choose from the list that shows `present` now, by the first word of its name."""
        self._choose_from(self._sight.wait_for("combo box", present), value)
        self._sight.wait_for("combo box", value)

    def choose_from_menu(self, place: str | re.Pattern[str], *labels: str, role: str = "cell") -> None:
        """Press something with the right button, and choose from the menu that comes."""
        self._screen.click(*self._sight.wait_for(role, place).middle, _BUTTON_RIGHT)
        for label in labels:
            self.press(label, "menu item")

    def move_to(self, name: str | re.Pattern[str], role: str = "push button", *, key: str = "Tab") -> None:
        """Press a key until something has the focus."""
        for _ in range(_STEPS_AT_MOST):
            moves, now = self._sight.focus()
            if now is not None and now.is_a(role, name):
                return
            self._screen.press(key)
            until("the focus moves on", partial(self._moved_since, moves))
        raise AssertionError(f"{key} does not lead to the {role} {name!r}")

    def write(self, text: str) -> None:
        """Type a text, where the focus is."""
        self._screen.write(text)

    def field(self, name: str) -> str:
        """What stands in a field, once it is there."""
        return self._sight.content(self._sight.wait_for("text", name))

    def press_keys(self, *keys: str) -> None:
        """Press keys."""
        self._screen.press(*keys)

    def reads(self, text: str) -> None:
        """Wait until a text is on the screen, alone or in a longer one."""
        until(f"{text!r} is on the screen", lambda: any(text in words for words in self._sight.words()))

    def sees(self, role: str, name: str | re.Pattern[str]) -> None:
        """Wait until something is on the screen."""
        self._sight.wait_for(role, name)

    def sees_no(self, role: str, name: str | re.Pattern[str]) -> None:
        """Wait until something is gone from the screen."""
        until(f"there is no {role} {name!r}", lambda: self._sight.is_without(role, name))

    def closes_the_window(self, *, answer: str | None = None) -> None:
        """Close the window by its key, until it is gone or the app answers with a text. The window manager now and then
        loses the key right after a window came; a person presses it again.
        """

        def heeded() -> bool:
            if answer is None:
                return self._sight.is_empty()
            return any(answer in words for words in self._sight.words())

        for _ in range(_PRESSES_AT_MOST):
            self._screen.press("alt+F4")
            try:
                until("the key is heeded", heeded, seconds=_HEEDED_SECONDS)
            except AssertionError:
                continue
            return
        raise AssertionError("the window does not heed its closing key")

    def sees_no_window(self) -> None:
        """Wait until the app shows nothing."""
        until("the app shows no window", self._sight.is_empty)

    def count(self, role: str, name: str | re.Pattern[str]) -> int:
        """How many such things are on the screen now."""
        return sum(thing.is_a(role, name) for thing in self._sight.things())

    def sees_darkness(self) -> None:
        """Wait until the window is dark: its left edge, halfway down, where nothing stands."""
        x, y, _width, height = self._sight.wait_for("frame", re.compile("Kalends")).place
        until("the window is dark", lambda: self._screen.lightness(x + 4, y + height // 2) < _DARK)

    def link(self) -> str:
        """The next link that the desktop was asked to open."""
        (link, *_later) = until("the desktop is asked to open a link", self._new_links)
        self._links_seen += 1
        return link

    def picture(self, name: str) -> None:
        """Keep a picture of the screen."""
        self._taken += 1
        self._screen.picture(self._pictures / f"{self._taken:02}-{name}.png")

    def _choose_from(self, field: Thing, value: str) -> None:
        moves, _now = self._sight.focus()
        self._screen.click(*field.middle)
        until("the list has opened", partial(self._moved_since, moves))
        self._screen.write(value.partition(" ")[0])  # lists search as one types, and take a space for a choice
        self._screen.press("Return")

    def _list_below(self, label: str) -> Thing | None:
        """A list has no name of its own but what is chosen; the label above it says what it is for."""
        things = self._sight.things()
        for head in things:
            if head.is_a("label", label):
                below = [thing for thing in things if thing.role == "combo box" and thing.stands_below(head)]
                return min(below, key=lambda thing: thing.place[1], default=None)
        return None

    def _moved_since(self, moves: int) -> bool:
        return self._sight.focus()[0] != moves

    def _new_links(self) -> list[str]:
        if not self._opened.exists():
            return []
        return self._opened.read_text("utf-8").split("\n")[self._links_seen : -1]
