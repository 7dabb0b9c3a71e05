"""The demo: two sandbox accounts signed in as real ones are, the pair *Work (Google) → Home (Microsoft)*, a first sync.

Only the consent click is automatic, and it is made over HTTP as a browser would. A second start meets what the first
left. Nothing leaves this computer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.accounts import Provider
from app.domain.errors import SignInError
from app.domain.events import Event
from app.domain.pairs import Direction, Mode
from app.domain.runs import Run, Trigger
from app.services.connections import Connections
from app.services.pairs import Pairs
from app.services.sync import Sync
from app.services.views import Attempt, AttemptStatus, ConnectionView, Imported, NewPair, PairView, Skipped

SIGN_IN_SECONDS = 60.0
SIDES = (Provider.GOOGLE, Provider.MICROSOFT)


class Unusable(Protocol):
    """A component of a file that could not be read, or an event the service would not take."""

    @property
    def component(self) -> str:
        """Its name in iCalendar."""
        ...

    @property
    def uid(self) -> str:
        """Its UID, empty where it has none."""
        ...

    @property
    def reason(self) -> str:
        """Why, for a person."""
        ...


class DemoPlace(Protocol):
    """What the demo does in the sandbox with a person's hands."""

    def email(self, provider: Provider) -> str:
        """Whom the demo signs in at a provider."""
        ...

    async def consent(self, authorization_url: str, email: str) -> None:
        """Open the page, choose the account, allow, and follow the answer to our listener."""
        ...

    async def put(self, calendar_id: str, events: Sequence[Event]) -> tuple[int, Sequence[Unusable]]:
        """Put events into a calendar as its owner, none twice; returns how many are there now, and what the service
        would not take."""
        ...


IcsReader = Callable[[bytes, str], tuple[Sequence[Event], Sequence[Unusable]]]
"""Reads an iCalendar file (its bytes, the zone for floating times): events, and what could not be read."""


@dataclass(frozen=True, slots=True)
class DemoReady:
    """The demo, ready: its pair, and what became of imported files."""

    pair: PairView
    imported: tuple[Imported, ...] = ()


class Demo:
    """Prepares the demo profile."""

    def __init__(
        self, connections: Connections, pairs: Pairs, sync: Sync, place: DemoPlace, read_ics: IcsReader
    ) -> None:
        self._connections = connections
        self._pairs = pairs
        self._sync = sync
        self._place = place
        self._read_ics = read_ics

    async def prepare(self, ics: Mapping[str, bytes] | None = None) -> DemoReady:
        """Sign in where needed, put files into *Work*, make the pair where needed. Syncing is up to the caller.

        Args:
            ics: contents of `.ics` files by the name to report them under.

        Raises:
            SignInError: the sandbox refused a sign-in, which it never does by itself.
        """
        work, home = [await self._connected(provider) for provider in SIDES]
        imported = [await self._import(work, name, data) for name, data in (ics or {}).items()]
        return DemoReady(self._pair(work, home), tuple(imported))

    def sync(self, pair: PairView) -> Run:
        """Ask for the demo's sync, by the one way in."""
        return self._sync.request(pair.pair.id, Trigger.MANUAL)

    async def _connected(self, provider: Provider) -> ConnectionView:
        found = self._primary(provider)
        if found is None:
            begun = await self._connections.begin(provider)
            await self._place.consent(begun.authorization_url, self._place.email(provider))
            _require_done(await self._connections.finish(begun.id, SIGN_IN_SECONDS))
            found = self._primary(provider)
        if found is None:
            raise SignInError("The sandbox account has no calendar to write to.")
        return found

    def _primary(self, provider: Provider) -> ConnectionView | None:
        mine = [view for view in self._connections.list() if view.connection.provider is provider]
        return next((view for view in mine if view.connection.primary), None)

    def _pair(self, work: ConnectionView, home: ConnectionView) -> PairView:
        ends = (work.connection.id, home.connection.id)
        for view in self._pairs.list():
            if (view.pair.connection_a_id, view.pair.connection_b_id) == ends:
                return view
        return self._pairs.create([NewPair(*ends, mode=Mode.BLOCKER, direction=Direction.A_TO_B)])[0]

    async def _import(self, work: ConnectionView, name: str, data: bytes) -> Imported:
        # A large file takes seconds to parse.
        events, unread = await asyncio.to_thread(self._read_ics, data, work.connection.zone)
        count, refused = await self._place.put(work.connection.calendar_id, events)
        left_out = tuple(Skipped(one.component, one.uid, one.reason) for one in (*unread, *refused))
        return Imported(name, count, left_out)


def _require_done(attempt: Attempt) -> None:
    if attempt.status is not AttemptStatus.DONE:
        raise SignInError(attempt.error or "The sandbox sign-in did not end in time.", code=attempt.error_code)
