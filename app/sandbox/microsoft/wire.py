"""How events and calendars look on Graph's wire: the JSON of a record in the form that the request's headers ask for.

Rendering only: it reads records and never changes them. Reference: Graph v1.0 ``event`` and ``calendar`` resources.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.sandbox.microsoft import bodies, ids
from app.sandbox.microsoft.occurrences import Instance, Series
from app.sandbox.microsoft.rows import SingleRows
from app.sandbox.microsoft.spans import span
from app.sandbox.microsoft.store import Calendar, Event, Store
from app.sandbox.microsoft.zones import CUSTOM_ZONE, UTC_ZONE, UnknownZoneError, Zone, resolve
from app.sandbox.world import World

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEPT_EVENTS = 2000
_KEPT_OF_ONE = 64
_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Form:
    """What a request's Prefer headers ask for.

    Args:
        zone: the zone in which times are rendered.
        zone_label: its name as the client wrote it.
        immutable: whether ids are the immutable ones.
        text: whether bodies are rendered as text.
        basic: whether bodies are left out (``Calendars.ReadBasic``).
    """

    zone: Zone
    zone_label: str
    immutable: bool
    text: bool
    basic: bool = False


def compact(value: Any) -> str:
    """JSON without blanks."""
    return _ENCODER.encode(value)


def moment(value: datetime) -> str:
    """An instant as Graph prints it: UTC, seven digits of a second."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")[:26] + "0Z"


def _wall_text(wall: datetime) -> str:
    """A time as Graph prints it, without its offset: seven digits of a second. Stored times have none of them."""
    if not wall.microsecond:
        return wall.isoformat()[:19] + ".0000000"
    return wall.isoformat()[:26] + "0"


def change_key(mailbox: str, change: int) -> str:
    """The change key of a change number: opaque, and equal only for equal numbers of one mailbox."""
    mark = ids.folder_mark(mailbox, 0).to_bytes(8, "big")
    return binascii.b2a_base64(mark + change.to_bytes(8, "big"), newline=False).decode()


def etag(mailbox: str, change: int) -> str:
    """``@odata.etag`` of a change number."""
    return f'W/"{change_key(mailbox, change)}"'


