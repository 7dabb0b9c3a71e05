"""Whose a copy is when no link tells: after a loss of state, or of another installation (`engine.md` §4, §10).

A copy's key derives from the original it was made for, so every living original is asked by its key, and every living
series by the keys of its dates around the copy. A copy that was re-linked keeps the key, and with it the id that proves
it, of an original that is gone: only what it says leads to the one it follows. It is given to an original that would
get another copy saying the same, in all fields or at least in title and time; should its own original be there after
all, `given_back` gives it back.

Pure but for look-ups in the ledger. Decides nothing about the copies: their originals are planned with the ties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.domain.events import Event
from app.domain.identity import copy_key
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Op, Seen
from app.engine.decisions import Decision, Step
from app.engine.fingerprint import TITLE, WHEN, hashes, is_sub_daily
from app.engine.judge import Judge
from app.engine.originals import Unit, assemble_all, occurrence_key

Place = tuple[str, str]
"""An original and an occurrence of it."""
Sign = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Untied:
    """A living, proved copy that no link, write or plan explains, and what the target's view holds of it."""

    copy: Copy
    unit: Unit
    event: Event


def untied(ledger: Ledger, judge: Judge, decisions: Iterable[Decision], adopted: Mapping[str, Copy]) -> list[Untied]:
    """Living copies of a direction that nothing explains, in the order of their keys.

    Args:
        decisions: what was just planned, before it is kept.
        adopted: copies that were just found by their marker.
    """
    direction = judge.direction
    explained = {link.copy_key for link in ledger.links(direction.id, None)}
    explained |= {intent.copy_key for intent in ledger.pending_intents(direction.id)}
    for decision in decisions:
        explained |= {link.copy_key for link in decision.links}
        explained |= {step.copy_key for step in decision.steps}
    every = {**adopted, **{copy.copy_key: copy for copy in ledger.copies(direction.id, None)}}
    lonely = [copy for key, copy in sorted(every.items()) if key not in explained]
    lonely = [c for c in lonely if c.state is CopyState.LIVE and c.event_id and c.form is not CopyForm.OCCURRENCE]
    ids = [copy.event_id for copy in lonely]
    units = assemble_all(ids, ledger.rows(direction.target.id, ids)) if ids else {}
    found = []
    for copy in lonely:
        unit = units[copy.event_id]
        event = unit.event
        seen = unit.seen is Seen.SEEN and event is not None and event.fields is not None
        if event is not None and seen and judge.proved(event, copy):
            found.append(Untied(copy, unit, event))
    return found


def ties(ledger: Ledger, judge: Judge, copies: Sequence[Untied], decisions: Sequence[Decision]) -> list[Link]:
    """Links for copies whose original is there: by their keys, else by what they say. Each is due at once.

    Args:
        decisions: what was just planned; what would get a first copy may be given one of these.
    """
    if not copies:
        return []
    owners = _owners(ledger, judge, copies)
    given = {one.copy.copy_key: owners[one.copy.copy_key] for one in copies if one.copy.copy_key in owners}
    creating = {
        (decision.original_id, step.occ): step
        for decision in sorted(decisions, key=lambda one: one.original_id)
        for step in decision.steps
        if step.op is Op.CREATE and step.reason == "new"
    }
    for sign_of in (_all_of_it, _title_and_time):
        rest = [one for one in copies if one.copy.copy_key not in given]
        left = {place: step for place, step in creating.items() if place not in given.values()}
        given |= _by_what_they_say(judge, rest, left, sign_of)
    return [
        Link(judge.direction.id, original_id, occ, copy_key=key, replan_at=judge.now)
        for key, (original_id, occ) in sorted(given.items())
    ]


def _owners(ledger: Ledger, judge: Judge, copies: Sequence[Untied]) -> dict[str, Place]:
    """Living originals, and dates of living series, by the keys of the copies they would have."""
    direction = judge.direction
    rows = ledger.rows(direction.source.id, None)
    units = assemble_all(sorted({row.event.unit for row in rows if row.seen is Seen.SEEN}), rows)
    starts = [one.event.fields.when.start for one in copies if one.event.fields is not None]
    dates = sorted({day.strftime("%Y%m%d") for start in starts for day in _days_around(start)})
    # What follows another copy by now, or what a person decided about, stays so.
    settled = {
        (link.original_id, link.occ)
        for link in ledger.links(direction.id, None)
        if link.copy_key or link.state in (LinkState.AWAY, LinkState.KEPT)
    }
    owners: dict[str, Place] = {}
    for unit in units.values():
        if unit.seen is not Seen.SEEN:
            continue
        occs = {"", *unit.exceptions}
        if unit.is_series and unit.fields is not None:
            occs |= set(_moments(starts, unit, judge) if is_sub_daily(unit.fields) else dates)
        owners |= {
            copy_key(direction.key, unit.id, occ): (unit.id, occ)
            for occ in sorted(occs)
            if (unit.id, occ) not in settled
        }
    return owners


def _days_around(start: date) -> list[date]:
    """The day of a start and its neighbours, as a date key is of another zone, and a buffer moves the start."""
    day = start.date() if isinstance(start, datetime) else start
    return [day + timedelta(days=days) for days in (-1, 0, 1) if date.min < day < date.max]


def _moments(starts: Iterable[date], unit: Unit, judge: Judge) -> list[str]:
    zone = unit.fields.when.zone if unit.fields is not None else None
    buffer = timedelta(minutes=judge.settings.buffer_before_minutes)
    return [occurrence_key(start + buffer, zone, sub_daily=True) for start in starts if isinstance(start, datetime)]


def _by_what_they_say(
    judge: Judge,
    copies: Sequence[Untied],
    creating: Mapping[Place, Step],
    sign_of: Callable[[Mapping[str, str]], Sign],
) -> dict[str, Place]:
    by_sign: dict[Sign, list[Place]] = {}
    for place, step in creating.items():
        by_sign.setdefault((step.form, *sign_of(step.wanted)), []).append(place)
    found = {}
    for one in copies:
        if one.event.fields is None:
            continue
        alike = by_sign.get((one.copy.form, *sign_of(hashes(judge.wisher.normal(one.event.fields)))))
        if alike:
            found[one.copy.copy_key] = alike.pop(0)
    return found


def _all_of_it(said: Mapping[str, str]) -> Sign:
    return tuple(value for _, value in sorted(said.items()))


def _title_and_time(said: Mapping[str, str]) -> Sign:
    return said[TITLE], said[WHEN]
