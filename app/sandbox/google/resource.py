"""The Event resource as it is written: types, limits, merge semantics, defaults, special event types (Calendar API v3
reference).

Pure: bodies in, normal bodies out. Who may write and what ids mean is decided in `events.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.sandbox.google.errors import GoogleError, bad_request, empty_range, invalid, not_emulated
from app.sandbox.google.times import Point, instant, read_point
from app.sandbox.recurrence import RecurrenceError, Series

Body = dict[str, Any]

ID: Final = re.compile(r"[a-v0-9]{5,1024}")

_STRINGS: Final = ("summary", "description", "location", "iCalUID")
_FLAGS: Final = {
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
}
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "colorId": tuple(str(number) for number in range(1, 12)),
}
_SPECIAL: Final = {
    "focusTime": "focusTimeProperties",
    "outOfOffice": "outOfOfficeProperties",
    "workingLocation": "workingLocationProperties",
    "birthday": "birthdayProperties",
}
_DECLINE_MODES: Final = ("declineNone", "declineAllConflictingInvitations", "declineOnlyNewConflictingInvitations")
_RESPONSES: Final = ("needsAction", "declined", "tentative", "accepted")

WRITABLE: Final = frozenset(
    {*_STRINGS, *_FLAGS, *_CHOICES, *_SPECIAL.values()}
    | {"start", "end", "recurrence", "status", "attendees", "reminders", "extendedProperties", "source", "sequence"}
)
"""Fields that a body can change; all others are read-only or unknown and ignored, as Google does."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body is written: what the rules depend on."""

    zone: str
    is_primary: bool
    is_workspace: bool = True
    trims: bool = True
    oversized_property: str = "refuse"


