"""What kinds of values Calendar's parameters and bodies take (discovery document `calendar.v3`), and refusing others.

Kinds only: what a value means, and which one is right where, is decided by the methods. Names that are not here are
ignored, as the service does. A test holds these tables against the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from starlette.datastructures import QueryParams

from app.sandbox.google.errors import invalid
from app.sandbox.google.times import parameter

Kind = type | str | list["Kind"] | dict[str, "Kind"]
"""A type of JSON values, `date` or `date-time` for a text of that form, a list of some kind, or an object's fields."""

FLAGS: Final = frozenset(
    "alwaysIncludeEmail prettyPrint sendNotifications showDeleted showHidden showHiddenInvitations "
    "showOwnOrganizationOnly singleEvents supportsAttachments".split()
)
NUMBERS: Final[Mapping[str, tuple[int, int | None]]] = {
    "conferenceDataVersion": (0, 1),
    "eventLabelVersion": (0, 1),
    "maxAttendees": (1, None),
    "maxResults": (1, None),
}
"""Whole numbers with their limits; above `maxResults`' limit the answer is shorter instead (unverified)."""
MOMENTS: Final = frozenset({"timeMax", "timeMin", "updatedMin"})

_PERSON: Final[dict[str, Kind]] = {"displayName": str, "email": str, "id": str, "self": bool}
_POINT: Final[dict[str, Kind]] = {"date": "date", "dateTime": "date-time", "timeZone": str}
_DECLINING: Final[dict[str, Kind]] = {"autoDeclineMode": str, "chatStatus": str, "declineMessage": str}
_OFFICE: Final[dict[str, Kind]] = dict.fromkeys("buildingId deskId floorId floorSectionId label".split(), str)
_CONFERENCE: Final[dict[str, Kind]] = {
    "conferenceId": str,
    "conferenceSolution": {"iconUri": str, "key": {"type": str}, "name": str},
    "createRequest": {"conferenceSolutionKey": {"type": str}, "requestId": str, "status": {"statusCode": str}},
    "entryPoints": [
        {
            name: [str] if name == "entryPointFeatures" else str
            for name in (
                "accessCode entryPointFeatures entryPointType label meetingCode passcode password pin regionCode uri"
            ).split()
        }
    ],
    "notes": str,
    "parameters": {"addOnParameters": {"parameters": {"*": str}}},
    "signature": str,
}


def _as_object(kind: Kind) -> dict[str, Kind]:
    if not isinstance(kind, dict):
        raise TypeError("The kind is no object's.")
    return kind


EVENT: Final[dict[str, Kind]] = {
    **dict.fromkeys(
        (
            "colorId description etag eventLabelId eventType hangoutLink htmlLink iCalUID id kind location "
            "recurringEventId status summary transparency visibility"
        ).split(),
        str,
    ),
    **dict.fromkeys(
        (
            "anyoneCanAddSelf attendeesOmitted endTimeUnspecified guestsCanInviteOthers guestsCanModify "
            "guestsCanSeeOtherGuests locked privateCopy"
        ).split(),
        bool,
    ),
    "attachments": [dict.fromkeys(("fileId", "fileUrl", "iconLink", "mimeType", "title"), str)],
    "attendees": [
        {
            **_PERSON,
            "additionalGuests": int,
            "asyncOperation": str,
            "comment": str,
            "optional": bool,
            "organizer": bool,
            "resource": bool,
            "responseStatus": str,
        }
    ],
    "birthdayProperties": {"contact": str, "customTypeName": str, "type": str},
    "conferenceData": _CONFERENCE,
    "created": "date-time",
    "creator": _PERSON,
    "end": _POINT,
    "extendedProperties": {"private": {"*": str}, "shared": {"*": str}},
    "focusTimeProperties": _DECLINING,
    "gadget": {
        **dict.fromkeys(("display", "iconLink", "link", "title", "type"), str),
        "height": int,
        "preferences": {"*": str},
        "width": int,
    },
    "organizer": _PERSON,
    "originalStartTime": _POINT,
    "outOfOfficeProperties": {"autoDeclineMode": str, "declineMessage": str},
    "recurrence": [str],
    "reminders": {"overrides": [{"method": str, "minutes": int}], "useDefault": bool},
    "sequence": int,
    "source": {"title": str, "url": str},
    "start": _POINT,
    "updated": "date-time",
    "workingLocationProperties": {
        "customLocation": {"label": str},
        "officeLocation": _OFFICE,
        "type": str,
    },
}
FREE_BUSY: Final[dict[str, Kind]] = {
    "calendarExpansionMax": int,
    "groupExpansionMax": int,
    "items": [{"id": str}],
    "timeMax": "date-time",
    "timeMin": "date-time",
    "timeZone": str,
}
CALENDAR: Final[dict[str, Kind]] = {
    **dict.fromkeys("dataOwner description etag id kind location summary timeZone".split(), str),
    "autoAcceptInvitations": bool,
    "conferenceProperties": {"allowedConferenceSolutionTypes": [str]},
    "labelProperties": {"eventLabels": [{"backgroundColor": str, "id": str, "name": str}]},
    "workingHours": {
        "availableTimes": [{"dayOfWeek": str, "periodEnd": int, "periodStart": int}],
        "workingHoursEnabled": bool,
    },
}

