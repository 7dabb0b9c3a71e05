"""Domain values as JSON text and back, exactly.

Equal values give equal text: the views tell a changed event by comparing it. Defaults are left out, so that a field
added later reads back as its default. Pure: no database here, and no decision about what a value means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from app.domain import settings_data
from app.domain.events import (
    Availability,
    Event,
    EventKind,
    Fields,
    GuestList,
    Marker,
    Recurrence,
    Response,
    Special,
    Visibility,
)
from app.domain.links import Carried, CopyForm, Draft, Intent, IntentState, Link, LinkState, Op, Undoing
from app.domain.pairs import DirectionSettings
from app.domain.runs import RunError
from app.domain.times import Moment, When

Data = dict[str, Any]

_ENCODER = json.JSONEncoder(separators=(",", ":"))
"""Kept: `json.dumps` makes a new one for every event as soon as it is told how to separate."""


def dumps(data: object) -> str:
    """Compact JSON. ASCII only: a title may hold half a surrogate pair, which no database takes as text."""
    return _ENCODER.encode(data)


# -- times ---------------------------------------------------------------------------------------------------------


def instant_to_text(instant: datetime | None) -> str | None:
    """An aware time in UTC with microseconds: text that sorts as the times do."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant_from_text(text: str | None) -> datetime | None:
    """The aware time a text stands for."""
    return None if text is None else datetime.fromisoformat(text)


def required_instant(text: str) -> datetime:
    """The aware time of a column that is never empty."""
    return datetime.fromisoformat(text)


def _moment(text: str) -> Moment:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _optional_moment(text: str | None) -> Moment | None:
    return None if text is None else _moment(text)


# -- flat dataclasses ----------------------------------------------------------------------------------------------


def _flat(value: Any, *, without: frozenset[str] = frozenset()) -> Data:
    """Fields of a dataclass whose values JSON knows, as far as they differ from their defaults."""
    return {
        f.name: found
        for f in fields_of(value)
        if f.name not in without and (found := getattr(value, f.name)) != f.default
    }


# -- events --------------------------------------------------------------------------------------------------------


def _fields_to_data(value: Fields) -> Data:
    when = value.when
    data: Data = {"when": [when.start.isoformat(), when.end.isoformat(), when.zone, when.floating]}
    if value.title:
        data["title"] = value.title
    if value.text:
        data["text"] = value.text
    if value.html is not None:
        data["html"] = value.html
    if value.place:
        data["place"] = value.place
    if value.link:
        data["link"] = value.link
    if value.guests is not None:
        data["guests"] = _guests_to_data(value.guests)
    if value.availability is not Availability.BUSY:
        data["availability"] = value.availability
    if value.visibility is not Visibility.DEFAULT:
        data["visibility"] = value.visibility
    if value.reminders != ():
        data["reminders"] = value.reminders
    if value.colour is not None:
        data["colour"] = value.colour
    if value.recurrence is not None:
        data["recurrence"] = value.recurrence.lines
    return data


def _fields_from_data(data: Data) -> Fields:
    start, end, zone, floating = data["when"]
    reminders = data.get("reminders", ())
    recurrence = data.get("recurrence")
    return Fields(
        when=When(_moment(start), _moment(end), zone, floating),
        title=data.get("title", ""),
        text=data.get("text", ""),
        html=data.get("html"),
        place=data.get("place", ""),
        link=data.get("link", ""),
        guests=_guests_from_data(data.get("guests")),
        availability=Availability(data.get("availability", "busy")),
        visibility=Visibility(data.get("visibility", "default")),
        reminders=None if reminders is None else tuple(reminders),
        colour=data.get("colour"),
        recurrence=None if recurrence is None else Recurrence(tuple(recurrence)),
    )


def _guests_to_data(guests: GuestList) -> list[object]:
    return [guests.names, guests.more]


def _guests_from_data(data: list[Any] | None) -> GuestList | None:
    return None if data is None else GuestList(tuple(data[0]), data[1])


def _marker_to_data(marker: Marker) -> list[object]:
    return [marker.direction_key, marker.copy_key, marker.generation, marker.stamp, marker.released]


def _marker_from_data(data: list[Any]) -> Marker:
    return Marker(*data)


