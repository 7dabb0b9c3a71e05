"""Times at the API's edge: RFC 3339 in UTC going out, forgiving ISO 8601 coming in (`contract/api.md` §1, Answers)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

# A `+` that was not percent-encoded arrives as a space: before an offset, and after a time of day, it means `+`.
_LOST_PLUS = re.compile(r"(:\d\d(?:[.,]\d+)?) (\d\d(?::?\d\d)?)$")


def to_text(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_text(text: str, *, upper: bool = False) -> datetime:
    """A moment from an ISO 8601 date, or date and time.

    Args:
        text: without an offset it is read in the system's zone, a bare date too.
        upper: a bare date means its last moment, not its first.

    Returns:
        The moment, aware in UTC.

    Raises:
        ValueError: it is no such text, or lies outside the years that can be computed with.
    """
    cleaned = _LOST_PLUS.sub(r"\1+\2", text.strip())
    day = _bare_date(cleaned)
    if day is not None:
        moment = datetime.combine(day, time.max if upper else time.min)
    else:
        moment = datetime.fromisoformat(cleaned)
    try:
        return moment.astimezone(UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a moment outside the calendar") from error


def _bare_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
