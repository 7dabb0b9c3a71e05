"""The demo: two sandbox accounts signed in as real ones are, the pair *Work (Google) → Home (Microsoft)*, a first sync.

Only the consent click is automatic, and it is made over HTTP as a browser would. A second start meets what the first
left. Nothing leaves this computer. What is made happen later happens at the services; the app is told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.accounts import Provider
from app.domain.errors import NotFoundError, SignInError
from app.domain.events import Event
from app.domain.pairs import Direction, Mode, PairStatus
from app.domain.runs import Run, Trigger
from app.services.connections import Connections
from app.services.happenings import DemoAct, Happened
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


class DemoHands(Protocol):
    """What happens at the sandbox's services beside the app, which is told nothing of it."""

    @property
    def online(self) -> bool:
        """Whether the services can be reached."""
        ...

    async def move_event(self, calendar_id: str) -> str:
        """Move one appointment of a calendar to another time; its title."""
        ...

    async def end_sign_in(self, email: str) -> None:
        """Take back, at the service, what the person had allowed."""
        ...

    async def set_online(self, online: bool) -> None:
        """Take the services off the network, or bring them back."""
        ...

    async def empty(self, calendar_id: str) -> int:
        """Delete everything in a calendar; how much it was."""
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
    """Prepares the demo profile, and makes something happen in it."""

    def __init__(
        self,
        connections: Connections,
        pairs: Pairs,
        sync: Sync,
        place: DemoPlace,
        hands: DemoHands,
        read_ics: IcsReader,
    ) -> None:
        self._connections = connections
        self._pairs = pairs
        self._sync = sync
        self._place = place
        self._hands = hands
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

    async def happen(self, act: DemoAct) -> Happened:
        """Let something happen at the services, and sync as the schedule would: the app finds out by itself.

        Raises:
            NotFoundError: there is nothing it could happen to.
            ConflictError: the sandbox will not do it.
        """
        work = self._primary(SIDES[0])
        if work is None:
            raise NotFoundError("The demo's Work calendar is not connected.")
        sentence = await self._act(act, work)
        active = [view for view in self._pairs.list() if view.pair.status is PairStatus.ACTIVE]
        mine = next((view for view in active if work.connection.id == view.pair.connection_a_id), None)
        # Nobody asked for this run: being offline must stay as quiet as it is otherwise.
        run = None if mine is None else self._sync.request(mine.pair.id, Trigger.SCHEDULED)
        return Happened(sentence, run, self._hands.online)

    async def _act(self, act: DemoAct, work: ConnectionView) -> str:
        calendar_id, hands = work.connection.calendar_id, self._hands
        if act is DemoAct.MOVE_EVENT:
            return f"“{await hands.move_event(calendar_id)}” was moved by two hours in Work."
        if act is DemoAct.EMPTY_CALENDAR:
            return f"All {await hands.empty(calendar_id)} events in Work were deleted."
        if act is DemoAct.END_SIGN_IN:
            await hands.end_sign_in(self._place.email(SIDES[0]))
            return "Google ended the sign-in."
        online = act is DemoAct.GO_ONLINE
        await hands.set_online(online)
        return "The services can be reached again." if online else "The services cannot be reached any more."

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
