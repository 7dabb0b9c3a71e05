"""The log, for people: searched and narrowed. It reads files in a thread, so that no sync waits for it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from app.domain.errors import FieldError, InputError
from app.domain.log_lines import LogFound, LogQuery

LINES_AT_MOST = 5000


class LogSource(Protocol):
    """Where the log lies."""

    def read(self, query: LogQuery, limit: int) -> LogFound:
        """The newest lines that are asked for. Blocking. Raises StorageError."""
        ...


class LogReading:
    """Reads the log."""

    def __init__(self, source: LogSource) -> None:
        self._source = source

    async def read(self, query: LogQuery, limit: int) -> LogFound:
        """The newest lines that are asked for, newest first.

        Args:
            limit: so many at most, 1 to 5000.

        Raises:
            InputError: another limit.
            StorageError: the log cannot be read.
        """
        if not 1 <= limit <= LINES_AT_MOST:
            message = f"Choose 1 to {LINES_AT_MOST} lines."
            raise InputError(message, details=[FieldError("limit", message)])
        return await asyncio.to_thread(self._source.read, query, limit)
