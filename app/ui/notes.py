"""Boxes that say one thing and offer its fix: problems of the overview, and what went wrong just now."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.focus import take_away
from app.ui.tasks import Failure
from app.ui.theme import Colours, Theme
from app.ui.widgets import Button, Frame, Icon, IconButton, Label
from app.ui.words import Tone

_ICONS = {Tone.ATTENTION: "triangle-alert", Tone.FAILED: "circle-x", Tone.QUIET: "info"}
_UNDO_SHOWN_MS = 10_000
"""How long what was just done can be taken back by its message (`ux.md` A9)."""
_AT_MOST = 3
"""More messages than this push the page away; the oldest goes first."""


class Note(Frame):
    """A sentence in a tinted box.

    Args:
        theme: its colours.
        tone: what kind of thing it says.
        sentence: what happened or is the case.
        more: a second line, or empty.
    """

    def __init__(self, theme: Theme, tone: Tone, sentence: str, more: str = "") -> None:
        super().__init__("note", tone)
        self._theme = theme
        self.sentence = sentence
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 10, 10)
        row.setSpacing(12)
        row.addWidget(Icon(theme, _ICONS[tone], lambda colours: _text_of(colours, tone), 18))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label(sentence, "strong", wrap=True))
        self._more = Label("", wrap=True)
        words.addWidget(self._more)
        row.addLayout(words, 1)
        self._row = row
        self.say_more(more)

    def say_more(self, more: str) -> None:
        """Show another second line, or none."""
        self._more.setText(more)
        self._more.setVisible(bool(more))
        self.setAccessibleName(f"{self.sentence} {more}".strip())

    def offer(self, text: str, act: Callable[[], object]) -> Button:
        """Add a button."""
        button = Button(self._theme, text, name=f"{text}: {self.sentence}")
        button.clicked.connect(lambda: act())
        self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def closable(self, act: Callable[[], None]) -> None:
        """Add a cross that takes the box away."""
        cross = IconButton(self._theme, "x", "Close this message")
        cross.clicked.connect(lambda: act())
        self._row.addWidget(cross, 0, Qt.AlignmentFlag.AlignVCenter)


def _text_of(colours: Colours, tone: Tone) -> str:
    return colours.tone(tone).text


class MessageArea(QWidget):
    """What went wrong just now, newest last, each with *Try again*; and for a while what was done, with *Undo*."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._notes: list[Note] = []
        self._done: Note | None = None
        self._undo: Callable[[], None] | None = None
        self._forgetting = QTimer(self)
        self._forgetting.setSingleShot(True)
        self._forgetting.setInterval(_UNDO_SHOWN_MS)
        self._forgetting.timeout.connect(self._forget_done)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(28, 16, 28, 0)
        self._column.setSpacing(8)
        self.hide()

    def show_failure(self, failure: Failure) -> None:
        """Show a failure; one that says the same as another takes its place."""
        for note in list(self._notes):
            if note.sentence == failure.sentence:
                self._take(note)
        if len(self._notes) >= _AT_MOST:
            self._take(self._notes[0])
        note = Note(self._theme, Tone.FAILED, failure.sentence, failure.fix or "")

        def again() -> None:
            self._take(note)
            failure.again()

        note.offer("Try again", again)
        note.closable(lambda: self._take(note))
        self._notes.append(note)
        self._column.addWidget(note)
        self.show()

    def show_done(self, sentence: str, undo: Callable[[], None] | None) -> None:
        """Say for a while what was done, and offer to take it back where that can be; the one before goes."""
        self._forget_done()
        note = Note(self._theme, Tone.QUIET, sentence)
        if undo is not None:
            note.offer("Undo", self.undo_last)
        note.closable(self._forget_done)
        self._done, self._undo = note, undo
        self._column.addWidget(note)
        self.show()
        self._forgetting.start()

    def undo_last(self) -> bool:
        """Take back what was just done. Returns False where there is no such thing, or its time is over."""
        undo = self._undo
        self._forget_done()
        if undo is None:
            return False
        undo()
        return True

    def _forget_done(self) -> None:
        self._forgetting.stop()
        note, self._done, self._undo = self._done, None, None
        if note is not None:
            self._column.removeWidget(note)
            take_away(note)
        self.setVisible(bool(self._notes) or self._done is not None)

    def clear(self) -> None:
        """Take everything away."""
        self._forget_done()
        for note in list(self._notes):
            self._take(note)

    def _take(self, note: Note) -> None:
        if note in self._notes:
            self._notes.remove(note)
            self._column.removeWidget(note)
            take_away(note)
        self.setVisible(bool(self._notes))
