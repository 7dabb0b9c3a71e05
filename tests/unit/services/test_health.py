"""What reads and failures tell about accounts and connections, and that it is taken back when all is well again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.accounts import Account, AccountStatus, ConnectionStatus, Provider
from app.domain.errors import AccessError, AuthExpiredError, KalendsError, ThrottledError, VaultError
from app.domain.notices import Topic
from app.domain.pairs import Direction, PairState
from app.domain.runs import RunStatus, Trigger
from app.services.views import NewPair, RollUp
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run, settled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


def google(world: CoreWorld) -> Account:
    return next(one for one in world.core.connections.accounts() if one.provider is Provider.GOOGLE)


@pytest.mark.parametrize(
    ("error", "status", "action"),
    [
        (VaultError("Your password store is locked.", code="vault_locked"), AccountStatus.VAULT_LOCKED, "unlock_vault"),
        (AuthExpiredError("Google ended the sign-in."), AccountStatus.NEEDS_SIGN_IN, "reconnect"),
    ],
)
async def test_an_account_heals_with_the_first_good_read(
    world: CoreWorld, error: KalendsError, status: AccountStatus, action: str
) -> None:
    pair_id = await pair_of(world)
    world.work.broken = error
    assert await run(world, pair_id) is RunStatus.FAILED
    assert (google(world).status, google(world).problem) == (status, error.message)
    assert [problem.action for problem in world.core.status.overall().problems] == [action]
    world.work.broken = None
    assert await run(world, pair_id) is RunStatus.SUCCESS
    assert (google(world).status, google(world).problem) == (AccountStatus.CONNECTED, None)
    assert world.core.status.overall().state is RollUp.UP_TO_DATE
    assert world.core.status.overall().problems == ()


async def test_a_locked_vault_that_opens_is_noticed_by_the_schedule(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.broken = VaultError("Your password store is locked.", code="vault_locked")
    assert await run(world, pair_id, Trigger.SCHEDULED) is RunStatus.FAILED
    world.work.broken = None
    assert await run(world, pair_id, Trigger.SCHEDULED) is RunStatus.SUCCESS
    assert google(world).status is AccountStatus.CONNECTED


async def test_a_missing_scope_needs_a_person_and_says_so_in_its_own_words(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.broken = AccessError("Calendar access was not allowed.", code="scope_missing")
    assert await run(world, pair_id) is RunStatus.FAILED
    assert google(world).status is AccountStatus.SCOPE_MISSING
    world.work.broken = None
    assert await run(world, pair_id, Trigger.SCHEDULED) is RunStatus.SKIPPED
    (problem,) = world.core.status.overall().problems
    assert (problem.code, problem.action) == ("scope_missing", "reconnect")
    assert problem.sentence == "Calendar access wasn't allowed for ana@example.com, so this account can't sync."


async def test_a_calendar_that_comes_back_loses_its_problem_and_both_are_announced(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    heard: list[Topic] = []
    world.core.notices.listen(lambda notice: heard.append(notice.topic))
    world.work.broken = AccessError("This calendar is not shared with you any more.")
    await run(world, pair_id)
    await run(world, pair_id)
    assert world.core.pairs.get(pair_id).state is PairState.ATTENTION
    (problem,) = world.core.status.overall().problems
    assert (problem.action, "not shared" in problem.sentence) == ("choose_calendar", True)
    world.work.broken = None
    await run(world, pair_id)
    (work,) = [v.connection for v in world.core.connections.list() if v.connection.name == "Work"]
    assert (work.status, work.problem) == (ConnectionStatus.ACTIVE, None)
    assert world.core.pairs.get(pair_id).state is PairState.UP_TO_DATE
    assert heard.count(Topic.CONNECTION_CHANGED) == 2


async def test_a_service_that_asks_for_time_gets_it_for_all_pairs_of_the_account(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    ids = {view.connection.name: view.connection.id for view in world.core.connections.list()}
    new = NewPair(ids["Work, read only"], ids["Home"], direction=Direction.A_TO_B)
    (other,) = world.core.pairs.create([new])
    await settled(world)
    world.work.broken = ThrottledError("Slow down.", retry_after_seconds=600)
    assert await run(world, pair_id) is RunStatus.FAILED
    world.work.broken = None
    assert await run(world, other.pair.id, Trigger.SCHEDULED) is RunStatus.SKIPPED
    view = world.core.pairs.get(other.pair.id)
    assert (view.state, view.problem) == (
        PairState.WAITING,
        "Google asked us to slow down. Syncing goes on by itself.",
    )
    world.clock.advance(minutes=11)
    assert await run(world, other.pair.id, Trigger.SCHEDULED) is RunStatus.SUCCESS


@pytest.mark.parametrize(("asked", "waits_seconds"), [(None, 60), (1e15, 86_400), (5.0, 5)])
async def test_a_wish_for_time_is_bounded_and_one_without_a_number_is_heard(
    world: CoreWorld, asked: float | None, waits_seconds: int
) -> None:
    pair_id = await pair_of(world)
    world.work.broken = ThrottledError("Slow down.", retry_after_seconds=asked)
    assert await run(world, pair_id) is RunStatus.FAILED
    until = world.core.sync.waits_until([google(world).id])
    assert until is not None
    assert round((until - world.clock.now()).total_seconds()) == waits_seconds


async def test_a_run_that_was_cut_off_does_not_pass_for_a_good_one(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    (view,) = world.core.pairs.create([NewPair(work, home, direction=Direction.A_TO_B)])
    await world.core.sync.settle(view.pair.id)
    assert world.core.pairs.get(view.pair.id).state is PairState.NEVER_SYNCED


async def test_two_way_pairs_are_shown_two_way_in_problems(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([NewPair(work, home)])
    await settled(world)
    world.work.broken = ValueError("a bug")  # type: ignore[assignment]  # any exception will do
    await run(world, view.pair.id)
    (problem,) = world.core.status.overall().problems
    assert problem.sentence.startswith("Work (Google) ↔ Home (Microsoft): ")
    assert (problem.action, problem.run_id is None) == ("show_run", False)


async def test_a_run_that_meets_a_sign_in_being_renewed_does_not_undo_it_and_keeps_its_client(
    world: CoreWorld,
) -> None:
    pair_id = await pair_of(world)
    world.work.gate, world.work.waiting = asyncio.Event(), asyncio.Event()
    going = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    await asyncio.wait_for(world.work.waiting.wait(), 5)
    await world.connect(Provider.GOOGLE)
    assert not any(service.closed for service in world.services)
    world.work.broken = AuthExpiredError("The sign-in was renewed meanwhile.", reason="replaced")
    world.work.gate.set()
    await world.core.sync.wait(going.id, 5)
    assert google(world).status is AccountStatus.CONNECTED
    world.work.broken = None
    assert await run(world, pair_id, Trigger.SCHEDULED) is RunStatus.SUCCESS
