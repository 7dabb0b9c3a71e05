"""The last runs of a pair as a row of marks, oldest first: colour, and height for who cannot tell the colours; and the
same in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from app.services.views import RunMark
from app.ui import time_words, words
from app.ui.theme import Colours
from app.ui.words import Tone

_WIDTH, _STEP = 3, 4
_HEIGHTS = {Tone.OK: 0.6, Tone.QUIET: 0.35, Tone.BUSY: 0.6}
"""Of the row, by tone; what needs a person stands higher than what went well."""


def paint_strip(painter: QPainter, room: QRect, marks: Sequence[Tone], colours: Colours) -> None:
    """Paint the marks at the left of a row; where there is too little room, the oldest are left out."""
    shown = list(marks)[_hidden(room.width(), len(marks)) :]
    painter.setPen(Qt.PenStyle.NoPen)
    for place, tone in enumerate(shown):
        height = round(room.height() * _HEIGHTS.get(tone, 1.0))
        left, top = room.left() + place * _STEP, room.bottom() + 1 - height
        painter.setBrush(QColor(colours.tone(tone).text))
        painter.drawRoundedRect(QRectF(left, top, _WIDTH, height), 1, 1)


def mark_at(x: int, width: int, number: int) -> int | None:
    """Which of `number` marks, counted from the oldest, stands at `x` in a row so wide; None where none does."""
    place = _hidden(width, number) + x // _STEP
    return place if x >= 0 and place < number else None


def _hidden(width: int, number: int) -> int:
    """How many of the oldest marks there is no room for."""
    return max(0, number - max(1, width // _STEP))


def mark_words(mark: RunMark, now: datetime) -> str:
    """`Today 13:02: failed. A click opens this run.`"""
    at = time_words.day_and_time(mark.at, now)
    return f"{at[:1].upper()}{at[1:]}: {words.RUN_SIGNS[mark.status].word.lower()}. A click opens this run."


def run_strip_words(marks: Sequence[RunMark], now: datetime) -> str:
    """`Last 30 runs, yesterday 09:00 to today 13:02: 28 done, 1 on hold, 1 failed.`"""
    counts = Counter(words.RUN_SIGNS[mark.status].word.lower() for mark in marks)
    told = ", ".join(f"{number:,} {word}" for word, number in counts.most_common())
    first, last = (time_words.day_and_time(mark.at, now) for mark in (marks[0], marks[-1]))
    many = "Last run" if len(marks) == 1 else f"Last {len(marks):,} runs"
    span = last if len(marks) == 1 else f"{first} to {last}"
    return f"{many}, {span}: {told}."
