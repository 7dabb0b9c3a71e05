"""Originals that are there again under other ids (`engine.md` §10): which new one is which vanished one. Pure.

A service or an import that gives every event a new id makes each look deleted, and each new. The same event is known by
its iCalUID and start, or by its title, start and end, as far as the stored tie still tells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.events import Event
from app.domain.links import Link, LinkState, Op
from app.domain.times import Moment
from app.engine.decisions import Decision
from app.engine.fingerprint import TITLE, WHEN

NOT_ASKED = "could_not_ask"
"""Reason of an original that is out of sight and could not be asked about yet."""

Sign = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vanished:
    """An original that is gone or out of sight: what was planned for it, its ties, and its row as last stored."""

    decision: Decision
    links: Sequence[Link]
    row: Event | None = None


def is_new(decision: Decision) -> bool:
    """Whether a decision makes the first copy of an original, or lets another's block cover it for the first time."""
    made = any(step.op is Op.CREATE and step.reason == "new" for step in decision.steps)
    return made or any(one.fresh for one in decision.covered)


def successors(vanished: Iterable[Vanished], newcomers: Iterable[Decision]) -> Mapping[str, str]:
    """For each vanished original the id of the new one that is the same event; each new one stands for one at most."""
    by_sign: dict[Sign, list[str]] = {}
    for decision in sorted(newcomers, key=lambda one: one.original_id):
        for sign in sorted(_signs_of_new(decision)):
            by_sign.setdefault(sign, []).append(decision.original_id)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for one in sorted(vanished, key=lambda v: v.decision.original_id):
        for sign in sorted(_signs_of_vanished(one)):
            new = next((original for original in by_sign.get(sign, ()) if original not in taken), None)
            if new is not None:
                found[one.decision.original_id] = new
                taken.add(new)
                break
    return found


def _signs_of_new(decision: Decision) -> set[Sign]:
    signs: set[Sign] = set()
    for step in decision.steps:
        if step.op is Op.CREATE and step.source is not None:
            signs |= _said_by(step.source, step.original_hashes)
            if step.source.ical_uid and step.fields is not None:
                signs.add(("copied", step.source.ical_uid, _spell(step.fields.when.start)))
    for one in decision.covered:
        if one.fresh:
            signs |= _said_by(one.event, one.original_hashes)
    return signs


def _said_by(event: Event, said: Mapping[str, str]) -> set[Sign]:
    signs: set[Sign] = {("content", said[TITLE], said[WHEN])}
    if event.ical_uid:
        signs.add(("uid", event.ical_uid, said[WHEN]))
        signs |= _start_sign(event.ical_uid, event)
    return signs


def _signs_of_vanished(vanished: Vanished) -> set[Sign]:
    signs: set[Sign] = set()
    uid = vanished.row.ical_uid if vanished.row is not None else None
    for link in vanished.links:
        said = link.base_original
        if link.state is not LinkState.LIVE or TITLE not in said or WHEN not in said:
            continue
        signs.add(("content", said[TITLE], said[WHEN]))
        if uid:
            signs.add(("uid", uid, said[WHEN]))
    if uid and vanished.row is not None:
        signs |= _start_sign(uid, vanished.row)
        # A tombstone may have lost its times: the copy, as it was, still has them.
        copies = [step.before.fields for step in vanished.decision.steps if step.before is not None]
        signs |= {("copied", uid, _spell(fields.when.start)) for fields in copies if fields is not None}
    return signs


def _start_sign(uid: str, event: Event) -> set[Sign]:
    return set() if event.fields is None else {("start", uid, _spell(event.fields.when.start))}


def _spell(moment: Moment) -> str:
    return moment.isoformat()
