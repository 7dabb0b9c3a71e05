"""What the user does in Google's own calendar, for the control API and the seed: events in the sandbox's domain shape.

No token and no scope is involved; the rules for events are those of the API.
"""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from app.sandbox.faults import SandboxInputError
from app.sandbox.google import shape
from app.sandbox.google.changes import Changes
from app.sandbox.google.errors import GoogleError
from app.sandbox.google.series import instance_id
from app.sandbox.google.store import Calendar, Store
from app.sandbox.google.stored import Event
from app.sandbox.google.times import read_point
from app.sandbox.splitting import cut


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
        event: Event | None = None
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
        except (GoogleError, SandboxInputError) as error:
            if event is not None:
                # A series is made whole or not at all.
                self._changes.delete(calendar, event)
            raise _refused(error) from error
        return self._shape(calendar, calendar.events[event.id])

    def patch(self, calendar: Calendar, event_id: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Change the fields given of an event, a series or one occurrence.

        Raises:
            KeyError: no such event.
            SandboxInputError: the change is not possible.
        """
        event = self._live(calendar, event_id)
        owner = calendar.info.account
        wanted = {key: value for key, value in sent.items() if key not in ("id", "exceptions", "response")}
        if {"start", "end", "all_day", "time_zone"} & set(sent):
            known = shape.from_body(event.id, event.body, owner)
            wanted = {**{key: known.get(key) for key in ("start", "end", "all_day", "time_zone")}, **wanted}
        body = shape.to_body(wanted, owner, calendar.info.time_zone)
        if "response" in sent:
            rows = event.body.get("attendees", [])
            if not any(row["email"] == owner for row in rows):
                raise SandboxInputError("The user is not invited to this event.", "response")
            body["attendees"] = [
                {**row, "responseStatus": sent["response"]} if row["email"] == owner else row for row in rows
            ]
        try:
            if body:
                event = self._changes.patch(calendar, event, body)
            self._apply_exceptions(calendar, event, sent.get("exceptions") or [])
        except GoogleError as error:
            raise _refused(error) from error
        return self._shape(calendar, calendar.events[event.id])

    def delete(self, calendar: Calendar, event_id: str) -> None:
        """Delete an event, a series, or take out one occurrence.

        Raises:
            KeyError: no such event, or it is gone already.
        """
        self._changes.delete(calendar, self._live(calendar, event_id))

    def move(self, calendar: Calendar, target: Calendar, event_id: str) -> dict[str, Any]:
        """Move an event or a series to another calendar of the same person.

        Raises:
            KeyError: no such event.
            SandboxInputError: it cannot be moved there.
        """
        event = self._live(calendar, event_id)
        if target.info.account != calendar.info.account:
            raise SandboxInputError("An event moves between the calendars of one person.", "calendar")
        try:
            moved = self._changes.move(calendar, target, event)
        except GoogleError as error:
            raise SandboxInputError(error.message, "calendar") from error
        return self._shape(target, moved)

    def split(self, calendar: Calendar, event_id: str, at: str, sent: dict[str, Any]) -> list[dict[str, Any]]:
        """Change this occurrence of a series and all that follow: the rest becomes a series of its own, which has
        everything the first has, the properties of programs too.

        Raises:
            KeyError: no such event.
            SandboxInputError: the series has no such occurrence, or the change is not possible.
        """
        event = self._live(calendar, event_id)
        first, rest = cut(self._shape(calendar, event), at)
        times = shape.to_body(rest, calendar.info.account, calendar.info.time_zone)
        try:
            ended = self._changes.patch(calendar, event, {"recurrence": first})
            stamp = rest["start"].replace("-", "").replace(":", "")
            # UNVERIFIED: ids of the second part carry `_R` and its start.
            suffixed = calendar.behaviour["google.split_series_id"] == "suffixed"
            new_id = f"{event.id.partition('_R')[0]}_R{stamp}" if suffixed else self._changes.new_id()
            self._changes.split_off(calendar, event, new_id, times)
            if not {"start", "end", "all_day", "time_zone", "rrule"} & set(sent):
                self._apply_exceptions(calendar, calendar.events[new_id], rest.get("exceptions") or [])
        except GoogleError as error:
            raise SandboxInputError(error.message, "at") from error
        second = self.patch(calendar, new_id, sent) if sent else self._shape(calendar, calendar.events[new_id])
        return [self._shape(calendar, ended), second]

    def respond(self, calendar: Calendar, event_id: str, response: str, email: str | None) -> dict[str, Any]:
        """Answer an invitation: the person's own, or one of the guests' of the person's event.

        Raises:
            KeyError: no such event.
            SandboxInputError: nobody of that address is invited.
        """
        event = self._live(calendar, event_id)
        who = (email or calendar.info.account).lower()
        rows = event.body.get("attendees", [])
        if all(row["email"] != who for row in rows):
            raise SandboxInputError(f"{who} is not invited to this event.", "email" if email else "response")
        return self._shape(calendar, self._changes.answer(calendar, event, who, response, "all"))

    def _live(self, calendar: Calendar, event_id: str) -> Event:
        event = self._find(calendar, event_id)
        if event.is_cancelled:
            raise KeyError(event_id)
        return event

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


_OURS: Final = {"summary": "title", "recurrence": "rrule", "transparency": "busy", "eventType": "kind"}
"""Our name for what Google blames, where it has another."""


def _refused(error: GoogleError | SandboxInputError) -> SandboxInputError:
    if isinstance(error, SandboxInputError):
        return error
    fallback = {"duplicate": "id", "timeRangeEmpty": "end"}.get(error.reason)
    field = fallback or _OURS.get(error.location or "", error.location)
    return SandboxInputError(error.message, field)


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
