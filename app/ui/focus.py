"""The focus ring, and where the focus goes when what had it is taken away.

Both are for those who work by key: after a click the pointer has said enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QWidget

_BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)
_BACK = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""The focus comes back: a sheet or a menu was closed, the window was chosen again."""


def show_ring(widget: QWidget, shown: bool) -> None:
    """Show or hide the focus ring of a widget whose style sheet, or whose own painting, has one."""
    if bool(widget.property("ring")) != shown:
        widget.setProperty("ring", shown)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def focus_came(widget: QWidget, reason: Qt.FocusReason) -> None:
    """Show the ring if a key brought the focus, or brought it before it went to a sheet; after a click the pointer has
    said enough."""
    show_ring(widget, bool(widget.property("ringed")) if reason in _BACK else reason in _BY_KEY)


def focus_went(widget: QWidget, reason: Qt.FocusReason) -> None:
    """Take the ring away, and remember it for the time when the focus comes back."""
    widget.setProperty("ringed", bool(widget.property("ring")) and reason in _BACK)
    show_ring(widget, False)


def is_ringed(widget: QWidget | None) -> bool:
    """Whether a widget has the ring, or had it until a menu or a sheet took the focus."""
    return widget is not None and (bool(widget.property("ring")) or bool(widget.property("ringed")))


def ring_on_return(widget: QWidget | None, ringed: bool) -> None:
    """Say whether a widget has the ring when its window becomes the active one."""
    if widget is not None:
        widget.setProperty("ringed", ringed)


def give_focus(widget: QWidget, before: QWidget | None) -> None:
    """Give the focus to `widget`, with the ring if what had it `before` had one: who works by key goes on by key."""
    ringed = is_ringed(before)
    widget.setFocus(Qt.FocusReason.ShortcutFocusReason if ringed else Qt.FocusReason.OtherFocusReason)


@dataclass(frozen=True, slots=True)
class Left:
    """What had the focus in something that was taken away.

    Args:
        name: its accessible name.
        ringed: it had the ring.
    """

    name: str
    ringed: bool


def leave(going: QWidget) -> Left | None:
    """Something is about to go: give its focus to the window, or Qt hands it to whatever comes next, as if by key,
    with a ring around it. Returns what had the focus in it, None if nothing had."""
    window = going.window()
    # None when nothing has the focus, which the stubs do not know.
    focus = cast("QWidget | None", window.focusWidget())
    if focus is None or not (focus is going or going.isAncestorOf(focus)):
        return None
    left = Left(focus.accessibleName(), is_ringed(focus))
    window.setFocus(Qt.FocusReason.OtherFocusReason)
    return left


def take_away(widget: QWidget) -> Left | None:
    """Hide a widget for good. Returns what had the focus in it, None if nothing had."""
    left = leave(widget)
    widget.hide()
    widget.deleteLater()
    return left


def hand_over(left: Left, to: QWidget) -> bool:
    """Give the focus to the button in `to` that does what the one did that had it; False if there is none."""
    for button in to.findChildren(QAbstractButton):
        if button.accessibleName() == left.name and button.isVisibleTo(to) and button.isEnabled():
            button.setFocus(Qt.FocusReason.ShortcutFocusReason if left.ringed else Qt.FocusReason.OtherFocusReason)
            if not button.hasFocus():
                ring_on_return(button, left.ringed)  # a sheet is before the window
            return True
    return False
