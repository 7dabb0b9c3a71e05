"""The daily audit of a calendar: is its view what a whole listing says (`engine.md` §13, `reliability.md` §2.6)?

Incremental reads that say everything leave nothing to find here; what is found is a defect, ours or the service's. It
is read by the same listing, so that the run plans by what is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from app.domain.ledger import Ledger
from app.domain.links import Row, Seen, ViewState

CLOCKS_DIFFER = timedelta(minutes=2)
"""What changed at the service so shortly before the listing began may have changed after the reading before it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A view as incremental reads left it, just before it is listed whole."""

    state: ViewState
    at: datetime


def differences(ledger: Ledger, calendar_id: str, mark: Mark, zone: str) -> tuple[Row, ...]:
    """Rows that the whole listing had to put right.

    Left out is what says nothing of earlier reads: what changed just now, and what lies where the view did not reach
    before.

    Args:
        mark: the view before the listing.
        zone: of the calendar, for dates and floating times.
    """
    found = ledger.changed_rows(calendar_id, mark.state.seq)
    return tuple(row for row in found if not _just_now(row, mark.at) and _was_covered(row, mark.state, zone))


def _just_now(row: Row, at: datetime) -> bool:
    changed = row.event.updated_at
    return changed is not None and changed >= at - CLOCKS_DIFFER


def _was_covered(row: Row, before: ViewState, zone: str) -> bool:
    fields = row.event.fields
    if row.seen is Seen.ABSENT or fields is None or fields.recurrence is not None:
        return True
    try:
        start, end = fields.when.start_instant(zone), fields.when.end_instant(zone)
    except (OverflowError, ZoneInfoNotFoundError):
        return False
    starts_in = before.covers_to is None or start < before.covers_to
    return starts_in and (before.covers_from is None or end > before.covers_from)
