"""Runs the desktop app over the double in a process of its own; says on stdout when the core started and stopped."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PySide6.QtWidgets import QMenu

from app.services.core import CoreHandle
from app.ui import application
from app.ui.tray_icon import TrayIcon
from tests.ui.doubles import HandleDouble, calm

_USUAL_SECONDS = 0.004
"""Python lets a thread keep the others waiting for 5 ms, if nobody says otherwise."""

_MANY = 10_000
"""Objects: fewer than Qt's modules alone are made of."""


@dataclass(frozen=True)
class _Paths:
    state: Path


class _Telling(HandleDouble):
    async def stop(self) -> None:
        if sys.argv[2] == "count-and-quit":
            print("left alone" if gc.get_freeze_count() > _MANY else "looked through", flush=True)  # noqa: T201 - the same
        if sys.argv[2] == "show-and-quit":
            assert sys.getswitchinterval() < _USUAL_SECONDS, "the windows wait for the core at every cell"
        print("stopped", flush=True)  # noqa: T201 - read by the test


async def _start(profile: str) -> CoreHandle:
    print(f"started {profile}", flush=True)  # noqa: T201 - read by the test
    if sys.argv[2] in ("show-and-quit", "count-and-quit"):
        # As the local control API does, from the core's thread.
        application.show_window()
        application.request_quit()
    return cast(CoreHandle, _Telling(calm(profile)))


class _QuitAtItsIcon(TrayIcon):
    """Somebody asks for the end as soon as there is an icon, long before the windows are made."""

    def __init__(self, menu: QMenu | None = None) -> None:
        super().__init__(menu)
        application.request_quit()


if __name__ == "__main__":
    if sys.argv[2] == "quit-at-icon":
        setattr(application, "TrayIcon", _QuitAtItsIcon)  # noqa: B010 - not an assignment mypy would allow
    sys.exit(application.run(_start, paths=_Paths(Path(sys.argv[1])), profile=None, hidden=False))
