"""Several living copies of one key: two installations, or a trash bin emptied backwards (`engine.md` §4).

The lower generation stays and is followed; another goes if it is as we left it, and is shown if it may be a person's
by now. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.events import Event, Fields
from app.domain.links import Copy, CopyState, Seen
from app.engine.cases import copy_from
from app.engine.closing import SECOND_COPY
from app.engine.decisions import Decision
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.originals import Unit

UNCLEAR = "second_copy_unclear"


@dataclass(slots=True)
class Found:
    """What a listing by marker came to.

    Args:
        copies: the copy of each key to be followed, where the stored row does not tell of it.
        surplus: other living copies of a key, each with the one that is followed.
    """

    copies: dict[str, Copy] = field(default_factory=dict)
    surplus: list[tuple[Event, Event]] = field(default_factory=list)


def sort_out(listed: Iterable[Event], known: Mapping[str, Copy], direction_id: str) -> Found:
    """Which of the proved copies to follow, and which are too many.

    Args:
        listed: all living events that are proved copies of the direction.
        known: rows of living copies, by key.
    """
    by_key: dict[str, list[Event]] = {}
    for event in listed:
        if event.marker is not None:
            by_key.setdefault(event.marker.copy_key, []).append(event)
    found = Found()
    for key, events in sorted(by_key.items()):
        row = known.get(key)
        first, *others = sorted(events, key=lambda event: _rank(event, row))
        found.surplus.extend((event, first) for event in others)
        copy = copy_from(first, direction_id)
        followed = row is not None and (not others or row.event_id == first.id)
        if copy is not None and not followed:
            found.copies[key] = copy
    return found


def _rank(event: Event, row: Copy | None) -> tuple[int, bool, str]:
    """The lowest generation first; of equals the one that is followed already."""
    generation = event.marker.generation if event.marker is not None else 0
    return generation, row is None or row.event_id != event.id, event.id


def removals(
    found: Found, known: Mapping[str, Copy], judge: Judge, normal: Callable[[Fields], Fields]
) -> list[Decision]:
    """What to do about copies that are too many: remove those as we left them, show the others."""
    decisions = []
    for event, followed in found.surplus:
        copy = copy_from(event, judge.direction.id)
        if copy is None or event.marker is None or followed.marker is None:
            continue
        decision = Decision(event.id, source=event)
        row = known.get(copy.copy_key)
        higher = event.marker.generation > followed.marker.generation
        if higher and _as_left(event, followed, row, normal):
            gone = replace(copy, state=CopyState.LIVE)
            decision.steps.append(judge.delete("", gone, Unit(event.id, Seen.SEEN, event), SECOND_COPY, event))
        else:
            decision.skips.append(("", UNCLEAR, event))
        decisions.append(decision)
    return decisions


def _as_left(event: Event, followed: Event, row: Copy | None, normal: Callable[[Fields], Fields]) -> bool:
    """By its row, where that tells of this very copy; else it must say what the one that stays says."""
    if event.fields is None or event.marker is None:
        return False
    said = hashes(normal(event.fields))
    if row is not None and row.event_id == event.id and row.base_copy:
        return row.stamp == event.marker.stamp and dict(row.base_copy) == said
    return followed.fields is not None and hashes(normal(followed.fields)) == said
