"""What the command line prints: data on stdout, words on stderr. JSON for programs, tables for people, never both."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from app.domain.errors import InputError, KalendsError

_WIDTH_OFF_TERMINAL = 1_000
"""A table that goes to a file or a program is cut nowhere."""


class Output:
    """Writes to the process's standard streams, found anew at each call."""

    def __init__(self) -> None:
        self.machine = False
        """Whether a program reads: JSON was asked for."""
        self._answered = False

    def json(self, value: Mapping[str, Any]) -> None:
        """Print the one JSON value of this command, and let it out at once."""
        self._answered = True
        self.line(value)

    def line(self, value: Mapping[str, Any]) -> None:
        """Print one JSON value of a stream, on a line of its own."""
        self._answered = True
        whole = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
        sys.stdout.write(json.dumps(value, ensure_ascii=not whole) + "\n")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Print data for a person."""
        _write(sys.stdout, text)

    def say(self, words: str) -> None:
        """Tell the person something."""
        _write(sys.stderr, words)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
        """Print rows for a person.

        Args:
            nothing: what to say when there are no rows.
        """
        if not rows:
            self.say(nothing)
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        terminal = sys.stdout.isatty()
        console = Console(
            file=sys.stdout,
            width=None if terminal else _WIDTH_OFF_TERMINAL,
            no_color="NO_COLOR" in os.environ or not terminal,
            highlight=False,
        )
        table = Table(box=None, pad_edge=False, header_style="bold" if terminal else "")
        for head in heads:
            table.add_column(head, overflow="fold", no_wrap=not terminal)
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console.print(table)

    def fail(self, error: KalendsError) -> None:
        """Tell why a command failed: a sentence, and for a program its code too, unless it has its answer already."""
        self.say(f"Error: {plain(error.message)}")
        details = error.details if isinstance(error, InputError) else ()
        for detail in details:
            if detail.message != error.message:
                self.say(f"  {detail.field}: {plain(detail.message)}")
        if error.fix:
            self.say(plain(error.fix))
        if self.machine and not self._answered:
            shown = [{"field": detail.field, "message": detail.message} for detail in details]
            self.json({"error": {"code": error.code, "message": error.message, "details": shown, "fix": error.fix}})


def cells(item: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """Fields of an object as cells of a table; what is null is shown as a dash."""
    return tuple("-" if item[name] is None else str(item[name]) for name in names)


def plain(text: str) -> str:
    """A text without control characters: titles and file names come from others and must not drive the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()