_LOCATIONS: Final[dict[str, Kind]] = {**_as_object(EVENT["workingLocationProperties"]), "homeOffice": {"*": str}}
_REMINDERS: Final[Kind] = [{"method": str, "minutes": int}]
_EVENT: Final[dict[str, Kind]] = {**EVENT, "workingLocationProperties": _LOCATIONS}
_PAGE: Final[dict[str, Kind]] = {"kind": str, "etag": str, "nextPageToken": str, "nextSyncToken": str}
_ENTRY: Final[dict[str, Kind]] = {
    **dict.fromkeys(
        (
            "accessRole backgroundColor colorId dataOwner description etag foregroundColor id kind location summary "
            "summaryOverride timeZone"
        ).split(),
        str,
    ),
    **dict.fromkeys("autoAcceptInvitations deleted hidden primary selected".split(), bool),
    "conferenceProperties": CALENDAR["conferenceProperties"],
    "defaultReminders": _REMINDERS,
    "notificationSettings": {"notifications": [{"method": str, "type": str}]},
}
_SETTING: Final[dict[str, Kind]] = dict.fromkeys(("etag", "id", "kind", "value"), str)
_COLOURS: Final[Kind] = {"*": {"background": str, "foreground": str}}
_ERRORS: Final[Kind] = [{"domain": str, "reason": str}]
ANSWERS: Final[dict[str, Kind]] = {
    "calendar#event": _EVENT,
    "calendar#events": {
        **_PAGE,
        **dict.fromkeys("accessRole description summary timeZone updated".split(), str),
        "defaultReminders": _REMINDERS,
        "items": [_EVENT],
    },
    "calendar#calendar": CALENDAR,
    "calendar#calendarListEntry": _ENTRY,
    "calendar#calendarList": {**_PAGE, "items": [_ENTRY]},
    "calendar#setting": _SETTING,
    "calendar#settings": {**_PAGE, "items": [_SETTING]},
    "calendar#colors": {"kind": str, "updated": str, "calendar": _COLOURS, "event": _COLOURS},
    "calendar#freeBusy": {
        **dict.fromkeys(("kind", "timeMin", "timeMax"), str),
        "calendars": {"*": {"busy": [{"start": str, "end": str}], "errors": _ERRORS}},
        "groups": {"*": {"calendars": [str], "errors": _ERRORS}},
    },
}
"""By `kind`: every name that an answer can have, for the `fields` selector."""


def check_parameters(params: QueryParams) -> None:
    """Refuse a parameter whose value is not of its kind.

    Raises:
        GoogleError: 400 `invalid`.
    """
    if len(params.get("quotaUser", "")) > 40:
        raise invalid("Invalid value for: quotaUser", "quotaUser")
    for name, value in params.multi_items():
        if name in FLAGS and value not in ("true", "false"):
            raise invalid(f"Invalid boolean value: '{value}'.", name)
        if name in NUMBERS:
            low, high = NUMBERS[name]
            number = int(value) if len(value) < 20 and value.isascii() and value.removeprefix("-").isdigit() else None
            if number is None or number < low or (high is not None and number > high):
                raise invalid(f"Invalid integer value: '{value}'.", name)
        if name in MOMENTS:
            parameter(value, name)


def check_body(value: Any, kind: Kind, place: str = "") -> None:
    """Refuse a body with a value that is not of its kind; null is of every kind but in a list.

    Args:
        value: the body, or a part of it.
        kind: what it must be.
        place: where it stands, for the message.

    Raises:
        GoogleError: 400 `invalid`.
    """
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise invalid(f"Invalid value for: {place or 'body'}", place or None)
        for name, item in value.items():
            below = kind.get(name, kind.get("*"))
            if below is not None and item is not None:
                check_body(item, below, f"{place}.{name}" if place else name)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise invalid(f"Invalid value for: {place}", place)
        for item in value:
            check_body(item, kind[0], place)
    elif isinstance(kind, str):
        if not isinstance(value, str) or not _is_moment(value, kind):
            raise invalid(f"Invalid value for: {place}", place)
    elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(f"Invalid value for: {place}", place)


def _is_moment(text: str, form: str) -> bool:
    try:
        if form == "date":
            return len(text) == 10 and bool(date.fromisoformat(text))
        return len(text) >= 19 and text[10] in "Tt" and bool(datetime.fromisoformat(text))
    except ValueError:
        return False