def _event_to_data(event: Event) -> Data:
    data: Data = {"id": event.id}
    if event.etag:
        data["etag"] = event.etag
    if event.kind is not EventKind.SINGLE:
        data["kind"] = event.kind
    if event.gone:
        data["gone"] = True
    if event.fields is not None:
        data["fields"] = _fields_to_data(event.fields)
    if event.series_id is not None:
        data["series_id"] = event.series_id
    if event.original_start is not None:
        data["original_start"] = event.original_start.isoformat()
    if event.cancelled:
        data["cancelled"] = [moment.isoformat() for moment in event.cancelled]
    if event.ical_uid is not None:
        data["ical_uid"] = event.ical_uid
    if event.marker is not None:
        data["marker"] = _marker_to_data(event.marker)
    if not event.marker_known:
        data["marker_known"] = False
    if event.transaction_id is not None:
        data["transaction_id"] = event.transaction_id
    if event.response is not Response.NONE:
        data["response"] = event.response
    if event.special is not Special.DEFAULT:
        data["special"] = event.special
    if event.organised_elsewhere:
        data["organised_elsewhere"] = True
    if event.guests:
        data["guests"] = True
    if event.guest_list is not None:
        data["guest_list"] = _guests_to_data(event.guest_list)
    if event.categories:
        data["categories"] = event.categories
    if event.web_link is not None:
        data["web_link"] = event.web_link
    if event.updated_at is not None:
        data["updated_at"] = event.updated_at.isoformat()
    return data


def _event_from_data(data: Data) -> Event:
    fields = data.get("fields")
    marker = data.get("marker")
    return Event(
        id=data["id"],
        etag=data.get("etag", ""),
        kind=EventKind(data.get("kind", "single")),
        gone=data.get("gone", False),
        fields=None if fields is None else _fields_from_data(fields),
        series_id=data.get("series_id"),
        original_start=_optional_moment(data.get("original_start")),
        cancelled=tuple(map(_moment, data.get("cancelled", ()))),
        ical_uid=data.get("ical_uid"),
        marker=None if marker is None else _marker_from_data(marker),
        marker_known=data.get("marker_known", True),
        transaction_id=data.get("transaction_id"),
        response=Response(data.get("response", "none")),
        special=Special(data.get("special", "default")),
        organised_elsewhere=data.get("organised_elsewhere", False),
        guests=data.get("guests", False),
        guest_list=_guests_from_data(data.get("guest_list")),
        categories=tuple(data.get("categories", ())),
        web_link=data.get("web_link"),
        updated_at=instant_from_text(data.get("updated_at")),
    )


def event_to_text(event: Event) -> str:
    """An event as text; equal events give equal text."""
    return dumps(_event_to_data(event))


def event_from_text(text: str) -> Event:
    """The event a text stands for."""
    return _event_from_data(json.loads(text))


# -- links and copies ------------------------------------------------------------------------------------------------


def hashes_to_text(hashes: Mapping[str, str]) -> str:
    """Field to hash, sorted by field."""
    return dumps(dict(sorted(hashes.items())))


def hashes_from_text(text: str) -> dict[str, str]:
    """Field to hash."""
    return dict(json.loads(text))


def rewrites_to_text(rewrites: Mapping[str, tuple[str, int]]) -> str:
    """Field to (hash, count), sorted by field."""
    return dumps(dict(sorted(rewrites.items())))


def rewrites_from_text(text: str) -> dict[str, tuple[str, int]]:
    """Field to (hash, count)."""
    return {name: (wanted, count) for name, (wanted, count) in json.loads(text).items()}


def words_to_text(words: tuple[str, ...]) -> str:
    """A tuple of words (scopes, occurrence keys, field names)."""
    return dumps(words)


def words_from_text(text: str) -> tuple[str, ...]:
    """A tuple of words."""
    return tuple(json.loads(text))


# -- intents ---------------------------------------------------------------------------------------------------------

_JOURNAL_COLUMNS = frozenset({"id", "state", "first_try_at", "last_try_at", "tries"})
_INTENT_SPECIAL = frozenset(
    {"occurrence_start", "draft", "carried", "wanted", "original_hashes", "cancelled", "before", "inside", "undoing"}
)
_INTENT_PLAIN = _JOURNAL_COLUMNS | _INTENT_SPECIAL


