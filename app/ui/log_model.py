"""Lines of the log as rows of a table. It shows what it is given and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.domain.log_lines import Level, LogLine
from app.ui.tables import KEY, QUIET, SIGN
from app.ui.widgets import plain_tooltip
from app.ui.words import Sign, Tone

Index = QModelIndex | QPersistentModelIndex

HEADS = ("Time", "Level", "About", "What")
TIME, LEVEL, ABOUT, WHAT = range(4)

LEVEL_SIGNS = {
    Level.DEBUG: Sign("circle-dashed", "Detail", Tone.QUIET),
    Level.INFO: Sign("info", "Info", Tone.QUIET),
    Level.WARNING: Sign("triangle-alert", "Warning", Tone.ATTENTION),
    Level.ERROR: Sign("circle-x", "Error", Tone.FAILED),
}


def when(line: LogLine, now: datetime) -> str:
    """`14:02:11` today, `17 Nov 14:02:11` before: seconds tell what came of what."""
    local, today = line.at.astimezone(), now.astimezone().date()
    clock = f"{local:%H:%M:%S}"
    if local.date() == today:
        return clock
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {clock}"


def what(line: LogLine) -> str:
    """The code with its sentence; where it has none, with what else it says."""
    code = "" if line.event == "library.message" else line.event
    rest = line.message or ", ".join(
        f"{name} {value}" for name, value in line.fields.items() if not name.endswith("_id") and name != "logger"
    )
    return "  ".join(part for part in (code, " ".join(rest.split())) if part)


def as_text(line: LogLine, names: Mapping[str, str]) -> str:
    """A line to paste somewhere: the moment first, in the zone of this computer."""
    about = names.get(line.fields.get("pair_id", ""), "")
    moment = line.at.astimezone().isoformat(sep=" ", timespec="milliseconds")
    return "  ".join(part for part in (moment, line.level.upper(), about, what(line)) if part)


class LogModel(QAbstractTableModel):
    """Rows of `LogLine`, newest first.

    Args:
        now: the clock.
        parent: the Qt owner.
    """

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self.lines: tuple[LogLine, ...] = ()
        self._names: Mapping[str, str] = {}

    def show_lines(self, lines: tuple[LogLine, ...], names: Mapping[str, str]) -> None:
        """Show these lines; `names` are those of pairs by their ids."""
        if lines == self.lines and names == self._names:
            return
        self.beginResetModel()
        self.lines, self._names = lines, names
        self.endResetModel()

    def line(self, key: str) -> LogLine | None:
        """The line of a `KEY`, None where it is not shown."""
        return next((line for line in self.lines if line.text == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row a line."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as there are heads."""
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The heads."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, signs and what a screen reader says, by role."""
        line, column = self.lines[index.row()], index.column()
        if role == KEY:
            return line.text
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(line, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (TIME, LEVEL, ABOUT, WHAT) if column == TIME else (column,)
            return ", ".join(text for part in parts if (text := self._text(line, part)))
        if role == SIGN and column == LEVEL:
            return LEVEL_SIGNS[line.level]
        if role == QUIET:
            return column in (TIME, ABOUT)
        if role == Qt.ItemDataRole.ToolTipRole and column in (ABOUT, WHAT):
            return plain_tooltip(self._text(line, column))
        return None

    def _text(self, line: LogLine, column: int) -> str:
        if column == TIME:
            return when(line, self._now())
        if column == LEVEL:
            return LEVEL_SIGNS[line.level].word
        if column == ABOUT:
            return self._names.get(line.fields.get("pair_id", ""), "")
        return what(line)
