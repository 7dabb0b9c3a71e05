"""What kinds of values an event's body takes (Graph v1.0 ``event`` and its complex types), and refusing others.

Kinds and names only: what a value means, and which one is right, is decided in ``writing.py`` and ``scheduling.py``. A
test holds this table against the schema derived from Microsoft's types.
"""

from __future__ import annotations

from typing import Any, Final

from app.sandbox.microsoft.errors import GraphError, validation_failure

Kind = type | tuple[str, ...] | list["Kind"] | dict[str, "Kind"]
"""A type of JSON values, the names of an enumeration, a list of some kind, or a complex type's properties."""

_POINT: Final[dict[str, Kind]] = {"dateTime": str, "timeZone": str}
_ADDRESS: Final[dict[str, Kind]] = dict.fromkeys(("city", "countryOrRegion", "postalCode", "state", "street"), str)
_COORDINATES: Final[dict[str, Kind]] = dict.fromkeys(
    ("accuracy", "altitude", "altitudeAccuracy", "latitude", "longitude"), float
)
_LOCATION: Final[dict[str, Kind]] = {
    "address": _ADDRESS,
    "coordinates": _COORDINATES,
    "displayName": str,
    "locationEmailAddress": str,
    "locationType": tuple(
        (
            "default conferenceRoom homeAddress businessAddress geoCoordinates streetAddress hotel restaurant "
            "localBusiness postalAddress"
        ).split()
    ),
    "locationUri": str,
    "uniqueId": str,
    "uniqueIdType": ("unknown", "locationStore", "directory", "private", "bing"),
}
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
EVENT: Final[dict[str, Kind]] = {
    **dict.fromkeys(("subject", "transactionId"), str),
    **dict.fromkeys(
        "allowNewTimeProposals hideAttendees isAllDay isOnlineMeeting isReminderOn responseRequested".split(), bool
    ),
    "attendees": [
        {
            "emailAddress": {"address": str, "name": str},
            "proposedNewTime": {"end": _POINT, "start": _POINT},
            "status": {
                "response": (*("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"),),
                "time": str,
            },
            "type": ("required", "optional", "resource"),
        }
    ],
    "body": {"content": str, "contentType": ("text", "html")},
    "categories": [str],
    "end": _POINT,
    "importance": ("low", "normal", "high"),
    "location": _LOCATION,
    "locations": [_LOCATION],
    "onlineMeetingProvider": ("unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"),
    "recurrence": {
        "pattern": {
            "dayOfMonth": int,
            "daysOfWeek": [_DAYS],
            "firstDayOfWeek": _DAYS,
            "index": ("first", "second", "third", "fourth", "last"),
            "interval": int,
            "month": int,
            "type": ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"),
        },
        "range": {
            "endDate": str,
            "numberOfOccurrences": int,
            "recurrenceTimeZone": str,
            "startDate": str,
            "type": ("endDate", "noEnd", "numbered"),
        },
    },
    "reminderMinutesBeforeStart": int,
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "singleValueExtendedProperties": [{"id": str, "value": str}],
    "start": _POINT,
}
NEVER_NULL: Final = frozenset(
    {
        "attendees.proposedNewTime.end",
        "attendees.proposedNewTime.end.dateTime",
        "attendees.proposedNewTime.start",
        "attendees.proposedNewTime.start.dateTime",
        "end.dateTime",
        "recurrence.pattern.dayOfMonth",
        "recurrence.pattern.interval",
        "recurrence.pattern.month",
        "recurrence.range.numberOfOccurrences",
        "singleValueExtendedProperties.id",
        "start.dateTime",
    }
)
_NAMES: Final[dict[Any, str]] = {str: "Edm.String", bool: "Edm.Boolean", int: "Edm.Int32", float: "Edm.Double"}


def check_body(value: Any, kind: Kind = EVENT, place: str = "") -> None:
    """Refuse a value that is not of its kind, and a property that a complex type does not have.

    Names of the event itself are not its business: which of them may be set is for ``writing.py`` to say.

    Args:
        value: the body, or a part of it.
        kind: what it must be.
        place: where it stands, for the message.

    Raises:
        GraphError: 400 ``RequestBodyRead``, ``ErrorPropertyValidationFailure`` for a name that an enumeration lacks.
    """
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise _unreadable(f"An unexpected value was found for '{place or 'body'}'; an object was expected.")
        for name, item in value.items():
            inner = f"{place}.{name}" if place else name
            if "@odata." in name or (not place and name not in kind):
                continue
            if name not in kind:
                raise _unreadable(f"The property '{name}' does not exist on the type of '{place}'.")
            if item is None:
                if inner in NEVER_NULL:
                    raise _unreadable(f"A null value was found for the property '{inner}', which is not nullable.")
                continue
            check_body(item, kind[name], inner)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise _unreadable(f"An unexpected value was found for '{place}'; a collection was expected.")
        for item in value:
            check_body(item, kind[0], place)
    elif isinstance(kind, tuple):
        # OData's names of an enumeration are read in any case of letters.
        if not isinstance(value, str) or value.lower() not in {name.lower() for name in kind}:
            raise validation_failure(f"'{place}' has no such value.")
    elif not _is(value, kind):
        raise _unreadable(f"Cannot convert the value of '{place}' to the expected type '{_NAMES[kind]}'.")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    return isinstance(value, kind)


def _unreadable(message: str) -> GraphError:
    return GraphError(400, "RequestBodyRead", message)