def intent_to_text(intent: Intent) -> str:
    """What a journaled write is; how it stands (id, state, times, tries) lives in columns of its own."""
    data = _flat(intent, without=_INTENT_PLAIN)
    if intent.occurrence_start is not None:
        data["occurrence_start"] = intent.occurrence_start.isoformat()
    if intent.draft is not None:
        data["draft"] = {
            "fields": _fields_to_data(intent.draft.fields),
            "marker": _marker_to_data(intent.draft.marker),
            "cancelled": [moment.isoformat() for moment in intent.draft.cancelled],
        }
    if intent.carried is not None:
        data["carried"] = {"fields": _fields_to_data(intent.carried.fields), "names": intent.carried.names}
    if intent.wanted:
        data["wanted"] = dict(sorted(intent.wanted.items()))
    if intent.original_hashes:
        data["original_hashes"] = dict(sorted(intent.original_hashes.items()))
    if intent.cancelled:
        data["cancelled"] = intent.cancelled
    if intent.before is not None:
        data["before"] = _event_to_data(intent.before)
    if intent.inside:
        data["inside"] = [_event_to_data(event) for event in intent.inside]
    if intent.undoing is not None:
        data["undoing"] = _undoing_to_data(intent.undoing)
    return dumps(data)


def _undoing_to_data(undoing: Undoing) -> Data:
    return {
        "rows": undoing.rows,
        "revives": undoing.revives,
        "link": _link_to_data(undoing.link),
        "was": None if undoing.was is None else _link_to_data(undoing.was),
        "pins": dict(sorted(undoing.pins.items())),
        "pins_before": dict(sorted(undoing.pins_before.items())),
    }


def _undoing_from_data(data: Data) -> Undoing:
    return Undoing(
        rows=tuple(data["rows"]),
        revives=tuple(data["revives"]),
        link=_link_from_data(data["link"]),
        was=None if data["was"] is None else _link_from_data(data["was"]),
        pins=data["pins"],
        pins_before=data["pins_before"],
    )


def _link_to_data(link: Link) -> Data:
    """A link as an undo remembers it: what is due or was tried is of a moment, and left out."""
    data = _flat(link, without=frozenset({"base_original", "rewrites", "retry_at", "replan_at", "tries"}))
    return {**data, "base_original": dict(sorted(link.base_original.items()))}


def _link_from_data(data: Data) -> Link:
    return Link(**{**data, "state": LinkState(data.get("state", "live"))})


def intent_from_text(
    text: str, *, id: int, state: IntentState, first_try_at: datetime | None, last_try_at: datetime | None, tries: int
) -> Intent:
    """The journaled write of a text and its columns."""
    data: Data = json.loads(text)
    draft = data.pop("draft", None)
    carried = data.pop("carried", None)
    before = data.pop("before", None)
    inside = data.pop("inside", ())
    undoing = data.pop("undoing", None)
    return Intent(
        id=id,
        op=Op(data.pop("op")),
        form=CopyForm(data.pop("form", "single")),
        occurrence_start=_optional_moment(data.pop("occurrence_start", None)),
        draft=None
        if draft is None
        else Draft(
            fields=_fields_from_data(draft["fields"]),
            marker=_marker_from_data(draft["marker"]),
            cancelled=tuple(map(_moment, draft["cancelled"])),
        ),
        carried=None if carried is None else Carried(_fields_from_data(carried["fields"]), tuple(carried["names"])),
        before=None if before is None else _event_from_data(before),
        inside=tuple(map(_event_from_data, inside)),
        undoing=None if undoing is None else _undoing_from_data(undoing),
        cancelled=tuple(data.pop("cancelled", ())),
        state=state,
        first_try_at=first_try_at,
        last_try_at=last_try_at,
        tries=tries,
        **data,
    )


# -- settings --------------------------------------------------------------------------------------------------------


def settings_to_text(settings: DirectionSettings) -> str:
    """Settings of a direction, every one written out: a default that changes later must not change a pair."""
    return dumps(settings_data.to_data(settings))


@lru_cache(maxsize=64)
def settings_from_text(text: str) -> DirectionSettings:
    """Settings of a direction; what a text of an older version lacks has its default."""
    return settings_data.changed(DirectionSettings(), json.loads(text))


# -- runs --------------------------------------------------------------------------------------------------------------


def run_errors_to_text(errors: tuple[RunError, ...]) -> str:
    """What went wrong in a run."""
    return dumps([[error.code, error.message, error.connection_id] for error in errors])


def run_errors_from_text(text: str) -> tuple[RunError, ...]:
    """What went wrong in a run."""
    return tuple(RunError(*parts) for parts in json.loads(text))


def storable(text: str) -> str:
    """Text that a database column takes: halves of surrogate pairs become escapes, other text stays as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
