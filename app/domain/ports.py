"""Ports: what we need of the world, implemented in `providers`, `store`, `system`, `auth` and wired in `app.main`.

Everything that waits is an object with an awaitable `next()`, never an async generator: the same engine code then runs
on asyncio and, driven step by step, in a simulation (`engine.md` §16). Times are aware, spans in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.accounts import CalendarInfo, Connection, Identity
from app.domain.events import Event, Fields
from app.domain.links import (
    Answer,
    Copy,
    DirectionRecord,
    Intent,
    Link,
    Outcome,
    Page,
    Row,
    ViewState,
)
from app.domain.runs import ActionRecord, Counts, Hold, HoldCause
from app.domain.times import Moment, Span


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a calendar's service can do, as far as the engine plans with it.

    Args:
        batch: operations in one request on the wire.
        parallel: requests in flight at once.
        reads_margin_back_days, reads_margin_ahead_days: how much wider than the window a full read is.
        frozen_span: the span of a full read is frozen in its cursor (Graph): a second round replaces it before it ends.
        span_limited: views end at `covers_to` (Graph); False when a read has no upper bound (Google).
        excluded_dates: a series is written with its cancelled dates in one request (Google's EXDATE).
        rewrites_seconds: for how long after a write the service itself may still change text and place (Exchange).
    """

    batch: int
    parallel: int
    reads_margin_back_days: int
    reads_margin_ahead_days: int
    frozen_span: bool
    span_limited: bool
    excluded_dates: bool
    rewrites_seconds: float = 0.0


class Pages(Protocol):
    """A read under way."""

    async def next(self) -> Page | None:
        """The next page, None after the last. Raises a ProviderError; `CursorExpiredError` asks for a full read."""
        ...


class Answers(Protocol):
    """Direct reads under way."""

    async def next(self) -> Sequence[Answer]:
        """Answers of the next request on the wire, empty when all is told."""
        ...


class Writing(Protocol):
    """Writes under way."""

    async def next(self) -> Sequence[Outcome]:
        """Outcomes that the next finished request told, empty when all is told. Never raises for a single write:
        what it cannot know is `Result.UNKNOWN`. Raises AuthExpiredError, AccessError or OfflineError only if nothing
        of the remaining writes was sent."""
        ...

    def recall(self) -> None:
        """Send nothing more. What is on the wire by now is still told; what `next` then leaves untold was not sent."""
        ...


class CalendarReader(Protocol):
    """One calendar, read only. A one-way run holds its source as this: there is no write method to call."""

    @property
    def capabilities(self) -> Capabilities:
        """What the service can do."""
        ...

    def changes(self, cursor: str | None, span: Span) -> Pages:
        """Read what changed since `cursor`, or with None everything in (at least) `span`."""
        ...

    def read(self, event_ids: Sequence[str]) -> Answers:
        """Read these events directly; a series whole. 404s count as gone only while the calendar itself answers."""
        ...

    def marked(self, direction_key: str) -> Pages:
        """List the events that bear the marker of a direction, outside the window too; markers known."""
        ...

    def normal_form(self, fields: Fields) -> Fields:
        """These fields as the service will give them back (trimmed, cut, whole minutes, its zone names). Pure."""
        ...


class CalendarClient(CalendarReader, Protocol):
    """One calendar, with writing. Never notifies anybody: no attendees, `sendUpdates=none`."""

    def write(self, intents: Sequence[Intent]) -> Writing:
        """Send these writes, at most one of each unit, in the service's own way."""
        ...

    def writable_fields(self, event: Event) -> frozenset[str]:
        """Names (`CopyField`) of the fields that may be written to an original. Empty for events with other people on
        them or another organizer, special types, and in read-only calendars. Pure."""
        ...

    def expresses(self, fields: Fields) -> bool:
        """Whether the service can say this event's recurrence exactly (`providers.md` §10.3). Pure."""
        ...


class Expander(Protocol):
    """Occurrences of a series, counted and bounded (`engine.md` §5)."""

    def occurrences(self, fields: Fields, span: Span, fallback_zone: str) -> Sequence[Moment]:
        """Original starts (naive wall times of the series zone, or dates) of all occurrences that overlap `span`,
        cancelled ones included, in order. Raises InputError `series_too_dense` or `rule_unreadable`."""
        ...


class Clock(Protocol):
    """The time, as the engine may know it."""

    def now(self) -> datetime:
        """Now, aware in UTC."""
        ...


