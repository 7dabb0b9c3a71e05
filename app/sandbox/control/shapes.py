"""Events in the sandbox's domain shape, as the control API and a seed take them (see `EmulatedProvider`).

Form alone is checked here, strictly: types, known fields, times and rules that can be read. What a service does not
take is the service's to say.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from app.sandbox.recurrence import RecurrenceError, Series
from app.sandbox.recurrence import zone as find_zone

_YEARS: Final = range(1900, 2201)
_LINE: Final = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)[;:]", re.IGNORECASE)
_ANY_START: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - wall time
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

RESPONSES = Literal["accepted", "declined", "tentative", "needsAction"]


def _absent_is_not_null(schema: dict[str, Any]) -> None:
    # A field that may be left out is not thereby one that may be null.
    for field in schema.get("properties", {}).values():
        if field.get("default", ...) is None:
            del field["default"]


class Strict(BaseModel):
    """A body of the control API: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=_absent_is_not_null)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, as plain JSON."""
        return self.model_dump(exclude_unset=True)


def absent(**more: Any) -> Any:
    """A field that may be left out and then is not there at all; where null is a value, its type says so.

    Args:
        more: what else pydantic's `Field` takes.
    """
    return Field(default=None, **more)


def refused(field: str, text: str) -> PydanticCustomError:
    """What a validator of a whole model raises, with the field that is to blame."""
    return PydanticCustomError("refused", "{text}", {"field": field, "text": text})


def _wall(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            found = date.fromisoformat(text)
            if found.year in _YEARS:
                return found.isoformat()
        elif re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", text):
            moment = datetime.fromisoformat(text)
            if moment.year in _YEARS:
                return moment.replace(microsecond=0).isoformat()
    except ValueError as error:
        raise ValueError(f"{text!r} is no date and no local time.") from error
    raise ValueError(f"{text!r} is neither a date nor a local time such as 2026-03-09T10:00:00, without an offset.")


def _zone(name: str) -> str:
    try:
        return find_zone(name).key
    except RecurrenceError as error:
        raise ValueError(str(error)) from error


def _line(line: str) -> str:
    if not _LINE.match(line):
        raise ValueError("A line begins with RRULE:, RDATE:, EXDATE: or EXRULE:.")
    try:
        # Enough to see whether the line can be read; start and zone are the event's.
        Series(_ANY_START, find_zone("UTC"), (line,)).walls(_ANY_START, _ANY_START)
    except (RecurrenceError, OverflowError) as error:
        raise ValueError(str(error)) from error
    return line


Wall = Annotated[
    str,
    AfterValidator(_wall),
    Field(description="Local time without offset, or a date.", examples=["2026-03-09T10:00:00"]),
]
Zone = Annotated[str, AfterValidator(_zone), Field(description="IANA name.", examples=["Europe/Berlin"])]
Line = Annotated[str, AfterValidator(_line), Field(examples=["RRULE:FREQ=WEEKLY;BYDAY=MO"])]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320, examples=["ana@example.com"])]
Text = Annotated[str, Field(max_length=200_000)]


def in_order(start: str, end: str) -> None:
    """Refuse an end before the start, and an all-day event of no day; the same time is a moment's event."""
    if end < start or (end == start and len(start) == 10):
        raise refused("end", "It is not after the start.")


class Attendee(Strict):
    """Somebody invited."""

    email: Address
    name: Text | None = None
    response: RESPONSES = absent()


def _attendee_kind(value: Any) -> str:
    return "address" if isinstance(value, str) else "person"


Guest = Annotated[
    Annotated[Address, Tag("address")] | Annotated[Attendee, Tag("person")], Discriminator(_attendee_kind)
]


class _Fields(Strict):
    """What an event, a change of one, and an exception of a series have in common."""

    title: Text | None = None
    start: Wall = absent()
    end: Wall = absent()
    all_day: bool = absent(description="Follows from start when it is left out.")
    time_zone: Zone = absent(description="Of start and end; the calendar's when it is left out.")
    description: Text | None = None
    html: Text | None = None
    location: Text | None = None
    status: Literal["confirmed", "tentative"] = absent()
    response: RESPONSES = absent(description="The person's own answer; makes it somebody else's event.")
    attendees: list[Guest] | None = None
    busy: Literal["busy", "free", "oof", "tentative"] = absent()
    visibility: Literal["default", "public", "private", "confidential"] = absent()
    kind: Literal["default", "workingLocation", "focusTime", "outOfOffice", "birthday"] = absent()

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        sent = self.model_fields_set
        dates = {len(getattr(self, name)) == 10 for name in ("start", "end") if name in sent}
        if len(dates) == 2:
            raise refused("end", "Start and end are both dates or both local times.")
        if dates and "all_day" not in sent:
            self.all_day = dates == {True}
        if dates and dates != {self.all_day}:
            raise refused("start", "An all-day event has dates, any other has local times.")
        if {"start", "end"} <= sent:
            in_order(self.start, self.end)
        return self


class ExceptionShape(_Fields):
    """One occurrence of a series that was cancelled, or is not as the series says."""

    id: str = absent(description="As listings show it; not needed.")
    original_start: Wall
    cancelled: bool = False


class EventChange(_Fields):
    """The fields of an event that change."""

    rrule: list[Line] | None = None
    exceptions: list[ExceptionShape] = absent()

    def given(self) -> dict[str, Any]:
        """The fields that were sent, without the ids of exceptions: their original start says which they are."""
        plain = super().given()
        for row in (plain, *plain.get("exceptions", [])):
            if row is not plain:
                row.pop("id", None)
            for name in ("attendees", "rrule"):
                if name in row and row[name] is None:
                    row[name] = []
        return plain


class NewEvent(EventChange):
    """An event to be made."""

    id: str = absent(min_length=1, max_length=1024, description="Where the service lets a client choose.")
    start: Wall

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "end" not in self.model_fields_set:
            start = datetime.fromisoformat(self.start)
            self.end = (start + _DAY).date().isoformat() if self.all_day else (start + _HOUR).isoformat()
        if self.rrule:
            zone = find_zone(self.time_zone if "time_zone" in self.model_fields_set else "UTC")
            try:
                Series(datetime.fromisoformat(self.start), zone, tuple(self.rrule), bool(self.all_day)).validate()
            except (RecurrenceError, OverflowError) as error:
                raise refused("rrule", str(error)) from error
        return self


class CalendarText(Strict):
    """iCalendar text (RFC 5545) instead of fields; the same as sending it as `text/calendar`."""

    ical: Annotated[str, Field(max_length=20_000_000, examples=["BEGIN:VCALENDAR"])]


def _event_kind(value: Any) -> str:
    return "ical" if isinstance(value, dict) and "ical" in value else "event"


EventBody = Annotated[
    Annotated[NewEvent, Tag("event")] | Annotated[CalendarText, Tag("ical")], Discriminator(_event_kind)
]
ChangeBody = Annotated[
    Annotated[EventChange, Tag("event")] | Annotated[CalendarText, Tag("ical")], Discriminator(_event_kind)
]


class EventShape(BaseModel):
    """An event as it is kept. Fields that hold nothing may be left out."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_absent_is_not_null)

    id: str
    title: str
    start: str
    end: str
    all_day: bool
    time_zone: str = absent()
    rrule: list[str] = absent()
    exceptions: list[dict[str, Any]] = absent()


class Events(BaseModel):
    """Several events."""

    events: list[EventShape]
