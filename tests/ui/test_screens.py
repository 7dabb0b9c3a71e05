"""Pictures of every page and sheet, light and dark, at one and two pixels a point: drawn, measured, left to look at.

They lie in `test-output/screens`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from app.ui.theme import DARK, LIGHT

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "test-output" / "screens"
PAGES = (
    "busy",
    "calm",
    "demo",
    "activity",
    "activity-no-match",
    "log",
    "pairs",
    "accounts",
    "settings",
    "settings-below",
)
VIEWS = (
    *PAGES,
    "empty",
    "hold",
    "sign-in-choice",
    "sign-in-waiting",
    "pair-new",
    "pair-edit",
    "pair-ways",
    "pair-refused",
    "preview",
    "why",
    "checkup",
    "delete",
    "pause-until",
    "key-new",
    "key-shown",
    "account-remove",
    "account-sign-out",
    "calendar-stop",
    "licences",
    "help",
)


@pytest.fixture(scope="module", params=[1, 2], ids=["1x", "2x"])
def scale(request: pytest.FixtureRequest) -> int:
    """Draws all pictures of one scale."""
    number: int = request.param
    environment = {**os.environ, "QT_SCALE_FACTOR": str(number), "TZ": "Europe/Berlin"}
    command = [sys.executable, "-m", "tests.ui.draw_screens", str(FOLDER)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=100)
    return number


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_drawn_in_its_colours_and_scale(scale: int, scheme: str) -> None:
    colours = LIGHT if scheme == "light" else DARK
    for view in VIEWS:
        picture = QImage(str(FOLDER / f"{view}-{scheme}-{scale}x.png"))
        assert not picture.isNull(), view
        if view in PAGES:
            assert (picture.width(), picture.height()) == (1120 * scale, 720 * scale)
            assert picture.pixelColor(2, picture.height() // 2) == QColor(colours.sidebar)
        shades = {
            picture.pixelColor(x, y).rgb() for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7)
        }
        assert len(shades) > 8, f"{view} is nearly empty"
