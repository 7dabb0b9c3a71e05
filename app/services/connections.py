"""Accounts and connections: sign in, keep the calendars listed, sign in again, let go (`contract/api.md` §6).

A sign-in is an attempt that waits in the background for the browser; whoever began it asks how it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from app.domain import identity
from app.domain.accounts import (
    Account,
    AccountStatus,
    CalendarInfo,
    Connection,
    ConnectionStatus,
    Identity,
    Provider,
)
from app.domain.errors import (
    AuthExpiredError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InputError,
    KalendsError,
    NotFoundError,
    SignInError,
    VaultError,
)
from app.domain.notices import Notice, Topic
from app.domain.pairs import PairStatus
from app.domain.ports import Authenticator, Clock, Granted, SignIn
from app.services.clients import Clients
from app.services.health import Health
from app.services.notices import Notices
from app.services.views import EVERYTHING, PROVIDER_NAMES, Attempt, AttemptStatus, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository

ATTEMPTS_KEPT = 100
WAITING_AT_MOST = 8
"""Sign-ins that wait for a browser at once; each holds a port. One more ends the oldest."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Attempt:
    view: Attempt
    sign_in: SignIn
    done: asyncio.Event
    task: asyncio.Task[None] | None = None


class Connections:
    """Connects, lists and disconnects.

    Args:
        authenticators: how people sign in, by provider.
        sandbox: accounts made here are the sandbox's (the demo profile).
        signed_in: called with an account's id after it was signed in anew, so that waiting pairs run.
        pause: pauses a pair for a reason that is shown; returns once no write of it is under way.
    """

    def __init__(
        self,
        *,
        accounts: AccountRepository,
        pairs: PairRepository,
        visibility: Visibility,
        authenticators: Mapping[Provider, Authenticator],
        clients: Clients,
        health: Health,
        notices: Notices,
        clock: Clock,
        new_id: Callable[[str], str],
        sandbox: bool,
        signed_in: Callable[[str], None],
        pause: Callable[[str, str], Awaitable[object]],
    ) -> None:
        self._accounts = accounts
        self._pairs = pairs
        self._visibility = visibility
        self._authenticators = authenticators
        self._clients = clients
        self._health = health
        self._notices = notices
        self._clock = clock
        self._new_id = new_id
        self._sandbox = sandbox
        self._signed_in = signed_in
        self._pause = pause
        self._attempts: dict[str, _Attempt] = {}

    # -- looking ---------------------------------------------------------------------------------------------------

    def accounts(self, viewer: Viewer = EVERYTHING) -> tuple[Account, ...]:
        """Accounts a viewer sees, the oldest first."""
        if viewer == EVERYTHING:
            return tuple(self._accounts.list())
        seen = {view.account.id: view.account for view in self._visibility.connections(viewer)}
        return tuple(seen.values())

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[ConnectionView, ...]:
        """Connections a viewer sees."""
        return self._visibility.connections(viewer)

    def get(self, connection_id: str, viewer: Viewer = EVERYTHING) -> ConnectionView:
        """One connection. Raises NotFoundError."""
        return self._visibility.require_connection(connection_id, viewer)

    # -- signing in ------------------------------------------------------------------------------------------------

    async def begin(self, provider: Provider, *, calendar: str | None = None, viewer: Viewer = EVERYTHING) -> Attempt:
        """Start connecting an account; the answer holds the page for the browser.

        Args:
            calendar: connect this calendar only (the provider's id); None connects all the account can read.

        Raises:
            InputError: a provider that signs in otherwise.
            ForbiddenError: a viewer of the sandbox only, where accounts are real.
            SignInError: `client_missing`. VaultError.
        """
        if viewer.sandbox_only and not self._sandbox:
            raise ForbiddenError("A test key connects sandbox accounts only.")
        return await self._begin(provider, account=None, calendar=calendar)

    async def reconnect(self, account_or_connection_id: str, viewer: Viewer = EVERYTHING) -> Attempt:
        """Sign in again to an account, named by its id or a connection's. Raises NotFoundError, and as `begin`."""
        named = {view.connection.id: view.account for view in self.list(viewer)}
        named |= {account.id: account for account in self.accounts(viewer)}
        account = named.get(account_or_connection_id)
        if account is None:
            raise NotFoundError("There is no such account or connection.")
        return await self._begin(account.provider, account=account, calendar=None)

    def attempt(self, attempt_id: str) -> Attempt:
        """How an attempt stands. Raises NotFoundError."""
        return self._attempt(attempt_id).view

    async def finish(self, attempt_id: str, timeout_seconds: float | None = None) -> Attempt:
        """Wait until an attempt is no longer pending, or time is up. Raises NotFoundError."""
        attempt = self._attempt(attempt_id)
        try:
            await asyncio.wait_for(attempt.done.wait(), timeout_seconds)
        except TimeoutError:
            _log.debug("sign_in.wait_over", attempt_id=attempt_id)
        return attempt.view

    async def cancel(self, attempt_id: str) -> None:
        """Give an attempt up; its port is free at once. Raises NotFoundError."""
        attempt = self._attempt(attempt_id)
        if attempt.task is not None and not attempt.task.done():
            attempt.task.cancel()
            await asyncio.gather(attempt.task, return_exceptions=True)

    async def stop(self) -> None:
        """Give all attempts up, and let a token under way be stored."""
        for attempt_id in tuple(self._attempts):
            await self.cancel(attempt_id)
        for authenticator in self._authenticators.values():
            await authenticator.settled()

    # -- keeping and letting go -------------------------------------------------------------------------------------

    async def test(self, account_id: str) -> Account:
        """Ask the service for the calendars, take up new ones, and note how the account does.

        Raises NotFoundError, and ProviderError where that says nothing about the sign-in.
        """
        return await self._ask(account_id, back=False)

    async def _ask(self, account_id: str, *, back: bool) -> Account:
        account = self._accounts.get(account_id)
        try:
            await self._list_calendars(account, only=None, back=back)
        except (AuthExpiredError, VaultError) as error:
            self._health.account_failed(account_id, error)
            return self._accounts.get(account_id)
        except KalendsError as error:
            self._health.account_failed(account_id, error)
            raise
        account = self._accounts.get(account_id)
        if account.status is not AccountStatus.SIGNED_OUT:  # an answer from before does not sign in again
            self._accounts.update(replace(account, status=AccountStatus.CONNECTED, problem=None))
            self._announce(account_id)
        return self._accounts.get(account_id)

    async def disconnect(self, connection_id: str, viewer: Viewer = EVERYTHING) -> None:
        """Let a calendar go; with its last one, the account's sign-in too.

        Raises:
            NotFoundError.
            ConflictError: `connection_in_use`, while pairs use it.
        """
        view = self._visibility.require_connection(connection_id, viewer)
        if self._pairs.of_connection(connection_id):
            raise _in_use()
        self._accounts.remove_connection(connection_id)
        self._notices.announce(Notice(Topic.CONNECTION_CHANGED, self._clock.now(), account_id=view.account.id))
        if not self._accounts.connections(view.account.id):
            await self.remove_account(view.account.id)

    async def follow_again(self, account_id: str) -> Account:
        """Take all calendars of an account up again that were let go. Raises as `test`."""
        return await self._ask(account_id, back=True)

    async def sign_out(self, account_id: str) -> None:
        """Forget the sign-in of an account, and revoke it where the issuer offers that. Its calendars, pairs and their
        copies stay as they are: the pairs are paused until the person resumes them.

        Raises:
            NotFoundError.
            ConflictError: the copies of one of its pairs are being taken away.
        """
        account = self._accounts.get(account_id)
        mine = {connection.id for connection in self._accounts.connections(account_id)}
        pairs = {pair.id: pair for side in sorted(mine) for pair in self._pairs.of_connection(side)}
        for pair in pairs.values():
            if pair.status is PairStatus.ACTIVE or pair.paused_until is not None:
                await self._pause(pair.id, f"You signed out of {account.email}.")
        await self._authenticators[account.provider].forget(account_id)
        await self._clients.forget(account_id)
        # What a last request came to meanwhile says nothing about an account that was signed out of.
        account = self._accounts.get(account_id)
        self._accounts.update(replace(account, status=AccountStatus.SIGNED_OUT, problem=None, expires_at=None))
        self._announce(account_id)

    async def remove_account(self, account_id: str) -> None:
        """Sign out, revoke where the issuer offers that, and forget the account. Raises as `disconnect`."""
        account = self._accounts.get(account_id)
        if any(self._pairs.of_connection(connection.id) for connection in self._accounts.connections(account_id)):
            raise _in_use()
        await self._authenticators[account.provider].forget(account_id)
        await self._clients.forget(account_id)
        self._accounts.remove(account_id)
        self._announce(account_id)

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _begin(self, provider: Provider, *, account: Account | None, calendar: str | None) -> Attempt:
        authenticator = self._authenticators.get(provider)
        if authenticator is None:
            known = ", ".join(sorted(self._authenticators))
            raise InputError(
                f"Kalends cannot sign in to '{provider}' yet.",
                details=[FieldError("provider", f"Choose one of: {known}.")],
            )
        sign_in = await authenticator.begin(login_hint=account.email if account is not None else None)
        view = Attempt(
            id=self._new_id("attempt"),
            provider=provider,
            status=AttemptStatus.PENDING,
            authorization_url=sign_in.authorization_url,
            expires_at=sign_in.expires_at,
            account_id=account.id if account is not None else None,
        )
        attempt = _Attempt(view, sign_in, asyncio.Event())
        self._attempts[view.id] = attempt
        self._make_room()
        attempt.task = asyncio.create_task(self._follow(attempt, authenticator, account, calendar))
        # A task that is cancelled before its first step would leave the port open and the attempt pending.
        await asyncio.sleep(0)
        return view

    async def _follow(
        self, attempt: _Attempt, authenticator: Authenticator, account: Account | None, calendar: str | None
    ) -> None:
        try:
            granted = await attempt.sign_in.finish()
            connected, connections = await self._connect(authenticator, granted, account, calendar)
        except asyncio.CancelledError:
            self._fail(attempt, AttemptStatus.FAILED, SignInError("The sign-in was cancelled.", code="cancelled"))
            raise
        except SignInError as error:
            late = error.code == "timed_out"
            self._fail(attempt, AttemptStatus.EXPIRED if late else AttemptStatus.FAILED, error)
            return
        except KalendsError as error:
            self._fail(attempt, AttemptStatus.FAILED, error)
            return
        except Exception:  # noqa: BLE001 - the last border: whoever waits must be woken, the log has the trace
            _log.exception("sign_in.failed", attempt_id=attempt.view.id)
            shown = KalendsError("Something went wrong inside Kalends; the log has the details.")
            self._fail(attempt, AttemptStatus.FAILED, shown)
            return
        attempt.view = replace(
            attempt.view,
            status=AttemptStatus.DONE,
            account_id=connected.id,
            connection_ids=tuple(connection.id for connection in connections),
        )
        attempt.done.set()
        self._announce(connected.id)
        self._signed_in(connected.id)

    def _make_room(self) -> None:
        """Forget the oldest attempts that are over, and end the oldest that wait where too many do."""
        over = [attempt_id for attempt_id, attempt in self._attempts.items() if attempt.done.is_set()]
        for attempt_id in over[: max(0, len(self._attempts) - ATTEMPTS_KEPT)]:
            del self._attempts[attempt_id]
        waiting = [attempt for attempt in self._attempts.values() if not attempt.done.is_set()]
        for attempt in waiting[:-WAITING_AT_MOST]:
            if attempt.task is not None:
                attempt.task.cancel()

    def _fail(self, attempt: _Attempt, status: AttemptStatus, error: KalendsError) -> None:
        attempt.view = replace(attempt.view, status=status, error_code=error.code, error=error.message)
        attempt.done.set()

    async def _connect(
        self, authenticator: Authenticator, granted: Granted, account: Account | None, calendar: str | None
    ) -> tuple[Account, Sequence[Connection]]:
        """Keep what a sign-in brought: the account, its secret, and the calendars it can read."""
        who = granted.identity
        if account is not None and account.subject != who.subject:
            raise SignInError(
                f"You signed in as {who.email}, but this connection is {account.email}. Nothing was changed.",
                code="wrong_account",
            )
        known = self._accounts.find(who.provider, who.subject)
        # A sealed secret needs its account; until the secret was read back, what was there before counts.
        kept = self._accounts.add(self._account(who, known))
        try:
            # Its clients stay: a run may be using them, and they ask for tokens anew each time.
            await authenticator.keep(kept.id, granted.secret)
        except (KalendsError, asyncio.CancelledError):
            if known is not None:
                self._accounts.update(known)
            else:
                self._accounts.remove(kept.id)
            raise
        try:
            connections = await self._list_calendars(kept, only=calendar, back=account is None)
            # A run that still failed with the old secret may have said otherwise meanwhile.
            self._accounts.update(kept)
            return kept, connections
        except asyncio.CancelledError:
            if known is None:
                self._accounts.remove(kept.id)
            raise
        except KalendsError as error:
            if known is None:
                await authenticator.forget(kept.id)
                self._accounts.remove(kept.id)
                raise
            self._health.account_failed(kept.id, error)
            if isinstance(error, (AuthExpiredError, InputError)):
                raise
            # The sign-in is good; its calendars are those we know until the service lists them again.
            _log.warning("sign_in.calendars_not_listed", account_id=kept.id, code=error.code)
            return kept, self._accounts.connections(kept.id)

    def _account(self, who: Identity, known: Account | None) -> Account:
        return Account(
            id=known.id if known is not None else self._new_id("acct"),
            provider=who.provider,
            subject=who.subject,
            email=who.email,
            status=AccountStatus.CONNECTED,
            display_name=who.display_name,
            scopes=who.scopes,
            sandbox=self._sandbox,
            created_at=known.created_at if known is not None else self._clock.now(),
            expires_at=who.expires_at,
        )

    async def _list_calendars(self, account: Account, *, only: str | None, back: bool) -> Sequence[Connection]:
        """Bring an account's connections up to date with what the service lists: new calendars are taken up, those that
        are no more are marked, and those the user let go come back only if that is asked (`only`, `back`)."""
        found = await self._clients.service(account).calendars()
        if only is not None and not any(info.calendar_id == only for info in found):
            message = "This account has no such calendar."
            raise InputError(message, details=[FieldError("calendar", message)])
        known = self._accounts.connections(account.id)
        let_go = frozenset[str]() if back else self._accounts.let_go(account.id)
        wanted = [
            self._connection(account, info)
            for info in found
            if (calendar_key(account, info) not in let_go if only is None else info.calendar_id == only)
        ]
        kept = self._accounts.put_connections(account.id, wanted)
        listed = {calendar_key(account, info) for info in found}
        for connection in known:
            if connection.calendar_key not in listed:
                name = PROVIDER_NAMES[connection.provider]
                problem = f"“{connection.name}” no longer exists at {name}. Copies were left in place."
                self._accounts.update_connection(replace(connection, status=ConnectionStatus.ERROR, problem=problem))
        return kept

    def _connection(self, account: Account, info: CalendarInfo) -> Connection:
        return Connection(
            id=self._new_id("conn"),
            account_id=account.id,
            provider=account.provider,
            calendar_id=info.calendar_id,
            calendar_key=calendar_key(account, info),
            name=info.name,
            access=info.access,
            zone=info.zone,
            primary=info.primary,
            status=ConnectionStatus.ACTIVE,
            colour=info.colour,
        )

    def _announce(self, account_id: str) -> None:
        self._notices.announce(Notice(Topic.ACCOUNT_CHANGED, self._clock.now(), account_id=account_id))

    def _attempt(self, attempt_id: str) -> _Attempt:
        try:
            return self._attempts[attempt_id]
        except KeyError:
            raise NotFoundError("There is no such sign-in attempt.") from None


def calendar_key(account: Account, info: CalendarInfo) -> str:
    """What any machine calls this calendar (`engine.md` §4)."""
    if account.provider is Provider.GOOGLE:
        return identity.google_calendar_key(info.calendar_id)
    if account.provider is Provider.MICROSOFT:
        return identity.microsoft_calendar_key(account.subject, info.calendar_id)
    raise InputError(f"Kalends does not know the calendars of '{account.provider}' yet.")


def _in_use() -> ConflictError:
    return ConflictError(
        "Sync pairs use this calendar.", code="connection_in_use", fix="Delete those sync pairs first."
    )
