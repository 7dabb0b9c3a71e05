"""Which originals are wanted in a direction, and why others are not (`engine.md` §2). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from app.domain.events import Availability, Event, EventKind, Response, Special, Visibility
from app.domain.pairs import DirectionSettings, HoursFilter, Mode, PrivateOriginals, Weekday, Within, WordFilter
from app.domain.times import When, to_wall
from app.engine.proof import looks_like_ours

PRIVATE = (Visibility.PRIVATE, Visibility.CONFIDENTIAL)

_DAY = timedelta(days=1)
_WEEKDAYS = tuple(Weekday)
_ALL_WEEK = 9
"""So many days hold every weekday, with the evening before the first."""


def unwanted(event: Event, settings: DirectionSettings) -> str | None:
    """Reason code for leaving an original out, None when it is wanted.

    What only the view can tell (window, twins, copies of ours by id) is decided by the plan.
    """
    return "is_copy" if event.fields is not None and looks_like_ours(event) else left_out(event, settings)


def left_out(event: Event, settings: DirectionSettings) -> str | None:
    """Reason code for leaving out what is an original for sure, like an occurrence whose series is one.

    A whole series is not judged by its hours here: its occurrences are, each by `at_wrong_hours`.
    """
    fields = event.fields
    if fields is None:
        return "cancelled_original"
    filters = settings.filters
    free_left_out = filters.free if filters.free is not None else settings.mode is Mode.BLOCKER
    length = fields.when.duration.total_seconds()
    rules = (
        ("declined", filters.declined and event.response is Response.DECLINED),
        ("working_location", filters.working_location and event.special is Special.WORKING_LOCATION),
        ("birthday", filters.birthdays and event.special is Special.BIRTHDAY),
        ("free", free_left_out and fields.availability is Availability.FREE),
        ("tentative", filters.tentative and fields.availability is Availability.TENTATIVE),
        ("all_day", filters.all_day and fields.when.all_day),
        ("too_short", not fields.when.all_day and length < filters.shorter_than_seconds),
        ("private", fields.visibility in PRIVATE and settings.private_originals is PrivateOriginals.SKIP),
    )
    by_kind = next((code for code, applies in rules if applies), None)
    if by_kind is not None:
        return by_kind
    by_words = _by_words(fields.title, event.categories, filters.words)
    if by_words is not None or event.kind is EventKind.SERIES:
        return by_words
    return at_wrong_hours(fields.when, filters.hours)


def at_wrong_hours(when: When, hours: HoursFilter | None) -> str | None:
    """Reason code for leaving out what is at this time, None when it is wanted."""
    if hours is None or _is_at(when, hours) is hours.only:
        return None
    return "outside_hours" if hours.only else "at_left_out_hours"


def _by_words(title: str, categories: Sequence[str], filters: Sequence[WordFilter]) -> str | None:
    for one in filters:
        places = [] if one.within is Within.CATEGORY else [title]
        places += () if one.within is Within.TITLE else categories
        found = any(_holds(_folded(place), _folded(word), one) for place in places for word in one.words)
        if found is not one.only:
            return "without_wanted_word" if one.only else "word_left_out"
    return None


def _holds(text: str, word: str, how: WordFilter) -> bool:
    if not how.whole_words:
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _is_at(when: When, hours: HoursFilter) -> bool:
    """Whether any part of an event is at these hours."""
    if when.all_day:
        dates = min(max(when.duration.days, 1), _ALL_WEEK)
        return any(_is_on(when.start + number * _DAY, hours) for number in range(dates))
    start = to_wall(when.start_instant(hours.zone), hours.zone)
    end = to_wall(when.end_instant(hours.zone), hours.zone)
    first = start.date() - _DAY
    days = min((end.date() - first).days + 1, _ALL_WEEK)
    return any(_overlaps(start, end, first + number * _DAY, hours) for number in range(days))


def _overlaps(start: datetime, end: datetime, day: date, hours: HoursFilter) -> bool:
    """Whether [start, end), or the moment where both are one, meets the hours that begin on a day."""
    if not _is_on(day, hours):
        return False
    begin = datetime.combine(day, hours.start)
    finish = datetime.combine(day if hours.end > hours.start else day + _DAY, hours.end)
    return start < finish and (end > begin or start == end == begin)


def _is_on(day: date, hours: HoursFilter) -> bool:
    return _WEEKDAYS[day.weekday()] in hours.weekdays
