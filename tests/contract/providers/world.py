"""What the provider contract needs of a service: the real client against the emulated service over loopback sockets.

Each provider fills a `ProviderWorld` in a module of its own (`google_world.py`); the tests know nothing more of it.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from app.domain import identity
from app.domain.accounts import Access, CalendarInfo, Connection, Provider
from app.domain.errors import AuthExpiredError
from app.domain.events import Event, Fields, Marker, Recurrence
from app.domain.links import Answer, Draft, Intent, Op, Outcome, Page
from app.domain.ports import CalendarClient, CalendarService, Pages
from app.domain.times import Moment, Span, When
from app.sandbox.server import Sandbox
from app.sandbox.world import EmulatedProvider

T = TypeVar("T")

BERLIN = "Europe/Berlin"
DIRECTION = identity.direction_key("source", "target")
SPAN = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
"""The window of every full read here; the tests' events lie in spring 2026."""

SEED_CALENDARS = [
    {"name": "Work", "primary": True},
    {"name": "Home"},
    {"name": "Team", "role": "reader"},
    {"name": "Colleague", "role": "freeBusyReader"},
]


async def no_sleep(_seconds: float) -> None:
    """Waiting, without the waiting."""


@dataclass
class SandboxTokens:
    """Access tokens straight from the sandbox; `ended` makes the sign-in end."""

    emulated: EmulatedProvider
    email: str
    ended: bool = False
    renewals: int = 0
    current: str = ""

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """The present token, or a new one in place of a stale one."""
        if self.ended and stale is not None:
            raise AuthExpiredError("The sign-in has ended.")
        if not self.current or stale == self.current:
            self.renewals += stale is not None
            self.current = str(self.emulated.issue_tokens(self.email, None, 3600)["access_token"])
        return self.current


