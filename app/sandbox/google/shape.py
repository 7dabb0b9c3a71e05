"""The sandbox's domain shape of an event (see `EmulatedProvider`) to and from Google's Event resource. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.sandbox.faults import SandboxInputError
from app.sandbox.google.stored import Body
from app.sandbox.google.times import Point

FIELDS: Final = frozenset(
    {"id", "title", "start", "end", "all_day", "time_zone", "rrule", "exceptions", "description", "html", "location"}
    | {"status", "response", "attendees", "busy", "visibility", "kind"}
)
_ORGANIZER: Final = "nadia.keller@example.org"
_SPECIAL: Final[dict[str, Body]] = {
    "workingLocation": {
        "visibility": "public",
        "transparency": "transparent",
        "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}},
    },
    "birthday": {
        "visibility": "private",
        "transparency": "transparent",
        "birthdayProperties": {"type": "birthday"},
    },
    "focusTime": {"focusTimeProperties": {"autoDeclineMode": "declineNone", "chatStatus": "doNotDisturb"}},
    "outOfOffice": {"outOfOfficeProperties": {"autoDeclineMode": "declineNone"}},
}


def check(event: Mapping[str, Any]) -> None:
    """Refuse fields that the shape does not have.

    Raises:
        SandboxInputError: an unknown field.
    """
    unknown = sorted(set(event) - FIELDS)
    if unknown:
        raise SandboxInputError(f"An event has no field {unknown[0]!r}.")


def point(text: Any, all_day: bool, time_zone: str) -> dict[str, Any]:
    """A start or end as Google takes it, the other kind's members nulled for a merge.

    Raises:
        SandboxInputError: not a date, or not a local time without offset.
    """
    try:
        if all_day:
            return {"date": date.fromisoformat(text).isoformat(), "dateTime": None, "timeZone": None}
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise SandboxInputError(f"{text!r} is no {'date' if all_day else 'local time'}.") from error
    if moment.tzinfo is not None:
        raise SandboxInputError(f"{text!r} must be a local time without offset; the zone is time_zone.")
    return {"date": None, "dateTime": moment.isoformat(timespec="seconds"), "timeZone": time_zone}


def to_body(event: Mapping[str, Any], account: str, default_zone: str) -> Body:
    """The Event resource for those fields of the shape that are given; `exceptions` are not part of it.

    Args:
        event: the shape, or some fields of it; `start` and `end` only together with `all_day` and `time_zone`.
        account: the user's own address.
        default_zone: the zone when `time_zone` is absent.
    """
    check(event)
    body: Body = {}
    for ours, theirs in (("title", "summary"), ("location", "location"), ("status", "status"), ("id", "id")):
        if ours in event:
            body[theirs] = event[ours]
    if "html" in event or "description" in event:
        body["description"] = event.get("html") or event.get("description")
    if "start" in event or "end" in event:
        all_day = bool(event.get("all_day"))
        zone = str(event.get("time_zone") or default_zone)
        body["start"] = point(event.get("start"), all_day, zone)
        body["end"] = point(event.get("end"), all_day, zone)
    if "rrule" in event:
        body["recurrence"] = list(event["rrule"] or [])
    if "busy" in event:
        body["transparency"] = "transparent" if event["busy"] == "free" else "opaque"
        if event["busy"] == "tentative":
            body["status"] = "tentative"
    if "visibility" in event:
        body["visibility"] = event["visibility"]
    kind = event.get("kind") or "default"
    if kind != "default":
        body["eventType"] = kind
        body.update(_SPECIAL.get(kind, {}))
    if "attendees" in event or "response" in event:
        body["attendees"] = _attendees(event, account)
    return body


def organizer(event: Mapping[str, Any]) -> str | None:
    """Whose event it is when the user's own answer is given: somebody else's."""
    return _ORGANIZER if event.get("response") else None


def _attendees(event: Mapping[str, Any], account: str) -> list[Body]:
    rows: list[Body] = []
    if event.get("response"):
        rows.append({"email": _ORGANIZER, "displayName": "Nadia Keller", "responseStatus": "accepted"})
        rows.append({"email": account, "responseStatus": event["response"]})
    for person in event.get("attendees") or []:
        row = {"email": person} if isinstance(person, str) else dict(person)
        rows.append(
            {
                "email": row["email"],
                "responseStatus": row.get("response") or "needsAction",
                **({"displayName": row["name"]} if row.get("name") else {}),
            }
        )
    return rows


def from_body(event_id: str, body: Body, account: str) -> dict[str, Any]:
    """The shape of a stored event, all fields that hold something."""
    result: dict[str, Any] = {"id": event_id, "title": body.get("summary", "")}
    result.update(_times(body["start"], body["end"]))
    if body.get("recurrence"):
        result["rrule"] = list(body["recurrence"])
    for name in ("description", "location", "visibility"):
        if name in body:
            result[name] = body[name]
    if body["status"] == "tentative":
        result["status"] = "tentative"
    if body.get("transparency") == "transparent":
        result["busy"] = "free"
    if body.get("eventType", "default") != "default":
        result["kind"] = body["eventType"]
    rows = body.get("attendees", [])
    own = [row for row in rows if row["email"] == account]
    if own and body.get("organizer", {}).get("email") != account:
        result["response"] = own[0]["responseStatus"]
    others = [row for row in rows if row["email"] not in (account, _ORGANIZER)]
    if others:
        result["attendees"] = [
            {
                "email": row["email"],
                "response": row["responseStatus"],
                **({"name": row["displayName"]} if "displayName" in row else {}),
            }
            for row in others
        ]
    return result


def exception_shape(body: Body) -> dict[str, Any]:
    """A stored exception as it stands in a series' `exceptions`."""
    result: dict[str, Any] = {"original_start": wall(body["originalStartTime"])}
    if body["status"] == "cancelled":
        return {**result, "cancelled": True}
    result["title"] = body.get("summary", "")
    times = _times(body["start"], body["end"])
    return {**result, "start": times["start"], "end": times["end"]}


def wall(at: Point) -> str:
    """A point as local wall time without offset, or as a date."""
    if "date" in at:
        return at["date"]
    return datetime.fromisoformat(at["dateTime"]).replace(tzinfo=None).isoformat()


def _times(start: Point, end: Point) -> dict[str, Any]:
    result: dict[str, Any] = {"start": wall(start), "end": wall(end), "all_day": "date" in start}
    if "date" not in start:
        result["time_zone"] = start["timeZone"]
        if end["timeZone"] != start["timeZone"]:
            # The shape has one zone: the end is told in the start's.
            moment = datetime.fromisoformat(end["dateTime"]).astimezone(ZoneInfo(start["timeZone"]))
            result["end"] = moment.replace(tzinfo=None).isoformat()
    return result
