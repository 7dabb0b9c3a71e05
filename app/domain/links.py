"""What ties an original to its copy, and the journal of what we write (`engine.md` §7, §11, §15).

Records that `app.engine` decides on and `app.store` keeps. Values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.accounts import Connection
from app.domain.events import Event, Fields, Marker
from app.domain.pairs import DirectionSettings
from app.domain.times import Moment


@dataclass(frozen=True, slots=True)
class DirectionRecord:
    """One direction of a pair, ready to run.

    Args:
        id: `dir_` and a ULID.
        key: `identity.direction_key(source, target)`.
        settings_no: the pair's; a higher one than `planned_settings_no` makes the next plan look at every original.
        planned_seq: sequence number of the view up to which originals have been planned.
        adopted: the target was read completely once and its copies of this direction were listed by marker.
        source_is_a: the source is the pair's side A.
        both_ways: the pair has a direction the other way too: only then may an original be written.
        calendars: what the two calendars were in the last good run (account, role, zone), empty before the first.
        shared: a copy of it bore the stamp of another installation in an earlier run.
    """

    id: str
    pair_id: str
    key: str
    source: Connection
    target: Connection
    settings: DirectionSettings
    settings_no: int = 1
    planned_settings_no: int = 0
    planned_seq: int = 0
    adopted: bool = False
    source_is_a: bool = True
    both_ways: bool = False
    calendars: str = ""
    shared: bool = False


class Seen(StrEnum):
    """What the view knows of a row: seen there, missing from a complete read of its span, or proved gone."""

    SEEN = "seen"
    ABSENT = "absent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Row:
    """An event in the view of a calendar."""

    event: Event
    seen: Seen


class LinkState(StrEnum):
    """State of a link."""

    LIVE = "live"
    """The copy is there and followed."""
    AWAY = "away"
    """A person deleted the copy: it stays away."""
    KEPT = "kept"
    """The user said keep: the copy stays although the original is gone."""
    TWIN = "twin"
    """The same meeting lives in the target by itself."""
    SKIPPED = "skipped"
    """No copy, for `reason`."""


@dataclass(frozen=True, slots=True)
class Link:
    """The stored tie of one original (or one occurrence of it, `occ`) to its copy in one direction.

    Args:
        original_id: id of the original; of the series for occurrences.
        occ: empty for a single or a whole series, else the occurrence's date key.
        copy_key: key of the copy row, empty while there is none.
        reason: code of why it is in this state.
        base_original: hash of each copied field of the original when both sides last agreed.
        rewrites: how often each field was rewritten for one wanted value (freeze at three): field to (hash, count).
        retry_at: not tried before this moment (back-off after a refusal).
        replan_at: planned again at this moment though nothing changed (window edge, unfinished work).
        tries: refusals in a row.
    """

    direction_id: str
    original_id: str
    occ: str = ""
    copy_key: str = ""
    state: LinkState = LinkState.LIVE
    reason: str = ""
    base_original: Mapping[str, str] = field(default_factory=dict)
    rewrites: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    retry_at: datetime | None = None
    replan_at: datetime | None = None
    tries: int = 0


class CopyForm(StrEnum):
    """How a copy is made in the target."""

    SINGLE = "single"
    SERIES = "series"
    OCCURRENCE = "occurrence"
    """An exception inside a copied series; lives in its parent."""


class CopyState(StrEnum):
    """State of a copy row. Rows stay after the copy is gone: they remember the generation."""

    LIVE = "live"
    GONE = "gone"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Copy:
    """What we know of one copy.

    Args:
        copy_key: `identity.copy_key`; unique in its direction.
        generation: of the id; raised only when the service shows the id burned.
        event_id: the service's id of the live copy, empty while it has none.
        parent: copy_key of the series it is an occurrence of, else empty.
        etag: its version at our last write or read.
        stamp: of our last write; a copy that bears another has no base.
        base_copy: hash of each field as answered to our own write (or the normal form of what we sent).
        cancelled: occurrence keys our series excludes because we made it so.
        wanted: hash of each field we last wanted, so that a changed wish is told from a changed copy.
        written_at: when the service says our last write changed it, None where that answer was lost.
        pins: fields whose last change was undone, with the hash of the wanted value that is not to be written again.
    """

    direction_id: str
    copy_key: str
    generation: int = 0
    event_id: str = ""
    parent: str = ""
    form: CopyForm = CopyForm.SINGLE
    state: CopyState = CopyState.LIVE
    etag: str = ""
    stamp: str = ""
    base_copy: Mapping[str, str] = field(default_factory=dict)
    cancelled: tuple[str, ...] = ()
    wanted: Mapping[str, str] = field(default_factory=dict)
    written_at: datetime | None = None
    pins: Mapping[str, str] = field(default_factory=dict)


class Op(StrEnum):
    """What a journaled write does: to a copy in the target, or to the original in the source."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UPDATE_OCCURRENCE = "update_occurrence"
    CANCEL_OCCURRENCE = "cancel_occurrence"
    WRITE_BACK = "write_back"
    """Carries fields that a person changed on a copy to its original."""
    DELETE_ORIGINAL = "delete_original"
    """Deletes an original after a person deleted its copy."""
    RESTORE_ORIGINAL = "restore_original"
    """Makes an original anew that was deleted so, from its before-image: an ordinary event, and no copy."""

    @property
    def on_original(self) -> bool:
        """Whether this writes to the source."""
        return self in (Op.WRITE_BACK, Op.DELETE_ORIGINAL, Op.RESTORE_ORIGINAL)

    @property
    def creates(self) -> bool:
        """Whether this makes an event under an id of our choice."""
        return self in (Op.CREATE, Op.RESTORE_ORIGINAL)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a copy shall be, in the words of the domain. Never attendees: nobody is ever e-mailed.

    `cancelled` are the original starts a series excludes, as naive wall times (or dates) of the series zone.
    """

    fields: Fields
    marker: Marker
    cancelled: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """What a write-back makes of an original: `names` of `fields` are sent, nothing else of it is touched. Originals
    get no marker."""

    fields: Fields
    names: tuple[str, ...]


class IntentState(StrEnum):
    """State of a journaled write."""

    PENDING = "pending"
    APPLIED = "applied"
    REFUSED = "refused"
    DROPPED = "dropped"
    UNDONE = "undone"
    """It was applied, and taken back since."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a write that takes back earlier ones leaves behind once it is applied (`engine.md` §12).

    It travels with the write, so that one whose answer was lost is settled to the same end by any later run.

    Args:
        rows: journal rows that are undone by it; empty where it is only a part of that.
        revives: rows that those had undone, and that hold again: undoing an undo is doing it again.
        link: as it is from then on.
        was: the link before, None if there was none.
        pins: of the copy, from then on.
        pins_before: of the copy before.
    """

    rows: tuple[int, ...]
    link: Link
    revives: tuple[int, ...] = ()
    was: Link | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    pins_before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """One write, in the journal before it is sent.

    Args:
        id: the journal's row number, 0 before it is stored.
        original_id, occ: the link this serves.
        target_id: event to update or delete; for occurrence operations the series master's id in the target; for
            writes to the original its id in the source.
        occurrence_start: wall time (or date) in the series zone at which the addressed occurrence originally starts.
        etag: version the target must still have, empty for none.
        draft: what to store; None for deletes, cancelled occurrences and writes to the original.
        carried: what a write-back changes, else None.
        wanted: hash of each field, in the target's normal form, of what was asked for.
        original_hashes: hash of each copied field of the original as planned (the link's next base).
        before: the copy (or original) as it was, for undo; None for creates.
        inside: exceptions and cancelled occurrences of a series that is deleted, for undo.
        undoing: what it takes back, None for every other write.
        reason: code of why.
    """

    id: int
    direction_id: str
    run_id: str
    op: Op
    original_id: str
    occ: str
    copy_key: str
    copy_id: str
    generation: int
    stamp: str
    form: CopyForm = CopyForm.SINGLE
    parent: str = ""
    target_id: str = ""
    occurrence_start: Moment | None = None
    etag: str = ""
    draft: Draft | None = None
    carried: Carried | None = None
    wanted: Mapping[str, str] = field(default_factory=dict)
    original_hashes: Mapping[str, str] = field(default_factory=dict)
    cancelled: tuple[str, ...] = ()
    before: Event | None = None
    inside: tuple[Event, ...] = ()
    undoing: Undoing | None = None
    reason: str = ""
    title: str = ""
    state: IntentState = IntentState.PENDING
    first_try_at: datetime | None = None
    last_try_at: datetime | None = None
    tries: int = 0

    @property
    def unit(self) -> str:
        """Operations of one unit (a copied series, or one event) are never in flight together."""
        return self.parent or self.copy_key


class Result(StrEnum):
    """What a service told about one write (`engine.md` §11)."""

    APPLIED = "applied"
    """2xx and alive; a delete of what is gone already."""
    EXISTS = "exists"
    """A create met its id, live, dead or foreign: `Outcome.event` is what is there, None when nothing is found."""
    DROPPED = "dropped"
    """The target changed or went away (404, 410, 412): ask, and plan again."""
    REFUSED = "refused"
    """Another 4xx: back off, show the reason."""
    LATER = "later"
    """429 or quota: nothing happened, `retry_after_seconds` says when to come back."""
    UNKNOWN = "unknown"
    """Time-out, reset, 5xx, part missing: it may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write, as one request on the wire told it; `event` is what the service answered, if it did."""

    intent_id: int
    result: Result
    event: Event | None = None
    code: str = ""
    message: str = ""
    retry_after_seconds: float | None = None


class Evidence(StrEnum):
    """What a direct read proved."""

    FOUND = "found"
    GONE = "gone"
    """404, 410 or cancelled, while the calendar itself answers."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a direct read of one event. For a series `events` holds master, exceptions and cancelled occurrences,
    whole; for a single just it."""

    event_id: str
    evidence: Evidence
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that a calendar lists and nobody can read. What was known of it stays; `title` is for display."""

    event_id: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a read.

    `whole_series`: ids of series whose exceptions and cancelled occurrences are all in this page, so that others
    known before no longer hold. `position` continues the read; `cursor` is set on the last page only. `unreadable` are
    events that are left out, as they cannot be read.
    """

    events: tuple[Event, ...]
    whole_series: frozenset[str] = frozenset()
    position: str | None = None
    cursor: str | None = None
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewState:
    """What is known about the view of a calendar.

    `read_no` numbers reads; `seq` rises with every row that changes; `covers_*` is the span of the last complete read.
    """

    calendar_id: str
    cursor: str | None = None
    read_no: int = 0
    seq: int = 0
    complete_at: datetime | None = None
    covers_from: datetime | None = None
    covers_to: datetime | None = None
    zone: str | None = None
    role: str | None = None
    live_count: int = 0
    """Rows seen alive (masters and singles) at the last complete read."""
