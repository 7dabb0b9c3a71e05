"""The app as a person starts it, with a pulse in its GUI thread: `python -m tests.benchmarks.beating_app FILE PAGE`.

The pulse is a timer of 10 ms. Whenever it beats it notes the time (CLOCK_MONOTONIC) and how much of a processor the
process has used, in nanoseconds both; the notes go to FILE at the end. PAGE is the page that the window shows.
"""

from __future__ import annotations

import os
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from app.main import LocalHost
from app.ui import desktop

BEAT_MS = 10


def main(file: Path, page: str) -> int:
    """Run the app until it is quit; returns its exit code."""
    # After the app's own modules: whatever is imported after Qt without their care costs a quarter more.
    from PySide6.QtCore import Qt, QTimer

    beats = array("q")

    class BeatingDesktop(desktop.Desktop):
        """The desktop, with a pulse."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._pulse = QTimer(self)
            self._pulse.setTimerType(Qt.TimerType.PreciseTimer)
            self._pulse.setInterval(BEAT_MS)
            self._pulse.timeout.connect(lambda: beats.extend((time.monotonic_ns(), time.process_time_ns())))
            self._pulse.start()
            self.window.show_page(page)

    setattr(desktop, "Desktop", BeatingDesktop)  # noqa: B010 - not an assignment mypy would allow
    try:
        return LocalHost(os.environ).windows("default", hidden=False)
    finally:
        file.write_bytes(beats.tobytes())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
