"""A mark beside deletions, and what the marks of others tell (`engine.md` §8, `reliability.md` A7).

A deletion leaves nothing behind that tells who did it. So where a copy that is gone may take its original along, a run
that takes copies away writes another copy once more, just as it is: the fresh stamp on it tells other installations
that this one works here too, and a database that was put back to an earlier state that more was done than it knows of.

Pure but for look-ups in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.domain.events import Event
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, LinkState, Op, Seen
from app.engine.cases import CaseReader
from app.engine.comparison import Comparison
from app.engine.decisions import Case, Step
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.proof import is_released
from app.engine.wishes import COVERED
from app.engine.writer import Work

MARKED = "marked"
"""Reason of a copy that is written once more for its stamp alone."""
CANDIDATES = 20
"""So many copies are looked at for one that is just as it should be."""


def mark_beside(judge: Judge, cases: CaseReader, ledger: Ledger, work: Sequence[Work]) -> Work | None:
    """A copy to be written once more, as nothing else of this work leaves a stamp on what stays; None where it is not
    needed, or where no copy is just as it should be.

    Args:
        work: what is about to be written to copies.
    """
    steps = [item.step for item in work]
    if not judge.direction.both_ways or not any(step.op is Op.DELETE for step in steps):
        return None
    if any(step.op is Op.CREATE or (step.op is Op.UPDATE and not step.released) for step in steps):
        return None
    shared = ledger.tally(judge.direction.id, judge.now).other_installation
    if not shared and not judge.write_back.deletes_originals:
        return (
            None  # whoever runs this pair beside us has seen nothing to tell of yet; nor does it cost an original here
        )
    busy = {item.original_id for item in work}
    links = [
        link.original_id
        for link in ledger.links(judge.direction.id, None)
        if link.copy_key and not link.occ and link.state is LinkState.LIVE and link.reason != COVERED
    ]
    for case in cases.cases(sorted(set(links) - busy)[:CANDIDATES]):
        step = _once_more(judge, case)
        if step is not None:
            return Work(case.unit.id, step, case.links[""])
    return None


def _once_more(judge: Judge, case: Case) -> Step | None:
    """A write of a single's copy that is just as it should be."""
    link = case.links.get("")
    wish = next((one for one in case.wishes.items if not one.occ and one.form is CopyForm.SINGLE), None)
    if link is None or wish is None or case.is_copy or wish.copy_key in case.pending or link.retry_at is not None:
        return None
    copy = judge.copy_of(case, link)
    target = case.targets.get(copy.event_id) if copy is not None and copy.copy_key == wish.copy_key else None
    event = target.event if target is not None and target.seen is Seen.SEEN else None
    if copy is None or event is None or event.fields is None or copy.form is not CopyForm.SINGLE:
        return None
    if is_released(event) or not judge.proved(event, copy):
        return None
    comparison = judge.compare(wish, hashes(judge.wisher.normal(event.fields)), event, copy, link)
    if comparison != Comparison():
        return None
    return replace(judge.update(wish, link, copy, event, comparison), reason=MARKED)


def strange_stamps(judge: Judge, listed: Iterable[Event], known: Mapping[str, Copy]) -> set[str]:
    """Stamps of this very installation on proved copies that their rows do not tell of.

    Args:
        listed: living, proved copies.
        known: the direction's rows, by copy key.
    """
    return {
        event.marker.stamp
        for event in listed
        if event.marker is not None
        and (copy := known.get(event.marker.copy_key)) is not None
        and judge.is_strange(event, copy)
    }
