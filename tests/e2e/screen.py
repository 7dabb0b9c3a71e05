"""A screen of the tests' own: Xvfb with the window manager openbox, a mouse and a keyboard, and pictures of it."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtGui import QImage

from tests.e2e.processes import Processes, read_address
from tests.e2e.waiting import SECONDS

SIZE = (1280, 800)
_HEAD = struct.Struct(">25I")
_COLOUR_BYTES = 12


class Screen:
    """Xvfb with openbox.

    Args:
        processes: starts them.
        folder: holds the frame buffer; an existing folder.
        environ: for both; `DISPLAY` is added.
    """

    def __init__(self, processes: Processes, folder: Path, environ: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        processes.start(
            *("Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"),
            *("-nolisten", "tcp", "-fbdir", str(folder)),
            environ=environ,
            keep=(writing,),
        )
        os.close(writing)
        number = read_address(reading)
        assert number, "Xvfb did not start"
        self.display = f":{number}"
        self._frame_buffer = folder / "Xvfb_screen0"
        self._environ = {**environ, "DISPLAY": self.display}
        # It runs the command when it is ready; a window that is mapped while it starts may never be shown.
        manager = processes.start(
            "openbox", "--sm-disable", "--startup", "echo ready", environ=self._environ, stdout=subprocess.PIPE
        )
        assert manager.stdout is not None
        assert b"ready\n" in manager.stdout, "openbox did not start"  # read until it says so, or ends

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Move the mouse there and press a button (1 left, 3 right)."""
        self._do("mousemove", str(x), str(y), "click", str(button))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, by their X names (`Tab`, `ctrl+q`)."""
        self._do("key", *keys)

    def write(self, text: str) -> None:
        """Type a text."""
        self._do("type", text)

    def windows(self, of_class: str, at_most: int) -> list[tuple[int, int]]:
        """The middles of a program's visible windows, by its class, that have no side over `at_most` pixels."""
        found = []
        for window in self._do("search", "--onlyvisible", "--class", of_class, strict=False).split():
            shape = dict(
                line.split("=") for line in self._do("getwindowgeometry", "--shell", window, strict=False).split()
            )
            if shape and max(int(shape["WIDTH"]), int(shape["HEIGHT"])) <= at_most:
                found.append((int(shape["X"]) + int(shape["WIDTH"]) // 2, int(shape["Y"]) + int(shape["HEIGHT"]) // 2))
        return found

    def picture(self, path: Path) -> None:
        """Save what is on the screen as PNG."""
        assert self._shown().save(str(path)), path

    def lightness(self, x: int, y: int) -> int:
        """How light a point is, 0 to 255."""
        return self._shown().pixelColor(x, y).lightness()

    def _shown(self) -> QImage:
        """The frame buffer, a file in the format of xwd (X11/XWDFile.h)."""
        content = self._frame_buffer.read_bytes()
        head = _HEAD.unpack_from(content)
        size, width, height, row, colours = head[0], head[4], head[5], head[12], head[19]
        pixels = content[size + colours * _COLOUR_BYTES :]
        return QImage(pixels, width, height, row, QImage.Format.Format_RGB32).copy()

    def _do(self, *words: str, strict: bool = True) -> str:
        """Run xdotool. Not strict: finding nothing is an answer too."""
        done = subprocess.run(
            ["xdotool", *words],  # noqa: S607 - a package of the suite, found on PATH
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0 or not strict, (words, done.stderr)
        return done.stdout