@dataclass
class ProviderWorld:
    """One account of an emulated service, and our service for it.

    Args:
        create_route, list_route: the sandbox's routes of a create and of a listing of changes, for planted faults.
        slow_down: a planted answer (`status`, `body`, `headers`) that asks to slow down for three seconds.
        make_service: another service of the account, at an API address of one's own.
        api_path: what follows host and port in such an address.
    """

    sandbox: Sandbox
    emulated: EmulatedProvider
    tokens: SandboxTokens
    service: CalendarService
    provider: Provider
    create_route: str
    list_route: str
    slow_down: dict[str, Any]
    make_service: Callable[[str], CalendarService]
    api_path: str
    client: CalendarClient = field(init=False)
    info: CalendarInfo = field(init=False)
    serial: int = 0

    async def open(self, name: str) -> CalendarClient:
        """The client of the calendar of that name; `client` and `info` are of the one opened last."""
        self.info = next(info for info in await self.service.calendars() if info.name == name)
        self.client = self.service.calendar(self.connection)
        return self.client

    @property
    def connection(self) -> Connection:
        """The open calendar as the app knows it."""
        return Connection(
            id="conn_1",
            account_id="acct_1",
            provider=self.provider,
            calendar_id=self.info.calendar_id,
            calendar_key=f"key of {self.info.calendar_id}",
            name=self.info.name,
            access=Access.WRITER,
            zone=self.info.zone,
        )

    def unreachable(self) -> CalendarService:
        """The same account where nothing listens."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
        return self.make_service(f"http://127.0.0.1:{port}{self.api_path}")

    def person_creates(self, **event: Any) -> str:
        """A person makes an event in the open calendar; returns its id."""
        return str(self.emulated.create_event(self.info.calendar_id, event)["id"])

    def person_changes(self, event_id: str, **changes: Any) -> None:
        """A person changes an event of the open calendar."""
        self.emulated.patch_event(self.info.calendar_id, event_id, changes)

    def person_deletes(self, event_id: str) -> None:
        """A person deletes an event of the open calendar."""
        self.emulated.delete_event(self.info.calendar_id, event_id)

    def plant(self, route: str, kind: str, **more: Any) -> None:
        """Plant a failure."""
        self.sandbox.world.faults.add({"route": route, "kind": kind, **more})

    def titles(self) -> list[str]:
        """Titles of all live events of the open calendar, as the service itself knows them."""
        return sorted(event["title"] for event in self.emulated.list_events(self.info.calendar_id))

    def intent(self, op: Op, **more: Any) -> Intent:
        """A journaled write with a number of its own; `copy` names the copy, so that equal names give equal ids."""
        self.serial += 1
        copy = more.pop("copy", f"copy {self.serial}")
        values: dict[str, Any] = {
            "id": self.serial,
            "direction_id": "dir_1",
            "run_id": "sync_run_1",
            "op": op,
            "original_id": "original",
            "occ": "",
            "copy_key": copy,
            "copy_id": identity.copy_id("target", copy, more.get("generation", 0)),
            "generation": 0,
            "stamp": "installation.1",
        }
        return Intent(**{**values, **more})

    async def write(self, *intents: Intent) -> dict[int, Outcome]:
        """Write, and all outcomes by intent."""
        outcomes = await drain(self.client.write(intents).next)
        told = {outcome.intent_id: outcome for outcome in outcomes}
        assert len(told) == len(outcomes), "an outcome was told twice"
        return told

    async def write_one(self, op: Op, **more: Any) -> Outcome:
        """Write one intent."""
        intent = self.intent(op, **more)
        return (await self.write(intent))[intent.id]

    async def create(self, fields: Fields, **more: Any) -> Event:
        """Create a copy that has to succeed."""
        outcome = await self.write_one(Op.CREATE, draft=draft(fields), **more)
        assert outcome.event is not None, outcome
        return outcome.event

    async def read(self, *event_ids: str) -> dict[str, Answer]:
        """Direct reads, by id."""
        answers = await drain(self.client.read(event_ids).next)
        return {answer.event_id: answer for answer in answers}

    async def changes(self, cursor: str | None = None) -> tuple[list[Event], str]:
        """All events of a read, and the position after it."""
        pages = await page_list(self.client.changes(cursor, SPAN))
        assert [page.cursor is None for page in pages] == [True] * (len(pages) - 1) + [False]
        assert pages[-1].cursor is not None
        return [event for page in pages for event in page.events], pages[-1].cursor

    async def marked(self, direction_key: str = DIRECTION) -> list[Event]:
        """All events with the marker of a direction."""
        return [event for page in await page_list(self.client.marked(direction_key)) for event in page.events]


async def drain(step: Callable[[], Awaitable[Sequence[T]]]) -> list[T]:
    """Everything a `next()` tells."""
    result: list[T] = []
    while told := await step():
        result += told
    return result


async def page_list(pages: Pages) -> list[Page]:
    """All pages of a read."""
    result = []
    while (page := await pages.next()) is not None:
        result.append(page)
    return result


def at(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    """A wall time in spring 2026."""
    return datetime(2026, month, day, hour, minute)  # noqa: DTZ001 - wall time without offset is what the domain holds


def timed(start: datetime, end: datetime, **more: Any) -> Fields:
    """A timed event in Berlin."""
    return Fields(**{"when": When(start, end, BERLIN), "title": "Busy", **more})


def weekly(*lines: str, **more: Any) -> Fields:
    """A series of five Mondays from 2 March 2026 on, 09:00 to 10:00: summer time begins before the last."""
    return timed(at(2, 9), at(2, 10), recurrence=Recurrence(lines or ("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5",)), **more)


def draft(fields: Fields, *, cancelled: Sequence[Moment] = (), **marker: Any) -> Draft:
    """A draft with a marker of our direction."""
    values: dict[str, Any] = {"direction_key": DIRECTION, "copy_key": "copy", "generation": 0, "stamp": "here.1"}
    return Draft(fields, Marker(**{**values, **marker}), tuple(cancelled))
