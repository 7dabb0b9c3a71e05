"""The whole app in the test's own process, beside the sandbox: what tests of planted failures play with.

Opened by the composition root like any start, with the real database, vault and clients. Nothing of it is replaced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.accounts import AccountStatus, Provider
from app.domain.pairs import Direction, Mode
from app.domain.runs import Run, RunStatus, Trigger
from app.main import LocalHost
from app.sandbox.world import EmulatedProvider
from app.services.core import Core
from app.services.views import AttemptStatus, NewPair
from tests.integration.oracle import Before, assert_in_step, before, since
from tests.integration.playground import DEADLINE_SECONDS, GOOGLE_BATCH, GRAPH_BATCH, Playground, Stop, playground

CREATING = {
    "google": {"wire": GOOGLE_BATCH, "body": b"POST /calendar/v3/calendars/"},
    "microsoft": {"wire": GRAPH_BATCH, "body": b'"method":"POST"'},
}
CHANGING = {
    "google": {"wire": GOOGLE_BATCH, "body": b"PATCH /calendar/v3/calendars/"},
    "microsoft": {"wire": GRAPH_BATCH, "body": b'"method":"PATCH"'},
}
ROUTES = {
    "google": {
        "list": "google:GET /calendar/v3/calendars/{calendar}/events",
        "search": "google:GET /calendar/v3/calendars/{calendar}/events",
        "write": "google:POST /batch/calendar/v3",
        "create": "google:POST /calendar/v3/calendars/{calendar}/events",
        "token": "google:POST /token",
        "all": "google:* /**",
    },
    "microsoft": {
        "list": "microsoft:GET /v1.0/me/calendars/{calendar}/calendarView/delta",
        "search": "microsoft:GET /v1.0/me/calendars/{calendar}/events",
        "write": "microsoft:POST /v1.0/$batch",
        "create": "microsoft:POST /v1.0/me/calendars/{calendar}/events",
        "token": "microsoft:POST /common/oauth2/v2.0/token",
        "all": "microsoft:* /**",
    },
}


@dataclass(slots=True)
class House:
    """An app that runs, and what it found. `ends` are the ids of the source's and the target's connection."""

    play: Playground
    core: Core
    ends: tuple[str, str]
    then: Before
    pair_id: str = ""

    async def first_run(self) -> Run:
        """Make the pair, and wait for the run this asks for."""
        new = NewPair(*self.ends, mode=Mode(self.play.mode), direction=Direction.A_TO_B)
        self.pair_id = self.core.pairs.create([new])[0].pair.id
        return await self.run()

    async def run(self, trigger: Trigger = Trigger.MANUAL, *, full: bool = False) -> Run:
        """One run to its end."""
        asked = self.core.sync.request(self.pair_id, trigger, full=full)
        ended = await self.core.sync.wait(asked.id, DEADLINE_SECONDS)
        assert ended.run.status.ended
        return ended.run

    def stop_creating(self) -> Stop:
        """Hold the next request to the target that makes copies, once it is done and before it is answered."""
        place: dict[str, Any] = CREATING[self.play.target.name]
        return self.play.stop_at(Stop(**place, answered=True))

    def stop_changing(self, *, answered: bool = True) -> Stop:
        """Hold the next request to the target that changes copies, done but not answered, or only arrived."""
        place: dict[str, Any] = CHANGING[self.play.target.name]
        return self.play.stop_at(Stop(**place, answered=answered))

    def plant(self, side: EmulatedProvider, route: str, kind: str, **more: Any) -> None:
        """Plant a failure at one service; see `sandbox.faults`."""
        self.play.sandbox.world.faults.add({"route": ROUTES[side.name][route], "kind": kind, **more})

    def hits(self) -> int:
        """How often planted failures were met."""
        return sum(fault.hits for fault in self.play.sandbox.world.faults.all())

    def heal(self) -> None:
        """Take every planted failure away; there must have been one that was met."""
        assert self.hits(), "no planted failure was met"
        self.play.sandbox.world.faults.clear()

    async def assert_repaired(self) -> None:
        """The next run ends well and everything is in step; the one after it writes nothing."""
        repairing = await self.run()
        assert repairing.status is RunStatus.SUCCESS, repairing
        self.then = since(self.play, self.then)
        assert_in_step(self.play, self.then)
        await self.assert_quiet()

    async def assert_quiet(self) -> None:
        """A run ends well and writes nothing."""
        quiet = await self.run()
        assert quiet.status is RunStatus.SUCCESS, quiet
        counts = quiet.counts
        assert (counts.created, counts.updated, counts.deleted) == (0, 0, 0), quiet

    def account_status(self, side: EmulatedProvider) -> AccountStatus:
        """How the app says the account of a service does."""
        return next(one.status for one in self.core.connections.accounts() if one.provider.value == side.name)


@asynccontextmanager
async def house(home: Path, source: Provider, mode: Mode = Mode.FULL, *, more: int = 8) -> AsyncIterator[House]:
    """A signed-in app, its pair not made yet; everything is stopped afterwards."""
    async with playground(home, source, str(mode), more=more) as play:
        handle = await LocalHost(play.environment()).open("default", serve=False)
        try:
            yield House(play, handle.core, await _signed_in(play, handle.core), before(play))
        finally:
            await handle.stop()


@asynccontextmanager
async def house_in_step(home: Path, source: Provider, mode: Mode = Mode.FULL) -> AsyncIterator[House]:
    """A signed-in app whose pair is in step, after a first run that ended well."""
    async with house(home, source, mode) as there:
        first = await there.first_run()
        assert first.status is RunStatus.SUCCESS, first
        assert_in_step(there.play, there.then)
        await there.assert_quiet()
        yield there


async def _signed_in(play: Playground, core: Core) -> tuple[str, str]:
    """Sign in at both services; ids of the source's and the target's connection."""
    for side in (play.source, play.target):
        provider = Provider(side.name)
        begun = await core.connections.begin(provider)
        await play.consent(provider, begun.authorization_url)
        ended = await core.connections.finish(begun.id, DEADLINE_SECONDS)
        assert ended.status is AttemptStatus.DONE, ended
    ends = {view.connection.provider.value: view.connection.id for view in core.connections.list()}
    return ends[play.source.name], ends[play.target.name]
