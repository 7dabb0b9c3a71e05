"""What the window remembers between two starts: its size, and what closing it means. Nothing about calendars."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, QSize

from app.ui.theme import Scheme


class WindowMemory:
    """A small INI file in the state folder.

    Args:
        folder: the state folder, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self._settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)

    @property
    def size(self) -> QSize | None:
        """The window's size, None before it was ever kept. Positions are not kept: Wayland gives none."""
        value = self._settings.value("size")
        return value if isinstance(value, QSize) and value.isValid() else None

    @size.setter
    def size(self, size: QSize) -> None:
        self._settings.setValue("size", size)

    @property
    def scheme(self) -> Scheme | None:
        """The colours of last time, so that the first picture has them before the preferences are read."""
        value = str(self._settings.value("scheme"))
        return Scheme(value) if value in set(Scheme) else None

    @scheme.setter
    def scheme(self, scheme: Scheme) -> None:
        self._settings.setValue("scheme", scheme.value)

    @property
    def close_keeps_running(self) -> bool | None:
        """What closing the window means: True goes on, False quits, None: asked where there is no tray."""
        return {"keep": True, "quit": False}.get(str(self._settings.value("close")))

    @close_keeps_running.setter
    def close_keeps_running(self, keep: bool | None) -> None:
        self._settings.setValue("close", {True: "keep", False: "quit", None: "ask"}[keep])

    @property
    def knows_of_tray(self) -> bool:
        """Whether the person was told that the app goes on in the tray when its window is closed."""
        return str(self._settings.value("told_of_tray")) == "yes"

    @knows_of_tray.setter
    def knows_of_tray(self, knows: bool) -> None:
        self._settings.setValue("told_of_tray", "yes" if knows else "no")

    @property
    def asked_to_start(self) -> bool:
        """Whether starting with the computer was offered, whatever came of it."""
        return str(self._settings.value("asked_to_start")) == "yes"

    @asked_to_start.setter
    def asked_to_start(self, asked: bool) -> None:
        self._settings.setValue("asked_to_start", "yes" if asked else "no")
