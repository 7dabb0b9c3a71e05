"""Several living copies of one key: two installations, or a trash bin emptied backwards (`engine.md` §4).

The lower generation stays and is followed; another goes if it is as we left it, and is shown if it may be a person's
by now. Pure, but for what a person asks for: to remove certain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.events import Event, EventKind, Fields
from app.domain.identity import digest
from app.domain.ledger import Ledger
from app.domain.links import Answer, Copy, CopyState, DirectionRecord, Evidence, Op, Row, Seen
from app.domain.ports import CalendarClient, CalendarReader, Clock
from app.domain.runs import Verb
from app.engine import view
from app.engine.cases import copy_from
from app.engine.closing import COMMAND_DUPLICATE, SECOND_COPY
from app.engine.decisions import Decision, Step
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.originals import Unit, assemble
from app.engine.recovery import marked_copies, recover
from app.engine.writer import Work, Writer, Written

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
    found: Found,
    known: Mapping[str, Copy],
    judge: Judge,
    normal: Callable[[Fields], Fields],
    whole: Mapping[str, Unit],
) -> list[Decision]:
    """What to do about copies that are too many: remove those as we left them, show the others.

    Args:
        whole: the series among them with all that is inside, by id; about one that is missing here nothing is done.
    """
    decisions = []
    for event, followed in found.surplus:
        copy = copy_from(event, judge.direction.id)
        if copy is None or event.marker is None or followed.marker is None:
            continue
        if event.kind is EventKind.SERIES and event.id not in whole:
            continue
        # What is different inside a series is a person's, as far as anybody can tell, and would not come back.
        inside = whole[event.id].inside if event.id in whole else ()
        decision = Decision(event.id, source=event)
        row = known.get(copy.copy_key)
        higher = event.marker.generation > followed.marker.generation
        if higher and not inside and _as_left(event, followed, row, normal):
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


@dataclass(frozen=True, slots=True)
class Surplus:
    """A second copy, as it is now.

    Args:
        stays: the copy of the same original that is followed.
        edited: it says something else than we left it saying, so it may be a person's work.
        inside: what in a series is different; where there is anything, removing it cannot be undone.
    """

    event: Event
    stays: Event
    edited: bool
    inside: tuple[Event, ...] = ()


async def find_surplus(
    direction: DirectionRecord, client: CalendarReader, ledger: Ledger, event_ids: Collection[str] | None = None
) -> list[Surplus]:
    """The second copies that are in the target now, proved by the service's own listing of the marker.

    Args:
        event_ids: only these; None for all.

    Raises ProviderError when they cannot be listed.
    """
    known = {copy.copy_key: copy for copy in ledger.copies(direction.id, None) if copy.event_id}
    listed = sort_out(await marked_copies(client, direction), known, direction.id)
    chosen = [(event, stays) for event, stays in listed.surplus if event_ids is None or event.id in event_ids]
    units = await read_whole(client, ledger, direction, [event.id for event, _ in chosen])
    found = []
    for event, stays in chosen:
        unit = units.get(event.id)
        if unit is None or unit.event is None:
            continue  # gone meanwhile, or nobody could say: nothing is done about it
        row = known.get(event.marker.copy_key) if event.marker is not None else None
        edited = bool(unit.inside) or not _as_left(event, stays, row, client.normal_form)
        found.append(Surplus(replace(unit.event, marker=event.marker), stays, edited, unit.inside))
    return found


async def remove_chosen(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    event_ids: Collection[str],
) -> Written:
    """Remove these second copies on a person's word, as far as they are still proved to be ones.

    Raises ProviderError when they cannot be listed.
    """
    await recover(direction, client, ledger, writer, clock)
    surplus = await find_surplus(direction, client, ledger, event_ids)
    return await writer.write(Work(one.event.id, _removed(one, direction), None) for one in surplus)


def _removed(surplus: Surplus, direction: DirectionRecord) -> Step:
    event = surplus.event
    copy = copy_from(event, direction.id)
    if copy is None:
        raise ValueError("a proved copy has its marker")
    # A key of its own: the row and the link of that original tell of the copy that stays.
    own = removed_key(direction, event.id)
    return Step(
        verb=Verb.DELETE,
        op=Op.DELETE,
        occ="",
        copy_key=own,
        form=copy.form,
        reason=COMMAND_DUPLICATE,
        target_id=event.id,
        etag=event.etag,
        copy=replace(copy, copy_key=own),
        before=event,
        inside=surplus.inside,
        source=event,
    )


def removed_key(direction: DirectionRecord, event_id: str) -> str:
    """Key under which the removal of a second copy is journaled, and under which it would come back."""
    return digest(direction.key, event_id, "second")


async def read_whole(
    client: CalendarReader, ledger: Ledger, direction: DirectionRecord, event_ids: list[str]
) -> Mapping[str, Unit]:
    """These events of the target as they are now, with all that is inside; without those that nobody found.

    Raises ProviderError when they cannot be read.
    """
    if not event_ids:
        return {}
    answers: list[Answer] = await view.ask(client, ledger, direction.target.id, event_ids)
    return {
        answer.event_id: assemble(answer.event_id, [Row(event, Seen.SEEN) for event in answer.events])
        for answer in answers
        if answer.evidence is Evidence.FOUND
    }
