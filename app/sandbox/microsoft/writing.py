"""What a client's POST or PATCH body does to an event: validation as strict as Exchange's, defaults, rewriting.

It computes new property values and raises GraphError for what the service refuses; storing them is the caller's
business. Reference: Graph ``user-post-events`` and ``event-update``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.sandbox.microsoft import bodies
from app.sandbox.microsoft.errors import GraphError, invalid_request, validation_failure
from app.sandbox.microsoft.occurrences import Series
from app.sandbox.microsoft.properties import DEFAULTS, NO_TIME
from app.sandbox.microsoft.scheduling import TIMES, apply_times, check_boundary
from app.sandbox.microsoft.store import Event, ExceptionRecord
from app.sandbox.microsoft.vocabulary import check_body
from app.sandbox.microsoft.zones import Zone
from app.sandbox.world import Behaviour

_CHOICES = {
    "importance": ("low", "normal", "high"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "onlineMeetingProvider": ("unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"),
}
_FLAGS = (
    "isReminderOn",
    "responseRequested",
    "allowNewTimeProposals",
    "hideAttendees",
    "isOnlineMeeting",
    "isAllDay",
)
_WRITABLE = frozenset(
    {
        *_CHOICES,
        *_FLAGS,
        *TIMES,
        "subject",
        "body",
        "reminderMinutesBeforeStart",
        "categories",
        "location",
        "locations",
    }
    | {"attendees", "singleValueExtendedProperties", "transactionId"}
)
_READ_ONLY = frozenset(
    """
    id createdDateTime lastModifiedDateTime changeKey originalStartTimeZone originalEndTimeZone iCalUId hasAttachments
    bodyPreview isCancelled isOrganizer seriesMasterId type webLink onlineMeetingUrl onlineMeeting isDraft originalStart
    cancelledOccurrences responseStatus organizer exceptionOccurrences instances calendar
    """.split()
)
_NOT_EMULATED = frozenset({"attachments", "extensions", "multiValueExtendedProperties"})
_PROPERTY_ID = re.compile(
    r"(String|Integer|Boolean|Double|SystemTime|CLSID|Binary) "
    r"(\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\} (Name .+|Id 0x[0-9a-fA-F]+)|0x[0-9a-fA-F]+)"
)
_MAX_ATTENDEES = 500


@dataclass(frozen=True, slots=True)
class Person:
    """The owner of a mailbox, as organizer of what is created there."""

    name: str
    address: str


def new_event(
    body: Mapping[str, Any], organizer: Person, behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> dict[str, Any]:
    """The stored properties of an event that a client creates.

    Args:
        body: the JSON sent.
        organizer: the owner of the mailbox.
        behaviour: the switches.
        find_zone: see ``scheduling.zone_finder``.

    Raises:
        GraphError: 400 with Exchange's code.
    """
    fields: dict[str, Any] = {
        **DEFAULTS,
        # On by default: a copy made without saying otherwise reminds a second time.
        "isReminderOn": bool(behaviour["microsoft.reminder_default"]),
        "organizer": {"emailAddress": {"name": organizer.name, "address": organizer.address}},
    }
    if body.get("start") is None or body.get("end") is None:
        raise validation_failure("'start' and 'end' are required.")
    _check_names(body)
    check_body(body)
    return _apply(fields, body, behaviour, find_zone)


def changed_event(
    fields: Mapping[str, Any], body: Mapping[str, Any], behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> dict[str, Any]:
    """The stored properties of a single event or a master after a client's PATCH; raises as ``new_event`` does."""
    _check_names(body)
    check_body(body)
    if "transactionId" in body:
        raise _not_settable("transactionId")
    if "recurrence" in body and body["recurrence"] is None and fields["recurrence"] is not None:
        answer = behaviour["microsoft.recurrence_null"]
        if answer == "refused":
            raise invalid_request("The recurrence of a series cannot be removed.")
        if answer == "ignored":
            body = {name: value for name, value in body.items() if name != "recurrence"}
    return _apply(dict(fields), body, behaviour, find_zone)


