"""Ports: what we need of the world, implemented in `providers`, `store`, `system`, `auth` and wired in `app.main`.
The largest, what a sync remembers, is `app.domain.ledger`.

Everything that waits is an object with an awaitable `next()`, never an async generator: the same engine code then runs
on asyncio and, driven step by step, in a simulation (`engine.md` §16). Times are aware, spans in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.accounts import CalendarInfo, Connection, Identity
from app.domain.events import Event, Fields
from app.domain.links import Answer, Intent, Outcome, Page
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


class Network(Protocol):
    """The computer's connection to the network, as the system tells of it."""

    def on_change(self, callback: Callable[[bool], None]) -> None:
        """Call this, on the loop, when the connection becomes metered or is no longer."""
        ...

    async def metered(self) -> bool:
        """Whether the connection is metered now; False where nobody can say. Never raises for the system's fault."""
        ...

    async def aclose(self) -> None:
        """Let the system go."""
        ...
