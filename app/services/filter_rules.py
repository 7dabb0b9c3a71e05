"""Which filters a pair may have (`engine.md` §2). Pure. Each refusal names its field and says what to do instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.accounts import Provider
from app.domain.errors import FieldError
from app.domain.pairs import Filters, HoursFilter, Within, WordFilter

MOST_RULES: Final = 10
MOST_WORDS: Final = 20
LONGEST_WORD: Final = 60
LONGEST_ZONE: Final = 60
LONGEST_MINIMUM_SECONDS: Final = 366 * 86_400


def wrong_filters(filters: Filters, sources: Collection[Provider]) -> Sequence[FieldError]:
    """What of these filters cannot be, by field; empty when all can.

    Args:
        sources: the services whose events are filtered.
    """
    details = []
    if not 0 <= filters.shorter_than_seconds <= LONGEST_MINIMUM_SECONDS:
        details.append(FieldError("filters.shorter_than_seconds", f"Choose 0 to {LONGEST_MINIMUM_SECONDS} seconds."))
    if len(filters.words) > MOST_RULES:
        details.append(FieldError("filters.words", f"Use at most {MOST_RULES} rules."))
    else:
        for number, rule in enumerate(filters.words):
            wrong = _wrong_words(rule, sources)
            if wrong is not None:
                details.append(FieldError(f"filters.words[{number}]", wrong))
    if filters.hours is not None:
        details.extend(_wrong_hours(filters.hours))
    return details


def _wrong_words(rule: WordFilter, sources: Collection[Provider]) -> str | None:
    if not 0 < len(rule.words) <= MOST_WORDS:
        return f"Name 1 to {MOST_WORDS} words."
    if any(not word.strip() or len(word) > LONGEST_WORD for word in rule.words):
        return f"A word has 1 to {LONGEST_WORD} characters."
    if rule.only and rule.within is Within.CATEGORY and Provider.GOOGLE in sources:
        return "Google's events have no categories, so none would be copied. Look in titles, or in either."
    return None


def _wrong_hours(hours: HoursFilter) -> Sequence[FieldError]:
    details = []
    if not hours.weekdays or len(set(hours.weekdays)) != len(hours.weekdays):
        details.append(FieldError("filters.hours.weekdays", "Name one weekday at least, and each once."))
    for name, value in (("start", hours.start), ("end", hours.end)):
        if value.tzinfo is not None or value.second or value.microsecond:
            details.append(FieldError(f"filters.hours.{name}", "Use a time of day in whole minutes, such as 09:00."))
    if not _is_zone(hours.zone):
        message = "This is no time zone that this computer knows. Use a name such as Europe/Berlin."
        details.append(FieldError("filters.hours.zone", message))
    return details


def _is_zone(name: str) -> bool:
    if not 0 < len(name) <= LONGEST_ZONE:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name that leads out of the database, or to a folder of it, is no zone either.
        return False
    return True
