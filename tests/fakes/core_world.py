"""A whole core over fake calendars and fake sign-ins: real services, real engine, real database in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.auth.addresses import find_addresses
from app.domain.accounts import Access, Account, CalendarInfo, Connection, Identity, Provider
from app.domain.errors import AuthExpiredError, KalendsError, OfflineError, VaultError
from app.domain.events import Event
from app.domain.links import Intent
from app.domain.ports import AccessTokens, CalendarClient, Granted
from app.domain.times import Span
from app.services.core import Core
from app.services.views import AttemptStatus
from app.store.store import Store
from app.system.paths import Profile, find_paths
from app.system.preferences import SettingsFile
from app.wiring import Built, build
from tests.fakes.calendar import FakeAnswers, FakeCalendar, FakePages, FakeWriting
from tests.fakes.engine_world import HandClock


class NoVault:
    """No secret is ever sealed here."""

    def data_key(self) -> bytes:
        """A key nobody uses."""
        return bytes(32)


@dataclass
class FakeSignIn:
    """A sign-in that ends when the test says so."""

    authorization_url: str
    expires_at: datetime
    answer: asyncio.Future[Granted]

    async def finish(self) -> Granted:
        """Wait for the test."""
        return await self.answer


@dataclass
class FakeAuthenticator:
    """Signs in whom the test names; `sign_ins` are those under way."""

    clock: HandClock
    sign_ins: list[FakeSignIn] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)

    async def begin(self, *, login_hint: str | None = None) -> FakeSignIn:
        """A page nobody opens."""
        answer: asyncio.Future[Granted] = asyncio.get_running_loop().create_future()
        sign_in = FakeSignIn("http://127.0.0.1:1/auth", self.clock.now() + timedelta(minutes=10), answer)
        self.sign_ins.append(sign_in)
        return sign_in

    async def keep(self, account_id: str, secret: bytes) -> None:
        """Remember it."""
        self.kept[account_id] = secret

    def tokens(self, account_id: str) -> AccessTokens:
        """Nobody asks: the fake calendars need none."""
        raise NotImplementedError

    async def settled(self) -> None:
        """Nothing is ever under way."""

    async def forget(self, account_id: str) -> None:
        """Remember that it was asked."""
        self.forgotten.append(account_id)
        self.kept.pop(account_id, None)


class GatedCalendar(FakeCalendar):
    """A fake calendar whose requests wait for a gate, so that tests look at a run in the middle; on a real loop."""

    gate: asyncio.Event | None = None
    waiting: asyncio.Event | None = None
    broken: KalendsError | None = None

    async def pass_gate(self) -> None:
        """Wait while the gate is closed; fail while broken."""
        if self.waiting is not None:
            self.waiting.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.broken is not None:
            raise self.broken


class GatedPages:
    """Pages behind the gate."""

    def __init__(self, calendar: GatedCalendar, pages: FakePages) -> None:
        self._calendar = calendar
        self._pages = pages

    async def next(self) -> Any:
        """The next page."""
        await self._calendar.pass_gate()
        return await self._pages.next()


@dataclass
class GatedClient:
    """`CalendarClient` of a gated calendar."""

    calendar: GatedCalendar

    @property
    def capabilities(self) -> Any:
        """As the fake's."""
        return self.calendar.capabilities

    def changes(self, cursor: str | None, span: Span) -> GatedPages:
        """Behind the gate."""
        return GatedPages(self.calendar, self.calendar.changes(cursor, span))

    def marked(self, direction_key: str) -> GatedPages:
        """Behind the gate."""
        return GatedPages(self.calendar, self.calendar.marked(direction_key))

    def read(self, event_ids: Sequence[str]) -> FakeAnswers:
        """As the fake's."""
        return self.calendar.read(event_ids)

    def write(self, intents: Sequence[Intent]) -> FakeWriting:
        """As the fake's."""
        return self.calendar.write(intents)

    def normal_form(self, fields: Any) -> Any:
        """As the fake's."""
        return self.calendar.normal_form(fields)

    def writable_fields(self, event: Event) -> frozenset[str]:
        """As the fake's."""
        return self.calendar.writable_fields(event)

    def expresses(self, fields: Any) -> bool:
        """As the fake's."""
        return self.calendar.expresses(fields)


