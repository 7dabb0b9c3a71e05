"""What is dear to make is made once: the windows' dress, and the pictures of icons."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QPixmap, QPixmapCache
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui import icons
from app.ui.theme import DARK, LIGHT, Scheme, Theme


def test_windows_are_dressed_anew_only_when_they_shall_look_otherwise(qapp: QApplication, qtbot: QtBot) -> None:
    theme = Theme(qapp, Scheme.LIGHT)
    changes: list[bool] = []
    theme.changed.connect(lambda: changes.append(theme.colours.dark))
    theme.choose(Scheme.LIGHT)
    theme.choose(Scheme.SYSTEM)  # of a desktop that says nothing: light
    assert (changes, theme.colours) == ([], LIGHT)
    theme.choose(Scheme.DARK)
    assert (changes, theme.colours) == ([True], DARK)
    theme.choose(Scheme.LIGHT)
    assert changes == [True, False]


def test_icons_of_the_tray_are_drawn_in_no_size_that_no_tray_shows(qapp: QApplication) -> None:
    assert max(size.width() for size in icons.own_icon("tray-ok").availableSizes()) == 64
    assert max(size.width() for size in icons.own_icon("kalends").availableSizes()) == 256


def test_the_pictures_of_an_icon_are_drawn_once(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = icons._drawn

    def counted(source: str, size: int, ratio: float) -> QPixmap:
        drawn.append(size)
        return draw(source, size, ratio)

    monkeypatch.setattr(icons, "_drawn", counted)
    QPixmapCache.clear()
    sizes = [size.width() for size in icons.own_icon("tray-syncing").availableSizes()]
    assert sorted(drawn) == sorted(sizes)
    drawn.clear()
    assert [size.width() for size in icons.own_icon("tray-syncing").availableSizes()] == sizes
    assert drawn == []
