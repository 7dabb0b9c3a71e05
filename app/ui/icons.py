"""Draws the vendored SVG icons in the theme's colours, sharp at every scale. Knows no state of the app."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from app.ui.resources import resource

_RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)
"""The device pixel ratios desktops use; Qt picks the nearest picture that is large enough."""

_TRAY_SIZES = (16, 22, 24, 32, 48, 64)
"""No tray shows more, and the two largest take as long to draw as these: each state's first time is in the middle of
something, like a sync that begins."""
_WINDOW_SIZES = (*_TRAY_SIZES, 128, 256)


@cache
def _source(folder: str, name: str) -> str:
    return resource("icons", folder, f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, colour: str, size: int, ratio: float = 1.0) -> QPixmap:
    """A Lucide icon in one colour.

    Args:
        name: file name in `resources/icons/lucide`, without its ending.
        colour: `#rrggbb`.
        size: edge in device-independent pixels.
        ratio: the device pixel ratio of the screen.
    """
    key = f"{name} {colour} {size} {ratio}"
    return _kept(key, lambda: _source("lucide", name).replace("currentColor", colour), size, ratio)


def icon(name: str, colour: str, size: int = 18, *, on: str | None = None, off: str | None = None) -> QIcon:
    """A Lucide icon for buttons and menus.

    Args:
        name: as for `pixmap`.
        colour: its usual colour.
        size: edge in device-independent pixels.
        on: colour when the button is checked.
        off: colour when the button is disabled.
    """
    made = QIcon()
    for ratio in _RATIOS:
        made.addPixmap(pixmap(name, colour, size, ratio))
        if on is not None:
            made.addPixmap(pixmap(name, on, size, ratio), QIcon.Mode.Normal, QIcon.State.On)
        if off is not None:
            made.addPixmap(pixmap(name, off, size, ratio), QIcon.Mode.Disabled)
    return made


def own_icon(name: str) -> QIcon:
    """One of Kalends' own icons: `kalends`, or `tray-…` for a state."""
    made = QIcon()
    for size in _TRAY_SIZES if name.startswith("tray-") else _WINDOW_SIZES:
        made.addPixmap(own_pixmap(name, size))
    return made


def own_pixmap(name: str, size: int, ratio: float = 1.0) -> QPixmap:
    """One of Kalends' own icons at a size."""
    return _kept(f"own {name} {size} {ratio}", lambda: _source("kalends", name), size, ratio)


def _kept(key: str, source: Callable[[], str], size: int, ratio: float) -> QPixmap:
    """A picture that is drawn once and kept: drawing the sizes of one icon takes ten milliseconds."""
    made = QPixmap()
    if not QPixmapCache.find(key, made):
        made = _drawn(source(), size, ratio)
        QPixmapCache.insert(key, made)
    return made


def _drawn(source: str, size: int, ratio: float) -> QPixmap:
    made = QPixmap(round(size * ratio), round(size * ratio))
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, made.width(), made.height()))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
