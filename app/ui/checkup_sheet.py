"""The check-up in the window: everything that Kalends needs, how it is, and what to do where something is wrong.

The same as `kalends doctor`. It looks and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.checkups import Check, CheckStatus
from app.domain.errors import InputError
from app.ui import words
from app.ui.bridge import CoreThread
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Icon, Label
from app.ui.words import Sign, Tone

if TYPE_CHECKING:
    from app.services.core import Core

_SIGNS = {
    CheckStatus.OK: Sign("circle-check", "Well", Tone.OK),
    CheckStatus.WARN: Sign("triangle-alert", "Keep in mind", Tone.ATTENTION),
    CheckStatus.FAIL: Sign("circle-x", "Wrong", Tone.FAILED),
}
_ORDER = (CheckStatus.FAIL, CheckStatus.WARN, CheckStatus.OK)


class CheckupSheet(Sheet):
    """Looks, then shows; what is wrong stands first.

    Args:
        theme: its colours.
        bridge: the way to the core.
        parent: the window it belongs to.
    """

    def __init__(self, theme: Theme, bridge: CoreThread, parent: QWidget) -> None:
        super().__init__(theme, "Check-up", parent, width=640, scrolls=True)
        self._bridge = bridge
        self._checks: Sequence[Check] = ()
        self.say("Check-up", "Looking…")
        self.cancel_button.say("Close")
        holder = QWidget()
        self._rows = QVBoxLayout(holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(12)
        self.body.addWidget(holder)
        self.body.addStretch(1)
        self.copy_button: Button = self.offer("Copy", "copy")
        self.copy_button.clicked.connect(self._copy)
        self.again_button: Button = self.offer("Check again", "refresh-cw", "primary")
        self.again_button.clicked.connect(self.look)
        self.take_size(680, 560)

    def look(self) -> None:
        """Look at everything and show what comes of it."""
        self.say("Check-up", "Looking…")
        self.work(self._look, self.again_button, self.copy_button)

    async def _look(self) -> None:
        async def ask(core: Core) -> Sequence[Check]:
            if core.doctor is None:
                raise InputError("Kalends cannot be looked at from here.", fix="Run: kalends doctor")
            return await core.doctor.look()

        try:
            self._checks = await self._bridge.call(ask)
        except BaseException:
            self.say("Check-up", "It could not be looked at.")
            raise
        self._show()

    def _show(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        wrong = sum(one.status is CheckStatus.FAIL for one in self._checks)
        kept = sum(one.status is CheckStatus.WARN for one in self._checks)
        parts = [words.plural(wrong, "thing is wrong", "things are wrong")] if wrong else []
        parts += [words.plural(kept, "thing to keep in mind", "things to keep in mind")] if kept else []
        self.say("Check-up", " · ".join(parts) or "Everything is well.")
        for one in sorted(self._checks, key=lambda one: _ORDER.index(one.status)):
            self._rows.addWidget(self._row(one))

    def _row(self, one: Check) -> QWidget:
        sign = _SIGNS[one.status]
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        icon = Icon(self.theme, sign.icon, lambda colours: colours.tone(sign.tone).text, 18)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        well = one.status is CheckStatus.OK
        texts.addWidget(Label(one.summary, "" if well else "strong", wrap=True))
        if one.fix:
            fix = Label(one.fix, "small", wrap=True)
            fix.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            texts.addWidget(fix)
        row.addLayout(texts, 1)
        line.setAccessibleName(f"{sign.word}: {one.summary} {one.fix or ''}".strip())
        return line

    def _copy(self) -> None:
        lines = [f"{one.status}  {one.id}  {one.summary}" + (f"  {one.fix}" if one.fix else "") for one in self._checks]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.copy_button.say("Copied")
