"""Signing out of an account, and letting calendars go and come back: all else stays, and nobody is nagged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus, Provider
from app.domain.errors import AccessError, AuthExpiredError, KalendsError, NotFoundError, VaultError
from app.domain.pairs import PairState, PairStatus
from app.domain.runs import RunStatus
from app.services.health import Health
from app.services.views import PairChange, RollUp
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld, granted
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import pair_of, run, settled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


def google_of(world: CoreWorld) -> str:
    (account,) = [one for one in world.core.connections.accounts() if one.provider is Provider.GOOGLE]
    return account.id


async def test_signing_out_forgets_the_sign_in_pauses_the_pairs_and_touches_no_copy(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(date(2026, 11, 23), 9)))
    assert await run(world, pair_id) is RunStatus.SUCCESS
    written = list(world.home.log)
    google = google_of(world)
    await world.core.connections.sign_out(google)
    assert (world.google.forgotten, world.google.kept) == ([google], {})
    view = world.core.pairs.get(pair_id)
    assert (view.state, view.problem) == (PairState.PAUSED, "You signed out of ana@example.com.")
    assert world.home.log == written
    assert [one.connection.name for one in world.core.connections.list() if one.account.id == google]
    with pytest.raises(NotFoundError):
        await world.core.connections.sign_out("acct_unknown")


async def test_who_signed_out_is_not_told_to_sign_in_until_a_pair_is_to_run_again(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await world.core.connections.sign_out(google_of(world))
    status = world.core.status.overall()
    assert (status.state, status.problems) == (RollUp.PAUSED, ())
    await world.core.pairs.update(pair_id, PairChange.resume())
    await settled(world)
    status = world.core.status.overall()
    assert status.state is RollUp.NEEDS_SIGN_IN
    (problem,) = status.problems
    assert (problem.action, problem.sentence) == (
        "reconnect",
        "You signed out of ana@example.com. 1 pair is waiting.",
    )


async def test_a_last_request_that_is_refused_does_not_say_that_the_service_ended_the_sign_in(
    world: CoreWorld,
) -> None:
    await pair_of(world)
    google = google_of(world)
    await world.core.connections.sign_out(google)
    world.work.broken = AuthExpiredError("Google ended the sign-in for ana@example.com.")
    account = await world.core.connections.test(google)
    assert (account.status, account.problem) == (AccountStatus.SIGNED_OUT, None)


@pytest.mark.parametrize(
    "error",
    [
        VaultError("Your password store is locked.", code="vault_locked"),
        AccessError("Calendar access was not allowed.", code="scope_missing"),
        AuthExpiredError("Google ended the sign-in for ana@example.com."),
    ],
)
async def test_what_fails_after_signing_out_does_not_say_otherwise(world: CoreWorld, error: KalendsError) -> None:
    await pair_of(world)
    google = google_of(world)
    await world.core.connections.sign_out(google)
    Health(world.store.accounts, world.core.notices, world.clock).account_failed(google, error)
    (account,) = [one for one in world.core.connections.accounts() if one.id == google]
    assert (account.status, account.problem) == (AccountStatus.SIGNED_OUT, None)


async def test_a_last_list_of_calendars_that_comes_after_signing_out_does_not_sign_in_by_itself(
    world: CoreWorld,
) -> None:
    await pair_of(world)
    google = google_of(world)
    world.listing = asyncio.Event()
    for service in world.services:
        service.listing = world.listing
    asking = asyncio.create_task(world.core.connections.test(google))
    await asyncio.sleep(0)
    await asyncio.wait_for(world.core.connections.sign_out(google), 5)
    world.listing.set()
    account = await asyncio.wait_for(asking, 5)
    assert (account.status, account.problem) == (AccountStatus.SIGNED_OUT, None)


async def test_a_pause_that_was_to_end_by_itself_lasts_after_signing_out(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    until = world.clock.now() + timedelta(hours=1)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED, paused_until=until))
    await world.core.connections.sign_out(google_of(world))
    pair = world.core.pairs.get(pair_id).pair
    assert (pair.status, pair.paused_until) == (PairStatus.PAUSED, None)


async def test_signing_in_again_makes_the_account_work_and_leaves_its_pairs_to_the_person(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    google = google_of(world)
    await world.core.connections.sign_out(google)
    attempt = await world.core.connections.reconnect(google)
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "ana"))
    await world.core.connections.finish(attempt.id, 5)
    (account,) = [one for one in world.core.connections.accounts() if one.id == google]
    assert account.status is AccountStatus.CONNECTED
    assert world.core.pairs.get(pair_id).state is PairState.PAUSED
    await world.core.pairs.update(pair_id, PairChange.resume())
    await settled(world)
    assert await run(world, pair_id) is RunStatus.SUCCESS


async def test_calendars_that_were_let_go_stay_away_until_they_are_followed_again(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    google = google_of(world)
    await world.core.connections.disconnect(work)
    await world.core.connections.test(google)
    assert [view.connection.name for view in world.core.connections.list()] == ["Work, read only"]
    await world.core.connections.follow_again(google)
    assert sorted(view.connection.name for view in world.core.connections.list()) == ["Work", "Work, read only"]
