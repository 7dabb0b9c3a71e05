"""The log: JSON lines in the state folder, 10 MB times five, for this user alone; the console only when asked.

One line: `ts` (RFC 3339, UTC), `level`, `event` (a dotted code), `msg`, `logger` and whatever was bound (`run_id`,
`pair_id`, …). Every line goes through the redactor as fields and once more as the text that is written, tracebacks
included. Titles of events are never logged. Records of libraries pass the same way.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from app.domain.errors import StorageError
from app.system.paths import PRIVATE_FILE
from app.system.redaction import Redactor

FILE_BYTES: Final = 10 * 1024 * 1024
FILES_KEPT: Final = 5
# They log addresses with their queries, or every statement, at the levels below.
_TALKATIVE: Final = (
    "httpx httpcore urllib3 requests requests_oauthlib oauthlib msal google hpack asyncio peewee apscheduler "
    "uvicorn.access uvicorn.error keyring tzlocal filelock"
).split()


class _PrivateFileHandler(RotatingFileHandler):
    """Rotating file whose files are made 0600 from the first byte on."""

    lost = 0
    """Lines that could not be written."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:
        """A disk that takes no line must not fill the console instead: the library would print the line there, before
        any redaction, with a traceback."""
        self.lost += 1


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Last net: the line exactly as it would be written."""

    def __init__(self, redactor: Redactor, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


class Log:
    """The running log of this process; `close` gives the process back as it was."""

    def __init__(self, handlers: list[logging.Handler], level_before: int, levels_before: Mapping[str, int]) -> None:
        self._handlers = handlers
        self._level_before = level_before
        self._levels_before = levels_before

    def close(self) -> None:
        """Write what is left and stop logging."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(self._level_before)
        for name, level in self._levels_before.items():
            logging.getLogger(name).setLevel(level)
        structlog.reset_defaults()


def start_log(
    file: Path, redactor: Redactor, *, level: str = "info", console: bool = False, stream: TextIO | None = None
) -> Log:
    """Start the log of this process; called once, by the composition root.

    Args:
        file: the log file; its folder exists.
        redactor: where secrets are registered.
        level: debug, info, warning or error.
        console: also write to `stream`.
        stream: the console, standard error by default.

    Raises:
        StorageError: `home_unwritable`.
    """
    try:
        to_file = _PrivateFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT - 1, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"Kalends cannot write its log {file} ({error.strerror or type(error).__name__}).",
            code="home_unwritable",
            fix="Make the folder writable for your user, or set KALENDS_HOME to a folder that is.",
        ) from error
    shared = _processors(redactor)
    handlers: list[logging.Handler] = [to_file]
    if console:
        handlers.append(logging.StreamHandler(stream if stream is not None else sys.stderr))
    formatter = _RedactingFormatter(
        redactor,
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _of_library, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    root = logging.getLogger()
    level_before = root.level
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level.upper())
    levels_before = {name: logging.getLogger(name).level for name in _TALKATIVE}
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return Log(handlers, level_before, levels_before)


def _processors(redactor: Redactor) -> list[structlog.types.Processor]:
    def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return redactor.fields(line)

    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _ordered,
        _sparing(redact),
    ]


def _sparing(redact: structlog.types.Processor) -> structlog.types.Processor:
    """structlog's own fields of a library's record hold the record itself: they are dropped later, not redacted."""

    def process(logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        own = {name: line.pop(name) for name in ("_record", "_from_structlog") if name in line}
        return {**redact(logger, method, line), **own}  # type: ignore[dict-item]  # `redact` above returns a mapping

    return process


def _of_library(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library logs a sentence; ours are codes. Its sentence becomes `msg`."""
    line["msg"] = line.pop("event", "")
    for leftover in ("message", "asctime"):
        # Another handler's formatter leaves these on the record.
        line.pop(leftover, None)
    line["event"] = "library.message"
    return line


def _ordered(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = {name: line.pop(name) for name in ("ts", "level", "event", "msg", "logger") if name in line}
    return {**first, **line}
