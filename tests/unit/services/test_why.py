"""Why an event is there or not: what it is, which rule says so, what was written, when it is looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import InputError, NotFoundError
from app.domain.events import Availability
from app.domain.links import Seen
from app.domain.pairs import Direction, Mode, PairStatus
from app.domain.runs import RunStatus, Trigger
from app.services.views import NewPair, PairChange, Viewer
from app.services.why import What
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def synced(folder: Path) -> AsyncIterator[tuple[CoreWorld, str]]:
    """*Work* copied to *Home* as busy blocks; one meeting and one free event."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(meeting("meeting", wall(MONDAY, 9), title="Team sync"))
        free = {"availability": Availability.FREE}
        world.work.put(meeting("idle", wall(MONDAY + timedelta(days=1), 9), title="Team idle", fields=free))
        new = NewPair(*ends, mode=Mode.BLOCKER, direction=Direction.A_TO_B)
        pair_id = world.core.pairs.create([new])[0].pair.id
        await sync(world, pair_id)
        yield world, pair_id
    finally:
        await world.close()


async def sync(world: CoreWorld, pair_id: str) -> None:
    """One run that ends well."""
    run = world.core.sync.request(pair_id, Trigger.MANUAL)
    assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS


async def test_an_original_tells_of_its_copy_and_of_what_was_written(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, pair_id):
        answer = await world.core.questions.why.explain("TEAM SY", pair_id=pair_id)
        (found,) = answer.found
        assert (found.what, found.seen, found.event.id) == (What.ORIGINAL, Seen.SEEN, "meeting")
        (way,) = found.ways
        assert [copy.event_id for copy in way.copies] == list(world.home.events)
        assert [(one.op.value, one.state.value) for one in way.writes] == [("create", "applied")]
        assert [reason.code for reason in way.now] == ["nothing_to_do"]


async def test_what_is_left_out_names_the_rule(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, _):
        (found,) = (await world.core.questions.why.explain("idle")).found
        assert [reason.code for reason in found.ways[0].now] == ["free"]
        assert found.ways[0].now[0].sentence == "It is marked as free."
        assert not found.ways[0].writes


async def test_a_copy_leads_back_to_its_original(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, _):
        await sync(world, world.core.pairs.list()[0].pair.id)  # reads the copy into the view
        (copy_id,) = world.home.events
        (found,) = (await world.core.questions.why.explain(copy_id)).found
        assert (found.what, found.ways[0].original_id) == (What.COPY, "meeting")


async def test_a_copy_of_a_copy_is_a_stray_and_a_guests_event_in_the_target_is_ordinary(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, pair_id):
        (copy,) = world.home.events.values()
        world.home.put(replace(copy, id="pasted", etag=""))
        world.home.put(meeting("dinner", wall(MONDAY, 19), title="Dinner"))
        await sync(world, pair_id)
        assert [one.what for one in (await world.core.questions.why.explain("pasted")).found] == [What.STRAY]
        (ordinary,) = (await world.core.questions.why.explain("dinner")).found
        assert (ordinary.what, ordinary.ways) == (What.ORDINARY, ())


async def test_an_explanation_asks_no_service_and_changes_nothing(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, pair_id):
        world.work.put(meeting("meeting", wall(MONDAY, 15), title="Team sync moved"))
        await sync(world, pair_id)
        seen = world.store.ledger.view(world.core.pairs.get(pair_id).a.connection.id)
        links = world.store.ledger.links(world.store.pairs.directions(pair_id)[0].id, None)
        requests = [*world.work.requests, *world.home.requests]
        for _ in range(2):
            assert (await world.core.questions.why.explain("Team")).total == 2
        assert world.store.ledger.view(seen.calendar_id) == seen
        assert world.store.ledger.links(world.store.pairs.directions(pair_id)[0].id, None) == links
        assert [*world.work.requests, *world.home.requests] == requests


async def test_a_paused_pair_is_said_and_a_day_finds_what_starts_then(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, pair_id):
        await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
        answer = await world.core.questions.why.explain("", on=MONDAY + timedelta(days=1))
        assert [one.event.id for one in answer.found if one.what is What.ORIGINAL] == ["idle"]
        assert answer.found[0].ways[0].now[-1].code == "pair_paused"


async def test_neither_words_nor_a_day_and_pairs_out_of_sight_are_refused(tmp_path: Path) -> None:
    async with synced(tmp_path) as (world, pair_id):
        with pytest.raises(InputError):
            await world.core.questions.why.explain("  ")
        with pytest.raises(NotFoundError):
            await world.core.questions.why.explain("Team", pair_id=pair_id, viewer=Viewer(sandbox_only=True))
        assert (await world.core.questions.why.explain("Team", viewer=Viewer(sandbox_only=True))).total == 0