class Renderer:
    """Makes the JSON of calendars and events.

    Args:
        world: the switches.
        store: the records; ids come from it.
    """

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        self._kept: dict[str, Event] = {}
        self._rows = SingleRows(store)

    def calendar(self, calendar: Calendar) -> dict[str, Any]:
        """A calendar resource."""
        own = not calendar.is_shared
        return {
            "id": calendar.id,
            "name": calendar.name,
            "color": calendar.color,
            "hexColor": "",
            "isDefaultCalendar": calendar.is_default,
            "changeKey": change_key(calendar.mailbox, calendar.change),
            "canShare": own and calendar.role == "owner",
            "canViewPrivateItems": own,
            "canEdit": calendar.can_edit,
            "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness",
            "isTallyingResponses": own and calendar.is_default,
            "isRemovable": not calendar.is_default,
            "owner": {"name": calendar.owner_name, "address": calendar.owner_address},
        }

    def id(self, event: Event, original: date | None, form: Form) -> str:
        """The id of an event or occurrence in the form asked for."""
        return self._store.immutable_id(event, original) if form.immutable else self._store.ordinary_id(event, original)

    def change_of(self, event: Event, original: date | None) -> int:
        """The change number behind the change key of an event, a master, an occurrence or an exception."""
        record = event.exceptions.get(original) if original else None
        return record.change if record else event.change

    def event_text(self, event: Event, form: Form, original: date | None = None) -> str:
        """``event`` as JSON text; of parts of series it is kept until they change."""
        if not event.is_series:
            return self.single_text(event, form)
        key = (form, original, self._world.behaviour["microsoft.original_zone_names"])
        text = event.cache.get(key)
        if text is None:
            text = compact(self.event(event, form, original))
            self.keep(event, key, text)
        return str(text)

    def keep(self, event: Event, key: Any, value: Any) -> None:
        """Remember what was made of an event, for a bounded number of events."""
        if len(event.cache) > _KEPT_OF_ONE:
            event.cache.clear()
        event.cache[key] = value
        self._kept.pop(event.key, None)
        self._kept[event.key] = event
        if len(self._kept) > _KEPT_EVENTS:
            self._kept.pop(next(iter(self._kept))).cache.clear()

    def single_text(self, event: Event, form: Form, head: str = "{") -> str:
        """A single event as JSON text; ``head`` is what it begins with."""
        if form.basic:
            return head + compact(self.event(event, form))[1:]
        start, end = event.span
        own = event.own
        if own.get("isAllDay"):
            walls = (datetime.fromisoformat(own["start"]), datetime.fromisoformat(own["end"]))
        elif form.zone.windows == "UTC":
            # The wall clock of UTC shows the instants themselves: only their offset is not told.
            walls = (start, end)
        else:
            walls = (form.zone.wall(start), form.zone.wall(end))
        made = moment(event.created)
        return self._rows.text(
            event,
            head=head,
            key=change_key(self._store.calendars[event.calendar].mailbox, event.change),
            event_id=self.id(event, None, form),
            uid=_ical_uid(event, None),
            moments=(made, made if event.modified is event.created else moment(event.modified)),
            times=(_wall_text(walls[0]), _wall_text(walls[1])),
            label=form.zone_label,
            zones=(self._original_zone(own["startZone"]), self._original_zone(own["endZone"])),
            as_text=form.text,
        )

    def event(self, event: Event, form: Form, original: date | None = None) -> dict[str, Any]:
        """An event resource in full: a single event, a master, or one occurrence or exception of a series."""
        fields = event.fields
        kind = "singleInstance"
        instance: Instance | None = None
        series = Series(event, self._world.behaviour) if event.is_series else None
        if series is not None:
            kind = "seriesMaster"
        if original is not None and series is not None:
            instance = series.instance(original)
            kind = "exception" if instance.exception else "occurrence"
            if instance.exception:
                fields = {**fields, **instance.exception.fields}
        mailbox = self._store.calendars[event.calendar].mailbox
        key = change_key(mailbox, self.change_of(event, original))
        event_id = self.id(event, original, form)
        record = instance.exception if instance else None
        text = fields["bodyText"]
        answer: dict[str, Any] = {
            "@odata.etag": f'W/"{key}"',
            "id": event_id,
            "createdDateTime": moment(event.created),
            "lastModifiedDateTime": moment(record.modified if record else event.modified),
            "changeKey": key,
            "categories": fields["categories"],
            "transactionId": None if original else event.transaction_id,
            "originalStartTimeZone": self._original_zone(fields["startZone"]),
            "originalEndTimeZone": self._original_zone(fields["endZone"]),
            "iCalUId": _ical_uid(event, original),
            "reminderMinutesBeforeStart": fields["reminderMinutesBeforeStart"],
            "isReminderOn": fields["isReminderOn"],
            "hasAttachments": False,
            "subject": fields["subject"],
            "bodyPreview": text[: bodies.PREVIEW_CHARACTERS],
            "importance": fields["importance"],
            "sensitivity": fields["sensitivity"],
            "isAllDay": fields["isAllDay"],
            "isCancelled": fields["isCancelled"],
            "isOrganizer": fields["isOrganizer"],
            "responseRequested": fields["responseRequested"],
            "seriesMasterId": self.id(event, None, form) if original else None,
            "showAs": fields["showAs"],
            "type": kind,
            "webLink": ids.web_link(event_id),
            "onlineMeetingUrl": None,
            "isOnlineMeeting": fields["isOnlineMeeting"],
            "onlineMeetingProvider": fields["onlineMeetingProvider"],
            "allowNewTimeProposals": fields["allowNewTimeProposals"],
            "isDraft": False,
            "hideAttendees": fields["hideAttendees"],
            "responseStatus": fields["responseStatus"],
            "body": {
                "contentType": "text" if form.text else "html",
                "content": text if form.text else fields["bodyHtml"],
            },
            **self._times(event, fields, instance, form),
            "location": fields["location"],
            "locations": fields["locations"],
            "recurrence": None if original else self._recurrence(fields.get("recurrence")),
            "attendees": fields["attendees"],
            "organizer": fields["organizer"],
            "onlineMeeting": None,
        }
        if form.basic:
            del answer["body"], answer["bodyPreview"]
        if series is not None and original is not None:
            answer["originalStart"] = self._original_start(event, series, original)
        return answer

    def stub_text(self, event: Event, form: Form, instance: Instance) -> str:
        """An occurrence as ``calendarView/delta`` shows it: identity, link to the master and times, nothing else."""
        mailbox = self._store.calendars[event.calendar].mailbox
        times = self._times(event, event.fields, instance, form)
        return compact(
            {
                "@odata.type": "#microsoft.graph.event",
                "@odata.etag": etag(mailbox, event.change),
                "id": self.id(event, instance.original, form),
                "seriesMasterId": self.id(event, None, form),
                "type": "occurrence",
                **times,
            }
        )

    def extended(self, event: Event, original: date | None) -> dict[str, str]:
        """The extended properties of an event; an occurrence has those of its series unless it has its own."""
        record = event.exceptions.get(original) if original else None
        own: Mapping[str, str] = record.fields.get("extended", {}) if record else {}
        return {**event.fields["extended"], **own}

    def cancelled(self, event: Event, form: Form) -> list[str]:
        """``cancelledOccurrences`` of a master."""
        master = self.id(event, None, form)
        return [f"OID.{master}.{day.isoformat()}" for day in sorted(event.cancelled)]

    def _times(self, event: Event, fields: Mapping[str, Any], instance: Instance | None, form: Form) -> dict[str, Any]:
        if fields["isAllDay"]:
            # All-day values are dates: midnight on both ends whatever zone is asked for.
            start, end = datetime.fromisoformat(fields["start"]), datetime.fromisoformat(fields["end"])
            if instance is not None and not (instance.exception and "start" in instance.exception.fields):
                start, end = Series(event, self._world.behaviour).walls(instance.original)
        else:
            start, end = (instance.start, instance.end) if instance else span(fields)
            start, end = form.zone.wall(start), form.zone.wall(end)
        label = form.zone_label
        return {
            "start": {"dateTime": _wall_text(start), "timeZone": label},
            "end": {"dateTime": _wall_text(end), "timeZone": label},
        }

    def _original_zone(self, windows: str) -> str:
        if self._world.behaviour["microsoft.original_zone_names"] == "windows":
            return windows
        return UTC_ZONE if windows == "UTC" else CUSTOM_ZONE

    def _recurrence(self, value: Any) -> Any:
        if value is None:
            return None
        zone = self._original_zone(value["range"]["recurrenceTimeZone"])
        return {"pattern": value["pattern"], "range": {**value["range"], "recurrenceTimeZone": zone}}

    def _original_start(self, event: Event, series: Series, original: date) -> str:
        if not event.fields["isAllDay"]:
            value = series.original_start(original)
        else:
            account = self._world.account(self._store.calendars[event.calendar].mailbox)
            name = account.time_zone if account else "UTC"
            value = mailbox_zone(name).instant(datetime.fromisoformat(original.isoformat()))
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def mailbox_zone(name: str) -> Zone:
    """The zone set in a mailbox, UTC where it has no Windows name."""
    try:
        return resolve(name, any_iana=True)
    except UnknownZoneError:
        return resolve("UTC")


def _ical_uid(event: Event, original: date | None) -> str:
    # [MS-OXOCAL] 2.2.1.27: class id, original date of the occurrence, creation time, reserved, size, data.
    day = original.year.to_bytes(2, "big").hex() + f"{original.month:02x}{original.day:02x}" if original else "00000000"
    ticks = int((event.created - _EPOCH_1601).total_seconds() * 10_000_000)
    data = event.key.partition("@")[0] + "00000000"
    size = (len(data) // 2).to_bytes(4, "little").hex()
    tail = f"{ticks.to_bytes(8, 'little').hex()}{'00' * 8}{size}{data}"
    return f"040000008200E00074C5B7101A82E008{day}{tail}".upper()
