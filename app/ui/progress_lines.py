"""What syncs at the moment, below the title of the overview: a line for each run with its numbers and *Stop*.

Shows what it is given; nothing here ticks, so that an idle window stays asleep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.services.views import Progress
from app.ui.theme import Theme
from app.ui.widgets import Button, Label

_BAR = QSize(140, 6)


class ProgressBar(QWidget):
    """A thin bar; empty while nobody knows how much there is. Decoration only: the words beside it say the same."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.share = 0.0
        self.setFixedSize(_BAR)
        theme.changed.connect(self.update)

    def show_share(self, share: float) -> None:
        """Fill it from 0 to 1."""
        if share != self.share:
            self.share = share
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track and filling."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        radius = whole.height() / 2
        painter.setBrush(self._theme.colours.line_strong)
        painter.drawRoundedRect(whole, radius, radius)
        if self.share > 0:
            painter.setBrush(self._theme.colours.accent)
            filled = QRectF(0, 0, max(whole.height(), whole.width() * self.share), whole.height())
            painter.drawRoundedRect(filled, radius, radius)
        painter.end()


class ProgressLine(QWidget):
    """One run under way.

    Args:
        theme: its colours.
        name: the pair's.
    """

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._name = name
        self.bar = ProgressBar(theme)
        self.words = Label("", "muted")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.stop_button = Button(theme, "Stop", role="link", name=f"Stop syncing {name}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.words, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.stop_button, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_progress(self, progress: Progress) -> None:
        """Show how far it is."""
        self.bar.show_share(progress.done / progress.total if progress.total else 0.0)
        self.words.setText(f"{self._name}: {progress.sentence}")
        self.stop_button.setVisible(not progress.stopping)


class ProgressLines(QWidget):
    """The runs under way, hidden while there are none.

    Args:
        theme: its colours.
    """

    stop_wanted = Signal(str)
    """*Stop* was pressed for the pair of this id."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: dict[str, ProgressLine] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 14, 0, 0)
        self._column.setSpacing(6)
        self.hide()

    def show_progress(self, going: Sequence[Progress], names: Mapping[str, str]) -> None:
        """Show these runs; a line that stays keeps the focus of its button.

        Args:
            names: the pairs' names by id.
        """
        ids = [progress.pair_id for progress in going]
        for pair_id in [known for known in self.lines if known not in ids]:
            line = self.lines.pop(pair_id)
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        for progress in going:
            shown = self.lines.get(progress.pair_id)
            if shown is None:
                shown = self.lines[progress.pair_id] = ProgressLine(self._theme, names.get(progress.pair_id, ""))
                shown.stop_button.clicked.connect(partial(self.stop_wanted.emit, progress.pair_id))
                self._column.addWidget(shown)
            shown.show_progress(progress)
        self.setVisible(bool(self.lines))
