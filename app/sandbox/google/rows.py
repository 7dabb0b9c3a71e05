"""Stored events as JSON text, straight from their values: a thousand of them make a page of a listing.

The same text as `render.event_json` would give through a dictionary, in a fraction of the time: the emulated service
must not be what a benchmark measures. It decides nothing, and what it does not know by heart it leaves to that one.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from app.sandbox.google.render import event_json, hides_private, person
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Event, Shape
from app.sandbox.google.times import shown_moment

_quoted: Callable[[str], str] = json.encoder.encode_basestring
_encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_PEOPLE: Final = ("creator", "organizer")


def compact(value: Any) -> str:
    """JSON without blanks."""
    return _encoded(value)


class Rows:
    """Makes the JSON text of the events on one page.

    Args:
        calendar: where they are.
        zone: the zone in which times are told.
    """

    def __init__(self, calendar: Calendar, zone: str) -> None:
        self._calendar = calendar
        self._zone = zone
        self._suffix = f" {calendar.info.id}".encode()
        self._hides = hides_private(calendar)
        # Parts that many events share are written once. What has an id here is held by an event of this page.
        self._parts: dict[int, str] = {}

    def text(self, event: Event) -> str:
        """One row; the caller sees more than busy blocks."""
        if event.is_cancelled or (self._hides and event.get("visibility") in ("private", "confidential")):
            return compact(event_json(self._calendar, event, self._zone))
        values = event.values
        link = binascii.b2a_base64(event.id.encode() + self._suffix, newline=False).translate(_URL_SAFE).rstrip(b"=")
        number = event.etag[1:-1]
        pieces = [
            f'{{"kind":"calendar#event","etag":"\\"{number}\\"","id":{_quoted(event.id)},'
            f'"status":"{values[event.shape.places["status"][0]]}",'
            f'"htmlLink":"https://www.google.com/calendar/event?eid={link.decode()}","updated":"{event.updated}"'
        ]
        for name, head, at, inner in _members(event.shape):
            pieces.append(head)
            value = values[at]
            if inner:
                pieces.append(self._point(inner, values, at))
            elif value is None and name == "iCalUID":
                pieces.append(_quoted(event.uid))
            elif type(value) is str:
                pieces.append(_quoted(value))
            elif type(value) is int:
                pieces.append(str(value))
            else:
                pieces.append(self._part(name, value))
        pieces.append("}")
        return "".join(pieces)

    def _point(self, inner: tuple[str, ...], values: tuple[Any, ...], at: int) -> str:
        if inner == ("dateTime", "timeZone"):
            own = values[at + 1]
            return f'{{"dateTime":"{shown_moment(values[at], own, self._zone)}","timeZone":"{own}"}}'
        return f'{{"date":"{values[at]}"}}'

    def _part(self, name: str, value: Any) -> str:
        if name == "attendees":
            return compact([person(row, self._calendar) for row in value])
        if name in _PEOPLE or name == "reminders":
            text = self._parts.get(id(value))
            if text is None:
                text = compact(person(value, self._calendar) if name in _PEOPLE else value)
                self._parts[id(value)] = text
            return text
        return compact(value)


@lru_cache(maxsize=4096)
def _members(shape: Shape) -> tuple[tuple[str, str, int, tuple[str, ...]], ...]:
    """Of each member its name, what stands before its value, and where that is; the status stands elsewhere."""
    return tuple(_each(shape))


def _each(shape: Shape) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    for name, (at, inner) in shape.places.items():
        if name != "status":
            yield name, f",{_quoted(name)}:", at, inner