@dataclass
class FakeService:
    """One account's calendars."""

    calendar_id: str
    client: GatedClient
    infos: Callable[[], Sequence[CalendarInfo]]
    listing: asyncio.Event | None = None
    closed: bool = False

    async def calendars(self) -> Sequence[CalendarInfo]:
        """What the test says, and when."""
        if self.listing is not None:
            await self.listing.wait()
        return self.infos()

    def calendar(self, connection: Connection) -> CalendarClient:
        """The one fake."""
        return self.client

    async def aclose(self) -> None:
        """Remember it: whoever still uses the client fails."""
        self.closed = True


class FakeNetwork:
    """A connection that is metered when the test says so; `asked` counts the questions."""

    def __init__(self) -> None:
        self.is_metered = False
        self.asked = 0
        self._callback: Callable[[bool], None] = lambda metered: None

    def on_change(self, callback: Callable[[bool], None]) -> None:
        """Remember who wants to hear."""
        self._callback = callback

    async def metered(self) -> bool:
        """As the test says."""
        self.asked += 1
        return self.is_metered

    async def aclose(self) -> None:
        """Nothing is open."""

    def becomes(self, *, metered: bool) -> None:
        """The connection changes."""
        self.is_metered = metered
        self._callback(metered)


class CoreWorld:
    """Ana with *Work* at Google and *Home* at Microsoft (both fakes that behave like Google's)."""

    def __init__(self, folder: Path, *, sandbox: bool = False) -> None:
        self.clock = HandClock()
        self.store = Store.open(":memory:", now=self.clock.now)
        self.work = GatedCalendar()
        self.home = GatedCalendar()
        self.google = FakeAuthenticator(self.clock)
        self.microsoft = FakeAuthenticator(self.clock)
        self.access = Access.WRITER
        self.services: list[FakeService] = []
        self.more: Sequence[CalendarInfo] = ()
        self.listing: asyncio.Event | None = None
        self.network = FakeNetwork()
        self._paths = find_paths({"KALENDS_HOME": str(folder)}, Profile.DEFAULT)
        self.built = self._build()

    def _build(self) -> Built:
        return build(
            self.store,
            find_addresses({}),
            NoVault(),
            self._paths,
            SettingsFile(self._paths.config_file, {}),
            clock=self.clock,
            authenticators={Provider.GOOGLE: self.google, Provider.MICROSOFT: self.microsoft},
            clients_of=self._service,
            network=self.network,
        )

    def restart(self) -> None:
        """The services anew over the same database, as after a start; nothing may be under way."""
        self.built = self._build()

    @property
    def core(self) -> Core:
        """The services."""
        return self.built.core

    def _service(self, account: Account) -> FakeService:
        calendar = self.work if account.provider is Provider.GOOGLE else self.home
        name = "Work" if account.provider is Provider.GOOGLE else "Home"
        calendar_id = f"{name.lower()}@example.com"

        def infos() -> Sequence[CalendarInfo]:
            if isinstance(calendar.broken, (AuthExpiredError, OfflineError, VaultError)):
                raise calendar.broken
            return [
                CalendarInfo(calendar_id, name, self.access, "Europe/Berlin", primary=True),
                CalendarInfo(f"read-{calendar_id}", f"{name}, read only", Access.READER, "Europe/Berlin"),
                *self.more,
            ]

        service = FakeService(calendar_id, GatedClient(calendar), infos, self.listing)
        self.services.append(service)
        return service

    async def connect(self, provider: Provider, subject: str = "ana") -> str:
        """Sign in and return the primary connection's id."""
        authenticator = self.google if provider is Provider.GOOGLE else self.microsoft
        attempt = await self.core.connections.begin(provider)
        authenticator.sign_ins[-1].answer.set_result(granted(provider, subject))
        done = await self.core.connections.finish(attempt.id, 5)
        assert done.status is AttemptStatus.DONE, done.error
        return done.connection_ids[0]

    async def close(self) -> None:
        """Stop everything, in the app's order."""
        self.built.schedule.stop()
        await self.core.sync.stop()
        await self.core.connections.stop()
        await self.built.clients.aclose()
        self.store.close()


def granted(provider: Provider, subject: str) -> Granted:
    """What a sign-in of this person brings."""
    return Granted(Identity(provider, subject, f"{subject}@example.com", "Ana", ("calendar",)), b"secret")


def with_title(world: CoreWorld, event_id: str, title: str) -> None:
    """Retitle an event in *Work*."""
    event = world.work.events[event_id]
    assert event.fields is not None
    world.work.put(replace(event, fields=replace(event.fields, title=title)))
