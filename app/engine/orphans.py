"""Copies that no original explains: after a loss of state, or of another installation (`engine.md` §10). Pure.

Nothing proves that their originals are gone, so they only ever wait for the user. Copies that the source's view does
not reach are left alone: their originals may well be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from app.domain.errors import InputError
from app.domain.events import Fields
from app.domain.times import Span
from app.engine.decisions import Decision
from app.engine.guard import ORPHANED
from app.engine.judge import Judge
from app.engine.lost_ties import Untied


def orphans(judge: Judge, window: Span, copies: Iterable[Untied]) -> list[Decision]:
    """A removal for each of these copies, for the guard to hold.

    Args:
        window: where copies are created; one that does not lie in it whole may belong to what was not read.
        copies: whose original is nowhere to be found.

    Returns:
        Decisions under the key of the copy, as the id of the original is not known.
    """
    zone = judge.direction.target.zone
    return [
        Decision(
            one.copy.copy_key,
            steps=[judge.delete("", one.copy, one.unit, ORPHANED, None)],
            source=one.event,
            counted=False,
        )
        for one in copies
        if one.event.fields is not None and _lies_in(one.event.fields, window, judge, zone)
    ]


def _lies_in(fields: Fields, window: Span, judge: Judge, zone: str) -> bool:
    """Whether an original of it would lie where copies are made, so that it would have been seen."""
    try:
        if fields.recurrence is not None:
            return judge.wisher.occurs_in(fields, window)
        start, end = fields.when.start_instant(zone), fields.when.end_instant(zone)
    except (InputError, OverflowError, ZoneInfoNotFoundError):
        return False
    return _inside(window, start, end)


def _inside(window: Span, start: datetime, end: datetime) -> bool:
    return window.start <= start and end <= window.end
