"""Copies that no original explains: after a loss of state, or of another installation (`engine.md` §10). Pure but for
look-ups in the ledger.

Nothing proves that their originals are gone, so they only ever wait for the user. Copies that the source's view does
not reach are left alone: their originals may well be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from app.domain.errors import InputError
from app.domain.events import Fields
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Seen
from app.domain.ports import Ledger
from app.domain.times import Span
from app.engine.decisions import Decision
from app.engine.guard import ORPHANED
from app.engine.judge import Judge
from app.engine.originals import assemble_all


def orphans(
    direction: DirectionRecord,
    ledger: Ledger,
    judge: Judge,
    window: Span,
    decisions: Sequence[Decision],
    adopted: Mapping[str, Copy],
) -> list[Decision]:
    """A removal for each living copy of a direction that no original explains, for the guard to hold.

    Args:
        window: where copies are created; one that does not lie in it whole may belong to what was not read.
        decisions: what was just planned, before it is kept.
        adopted: copies that were just found by their marker.

    Returns:
        Decisions under the key of the copy, as the id of the original is not known.
    """
    explained = {link.copy_key for link in ledger.links(direction.id, None)}
    explained |= {intent.copy_key for intent in ledger.pending_intents(direction.id)}
    for decision in decisions:
        explained |= {link.copy_key for link in decision.links}
        explained |= {step.copy_key for step in decision.steps}
    known = {copy.copy_key: copy for copy in ledger.copies(direction.id, None)}
    every = {**adopted, **known}
    lonely = [copy for key, copy in sorted(every.items()) if key not in explained]
    lonely = [c for c in lonely if c.state is CopyState.LIVE and c.event_id and c.form is not CopyForm.OCCURRENCE]
    if not lonely:
        return []
    ids = [copy.event_id for copy in lonely]
    units = assemble_all(ids, ledger.rows(direction.target.id, ids))
    found = []
    for copy in lonely:
        unit = units[copy.event_id]
        event = unit.event
        if unit.seen is not Seen.SEEN or event is None or event.fields is None or not judge.proved(event, copy):
            continue
        if _lies_in(event.fields, window, judge, direction.target.zone):
            step = judge.delete("", copy, unit, ORPHANED, None)
            found.append(Decision(copy.copy_key, steps=[step], source=event, counted=False))
    return found


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
