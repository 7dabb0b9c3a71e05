"""The ledger: what a sync knows of calendars, directions and what it has done, as the engine reads and changes it.

Implemented in `store`. It must not say how that is kept; times are aware, spans in seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.events import Event
from app.domain.links import (
    Answer,
    Copy,
    DirectionRecord,
    Intent,
    Link,
    Page,
    Row,
    ViewState,
)
from app.domain.runs import ActionRecord, Counts, Hold, HoldCause
from app.domain.times import Span


@dataclass(frozen=True, slots=True)
class Closing:
    """How one intent ends, written in one transaction with everything that follows from it.

    Args:
        state: applied, refused, dropped; or pending (still unknown: try again, one more try counted).
        link, copy: rows as they are from now on, None where they stay.
    """

    intent: Intent
    link: Link | None = None
    copy: Copy | None = None
    action: ActionRecord | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers the guard counts with, for one direction.

    Args:
        live: linked originals with a live copy (a series is one).
        deleted_24h: originals whose copy this direction deleted in the last 24 hours, not counting commands.
        originals_deleted_24h: originals this direction deleted in the last 24 hours.
        other_installation: a stamp of another installation was seen in the pair, ever.
    """

    live: int
    deleted_24h: int
    originals_deleted_24h: int = 0
    other_installation: bool = False


