"""The focus ring, and where the focus goes when what had it is taken away.

Both are for those who work by key: after a click the pointer has said enough.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

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
