"""When an event is: start, end, all-day and recurrence of a client's body, checked as strictly as Exchange does.

It changes the properties it is given and raises GraphError for what the service refuses. Reference: Graph
``dateTimeTimeZone`` and ``patternedRecurrence``; provider reference, sections 5.5 to 5.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from app.sandbox.microsoft import recurrence
from app.sandbox.microsoft.errors import GraphError, invalid_request, validation_failure
from app.sandbox.microsoft.occurrences import Series
from app.sandbox.microsoft.spans import zone_of
from app.sandbox.microsoft.zones import UnknownZoneError, Zone, resolve
from app.sandbox.world import Behaviour

TIMES = ("start", "end", "isAllDay", "recurrence")


def zone_finder(behaviour: Behaviour) -> Callable[[str], Zone]:
    """How zone names of clients are resolved here, with Graph's error for one that is not accepted."""

    def find(name: str) -> Zone:
        try:
            return resolve(name, any_iana=bool(behaviour["microsoft.accept_any_iana_zone"]))
        except UnknownZoneError:
            code = str(behaviour["microsoft.unknown_zone_code"])
            raise GraphError(400, code, f"The time zone '{name}' is not supported.") from None

    return find


def _wall(value: Any, name: str, find_zone: Callable[[str], Zone]) -> tuple[datetime, Zone]:
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str):
        raise validation_failure(f"'{name}' is not a dateTimeTimeZone.")
    zone = value.get("timeZone")
    if not isinstance(zone, str) or not zone:
        raise validation_failure(f"'{name}' has no time zone.")
    try:
        moment = datetime.fromisoformat(value["dateTime"])
    except ValueError:
        raise validation_failure(f"'{name}' is not a date and time.") from None
    # An offset or Z is not converted: the digits are taken as wall time in the zone named beside them.
    return moment.replace(tzinfo=None, microsecond=0), find_zone(zone)


def _minutes(wall: datetime, how: str) -> datetime:
    if how == "kept" or not wall.second:
        return wall
    up = how == "rounded" and wall.second >= 30 and wall.year < date.max.year
    return wall.replace(second=0) + (timedelta(minutes=1) if up else timedelta())


def apply_times(
    fields: dict[str, Any], body: Mapping[str, Any], behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> None:
    """Put the times of ``body`` into ``fields``; raises GraphError when the result makes no event."""
    for name, zone_name in (("start", "startZone"), ("end", "endZone")):
        if name in body:
            wall, zone = _wall(body[name], name, find_zone)
            wall = _minutes(wall, str(behaviour["microsoft.seconds"]))
            fields[name], fields[zone_name] = wall.isoformat(), zone.windows
    start, end = datetime.fromisoformat(fields["start"]), datetime.fromisoformat(fields["end"])
    first, last = zone_of(fields["startZone"]), zone_of(fields["endZone"])
    if fields["isAllDay"]:
        for wall, name in ((start, "Start"), (end, "End")):
            if wall.time() != time():
                raise invalid_request(f"The Event.{name} property for an all-day event needs to be set to midnight.")
        if first.windows != last.windows:
            raise invalid_request(
                "The Event.Start and Event.End properties of an all-day event need the same time zone."
            )
        if end - start < timedelta(days=1):
            raise invalid_request("The duration of an event marked as All day must be at least 24 hours.")
    elif last.instant(end) < first.instant(start):
        raise validation_failure("The event ends before it starts.")
    given = body.get("recurrence", fields.get("recurrence"))
    if given is None:
        fields["recurrence"] = None
        return
    if "recurrence" not in body:
        # Moving a master takes the beginning of its range along.
        given = {**given, "range": {**given["range"], "startDate": _series_start(given, fields, find_zone).isoformat()}}
    _apply_recurrence(fields, given, behaviour, find_zone)


def _series_start(given: Mapping[str, Any], fields: Mapping[str, Any], find_zone: Callable[[str], Zone]) -> date:
    start = datetime.fromisoformat(fields["start"])
    limits = given.get("range")
    name = limits.get("recurrenceTimeZone") if isinstance(limits, dict) else None
    if fields["isAllDay"] or not name:
        return start.date()
    return find_zone(name).wall(zone_of(fields["startZone"]).instant(start)).date()


def _apply_recurrence(
    fields: dict[str, Any], given: Any, behaviour: Behaviour, find_zone: Callable[[str], Zone]
) -> None:
    if not isinstance(given, dict):
        raise validation_failure("'recurrence' is not a recurrence.")
    for name in ("start", "end"):
        fields[name] = datetime.fromisoformat(fields[name]).replace(second=0).isoformat()
    first_day = _series_start(given, fields, find_zone)
    fields["recurrence"] = recurrence.validate(given, first_day, fields["startZone"], find_zone)
    clamp, day_sets = bool(behaviour["microsoft.month_end_clamped"]), str(behaviour["microsoft.day_set_index"])
    first = next(recurrence.dates(fields["recurrence"], clamp=clamp, day_sets=day_sets), None)
    if first is None:
        raise validation_failure("The recurrence has no occurrence.")
    # The master shows the first occurrence, which may be later than the start that was sent.
    shift = first - first_day
    fields["recurrence"]["range"]["startDate"] = first.isoformat()
    for name in ("start", "end"):
        fields[name] = (datetime.fromisoformat(fields[name]) + shift).isoformat()


def check_boundary(series: Series, original: date, fields: Mapping[str, Any]) -> None:
    """Refuse times of an occurrence on or past the day of a neighbour (400 ``ErrorOccurrenceCrossingBoundary``)."""
    start = datetime.fromisoformat(fields["start"])
    if not fields["isAllDay"]:
        start = series.zone.wall(zone_of(fields["startZone"]).instant(start))
    before, after = series.neighbours(original)
    if (before and start.date() <= before.date()) or (after and start.date() >= after.date()):
        raise GraphError(
            400,
            "ErrorOccurrenceCrossingBoundary",
            "Modified occurrence is crossing or overlapping adjacent occurrence.",
        )