class Ledger(Protocol):
    """The state of calendars and directions. Plain functions: code between two awaits is atomic; every method that
    changes something is one transaction. Look-ups are one SELECT of a map, never row by row."""

    # -- views of calendars ----------------------------------------------------------------------------------------

    def view(self, calendar_id: str) -> ViewState:
        """State of a view; `calendar_id` is the connection's id. A view that was never read is all defaults."""
        ...

    def begin_read(self, calendar_id: str, *, full: bool) -> int:
        """Number a new read."""
        ...

    def store_page(self, calendar_id: str, read_no: int, page: Page, *, full: bool, span: Span) -> None:
        """Store one page with its position. Alive events become `seen`, `gone` ones `gone`; of `whole_series` the
        exceptions and cancelled occurrences not in the page are dropped. A row whose event equals the stored one keeps
        its `seq`, any other gets the next."""
        ...

    def finish_read(self, calendar_id: str, read_no: int, *, cursor: str, full: bool, span: Span, at: datetime) -> None:
        """Keep the cursor. After a full read rows of the span that this read did not touch become `absent`."""
        ...

    def series_to_read(self, calendar_id: str) -> Sequence[str]:
        """Series to be read directly beside a whole listing: where the rows were lost, a listing may lack some of their
        exceptions. Empty otherwise."""
        ...

    def forget_cursor(self, calendar_id: str) -> None:
        """The cursor is dead; the rows stay."""
        ...

    def store_answers(self, calendar_id: str, answers: Sequence[Answer]) -> None:
        """Store direct reads: found units replace what was known of them whole; gone ones become `gone`."""
        ...

    def store_half_read(self, calendar_id: str, series: Collection[str]) -> None:
        """Note series that may have exceptions which nobody could read: a part of each counts as out of sight until a
        direct read or a page tells the series whole, or that it is gone."""
        ...

    def rows(self, calendar_id: str, units: Collection[str] | None) -> Sequence[Row]:
        """Rows of these units (masters, exceptions and cancelled occurrences of a series; singles), None for all."""
        ...

    def extents(self, calendar_id: str, span: Span) -> Sequence[tuple[str, datetime | None, datetime | None]]:
        """Units with a row that is not gone and may meet a span: unit and between which instants that row can lie, None
        where there is no bound."""
        ...

    def changed_units(self, calendar_id: str, since_seq: int) -> Sequence[str]:
        """Units with a row whose `seq` is higher, sorted."""
        ...

    def changed_rows(self, calendar_id: str, since_seq: int) -> Sequence[Row]:
        """Rows whose `seq` is higher, by event id."""
        ...

    def known_copies(self, calendar_id: str, event_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Which of these events are copies we made in this calendar, any direction: id to (direction id, copy key)."""
        ...

    def uids(self, calendar_id: str, ical_uids: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """Seen masters and singles of a calendar by iCalUID."""
        ...

    def named(self, calendar_id: str, names: Collection[str]) -> Sequence[Event]:
        """Seen masters and singles of a calendar whose id or transaction id is one of these, in the order of ids."""
        ...

    # -- directions --------------------------------------------------------------------------------------------------

    def originals_to_plan(
        self, direction: DirectionRecord, now: datetime, *, everything: bool = False
    ) -> Sequence[str]:
        """Units of the source to plan: changed since `planned_seq`, whose copy's row in the target changed, or with a
        link whose `replan_at` or `retry_at` has come; all known or linked ones when the settings changed. Sorted."""
        ...

    def links(self, direction_id: str, original_ids: Collection[str] | None) -> Sequence[Link]:
        """Links of these originals with all their occurrences, None for all."""
        ...

    def links_to(self, direction_id: str, copy_keys: Collection[str]) -> Sequence[Link]:
        """Links that follow these copies, of whatever original."""
        ...

    def copies(self, direction_id: str, copy_keys: Collection[str] | None) -> Sequence[Copy]:
        """Copy rows, the gone ones too, None for all."""
        ...

    def copies_of_parents(self, direction_id: str, parents: Collection[str]) -> Sequence[Copy]:
        """Copy rows of occurrences inside these copied series."""
        ...

    def tally(self, direction_id: str, now: datetime) -> Tally:
        """Numbers for the guard."""
        ...

    def save(self, links: Sequence[Link], copies: Sequence[Copy], unlink: Sequence[tuple[str, str, str]] = ()) -> None:
        """Upsert links and copies and remove links `(direction_id, original_id, occ)`, in one transaction."""
        ...

    def planned(self, direction: DirectionRecord, *, seq_source: int, seq_target: int) -> None:
        """All originals up to these sequence numbers are planned, with the settings of `direction.settings_no`."""
        ...

    def adopted(self, direction_id: str) -> None:
        """The target was read completely and its copies were listed by marker."""
        ...

    def other_installation(self, direction_id: str, at: datetime) -> None:
        """A copy of this direction bears the stamp of another installation; the first time is remembered for good."""
        ...

    def calendars_known(self, direction_id: str, calendars: str) -> None:
        """These are the calendars of a direction as they are now: what changes from here on is news."""
        ...

    # -- journal -------------------------------------------------------------------------------------------------------

    def open_intents(self, intents: Sequence[Intent], at: datetime) -> Sequence[Intent]:
        """Journal these writes with the time of this try, in one transaction, durable on return; gives them ids."""
        ...

    def retry_intents(self, intents: Sequence[Intent], at: datetime) -> Sequence[Intent]:
        """Count another try of pending intents, durable on return."""
        ...

    def close_intents(self, closings: Sequence[Closing], at: datetime) -> None:
        """End intents with their links, copies, actions and notices, and turn the rows they take back, in one
        transaction."""
        ...

    def take_back(self, rows: Sequence[int], revives: Sequence[int]) -> None:
        """Applied writes count as undone though nothing was left to write for it; those in `revives` hold again."""
        ...

    def journaled(self, run_id: str) -> Sequence[Intent]:
        """Writes of a run that happened, the undone ones too, in their order."""
        ...

    def created(self, account_id: str, since: datetime) -> int:
        """How many events were created in an account's calendars since a moment, by the journal."""
        ...

    def deleted_for(self, direction_id: str, reasons: Sequence[str], since: datetime) -> Collection[str]:
        """Originals whose copies we deleted for one of these reasons since a moment, by the journal."""
        ...

    def stamps_known(self, stamps: Collection[str]) -> Collection[str]:
        """Those of these stamps that a write in the journal bears, however it ended."""
        ...

    def pending_intents(self, direction_id: str) -> Sequence[Intent]:
        """Writes whose outcome is not known, oldest first."""
        ...

    # -- runs and holds ------------------------------------------------------------------------------------------------

    def record(self, run_id: str, actions: Sequence[ActionRecord]) -> None:
        """Add actions to a run's story."""
        ...

    def progress(self, run_id: str, counts: Counts) -> None:
        """Counts so far, for whoever watches."""
        ...

    def last_told(self, direction_id: str, original_ids: Sequence[str]) -> Mapping[str, ActionRecord]:
        """What the story last said about originals while they were there, by their ids; None of those it forgot."""
        ...

    def hold(self, direction_id: str, cause: HoldCause) -> Hold | None:
        """The open or answered hold of this cause, None if there is none."""
        ...

    def save_hold(self, hold: Hold, original_ids: Sequence[str]) -> None:
        """Open or renew a hold with what it concerns."""
        ...

    def hold_items(self, hold_id: str) -> Sequence[str]:
        """Original ids a hold concerns."""
        ...

    def close_hold(self, hold_id: str) -> None:
        """Its cause is gone or its answer carried out."""
        ...
