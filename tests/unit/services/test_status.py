"""How everything is doing: what needs the person stands worst first, and what will need them is named in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus, Provider
from app.domain.pairs import PairState
from app.domain.runs import Trigger
from app.services.views import SIGN_IN_EXPIRES, NewPair, RollUp
from tests.fakes.core_world import CoreWorld

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def pair_of(world: CoreWorld) -> None:
    work, home = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
    world.core.pairs.create([NewPair(work, home)])
    for run in world.core.history.runs().runs:
        await world.core.sync.wait(run.id, 5)


def end_sign_in(world: CoreWorld, provider: Provider, *, hours: float) -> None:
    """The sign-in of this account is known to end in so many hours."""
    (account,) = [one for one in world.core.connections.accounts() if one.provider is provider]
    world.store.accounts.update(replace(account, expires_at=world.clock.now() + timedelta(hours=hours)))


async def test_a_sign_in_that_ends_within_two_days_is_named_with_its_fix_and_is_no_problem_yet(
    world: CoreWorld,
) -> None:
    await pair_of(world)
    end_sign_in(world, Provider.GOOGLE, hours=49)
    assert world.core.status.overall().problems == ()
    end_sign_in(world, Provider.GOOGLE, hours=47)
    status = world.core.status.overall()
    (problem,) = status.problems
    assert status.state is RollUp.UP_TO_DATE
    assert (problem.code, problem.action) == (SIGN_IN_EXPIRES, "reconnect")
    assert problem.sentence == (
        "Google ends the sign-in for ana@example.com in 47 hours. Sign in again to go on syncing."
    )
    end_sign_in(world, Provider.GOOGLE, hours=7 * 24)
    assert world.core.status.overall().problems == (), "signed in again"


async def test_what_has_ended_stands_before_what_will_end(world: CoreWorld) -> None:
    await pair_of(world)
    end_sign_in(world, Provider.GOOGLE, hours=2)
    (microsoft,) = [one for one in world.core.connections.accounts() if one.provider is Provider.MICROSOFT]
    world.store.accounts.update(replace(microsoft, status=AccountStatus.NEEDS_SIGN_IN))
    status = world.core.status.overall()
    assert [problem.code for problem in status.problems] == ["needs_signin", SIGN_IN_EXPIRES]
    assert status.state is RollUp.NEEDS_SIGN_IN


async def test_a_sign_in_that_ended_is_told_once_not_as_one_that_will_end(world: CoreWorld) -> None:
    await pair_of(world)
    end_sign_in(world, Provider.GOOGLE, hours=1)
    (google,) = [one for one in world.core.connections.accounts() if one.provider is Provider.GOOGLE]
    world.store.accounts.update(replace(google, status=AccountStatus.NEEDS_SIGN_IN))
    assert [problem.code for problem in world.core.status.overall().problems] == ["needs_signin"]


async def test_a_stopped_sync_does_not_pass_for_a_finished_one(world: CoreWorld) -> None:
    """First before anything was synced, then later on; the next run makes it good again."""
    work, home = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([NewPair(work, home)])
    world.core.sync.interrupt_all()
    await world.core.sync.settle(view.pair.id)
    status = world.core.status.overall()
    assert (status.state, status.sentence) == (
        RollUp.WAITING,
        "Not everything is synced yet.",
    )
    for stop, state in ((False, PairState.UP_TO_DATE), (True, PairState.WAITING), (False, PairState.UP_TO_DATE)):
        run = world.core.sync.request(view.pair.id, Trigger.SCHEDULED)
        if stop:
            world.core.sync.interrupt(view.pair.id)
        await world.core.sync.wait(run.id, 5)
        assert world.core.pairs.get(view.pair.id).state is state
        assert world.core.status.overall().state is (RollUp.WAITING if stop else RollUp.UP_TO_DATE)
        world.clock.advance(minutes=5)
