"""Where data lies, in Settings: each path with a button that copies it and one that opens its folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.boxes import Section
from app.ui.theme import Theme
from app.ui.widgets import IconButton, Label


class PlacesSection(Section):
    """The paths."""

    folder_wanted = Signal(str)
    """Open this address."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Where your data lies", "On this computer only.")
        self._theme = theme
        self._places: tuple[tuple[str, Path], ...] = ()
        holder = QWidget()
        self._rows = QVBoxLayout(holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self.add(holder)

    def show_places(self, places: tuple[tuple[str, Path], ...]) -> None:
        """Show these: a name and a path each."""
        if places == self._places:
            return
        self._places = places
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for name, path in places:
            self._rows.addWidget(self._row(name, path))

    def _row(self, name: str, path: Path) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(Label(name, "strong"))
        texts.addWidget(Label(str(path), "small", wrap=True))
        row.addLayout(texts, 1)
        copy = IconButton(self._theme, "copy", f"Copy the path of: {name}")
        copy.clicked.connect(partial(_copy, str(path)))
        folder = IconButton(self._theme, "folder-open", f"Open the folder of: {name}")
        folder.clicked.connect(partial(self._open, path))
        row.addWidget(copy)
        row.addWidget(folder)
        return line

    def _open(self, path: Path) -> None:
        self.folder_wanted.emit(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)).toString())


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
