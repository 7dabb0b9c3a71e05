"""The entry of freedesktop desktops: a `.desktop` file in the autostart folder.

Follows the Desktop Application Autostart Specification (0.5) and the Desktop Entry Specification (1.5: escapes of
strings, quoting of `Exec`). A desktop's own switch (`Hidden`, `X-GNOME-Autostart-enabled`) is honoured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.domain.autostart import Autostart, AutostartState
from app.domain.errors import StorageError
from app.system.autostart import NAME, Command, is_there
from app.system.autostart_file import EntryFile

DELAY_SECONDS: Final = 20
"""GNOME starts it this long after the desktop, so that it slows nobody's sign-in."""

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_RESERVED = re.compile(r"""[\s"'\\><~|&;$*?#()`]""")
_ENTRY = "[Desktop Entry]"
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def autostart_folders(environ: Mapping[str, str]) -> tuple[Path, Sequence[Path]]:
    """The person's autostart folder, and those of the whole computer, the strongest first."""
    own = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    shared = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return own / "autostart", [Path(folder) / "autostart" for folder in shared.split(":") if folder]


class LinuxEntry:
    """`services.autostart.StartEntry` as a file.

    Args:
        command: what is to be started.
        folder: the person's autostart folder, which need not exist.
        shared: those of the whole computer. A file of the person's with the same name stands in for one of them.
    """

    def __init__(self, command: Command, folder: Path, shared: Sequence[Path] = ()) -> None:
        self._command = command
        self._path = folder / f"{NAME}.desktop"
        self._file = EntryFile(self._path)
        self._shared = [other / f"{NAME}.desktop" for other in shared]

    def read(self) -> Autostart:
        """How it is now. Raises StorageError."""
        keys = next((keys for keys in map(_read, (self._path, *self._shared)) if keys is not None), None)
        if keys is None or keys.get("Hidden", "false") == "true":
            return Autostart(AutostartState.OFF)
        words = _words(keys.get("Exec", ""))
        program = _program(words)
        if keys.get("X-GNOME-Autostart-enabled", "true") == "false":
            return Autostart(AutostartState.BLOCKED, program)
        if not is_there(program) or not Path(keys.get("Path") or "/").is_dir():
            return Autostart(AutostartState.BROKEN, program)
        ours = words == self._words_of_entry()
        return Autostart(AutostartState.ON if ours or self._is_shared() else AutostartState.OTHER, program)

    def write(self) -> None:
        """Have this Kalends started, hidden. Raises StorageError."""
        lines = [
            _ENTRY,
            "Type=Application",
            "Name=Kalends",
            "Comment=Keeps your calendars in step",
            f"Exec={_escaped(' '.join(map(_quoted, self._words_of_entry())))}",
            *([f"Path={_escaped(str(self._command.folder))}"] if self._command.folder is not None else []),
            f"Icon={NAME}",
            "Terminal=false",
            "StartupNotify=false",
            f"X-GNOME-Autostart-Delay={DELAY_SECONDS}",
        ]
        self._file.replace(("\n".join(lines) + "\n").encode())

    def remove(self) -> None:
        """Have none started. Raises StorageError."""
        if any(path.exists() for path in self._shared):
            # A packager's entry starts it for everybody; a hidden one of the person's stands in for it.
            self._file.replace(f"{_ENTRY}\nType=Application\nName=Kalends\nHidden=true\n".encode())
            return
        self._file.remove()

    def _is_shared(self) -> bool:
        return not self._path.exists()

    def _words_of_entry(self) -> list[str]:
        home = ["env", f"KALENDS_HOME={self._command.home}"] if self._command.home else []
        return [*home, *self._command.words]


def _read(path: Path) -> Mapping[str, str] | None:
    """The keys of the entry, None where there is no file. Raises StorageError."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(
            f"Kalends cannot read the file that starts it with your computer ({error.strerror}).",
            code="autostart_unreadable",
            fix=f"Make {path} readable for your user, or remove it.",
        ) from error
    keys: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == _ENTRY
        elif inside and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            keys.setdefault(name.strip(), _plain(value.strip()))
    return keys


def _words(exec_line: str) -> list[str]:
    """The words of `Exec`, unquoted."""
    words = []
    for quoted, bare in _WORD.findall(exec_line):
        words.append((bare or re.sub(r"\\(.)", r"\1", quoted)).replace("%%", "%"))
    return words


def _program(words: Sequence[str]) -> str:
    """What is started in the end: `env` only sets the stage."""
    rest = list(words)
    if rest and Path(rest[0]).name == "env":
        rest = rest[1:]
        while rest and "=" in rest[0]:
            rest = rest[1:]
    return rest[0] if rest else ""


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    if word and not _RESERVED.search(word):
        return word
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"'


def _escaped(value: str) -> str:
    """As strings of desktop entries are written."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), value)
