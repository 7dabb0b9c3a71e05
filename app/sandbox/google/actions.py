"""What the user does in Google's own calendar, for the control API and the seed: events in the sandbox's domain shape.

No token and no scope is involved; the rules for events are those of the API.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.faults import SandboxInputError
from app.sandbox.google import shape
from app.sandbox.google.changes import Changes
from app.sandbox.google.errors import GoogleError
from app.sandbox.google.series import instance_id
from app.sandbox.google.store import Calendar, Event, Store
from app.sandbox.google.times import read_point


class Actions:
    """The user's own hands on a calendar."""

    def __init__(self, store: Store, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    def all(self, calendar: Calendar) -> list[dict[str, Any]]:
        """Every live single event and series, series with their exceptions."""
        return [
            self._shape(calendar, event)
            for event in calendar.events.values()
            if not event.is_cancelled and event.master_id is None
        ]

    def create(self, calendar: Calendar, sent: dict[str, Any]) -> dict[str, Any]:
        """A new event, with its exceptions."""
        owner = calendar.info.account
        try:
            body = shape.to_body(sent, owner, calendar.info.time_zone)
            event = self._changes.insert(calendar, body, by_service=True)
            others = shape.organizer(sent)
            # Exceptions first: afterwards the event may be somebody else's.
            self._apply_exceptions(calendar, event, sent.get("exceptions") or [])
            if others:
                person = {"email": others, "displayName": "Nadia Keller"}
                event = self._store.put_event(
                    calendar, event.id, {**event.body, "organizer": person, "creator": person}
                )
        except GoogleError as error:
            raise SandboxInputError(error.message) from error
        return self._shape(calendar, calendar.events[event.id])

    def patch(self, calendar: Calendar, event_id: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Change the fields given of an event, a series or one occurrence.

        Raises:
            KeyError: no such event.
            SandboxInputError: the change is not possible.
        """
        event = self._find(calendar, event_id)
        owner = calendar.info.account
        wanted = {key: value for key, value in sent.items() if key not in ("id", "exceptions", "response")}
        if {"start", "end", "all_day", "time_zone"} & set(sent):
            known = shape.from_body(event.id, event.body, owner)
            wanted = {**{key: known.get(key) for key in ("start", "end", "all_day", "time_zone")}, **wanted}
        body = shape.to_body(wanted, owner, calendar.info.time_zone)
        if "response" in sent:
            rows = event.body.get("attendees", [])
            if not any(row["email"] == owner for row in rows):
                raise SandboxInputError("The user is not invited to this event.")
            body["attendees"] = [
                {**row, "responseStatus": sent["response"]} if row["email"] == owner else row for row in rows
            ]
        try:
            if body:
                event = self._changes.patch(calendar, event, body)
            self._apply_exceptions(calendar, event, sent.get("exceptions") or [])
        except GoogleError as error:
            raise SandboxInputError(error.message) from error
        return self._shape(calendar, calendar.events[event.id])

    def delete(self, calendar: Calendar, event_id: str) -> None:
        """Delete an event, a series, or take out one occurrence.

        Raises:
            KeyError: no such event, or it is gone already.
        """
        event = self._find(calendar, event_id)
        if event.is_cancelled:
            raise KeyError(event_id)
        self._changes.delete(calendar, event)

    def _find(self, calendar: Calendar, event_id: str) -> Event:
        try:
            return self._changes.find(calendar, event_id)
        except GoogleError as error:
            raise KeyError(event_id) from error

    def _apply_exceptions(self, calendar: Calendar, master: Event, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        start = master.body["start"]
        all_day = "date" in start
        zone = calendar.info.time_zone if all_day else start["timeZone"]
        for row in rows:
            asked = shape.point(row.get("original_start"), all_day, zone)
            original = read_point(asked, "start", zone, needs_zone=False)
            key = instance_id(calendar, master.id, original)
            occurrence = self._find_occurrence(calendar, key, row)
            if row.get("cancelled"):
                if not occurrence.is_cancelled:
                    self._changes.delete(calendar, occurrence)
                continue
            body = shape.to_body({"all_day": all_day, "time_zone": zone, **_changed(row)}, calendar.info.account, zone)
            self._changes.patch(calendar, occurrence, body)

    def _find_occurrence(self, calendar: Calendar, key: str, row: dict[str, Any]) -> Event:
        try:
            return self._changes.find(calendar, key)
        except GoogleError as error:
            raise SandboxInputError(f"The series has no occurrence at {row.get('original_start')!r}.") from error

    def _shape(self, calendar: Calendar, event: Event) -> dict[str, Any]:
        result = shape.from_body(event.id, event.body, calendar.info.account)
        rows = sorted(calendar.series_exceptions(event.id), key=lambda item: item.id)
        if rows:
            result["exceptions"] = [shape.exception_shape(row.body) for row in rows]
        return result


def _changed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("original_start", "cancelled")}


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name.

    Raises:
        SandboxInputError: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SandboxInputError(f"There is no time zone {name!r}.") from error
