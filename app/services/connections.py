"""Accounts and connections: sign in, keep the calendars listed, sign in again, let go (`contract/api.md` §6).

A sign-in is an attempt that waits in the background for the browser; whoever began it asks how it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
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
    InputError,
    KalendsError,
    NotFoundError,
    SignInError,
)
from app.domain.notices import Notice, Topic
from app.domain.ports import Authenticator, Clock, Granted, SignIn
from app.services.clients import Clients
from app.services.notices import Notices
from app.services.views import EVERYTHING, Attempt, AttemptStatus, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository

ATTEMPTS_KEPT = 100

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
    """

    def __init__(
        self,
        *,
        accounts: AccountRepository,
        pairs: PairRepository,
        visibility: Visibility,
        authenticators: Mapping[Provider, Authenticator],
        clients: Clients,
        notices: Notices,
        clock: Clock,
        new_id: Callable[[str], str],
        sandbox: bool,
        signed_in: Callable[[str], None],
    ) -> None:
        self._accounts = accounts
        self._pairs = pairs
        self._visibility = visibility
        self._authenticators = authenticators
        self._clients = clients
        self._notices = notices
        self._clock = clock
        self._new_id = new_id
        self._sandbox = sandbox
        self._signed_in = signed_in
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

    async def begin(self, provider: Provider, *, calendar: str | None = None) -> Attempt:
        """Start connecting an account; the answer holds the page for the browser.

        Args:
            calendar: connect this calendar only (the provider's id); None connects all the account can read.

        Raises:
            InputError: a provider that signs in otherwise.
            SignInError: `client_missing`. VaultError.
        """
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
        """Ask the service for the calendars, and note how the account does. Raises NotFoundError, ProviderError."""
        account = self._accounts.get(account_id)
        try:
            await self._list_calendars(account, only=None, known_only=True)
        except AuthExpiredError as error:
            return self._keep(replace(account, status=AccountStatus.NEEDS_SIGN_IN, problem=error.message))
        return self._keep(replace(account, status=AccountStatus.CONNECTED, problem=None))

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

    async def remove_account(self, account_id: str) -> None:
        """Sign out, revoke where the issuer offers that, and forget the account. Raises as `disconnect`."""
        account = self._accounts.get(account_id)
        if any(self._pairs.of_connection(connection.id) for connection in self._accounts.connections(account_id)):
            raise _in_use()
        await self._authenticators[account.provider].forget(account_id)
        await self._clients.forget(account_id)
        self._accounts.remove(account_id)
        self._notices.announce(Notice(Topic.ACCOUNT_CHANGED, self._clock.now(), account_id=account_id))

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
        while len(self._attempts) > ATTEMPTS_KEPT:
            self._attempts.pop(next(iter(self._attempts)))
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
        attempt.view = replace(
            attempt.view,
            status=AttemptStatus.DONE,
            account_id=connected.id,
            connection_ids=tuple(connection.id for connection in connections),
        )
        attempt.done.set()
        self._notices.announce(Notice(Topic.ACCOUNT_CHANGED, self._clock.now(), account_id=connected.id))
        self._signed_in(connected.id)

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
        kept = self._account(who, known)
        # The secret is sealed and read back before the account counts as connected.
        kept = self._accounts.add(kept)
        try:
            await authenticator.keep(kept.id, granted.secret)
            await self._clients.forget(kept.id)
            connections = await self._list_calendars(kept, only=calendar, known_only=False)
        except KalendsError:
            if known is None:
                await authenticator.forget(kept.id)
                self._accounts.remove(kept.id)
            raise
        return kept, connections

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

    async def _list_calendars(self, account: Account, *, only: str | None, known_only: bool) -> Sequence[Connection]:
        """Bring an account's connections up to date with what the service lists."""
        found = await self._clients.service(account).calendars()
        known = {connection.calendar_key for connection in self._accounts.connections(account.id)}
        if only is not None and not any(info.calendar_id == only for info in found):
            message = "This account has no such calendar."
            raise InputError(message, details=[FieldError("calendar", message)])
        wanted = [
            self._connection(account, info)
            for info in found
            if (only is None or info.calendar_id == only) and (not known_only or calendar_key(account, info) in known)
        ]
        return self._accounts.put_connections(account.id, wanted)

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

    def _keep(self, account: Account) -> Account:
        self._accounts.update(account)
        self._notices.announce(Notice(Topic.ACCOUNT_CHANGED, self._clock.now(), account_id=account.id))
        return account

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