def changed_occurrence(
    event: Event, original: date, body: Mapping[str, Any], behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> dict[str, Any]:
    """What differs from the series in one occurrence after a client's PATCH.

    Raises:
        GraphError: as ``new_event``; 400 ``ErrorOccurrenceCrossingBoundary`` when it would reach a neighbour's day.
    """
    _check_names(body)
    check_body(body)
    for name in ("recurrence", "transactionId"):
        if body.get(name) is not None:
            raise _not_settable(name)
    series = Series(event, behaviour)
    record = event.exceptions.get(original)
    own: dict[str, Any] = dict(record.fields) if record else {}
    base = {**event.fields, **own, "recurrence": None, "extended": own.get("extended", {})}
    if "start" not in own:
        start, end = series.walls(original)
        base |= {"start": start.isoformat(), "end": end.isoformat()}
        if not event.fields["isAllDay"]:
            base |= {"startZone": series.zone.windows, "endZone": series.zone.windows}
    wanted = {key: value for key, value in body.items() if key != "recurrence"}
    fields = _apply(dict(base), wanted, behaviour, find_zone)
    times = ("start", "end", "startZone", "endZone", "isAllDay")
    if any(fields[name] != base[name] for name in times):
        check_boundary(series, original, fields)
        own |= {name: fields[name] for name in times}
    names = [name for name in fields if name not in times and name in base and fields[name] != base[name]]
    own |= {name: fields[name] for name in names}
    return own


def after_master_change(
    event: Event, fields: Mapping[str, Any], behaviour: Behaviour
) -> tuple[dict[date, ExceptionRecord], dict[date, int]]:
    """The exceptions and cancelled dates that are left when a master gets new properties.

    Args:
        event: the master as it was.
        fields: its new properties.
        behaviour: ``microsoft.master_edit_exceptions`` says whether a new pattern or time resets them.
    """
    if fields.get("recurrence") is None:
        return {}, {}
    candidate = Event(event.key, event.calendar, event.created, event.modified, 0, 0, dict(fields))
    series = Series(candidate, behaviour)
    if _shape(event.fields) != _shape(fields) and behaviour["microsoft.master_edit_exceptions"] == "reset":
        return {}, {}
    return (
        {day: record for day, record in event.exceptions.items() if series.has(day)},
        {day: change for day, change in event.cancelled.items() if series.has(day)},
    )


def _shape(fields: Mapping[str, Any]) -> Any:
    rule = fields.get("recurrence")
    if rule is None:
        return None
    times = tuple(fields[name] for name in ("start", "end", "startZone", "endZone", "isAllDay"))
    return rule["pattern"], rule["range"]["startDate"], rule["range"]["recurrenceTimeZone"], times


def _check_names(body: Mapping[str, Any]) -> None:
    for name in body:
        if name in _WRITABLE or name.startswith("@odata.") or "@odata." in name:
            continue
        if name in _READ_ONLY:
            raise _not_settable(name)
        if name in _NOT_EMULATED:
            raise GraphError(501, "NotImplemented", f"The sandbox does not emulate '{name}'.")
        raise GraphError(
            400,
            "RequestBodyRead",
            f"The property '{name}' does not exist on type 'Microsoft.OutlookServices.Event'. Make sure to only use "
            "property names that are defined by the type or mark the type as open type.",
        )


def _not_settable(name: str) -> GraphError:
    return GraphError(400, "ErrorInvalidPropertySet", f"Set action is invalid for property. ({name})")


def _apply(
    fields: dict[str, Any], body: Mapping[str, Any], behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> dict[str, Any]:
    for name, allowed in _CHOICES.items():
        if name in body:
            if body[name] not in allowed:
                raise validation_failure(f"'{name}' has no such value.")
            fields[name] = body[name]
    for name in _FLAGS:
        if name in body:
            if not isinstance(body[name], bool):
                raise validation_failure(f"'{name}' is not a boolean.")
            fields[name] = body[name]
    if "subject" in body:
        fields["subject"] = _text(body["subject"], "subject", 255)
    if "reminderMinutesBeforeStart" in body:
        minutes = body["reminderMinutesBeforeStart"]
        if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 0:
            raise validation_failure("'reminderMinutesBeforeStart' is not a number of minutes.")
        fields["reminderMinutesBeforeStart"] = minutes
    if "categories" in body:
        if not isinstance(body["categories"], list) or any(not isinstance(item, str) for item in body["categories"]):
            raise validation_failure("'categories' is not a list of names.")
        fields["categories"] = list(body["categories"])
    if "body" in body:
        fields["bodyHtml"], fields["bodyText"] = _body(body["body"])
    _apply_places(fields, body)
    if "attendees" in body:
        fields["attendees"] = _attendees(body["attendees"])
    if "singleValueExtendedProperties" in body:
        fields["extended"] = _extended(fields["extended"], body["singleValueExtendedProperties"])
    if "transactionId" in body and body["transactionId"] is not None:
        _text(body["transactionId"], "transactionId", 255)
    if any(name in body for name in TIMES):
        apply_times(fields, body, behaviour, find_zone)
    return fields


def _text(value: Any, name: str, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise validation_failure(f"'{name}' is not a text of at most {longest} characters.")
    return value


def _body(value: Any) -> tuple[str, str]:
    if value is None:
        return "", ""
    if not isinstance(value, dict) or str(value.get("contentType", "text")).lower() not in ("text", "html"):
        raise validation_failure("'body' is not an item body.")
    content = value.get("content")
    if content is not None and not isinstance(content, str):
        raise validation_failure("'body' has no text content.")
    return bodies.rewrite(str(value.get("contentType", "text")).lower(), content or "")


def _location(value: Any) -> dict[str, Any]:
    if value is None:
        value = {"displayName": ""}
    if not isinstance(value, dict) or not isinstance(value.get("displayName", ""), str | None):
        raise validation_failure("'location' is not a location.")
    name = value.get("displayName") or ""
    # Exchange adds structure of its own to the name it was given.
    answer: dict[str, Any] = {
        "displayName": name,
        "locationType": "default",
        "uniqueIdType": "unknown",
        "address": {},
        "coordinates": {},
    }
    if name:
        answer |= {"uniqueId": name, "uniqueIdType": "private"}
        del answer["address"], answer["coordinates"]
    known = (
        "locationType",
        "locationUri",
        "locationEmailAddress",
        "address",
        "coordinates",
        "uniqueId",
        "uniqueIdType",
    )
    return {**answer, **{key: value[key] for key in known if value.get(key) is not None}}


def _apply_places(fields: dict[str, Any], body: Mapping[str, Any]) -> None:
    if "locations" in body:
        if not isinstance(body["locations"], list):
            raise validation_failure("'locations' is not a list.")
        fields["locations"] = [_location(item) for item in body["locations"]]
        fields["location"] = fields["locations"][0] if fields["locations"] else _location(None)
    if "location" in body:
        fields["location"] = _location(body["location"])
        fields["locations"] = [fields["location"]] if fields["location"]["displayName"] else []


def _attendees(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > _MAX_ATTENDEES:
        raise validation_failure(f"'attendees' is not a list of at most {_MAX_ATTENDEES}.")
    answer: list[dict[str, Any]] = []
    for item in value:
        address = item.get("emailAddress") if isinstance(item, dict) else None
        if not isinstance(address, dict) or "@" not in str(address.get("address", "")):
            raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        kind = item.get("type", "required")
        if kind not in ("required", "optional", "resource"):
            raise validation_failure("An attendee's type is unknown.")
        name = address.get("name") or address["address"]
        answer.append(
            {
                "type": kind,
                "status": {"response": "none", "time": NO_TIME},
                "emailAddress": {"name": name, "address": address["address"]},
            }
        )
    return answer


def _extended(old: Mapping[str, str], value: Any) -> dict[str, str]:
    if not isinstance(value, list):
        raise validation_failure("'singleValueExtendedProperties' is not a list.")
    merged = dict(old)
    for item in value:
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str) or not _PROPERTY_ID.fullmatch(name):
            raise GraphError(400, "ErrorInvalidExtendedProperty", "The extended property id is not valid.")
        if item.get("value") is None:
            merged.pop(name, None)
        elif isinstance(item["value"], str):
            merged[name] = item["value"]
        else:
            raise validation_failure("The value of an extended property is a text.")
    return merged
