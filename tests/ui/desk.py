"""A whole desktop over a double of the core, started and stopped by a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot
from shiboken6 import delete

from app.ui.desktop import Desktop
from app.ui.theme import Theme
from app.ui.window import MainWindow
from tests.ui.doubles import CoreDouble, StarterDouble, now

WaitFor = Callable[[Coroutine[Any, Any, Any]], Any]


class Desk:
    """What tests hold in hands: desktop, window, the core behind them, the addresses a browser was sent to."""

    def __init__(self, qtbot: QtBot, wait_for: WaitFor, theme: Theme, folder: Path, starter: StarterDouble) -> None:
        self._qtbot = qtbot
        self.wait_for = wait_for
        self.starter = starter
        self.folder = folder
        self.opened_urls: list[str] = []
        self.desktop = Desktop(theme, starter, profile="default", state_folder=folder, now=now, open_url=self._open_url)
        self.life: Any = None

    @property
    def window(self) -> MainWindow:
        return self.desktop.window

    @property
    def core(self) -> CoreDouble:
        return self.starter.core

    def begin(self, *, hidden: bool = False, until: Callable[[], bool] | None = None) -> Desk:
        """Start it and wait until the first reading is shown."""
        self.life = asyncio.get_running_loop().create_task(self.desktop.live(hidden=hidden))
        self._qtbot.waitUntil(until or self._is_shown, timeout=10_000)
        return self

    def end(self) -> None:
        """Quit and wait until everything has stopped."""
        if self.life is not None:
            self.desktop.quit()
            self._qtbot.waitUntil(self.life.done, timeout=10_000)
            self.life.result()
        delete(self.desktop.window)
        delete(self.desktop)

    def ask(self, change: Callable[[CoreDouble], Any]) -> Any:
        """Do something to the core on its own thread."""
        return self.wait_for(self.desktop.bridge.call(change))  # type: ignore[arg-type]  # the double's own methods

    def called(self, name: str) -> list[tuple[object, ...]]:
        """The calls of this name the core got."""
        return [call for call in self.core.calls if call[0] == name]

    def _is_shown(self) -> bool:
        return self.desktop.feed.latest is not None and self.window.is_up_to_date

    def _open_url(self, url: str) -> bool:
        self.opened_urls.append(url)
        return True
