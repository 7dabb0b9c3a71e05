"""From the bytes of a file to its iCalendar components (RFC 5545 §3.4). What is broken costs itself, not the file."""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from icalendar import Calendar, Component
from icalendar.error import GloballyUniqueTZIDGuessed

from app.domain.errors import InputError

LARGEST_FILE_BYTES = 64 * 1024 * 1024

# What icalendar raises at text that is no iCalendar; RecursionError at components nested too deep.
PARSE_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)

_BEGIN = re.compile(r"BEGIN:([A-Z0-9-]+)[ \t]*$", re.IGNORECASE)
_END = re.compile(r"END:([A-Z0-9-]+)[ \t]*$", re.IGNORECASE)
_KEPT_PROPERTIES = ("METHOD", "X-WR-TIMEZONE")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Broken:
    """A component that is no iCalendar: its name, its UID where one can be seen, and why."""

    name: str
    uid: str
    reason: str


def parse(data: bytes) -> tuple[list[Component], list[Broken]]:
    """The calendars of a file, and what of it could not be parsed.

    Raises:
        InputError: the file is no iCalendar file at all, or too large.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(f"The file is larger than {LARGEST_FILE_BYTES // 1024 // 1024} MiB.")
    content = _text(data)
    if "BEGIN:VCALENDAR" not in content.upper():
        raise InputError("The file is no iCalendar file: it has no BEGIN:VCALENDAR.")
    with warnings.catch_warnings():
        # Which zone a TZID means is judged in `zones`, not by icalendar's guess.
        warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)
        try:
            calendars: list[Component] = list(Calendar.from_ical(content, multiple=True))
        except PARSE_ERRORS:
            calendars = []
        if calendars and _complete(content):
            return calendars, []
        return _piece_by_piece(content)


def short(error: Exception) -> str:
    """An exception's text for a person: one line, not long."""
    return " ".join(str(error).split())[:120] or type(error).__name__


def _text(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _complete(content: str) -> bool:
    """Whether every calendar of the text ends: icalendar drops one that does not, without a word."""
    upper = content.upper()
    return upper.count("BEGIN:VCALENDAR") == upper.count("END:VCALENDAR")


def _piece_by_piece(content: str) -> tuple[list[Component], list[Broken]]:
    """Every component that can be parsed alone, in one calendar with the properties that matter."""
    calendar = Calendar()
    broken: list[Broken] = []
    for name, lines in _pieces(content, calendar):
        piece = "\r\n".join(lines) + "\r\n"
        try:
            calendar.add_component(Component.from_ical(piece))
        except PARSE_ERRORS as error:
            broken.append(Broken(name, _uid_in(lines), f"It cannot be read ({short(error)})."))
    if not calendar.subcomponents and not broken:
        raise InputError("The file is no complete iCalendar file: it ends before its first component does.")
    return [calendar], broken


def _pieces(content: str, calendar: Calendar) -> Iterator[tuple[str, list[str]]]:
    """The components directly in a calendar, as lines, ended or cut off."""
    name, depth, lines = "", 0, list[str]()
    for line in content.splitlines():
        begins, ends = _named(_BEGIN, line), _named(_END, line)
        if depth and begins == name:
            # A component is never inside one of its own kind: the one before was cut off.
            yield name, lines
            depth = 0
        if depth == 0:
            if begins not in ("", "VCALENDAR"):
                name, depth, lines = begins, 1, [line]
            elif line.partition(":")[0].upper() in _KEPT_PROPERTIES:
                calendar.add(line.partition(":")[0], line.partition(":")[2])
            continue
        lines.append(line)
        depth += bool(begins) - bool(ends)
        if depth == 0:
            yield name, lines
    if depth:
        yield name, lines


def _named(form: re.Pattern[str], line: str) -> str:
    found = form.match(line)
    return found.group(1).upper() if found else ""


def _uid_in(lines: list[str]) -> str:
    found = (line.partition(":")[2].strip() for line in lines if line.upper().startswith("UID:"))
    return next(found, "")
