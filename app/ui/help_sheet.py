"""Help: what each page is for, and every key. Also the place where the keys are listed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.ui.sheet import Sheet
from app.ui.shortcuts import IN_LISTS, SHORTCUTS, page_keys, shown
from app.ui.theme import Theme
from app.ui.widgets import Label

PAGES = (
    ("Overview", "How everything is doing, what needs you and how to mend it, the last and the next sync."),
    ("Sync pairs", "Two calendars kept in step. Create, change, pause, preview or delete a pair here."),
    ("Accounts", "The services you are signed in to. Add, test, sign in again or remove one here."),
    ("Activity", "Every run: when, which pair, how it ended. Open one to see each event and why, or to undo it."),
    ("Settings", "Theme, how often to look, notifications, closing, the local API and its keys, where data lies."),
)
"""The pages of the sidebar in its order, and what each is for."""

_PROMISES = (
    "Kalends changes and removes only the copies it has made, unless you choose for a pair that edits or deletions of "
    "copies reach your own events.",
    "When many events would lose their copies at once, it asks you first.",
    "Closing the window does not end syncing, unless you choose so under Settings. Quit Kalends does: below, there, in "
    "the tray, or with its key.",
)


class HelpSheet(Sheet):
    """Shows it. Nothing in it changes anything; *Quit Kalends* ends the app."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, "Help", parent, width=620, scrolls=True)
        self.say("Help", "What each page is for, and the keys that lead there.")
        self.cancel_button.say("Close")
        self._rows: QGridLayout
        self._part("Pages")
        for number, (name, words) in enumerate(PAGES, start=1):
            self._row(f"{name}   {shown(page_keys(number))}", words)
        self._part("Keys")
        for shortcut in SHORTCUTS:
            self._row("   ".join(shown(keys) for keys in shortcut.keys), shortcut.words)
        self._part("Keys in tables and sheets")
        for keys, words in IN_LISTS:
            self._row(keys, words)
        self._part("Good to know")
        for sentence in _PROMISES:
            self.body.addWidget(Label(sentence, wrap=True))
        self.body.addStretch(1)
        self.quit_button = self.offer("Quit Kalends")
        self.take_size(660, 620)
        self.cancel_button.setFocus()

    def _part(self, title: str) -> None:
        if self.body.count():
            self.body.addSpacing(6)
        self.body.addWidget(Label(title, "heading"))
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(18)
        self._rows.setVerticalSpacing(7)
        self._rows.setColumnMinimumWidth(0, self.fontMetrics().averageCharWidth() * 20)
        self._rows.setColumnStretch(1, 1)
        self.body.addLayout(self._rows)

    def _row(self, left: str, right: str) -> None:
        row = self._rows.rowCount()
        self._rows.addWidget(Label(left, "strong"), row, 0, Qt.AlignmentFlag.AlignTop)
        self._rows.addWidget(Label(right, wrap=True), row, 1, Qt.AlignmentFlag.AlignTop)
