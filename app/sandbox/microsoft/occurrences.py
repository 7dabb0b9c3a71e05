"""From a stored series to its occurrences: which lie in a span, when they begin and end, what neighbours they have.

Pure computation over records; it changes nothing and knows no wire format. Wall times repeat in the series' zone,
instants are UTC.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.sandbox.microsoft import recurrence
from app.sandbox.microsoft.spans import overlaps, span, zone_of
from app.sandbox.microsoft.store import Event, ExceptionRecord
from app.sandbox.world import Behaviour

# An occurrence that lasts this long is still found by a span that begins at its end.
_LONGEST = timedelta(days=370)


@dataclass(frozen=True, slots=True)
class Instance:
    """One occurrence of a series, or an exception; ``start`` and ``end`` are instants in UTC."""

    event: Event
    original: date
    start: datetime
    end: datetime
    exception: ExceptionRecord | None


class _Dates:
    """The dates of a series, computed as far as asked and kept."""

    def __init__(self, source: Iterator[date]) -> None:
        self._source = source
        self._known: list[date] = []
        self._ended = False

    def until(self, limit: date) -> list[date]:
        """All dates known so far, which are complete up to ``limit`` inclusive."""
        while not self._ended and (not self._known or self._known[-1] <= limit):
            day = next(self._source, None)
            if day is None:
                self._ended = True
            else:
                self._known.append(day)
        return self._known


class Series:
    """Questions about the occurrences of one series.

    Args:
        event: a series master's record.
        behaviour: the switches for the end of a month and for sets of days.
    """

    def __init__(self, event: Event, behaviour: Behaviour) -> None:
        self._event = event
        self.zone = zone_of(event.fields["recurrence"]["range"]["recurrenceTimeZone"])
        start, end = span(event.fields)
        self._start, self._end = self.zone.wall(start), self.zone.wall(end)
        if event.fields["isAllDay"]:
            self._start = datetime.fromisoformat(event.fields["start"])
            self._end = datetime.fromisoformat(event.fields["end"])
        clamp = bool(behaviour["microsoft.month_end_clamped"])
        day_sets = str(behaviour["microsoft.day_set_index"])
        # Where only living occurrences count, each that was taken out adds one at the end.
        more = len(event.cancelled) if behaviour["microsoft.numbered_range"] == "living" else 0
        known = event.cache.get("dates")
        if known is None or known[0] != (clamp, day_sets, more):
            found = recurrence.dates(event.fields["recurrence"], clamp=clamp, day_sets=day_sets, more=more)
            known = event.cache["dates"] = ((clamp, day_sets, more), _Dates(found))
        self._dates: _Dates = known[1]

    def first(self) -> date | None:
        """The first date of the rule, whether cancelled or not; None for a rule that never matches."""
        known = self._dates.until(date.min)
        return known[0] if known else None

    def has(self, original: date) -> bool:
        """Whether the rule gives this date and it is not cancelled."""
        known = self._dates.until(original)
        place = bisect_left(known, original)
        return place < len(known) and known[place] == original and original not in self._event.cancelled

    def walls(self, original: date) -> tuple[datetime, datetime]:
        """Naive begin and end of an unchanged occurrence in the series' zone."""
        start = datetime.combine(original, self._start.time())
        return start, start + (self._end - self._start)

    def instance(self, original: date) -> Instance:
        """The occurrence or exception of a date."""
        record = self._event.exceptions.get(original)
        if record is not None and "start" in record.fields:
            start, end = span({**self._event.fields, **record.fields})
        elif self._event.fields["isAllDay"]:
            zone = zone_of(self._event.fields["startZone"])
            start, end = (zone.instant(wall) for wall in self.walls(original))
        else:
            start, end = (self.zone.instant(wall) for wall in self.walls(original))
        return Instance(self._event, original, start, end, record)

    def original_start(self, original: date) -> datetime:
        """The instant at which an occurrence was to begin, in whole minutes."""
        return self.zone.instant(self.walls(original)[0]).replace(second=0, microsecond=0)

    def within(self, after: datetime, before: datetime) -> list[Instance]:
        """Occurrences and exceptions that touch ``[after, before)``, by original date."""
        day = timedelta(days=1)
        length = min(self._end - self._start, _LONGEST)
        lowest = (after.astimezone(UTC) - length).date() - day if after.date() > date.min + _LONGEST + day else date.min
        highest = before.astimezone(UTC).date() + day
        known = self._dates.until(highest)
        exceptions = self._event.exceptions
        days: list[date] = []
        for place in range(bisect_left(known, lowest), len(known)):
            if known[place] > highest:
                break
            if known[place] not in self._event.cancelled and known[place] not in exceptions:
                days.append(known[place])
        days += [original for original in exceptions if original not in self._event.cancelled]
        found = (self.instance(original) for original in sorted(days))
        return [one for one in found if overlaps(one.start, one.end, after, before)]

    def neighbours(self, original: date) -> tuple[datetime | None, datetime | None]:
        """Begin, in the series' zone, of the living occurrence before and after one that is to be moved."""
        # The list reaches beyond the date asked for; only where the next ones are cancelled it has to reach further.
        for years in (0, 1, 12):
            known = self._dates.until(min(original, date.max - 13 * _LONGEST) + years * _LONGEST)
            place = bisect_left(known, original)
            after = next((day for day in known[place + 1 :] if day not in self._event.cancelled), None)
            if after is not None:
                break
        before = next((day for day in reversed(known[:place]) if day not in self._event.cancelled), None)
        return self._wall_start(before), self._wall_start(after)

    def _wall_start(self, original: date | None) -> datetime | None:
        return None if original is None else self.zone.wall(self.instance(original).start)
