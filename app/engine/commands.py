"""Commands of the user about a direction's copies: remove them, or release them as ordinary events (`engine.md` §4).

Works on what the target's marker lists and proof confirms, so it needs neither the window nor a complete database.
Not held by the guard: the user asked for exactly this, with the number in view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.events import Event, EventKind
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Evidence, LinkState, Op, Row, Seen
from app.domain.ports import CalendarClient, Clock
from app.domain.runs import Verb
from app.engine import view
from app.engine.cases import copy_from
from app.engine.decisions import Step
from app.engine.originals import assemble
from app.engine.recovery import marked_copies, recover
from app.engine.wishes import COVERED
from app.engine.writer import Work, Writer, Written


def living_copies(ledger: Ledger, direction_id: str) -> int:
    """How many copies a direction has, a series counted as one: the number a command must name."""
    return sum(1 for copy in ledger.copies(direction_id, None) if _is_root(copy))


async def take_copies_away(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    *,
    release: bool,
) -> Written:
    """Remove every proved copy of a direction, or release it. `unfinished` in the answer: some are still there.

    What is inside a series goes with it, and is read first: an undo brings it back. A copy whose original is not known
    stands in the journal under its own key.

    Raises ProviderError when the target cannot be listed.
    """
    await recover(direction, client, ledger, writer, clock)
    known = {copy.copy_key: copy for copy in ledger.copies(direction.id, None)}
    links = [link for link in ledger.links(direction.id, None) if link.copy_key]
    # Of several that one copy covers, the one it was made for.
    links.sort(key=lambda link: link.reason != COVERED)
    original_of = {link.copy_key: link for link in links}
    work = []
    listed = await marked_copies(client, direction)
    inside = {} if release else await _inside(direction, client, ledger, listed)
    for event in listed:
        copy = copy_from(event, direction.id)
        if copy is None or event.kind in (EventKind.EXCEPTION, EventKind.CANCELLED):
            continue
        row = known.get(copy.copy_key)
        if row is not None and row.generation == copy.generation:
            copy = replace(row, event_id=event.id, state=CopyState.LIVE)
        link = original_of.get(copy.copy_key)
        work.append(
            Work(
                original_id=link.original_id if link is not None else copy.copy_key,
                step=replace(
                    _released(copy, event) if release else _removed(copy, event, inside.get(event.id, ())),
                    occ=link.occ if link is not None else "",
                ),
                link=link,
            )
        )
    written = await writer.write(work)
    gone = {copy.copy_key for copy in ledger.copies(direction.id, None) if copy.state is not CopyState.LIVE}
    written.unfinished |= any(item.step.copy_key not in gone for item in work)
    unlink = [
        (direction.id, link.original_id, link.occ)
        for link in ledger.links(direction.id, None)
        if link.copy_key in gone or link.state is not LinkState.LIVE
    ]
    ledger.save([], [], unlink)
    return written


async def _inside(
    direction: DirectionRecord, client: CalendarClient, ledger: Ledger, copies: Sequence[Event]
) -> dict[str, tuple[Event, ...]]:
    """Exceptions and cancelled dates of these copies, as far as they are events of their own, by the series' ids."""
    series = [event.id for event in copies if event.kind is EventKind.SERIES]
    answers = await view.ask(client, ledger, direction.target.id, series) if series else []
    return {
        answer.event_id: assemble(answer.event_id, [Row(event, Seen.SEEN) for event in answer.events]).inside
        for answer in answers
        if answer.evidence is Evidence.FOUND
    }


def _removed(copy: Copy, event: Event, inside: tuple[Event, ...]) -> Step:
    return Step(
        verb=Verb.DELETE,
        op=Op.DELETE,
        occ="",
        copy_key=copy.copy_key,
        form=copy.form,
        reason="command_remove",
        target_id=event.id,
        etag=event.etag,
        copy=copy,
        before=event,
        inside=inside,
        source=event,
    )


def _released(copy: Copy, event: Event) -> Step:
    return Step(
        verb=Verb.RELEASE,
        op=Op.UPDATE,
        occ="",
        copy_key=copy.copy_key,
        form=copy.form,
        reason="command_release",
        target_id=event.id,
        etag=event.etag,
        fields=event.fields,
        wanted=dict(copy.wanted),
        cancelled={start.isoformat(): start for start in event.cancelled},
        copy=copy,
        before=event,
        released=True,
        source=event,
    )


def _is_root(copy: Copy) -> bool:
    return copy.state is CopyState.LIVE and bool(copy.event_id) and copy.form is not CopyForm.OCCURRENCE