class Stamps(Protocol):
    """Names for writes."""

    def stamp(self) -> str:
        """A fresh `installation.write`."""
        ...

    def installation(self) -> str:
        """The first half of every stamp of this installation."""
        ...


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

    def forget_cursor(self, calendar_id: str) -> None:
        """The cursor is dead; the rows stay."""
        ...

    def store_answers(self, calendar_id: str, answers: Sequence[Answer]) -> None:
        """Store direct reads: found units replace what was known of them whole; gone ones become `gone`."""
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


class Vault(Protocol):
    """Where the data key lives (`architecture.md`): the OS keyring, a passphrase, or the demo's own database."""

    def data_key(self) -> bytes:
        """32 bytes. Raises VaultError `vault_missing`, `vault_locked`, `vault_failed`. Blocking: call in a thread."""
        ...


class SealedSecrets(Protocol):
    """Bytes that only `app.auth` can open, kept by the store."""

    def load(self, account_id: str) -> bytes | None:
        """The sealed blob of an account, None if there is none."""
        ...

    def store(self, account_id: str, sealed: bytes) -> None:
        """Keep a blob, durable on return."""
        ...

    def delete(self, account_id: str) -> None:
        """Forget a blob."""
        ...


class CalendarService(Protocol):
    """One account at one provider: its calendars, and clients for them that share connections and limits."""

    async def calendars(self) -> Sequence[CalendarInfo]:
        """All calendars the account can at least read, the primary one first. Raises a ProviderError."""
        ...

    def calendar(self, connection: Connection) -> CalendarClient:
        """The client of one calendar."""
        ...

    async def aclose(self) -> None:
        """Close the account's http connections."""
        ...


@dataclass(frozen=True, slots=True)
class Granted:
    """What a finished sign-in brought: whose it is, and the secret to seal (refresh token or token cache, as bytes)."""

    identity: Identity
    secret: bytes = field(repr=False)


class SignIn(Protocol):
    """A sign-in under way: a page for the browser, a listener on loopback that waits for its answer."""

    @property
    def authorization_url(self) -> str:
        """The page a person opens. Carries the state: never log it."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When we stop waiting (10 minutes)."""
        ...

    async def finish(self) -> Granted:
        """Wait for the browser's answer and trade it for tokens. Raises SignInError, OfflineError, UnavailableError.
        Cancelling the task frees the port at once."""
        ...


class Authenticator(Protocol):
    """How people sign in at one provider, and how their tokens stay fresh."""

    async def begin(self, *, login_hint: str | None = None) -> SignIn:
        """Start listening and make the page's address. Raises SignInError `client_missing`, VaultError."""
        ...

    async def keep(self, account_id: str, secret: bytes) -> None:
        """Seal and store a secret, read it back, and forget tokens held in memory. Raises VaultError."""
        ...

    def tokens(self, account_id: str) -> AccessTokens:
        """Fresh access tokens of an account; one refresh in flight for each."""
        ...

    async def settled(self) -> None:
        """Wait until no refresh is under way, so that a rotated secret is stored before the database closes."""
        ...

    async def forget(self, account_id: str) -> None:
        """Revoke at the issuer where it offers that, and delete the secret. An unreachable issuer does not stop it."""
        ...


class AccessTokens(Protocol):
    """A live access token for one account."""

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """A token good for now. `stale` is one the service just refused: do not answer it again. `claims` is what the
        service asks of the next one (a JSON text, OpenID Connect's `claims`), None where it says nothing.

        Raises AuthExpiredError (sign-in ended), OfflineError, UnavailableError, VaultError."""
        ...


class Notifier(Protocol):
    """The desktop's notifications. Where there are none, nothing happens: nobody may depend on one being seen."""

    def on_action(self, callback: Callable[[str, str], None]) -> None:
        """Call this with tag and action when a person presses a button, on the loop that showed the notification."""
        ...

    async def show(
        self, tag: str, title: str, body: str, actions: Sequence[tuple[str, str]], *, quiet: bool = False
    ) -> None:
        """Show a notification, in place of the one with this tag if there is one. Never raises for a desktop's fault.

        Args:
            title, body: plain text; each makes sense alone.
            actions: buttons as action and label; pressing the notification itself is the first.
            quiet: it only corrects what is there already, or does not matter much.
        """
        ...

    async def withdraw(self, tag: str) -> None:
        """Take the notification with this tag away, if it is there."""
        ...

    async def aclose(self) -> None:
        """Take all away and let the desktop go."""
        ...
