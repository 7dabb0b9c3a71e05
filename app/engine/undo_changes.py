"""What a run did, event by event, and what an undo knows and leaves behind of each change (`engine.md` §12). Pure.

Shared by the plans for copies, for what is inside copied series, and for originals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.domain.events import Event, EventKind, Fields
from app.domain.links import Copy, CopyState, DirectionRecord, Intent, IntentState, Link, LinkState, Op, Undoing
from app.domain.runs import Undoable, Verb
from app.domain.times import Moment
from app.engine.closing import SECOND_COPY, VERBS
from app.engine.decisions import Step
from app.engine.fingerprint import is_sub_daily
from app.engine.originals import Unit, occurrence_key
from app.engine.story import told_start
from app.engine.wishes import UNDONE
from app.engine.write_back import Originals

REASON = "command_undo"
"""Reason of every write of an undo; what begins with `command_` is not counted by the guard."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One change of a run, and whether it can be taken back.

    Args:
        verb: what the run did to the event, in all.
        rows: the writes it took, by journal number.
        step: what takes it back, or a part of that; None where nothing is (or is left) to write.
        complete: nothing is left to write, and it only has to be noted.
        revives: writes that hold again once this is undone.
    """

    original_id: str
    occ: str
    verb: Verb
    state: Undoable
    title: str = ""
    starts_at: datetime | None = None
    all_day: bool = False
    rows: tuple[int, ...] = ()
    step: Step | None = None
    complete: bool = False
    revives: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known when an undo is planned.

    Args:
        copies: rows of the copies, by copy key.
        links: by original and occurrence key.
        targets, sources: events in the target and the source as they were read just now, None where one is gone; an id
            that is missing could not be read.
        shared: keys of copies that stand for several originals.
        holders: the original and occurrence that each copy was made for, or follows since a re-link, by copy key.
        wanted: fingerprint of what is wanted for an original now, empty where nothing is.
        normal_form, rewrites_seconds, excluded_dates: the target's.
        originals: what may be said about originals, None where none may be written.
    """

    copies: Mapping[str, Copy]
    links: Mapping[tuple[str, str], Link]
    targets: Mapping[str, Unit | None]
    sources: Mapping[str, Unit | None]
    wanted: Callable[[str], str]
    normal_form: Callable[[Fields], Fields]
    shared: frozenset[str] = frozenset()
    holders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rewrites_seconds: float = 0.0
    excluded_dates: bool = True
    originals: Originals | None = None


@dataclass(slots=True)
class Change:
    """What a run did to one event: its writes to it, oldest first."""

    rows: list[Intent]
    covered: list[Intent] = field(default_factory=list)
    """Writes inside a series that was made or deleted: they come and go with it."""

    @property
    def first(self) -> Intent:
        return self.rows[0]

    @property
    def last(self) -> Intent:
        return self.rows[-1]

    @property
    def open(self) -> list[Intent]:
        return [row for row in (*self.rows, *self.covered) if row.state is IntentState.APPLIED]

    @property
    def makes(self) -> bool:
        """Whether the event was not there before."""
        return self.first.op.creates

    @property
    def deletes(self) -> bool:
        """Whether the event is not there afterwards."""
        return self.last.op in (Op.DELETE, Op.DELETE_ORIGINAL)

    @property
    def remakes(self) -> bool:
        """Whether an event was deleted and made anew under the same key."""
        return not self.makes and not self.deletes and any(row.op is Op.DELETE for row in self.rows)

    @property
    def verb(self) -> Verb:
        if self.makes or self.deletes:
            return VERBS[self.first.op if self.makes else self.last.op]
        return Verb.UPDATE if self.remakes else VERBS[self.last.op]


