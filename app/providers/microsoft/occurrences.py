"""Changing and cancelling single occurrences of a Graph series (`providers.md` §5.6, §10.3).

Occurrences have ids of their own, which are found by their date; a moved exception only by what its series tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from app.domain.errors import ForbiddenError, ProtocolError
from app.domain.links import Intent, Op, Outcome, Result
from app.providers.flight import Departure
from app.providers.microsoft import mapping, verdicts
from app.providers.microsoft.batch import BATCH_SIZE, Item, Part, query
from app.providers.microsoft.reading import CalendarReading

CHUNK: Final = BATCH_SIZE // 2
"""Each needs two reads before it, which share a batch."""

_MASTER: Final = query(expand="exceptionOccurrences")


async def write_occurrences(reading: CalendarReading, intents: Sequence[Intent], departure: Departure) -> list[Outcome]:
    """Change or cancel one occurrence each of up to 10 series.

    Raises:
        ProviderError: none was written, or for UnavailableError and ProtocolError nobody knows.
    """
    paths = []
    for intent in intents:
        series = reading.event_path(intent.target_id)
        paths += [series + _MASTER, f"{series}/instances{_around(_day(intent))}"]
    read = await reading.mailbox.read(paths)
    outcomes: list[Outcome] = []
    sent: list[tuple[Intent, Item]] = []
    masters: dict[str, Mapping[str, Any]] = {}
    for at, intent in enumerate(intents):
        master, instances = read[2 * at], read[2 * at + 1]
        if not master.ok or not instances.ok:
            outcomes.append(verdicts.not_done(intent, instances if master.ok else master))
            continue
        masters[intent.target_id] = master.body
        told = _prepare(reading, intent, master.body, instances.body)
        if isinstance(told, Outcome):
            outcomes.append(told)
        else:
            sent.append((intent, told))
    parts = await reading.mailbox.batch([item for _, item in sent], departure) if sent else []
    for (intent, _), part in zip(sent, parts, strict=True):
        outcomes.append(_outcome(reading, intent, part, masters[intent.target_id]))
    return outcomes


def _prepare(
    reading: CalendarReading, intent: Intent, master: Mapping[str, Any], instances: Mapping[str, Any]
) -> Item | Outcome:
    """The request, or the outcome where none is needed or allowed."""
    found = _find(master, instances, _day(intent), reading.zone)
    if found is None:
        # The series, its exceptions and that day's occurrences together prove that there is none.
        missing = Result.APPLIED if intent.op is Op.CANCEL_OCCURRENCE else Result.DROPPED
        return Outcome(intent.id, missing, code=verdicts.OCCURRENCE_MISSING)
    if found.get("attendees") or master.get("attendees"):
        return verdicts.guests_on(intent)
    event = mapping.event(found, reading.zone, marker_known=False, master=master)
    differs = found.get("type") == "exception"
    if differs and intent.etag and event.etag != intent.etag and not verdicts.as_before(intent, event):
        return verdicts.changed(intent)
    path = reading.event_path(event.id)
    # An occurrence that does not differ yet shares its version with the series, which other writes move on.
    etag = event.etag if differs else ""
    if intent.op is Op.CANCEL_OCCURRENCE:
        return Item("DELETE", path, if_match=etag)
    if intent.draft is None:
        raise ForbiddenError("A change of one occurrence must say what to store.", code="draft_missing")
    body = mapping.body(intent.draft, reading.zone, unlike=event.fields, occurrence=True)
    return verdicts.write_item("PATCH", path, body, etag)


def _outcome(reading: CalendarReading, intent: Intent, part: Part | None, master: Mapping[str, Any]) -> Outcome:
    if intent.op is Op.CANCEL_OCCURRENCE:
        done = part is not None and (part.ok or part.refusal.gone)
        return Outcome(intent.id, Result.APPLIED) if done else verdicts.not_done(intent, part)
    if part is None or not part.ok:
        return verdicts.not_done(intent, part)
    try:
        event = mapping.event(part.body, reading.zone, marker_known=False, master=master)
    except ProtocolError as error:
        return Outcome(intent.id, Result.UNKNOWN, code=error.code, message=error.message)
    if intent.draft is not None:
        event = mapping.with_marker(event, intent.draft.marker)
    return Outcome(intent.id, Result.APPLIED, replace(event, series_id=intent.target_id))


def _day(intent: Intent) -> date:
    start = intent.occurrence_start
    if start is None:
        raise ForbiddenError("A change of one occurrence must say which.", code="occurrence_unnamed")
    return start.date() if isinstance(start, datetime) else start


def _around(day: date) -> str:
    """The day with one more on each side, wide enough for any zone."""
    first = datetime.combine(day, time(), UTC) - timedelta(days=1)
    spell = "%Y-%m-%dT%H:%M:%SZ"
    return f"?startDateTime={first.strftime(spell)}&endDateTime={(first + timedelta(days=3)).strftime(spell)}"


def _find(master: Mapping[str, Any], instances: Mapping[str, Any], day: date, zone: str) -> Mapping[str, Any] | None:
    """The occurrence of `day`: an exception may have been moved anywhere, the others are where they were."""
    for item in (*(master.get("exceptionOccurrences") or ()), *(instances.get("value") or ())):
        if mapping.occurrence_date(item, master, zone) == day:
            found: Mapping[str, Any] = item
            return found
    return None
