"""What the plan is asked and what it answers: a case, its decision, and the steps of a decision. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.events import Event, Fields
from app.domain.links import Carried, Copy, CopyForm, Link, Op, Undoing
from app.domain.runs import Verb
from app.domain.times import Moment
from app.engine.blocks import Block
from app.engine.originals import Unit
from app.engine.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one original.

    Args:
        wishes: what the target shall hold for it, if it lives.
        links: by occurrence key.
        copies: by copy key; gone ones too, and adopted ones that have no link yet.
        targets: what the target's view holds, by the event id of each copied single or series.
        pending: copy keys with a write that is still being settled.
        asked_original: it was read directly in this run, and the service answered.
        asked_copies: event ids in the target read directly in this run, and answered.
        is_copy: this event is a copy we made in its calendar, by its id.
        twin: the same meeting lives in the target by itself.
        blocks: where touching blockers are merged, the block of each occurrence that is in one.
        partial: looked at because of what is beside it: links and wishes are those of a few occurrences only.
    """

    unit: Unit
    links: Mapping[str, Link]
    copies: Mapping[str, Copy]
    targets: Mapping[str, Unit]
    wishes: Wishes = field(default_factory=Wishes)
    pending: frozenset[str] = frozenset()
    asked_original: bool = False
    asked_copies: frozenset[str] = frozenset()
    is_copy: bool = False
    twin: bool = False
    blocks: Mapping[str, Block] = field(default_factory=dict)
    partial: bool = False


@dataclass(slots=True)
class Around:
    """What a change touches.

    Args:
        wishes: of each original, with the span of its block where it is that block's founder.
        blocks: by original and occurrence.
        partial: originals beside those that were asked for, and which of their occurrences are touched.
    """

    wishes: dict[str, Wishes] = field(default_factory=dict)
    blocks: dict[str, dict[str, Block]] = field(default_factory=dict)
    partial: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leave:
    """One that is covered by another's copy and shall be no longer. The copy changes once that is carried out.

    Args:
        copy_key: of the block's copy.
        loses: the original is left without any (the guard counts it).
    """

    occ: str
    copy_key: str
    reason: str
    loses: bool


@dataclass(frozen=True, slots=True)
class Covered:
    """One that a block of another original covers.

    Args:
        founder: title of the block's founder.
        original_hashes: of its own fields.
        fresh: nothing covered it before.
    """

    occ: str
    event: Event
    founder: str
    original_hashes: Mapping[str, str]
    fresh: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One write the plan wants.

    Args:
        target_id: event to change; for occurrences the master's; for writes to the original its id in the source.
        fields: what to store, None for deletes, cancelled occurrences and writes to the original.
        carried: what a write-back changes of the original.
        names: names of the fields that differ.
        inside: exceptions and cancelled occurrences of what is deleted, kept for undo.
        undoing: what this takes back.
        copy: the copy's row as known, None when it is new.
        loses: the original loses its copy by this (the guard counts it).
        follows_original: the write carries a change of the original (the guard counts it).
        covers: titles of the others that its block covers.
    """

    verb: Verb
    op: Op
    occ: str
    copy_key: str
    form: CopyForm
    reason: str
    target_id: str = ""
    etag: str = ""
    fields: Fields | None = None
    carried: Carried | None = None
    wanted: Mapping[str, str] = field(default_factory=dict)
    original_hashes: Mapping[str, str] = field(default_factory=dict)
    cancelled: Mapping[str, Moment] = field(default_factory=dict)
    occurrence_start: Moment | None = None
    parent: str = ""
    names: tuple[str, ...] = ()
    copy: Copy | None = None
    before: Event | None = None
    inside: tuple[Event, ...] = ()
    undoing: Undoing | None = None
    rewrites: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    released: bool = False
    loses: bool = False
    follows_original: bool = False
    covers: tuple[str, ...] = ()
    source: Event | None = None


@dataclass(slots=True)
class Decision:
    """What the plan says about one original: writes, questions, and rows to keep."""

    original_id: str
    steps: list[Step] = field(default_factory=list)
    reads: tuple[str, ...] = ()
    """Event ids in the source that tell all about the original when read directly."""
    ask_original: bool = False
    ask_marker: bool = False
    """Read it to see its marker: a part of reading such a service, not limited like other questions."""
    ask_copies: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    unlink: list[str] = field(default_factory=list)
    skips: list[tuple[str, str, Event | None]] = field(default_factory=list)
    """(occ, reason, event) of what gets no write, for the run's story."""
    adopted: list[tuple[str, Event | None]] = field(default_factory=list)
    source: Event | None = None
    fingerprint: str = ""
    """Of all that is wished for it, to tell later whether it changed since."""
    counted: bool = True
    """Whether this is an original at all (copies of ours and vanished strangers are not)."""
    shrinks: bool = False
    """A series copied date by date would lose over half its copies though its rule is the same."""
    leaves: list[Leave] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    """What a block of another original covers."""
    again: bool = False
    """It waits for a write of this round to another original: plan it once more after that."""
    untied: bool = False
    """It follows a copy made for another original no more: plan it once more in this run, for one of its own."""
    other_installation: bool = False
    """A copy of it bears the stamp of another installation."""
    strange_stamp: str = ""
    """A stamp of this installation on its copy that the copy's row does not tell of."""

    @property
    def asks(self) -> bool:
        """Whether something must be read before this can be decided."""
        return self.ask_original or self.ask_marker or bool(self.ask_copies)

    @property
    def loses(self) -> bool:
        """Whether the original loses its copy, or its part of another's (the guard counts it)."""
        return bool(self.losses)

    @property
    def losses(self) -> set[str]:
        """Why it loses that."""
        why = {step.reason for step in self.steps if step.loses}
        return why | {leave.reason for leave in self.leaves if leave.loses}
