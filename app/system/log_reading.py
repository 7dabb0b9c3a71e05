"""Reads the log of this computer from its newest line on, over the files it was rotated into. It never writes.

The lines are JSON as `app.system.log` writes them; one that is not (cut off by a full disk, or by a crash) is passed
over. Files are read backwards in blocks, so that the newest lines are there at once however long the log is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from app.domain.errors import StorageError
from app.domain.log_lines import Level, LogFound, LogLine, LogQuery
from app.system.log import FILES_KEPT

_BLOCK = 64 * 1024
_OWN = ("ts", "level", "event", "msg")
_LEVELS = {"critical": Level.ERROR, "warn": Level.WARNING, "exception": Level.ERROR}


def running_log_file() -> Path | None:
    """The file this process writes its log to, None while it writes none."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RotatingFileHandler):
            return Path(handler.baseFilename)
    return None


class LogFiles:
    """The log and the files before it.

    Args:
        file: where the log is when this process writes none itself.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def file(self) -> Path:
        """The newest file."""
        return running_log_file() or self._file

    def read(self, query: LogQuery, limit: int) -> LogFound:
        """The newest lines that are asked for. Blocking: call in a thread.

        Args:
            limit: so many at most.

        Raises:
            StorageError: `log_unreadable`.
        """
        found: list[LogLine] = []
        try:
            for line in self._lines():
                if query.since is not None and line.at < query.since:
                    break
                if query.wants(line):
                    if len(found) == limit:
                        return LogFound(tuple(found), more=True)
                    found.append(line)
        except OSError as error:
            raise StorageError(
                f"The log {self.file} cannot be read ({error.strerror or type(error).__name__}).",
                code="log_unreadable",
                fix="Make the file readable for your user.",
            ) from error
        return LogFound(tuple(found), more=False)

    def _lines(self) -> Iterator[LogLine]:
        file = self.file
        for number in range(FILES_KEPT):
            part = file if number == 0 else file.with_name(f"{file.name}.{number}")
            if not part.exists():
                continue  # never written, or just being moved on: what it held is found in the next one
            for text in _backwards(part):
                line = line_from(text)
                if line is not None:
                    yield line


def line_from(text: str) -> LogLine | None:
    """A line of the file as it was meant, None where it is none."""
    try:
        said: Any = json.loads(text)
        at = datetime.fromisoformat(said["ts"])
    except (ValueError, KeyError, TypeError):
        return None
    told = str(said.get("level", ""))
    level = _LEVELS.get(told) or (Level(told) if told in tuple(Level) else Level.INFO)
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}
    rest = {name: value for name, value in fields.items() if name not in _OWN}
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return LogLine(aware, level, fields.get("event", ""), fields.get("msg", ""), rest, text)


def _backwards(file: Path) -> Iterator[str]:
    """The lines of a file, the last first. What is written meanwhile is not seen."""
    with file.open("rb") as handle:
        position = handle.seek(0, 2)
        rest = b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            handle.seek(position)
            *lines, rest_reversed = reversed((handle.read(size) + rest).split(b"\n"))
            rest = rest_reversed
            for line in lines:
                if line:
                    yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")