def merge(old: Any, new: Any) -> Any:
    """PATCH semantics: objects are merged, arrays replaced, null deletes."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merge(result.get(key, {}), value)
        else:
            result[key] = value
    return result


def normalize(body: Mapping[str, Any], place: Place, event_type: str, is_instance: bool = False) -> Body:
    """Check a whole body and bring it into the form it is stored in: defaults left out, times in the event's zone.

    Args:
        body: writable fields; others are ignored.
        place: the calendar.
        event_type: the type the event has for good.
        is_instance: an instance has no recurrence of its own.

    Returns:
        The stored form, with `status` and `eventType` always present.

    Raises:
        GoogleError: 400, what is wrong.
    """
    status = body.get("status")
    result: Body = {"status": "confirmed" if status is None else status, "eventType": event_type}
    if result["status"] not in ("confirmed", "tentative"):
        raise invalid("Invalid value for: status", "status")
    for name in _STRINGS:
        if body.get(name) is not None:
            if not isinstance(body[name], str):
                raise invalid(f"Invalid value for: {name}", name)
            text = body[name].strip() if place.trims and name != "iCalUID" else body[name]
            if text:
                result[name] = text
    for name, default in _FLAGS.items():
        if body.get(name) is not None:
            if not isinstance(body[name], bool):
                raise invalid(f"Invalid value for: {name}", name)
            if body[name] is not default:
                result[name] = body[name]
    for name, allowed in _CHOICES.items():
        if body.get(name) is not None:
            if body[name] not in allowed:
                raise invalid(f"Invalid value for: {name}", name)
            if body[name] not in ("opaque", "default"):
                result[name] = body[name]
    recurrence = body.get("recurrence") or []
    if is_instance and recurrence:
        raise invalid("An instance has no recurrence.", "recurrence")
    result["start"], result["end"] = _times(body, place, bool(recurrence))
    if recurrence:
        result["recurrence"] = _recurrence(recurrence, result["start"])
    if body.get("attendees"):
        result["attendees"] = _attendees(body["attendees"])
    result["reminders"] = _reminders(body.get("reminders"))
    properties = _extended(body.get("extendedProperties"), place)
    if properties:
        result["extendedProperties"] = properties
    if body.get("source") is not None:
        if not isinstance(body["source"], dict):
            raise invalid("Invalid value for: source", "source")
        result["source"] = {key: str(body["source"][key]) for key in ("title", "url") if key in body["source"]}
    _special(body, result, place, event_type)
    return result


def refuse_unsupported(body: Mapping[str, Any], query: Mapping[str, str]) -> None:
    """Refuse what is neither silently ignored by Google nor emulated here."""
    if body.get("conferenceData") is not None and query.get("conferenceDataVersion") == "1":
        raise not_emulated("conference data")
    if body.get("attachments") and query.get("supportsAttachments") == "true":
        raise not_emulated("attachments")
    if body.get("eventLabelId") is not None and query.get("eventLabelVersion") == "1":
        raise not_emulated("event labels")


def series_of(start: Point, recurrence: list[str], calendar_zone: str) -> Series:
    """The starts of a recurring event."""
    if "date" in start:
        first = date.fromisoformat(start["date"])
        wall = instant({"dateTime": f"{first.isoformat()}T00:00:00+00:00", "timeZone": "UTC"}, ZoneInfo("UTC"))
        return Series(wall.replace(tzinfo=None), ZoneInfo(calendar_zone), tuple(recurrence), all_day=True)
    tz = ZoneInfo(start["timeZone"])
    wall = instant(start, tz).astimezone(tz).replace(tzinfo=None, fold=0)
    return Series(wall, tz, tuple(recurrence))


def _times(body: Mapping[str, Any], place: Place, recurs: bool) -> tuple[Point, Point]:
    start = read_point(body.get("start"), "start", place.zone, recurs)
    end = read_point(body.get("end"), "end", place.zone, recurs)
    if ("date" in start) != ("date" in end):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    if "date" in start:
        if end["date"] <= start["date"]:
            raise empty_range()
    elif instant(end, ZoneInfo("UTC")) < instant(start, ZoneInfo("UTC")):
        raise empty_range()
    return start, end


def _recurrence(lines: Any, start: Point) -> list[str]:
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise invalid("Invalid recurrence rule.", "recurrence")
    try:
        series_of(start, lines, "UTC").validate()
    except RecurrenceError as error:
        raise invalid(f"Invalid recurrence rule. {error}", "recurrence") from error
    return list(lines)


def _attendees(rows: Any) -> list[Body]:
    if not isinstance(rows, list):
        raise invalid("Invalid value for: attendees", "attendees")
    result: list[Body] = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("email"), str) or "@" not in row["email"]:
            raise invalid("Invalid attendee email.", "attendees")
        status = "needsAction" if row.get("responseStatus") is None else row["responseStatus"]
        if status not in _RESPONSES:
            raise invalid("Invalid value for: responseStatus", "attendees")
        kept: Body = {"email": row["email"].lower(), "responseStatus": status}
        kept.update({key: row[key] for key in ("displayName", "optional", "resource", "comment") if row.get(key)})
        if row.get("additionalGuests"):
            kept["additionalGuests"] = int(row["additionalGuests"])
        if all(kept["email"] != earlier["email"] for earlier in result):
            result.append(kept)
    return result


def _reminders(value: Any) -> Body:
    if value is None:
        return {"useDefault": True}
    if not isinstance(value, dict):
        raise invalid("Invalid value for: reminders", "reminders")
    overrides = value.get("overrides") or []
    if value.get("useDefault") and overrides:
        raise GoogleError(
            400,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
            domain="calendar",
        )
    if not isinstance(overrides, list) or len(overrides) > 5:
        raise bad_request("Too many reminders.", "reminders")
    for item in overrides:
        if (
            not isinstance(item, dict)
            or item.get("method") not in ("email", "popup")
            or not isinstance(item.get("minutes"), int)
            or not 0 <= item["minutes"] <= 40320
        ):
            raise invalid("Invalid value for: reminders", "reminders")
    result: Body = {"useDefault": bool(value.get("useDefault", False))}
    if overrides:
        result["overrides"] = [{"method": item["method"], "minutes": item["minutes"]} for item in overrides]
    return result


def _extended(value: Any, place: Place) -> Body:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid value for: extendedProperties", "extendedProperties")
    result: Body = {}
    total = size = 0
    for side in ("private", "shared"):
        rows = value.get(side) or {}
        if not isinstance(rows, dict) or not all(isinstance(item, str) for item in rows.values()):
            raise invalid("Invalid value for: extendedProperties", "extendedProperties")
        kept: dict[str, str] = {}
        for key, text in rows.items():
            if len(key) > 44:  # over-long keys are dropped without a word
                continue
            if len(text) > 1024:
                if place.oversized_property == "refuse":
                    raise invalid("The value of an extended property is too long.", "extendedProperties")
                text = text[:1024]
            kept[key] = text
        total += len(kept)
        size += sum(len(key.encode()) + len(text.encode()) for key, text in kept.items())
        if kept:
            result[side] = kept
    if total > 300 or size > 32 * 1024:
        raise invalid("The extended properties of the event are too large.", "extendedProperties")
    return result


def _special(body: Mapping[str, Any], result: Body, place: Place, event_type: str) -> None:
    for other, name in _SPECIAL.items():
        if body.get(name) is not None and other != event_type:
            raise _malformed(event_type, f"{name} belong to events of type {other} only.")
    if event_type not in _SPECIAL:
        return
    if event_type != "birthday" and not place.is_primary:
        raise GoogleError(
            400,
            "eventTypeRestriction",
            f"Events of type {event_type} live on a primary calendar only.",
            domain="calendar",
        )
    if event_type != "birthday" and not place.is_workspace:
        raise GoogleError(
            400, "eventTypeRestriction", f"Events of type {event_type} need a Workspace account.", domain="calendar"
        )
    name = _SPECIAL[event_type]
    properties = body.get(name) if body.get(name) is not None else ({} if event_type != "workingLocation" else None)
    if not isinstance(properties, dict):
        raise _malformed(event_type, f"{name} are missing.")
    all_day = "date" in result["start"]
    one_day = (
        all_day and (date.fromisoformat(result["end"]["date"]) - date.fromisoformat(result["start"]["date"])).days == 1
    )
    if event_type in ("focusTime", "outOfOffice"):
        if all_day or result.get("transparency") == "transparent":
            raise _malformed(event_type, "The event must be timed and opaque.")
        if properties.get("autoDeclineMode", "declineNone") not in _DECLINE_MODES:
            raise _malformed(event_type, "The autoDeclineMode is not valid.")
        if properties.get("chatStatus", "available") not in ("available", "doNotDisturb"):
            raise _malformed(event_type, "The chatStatus is not valid.")
    elif event_type == "workingLocation":
        if result.get("visibility") != "public" or result.get("transparency") != "transparent":
            raise _malformed(event_type, "The event must be public and transparent.")
        if properties.get("type") not in ("homeOffice", "officeLocation", "customLocation"):
            raise _malformed(event_type, "The type of location is not valid.")
        if all_day and not one_day:
            raise _malformed(event_type, "An all-day working location spans one day.")
    else:
        if properties.get("type", "birthday") != "birthday":
            raise _malformed(event_type, "Only birthdays of type birthday can be made.")
        rules = result.get("recurrence", [])
        yearly = len(rules) == 1 and "FREQ=YEARLY" in rules[0].upper()
        if not one_day or not yearly or result.get("visibility") != "private" or "transparency" not in result:
            raise _malformed(event_type, "A birthday is private, transparent, one day long and repeats every year.")
        properties = {**properties, "type": "birthday"}
    result[name] = dict(properties)


def _malformed(event_type: str, text: str) -> GoogleError:
    reason = f"malformed{event_type[0].upper()}{event_type[1:]}Event"
    return GoogleError(400, reason, text, domain="calendar")