class Basis:
    """What the plans of an undo share: what is known of a change, and what a write that takes it back leaves behind."""

    def __init__(self, direction: DirectionRecord, standing: Standing) -> None:
        self.direction = direction
        self.standing = standing

    def copy(self, change: Change) -> Copy | None:
        return self.standing.copies.get(change.last.copy_key)

    def living(self, change: Change) -> Copy | None:
        copy = self.copy(change)
        return copy if copy is not None and copy.state is CopyState.LIVE and copy.event_id else None

    def there(self, copy: Copy | None) -> tuple[Unit | None, bool]:
        """The copy as it was read, None where it is gone; and whether nobody could say."""
        if copy is None or not copy.event_id:
            return None, False
        if copy.event_id not in self.standing.targets:
            return None, True
        return self.standing.targets[copy.event_id], False

    def place(self, change: Change) -> tuple[str, str]:
        """The original, and occurrence, that this change's event belongs to now: since a re-link another than then."""
        then = (change.first.original_id, change.first.occ)
        return self.standing.holders.get(change.last.copy_key, then)

    def known_link(self, change: Change) -> Link | None:
        return self.standing.links.get(self.place(change))

    def link(self, change: Change, state: LinkState) -> Link:
        """The link of this change's event, new, in a state that an undo leaves."""
        original_id, occ = self.place(change)
        return Link(self.direction.id, original_id, occ, state=state, reason=UNDONE)

    def undoing(
        self,
        change: Change,
        link: Link,
        *,
        pins: Mapping[str, str] | None = None,
        part: bool = False,
        keeps_link: bool = False,
        marks_ours: bool = False,
    ) -> Undoing:
        """What the write that takes a change back leaves behind.

        Args:
            link: after the undo of a first-hand change; where an undo is undone it is the link from before it.
            part: more writes follow before the change is undone.
            keeps_link, marks_ours: the link says, until those follow, that the undo is under way.
        """
        copy, redo = self.copy(change), change.first.undoing
        pins_after = dict(pins or {})
        if redo is not None:
            pins_after = dict(redo.pins_before)
            if not keeps_link:
                back = redo.was or self.link(change, LinkState.SKIPPED)
                link = replace(back, reason=UNDONE) if marks_ours else back
        return Undoing(
            rows=() if part else tuple(row.id for row in change.open),
            revives=() if part else revived(change),
            link=link,
            was=self.known_link(change),
            pins=pins_after,
            pins_before=dict(copy.pins) if copy is not None else {},
        )

    def tell(self, change: Change, state: Undoable, step: Step | None = None, *, complete: bool = False) -> Finding:
        row = change.last
        said = row.draft.fields if row.draft is not None else None
        subject = row.before or change.first.before
        fields = said or (row.carried.fields if row.carried is not None else None)
        fields = fields or (subject.fields if subject is not None else None)
        return Finding(
            original_id=row.original_id,
            occ=row.occ,
            verb=change.verb,
            state=state,
            title=row.title or (fields.title if fields is not None else ""),
            starts_at=told_start(fields, self.direction.source.zone),
            all_day=fields is not None and fields.when.all_day,
            rows=tuple(one.id for one in change.open),
            step=step,
            complete=complete,
            revives=revived(change),
        )


def revived(change: Change) -> tuple[int, ...]:
    return tuple(number for row in change.open if row.undoing is not None for number in row.undoing.rows)


def changes(rows: Sequence[Intent]) -> list[Change]:
    """Writes gathered by the event they changed; what happened inside a series made or deleted goes along."""
    by_event: dict[tuple[str, bool, bool], Change] = {}
    for row in rows:
        # A second copy of the same key is another event.
        change = by_event.setdefault((row.copy_key, row.op.on_original, row.reason == SECOND_COPY), Change([]))
        change.rows.append(row)
    whole = {
        key: change
        for (key, _, second), change in by_event.items()
        if not second and (change.makes or change.deletes or change.remakes)
    }
    told = []
    for (key, _, _), change in by_event.items():
        parent = whole.get(change.first.parent) if change.first.parent else None
        if parent is not None and key not in whole:
            parent.covered.extend(change.rows)
        else:
            told.append(change)
    return told


def exceptions(change: Change) -> list[Event]:
    """Exceptions that were inside the series when the run deleted it."""
    deletion = next((row for row in change.rows if row.op is Op.DELETE), None)
    return [event for event in deletion.inside if event.kind is EventKind.EXCEPTION] if deletion is not None else []


def stubs(change: Change) -> list[Event]:
    deletion = next((row for row in change.rows if row.op is Op.DELETE), None)
    return [event for event in deletion.inside if event.kind is EventKind.CANCELLED] if deletion is not None else []


def date_key(start: Moment, master: Fields) -> str:
    return occurrence_key(start, master.when.zone, sub_daily=is_sub_daily(master))


def pinned(copy: Copy, names: Sequence[str]) -> dict[str, str]:
    """The copy's pins, with these fields: what is wanted of them now is not written again."""
    return {**copy.pins, **{name: copy.wanted[name] for name in names if name in copy.wanted}}
