"""The app with the judges looking on, for tests whose sandbox is in the app's own process: the demo, `kalends sandbox`.

`python -m tests.judges.watched …` is `python -m app …`, and writes each finding as a line to the file that the test
named. Nothing else of the app is different.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path

from app.sandbox.observing import OBSERVERS, Exchange
from tests.judges.fixture import FINDINGS_FILE, Judges


class Telling:
    """Judges every exchange and tells what was found at once: the process may be killed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._judges = Judges()

    def look(self, exchange: Exchange) -> None:
        """Judge one exchange."""
        self._judges.look(exchange)
        found = self._judges.verdict()
        if found:
            with self._file.open("a", encoding="utf-8") as file:
                file.writelines(" ".join(text.splitlines()) + "\n" for text in found)


if __name__ == "__main__":
    OBSERVERS.append(Telling(Path(os.environ[FINDINGS_FILE])).look)
    runpy.run_module("app", run_name="__main__", alter_sys=True)
