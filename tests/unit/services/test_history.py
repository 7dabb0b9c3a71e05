"""Who may see what happened: the history outlives pairs and calendars, and limits hold for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus, ConnectionStatus, Provider
from app.domain.errors import InputError, NotFoundError
from app.domain.notices import Notice, Topic
from app.domain.runs import Trigger
from app.services.views import Viewer
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import pair_of, run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def test_runs_of_a_deleted_pair_and_of_a_calendar_let_go_stay_in_the_log(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await run(world, pair_id)
    work = world.core.pairs.get(pair_id).pair.connection_a_id
    await world.core.pairs.delete(pair_id)
    await world.core.connections.disconnect(work)
    assert world.core.history.logs(pair_id=pair_id).total == 2
    assert world.core.history.logs(connection_id=work).total == 2
    for unknown in ({"pair_id": "pair_unknown"}, {"connection_id": "conn_unknown"}):
        with pytest.raises(NotFoundError):
            world.core.history.logs(**unknown)  # type: ignore[arg-type]  # two of its filters


async def test_a_key_limited_to_a_pair_sees_its_history_after_the_pair_is_gone_and_no_other(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    viewer = Viewer(pair_ids=frozenset({pair_id}))
    await world.core.pairs.delete(pair_id)
    assert world.core.history.logs(pair_id=pair_id, viewer=viewer).total == 1
    assert world.core.history.logs(viewer=Viewer(pair_ids=frozenset({"pair_other"}))).total == 0


async def test_a_run_tells_between_which_calendars_it_worked_and_of_deleted_pairs_too(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(date(2026, 11, 23), 9)))
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await world.core.sync.wait(asked.id, 5)
    pair = world.core.pairs.get(pair_id).pair
    await world.core.pairs.delete(pair_id)
    view = world.core.history.run(asked.id)
    (way,) = view.ways
    assert way.direction_id == view.actions[0].direction_id
    assert (way.source_id, way.source_name) == (pair.connection_a_id, "Work")
    assert (way.target_id, way.target_name) == (pair.connection_b_id, "Home")


async def test_a_test_key_sees_the_history_of_a_sandbox_and_none_of_a_real_profile(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    test_key = Viewer(sandbox_only=True)
    await world.core.pairs.delete(pair_id)
    assert world.core.history.logs(viewer=test_key).total == 0
    for account in world.core.connections.accounts():
        world.store.accounts.update(replace(account, sandbox=True))
    assert world.core.history.logs(viewer=test_key).total == 1
    for view in world.core.connections.list():
        await world.core.connections.disconnect(view.connection.id)
    assert world.core.history.logs(viewer=test_key).total == 0


async def test_a_locked_vault_is_no_ended_sign_in_to_who_reads_connections(world: CoreWorld) -> None:
    await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    for status, shown in (
        (AccountStatus.VAULT_LOCKED, ConnectionStatus.ERROR),
        (AccountStatus.NEEDS_SIGN_IN, ConnectionStatus.EXPIRED),
        (AccountStatus.CONNECTED, ConnectionStatus.ACTIVE),
    ):
        world.store.accounts.update(replace(account, status=status))
        assert {view.status for view in world.core.connections.list()} == {shown}


async def test_a_listener_can_leave_twice_and_one_that_fails_keeps_nobody_from_hearing(world: CoreWorld) -> None:
    notice = Notice(Topic.PAIR_CHANGED, world.clock.now())
    heard: list[Notice] = []

    def fail(told: Notice) -> None:
        raise RuntimeError("a window that is gone")

    leave_first = world.core.notices.listen(fail)
    leave = world.core.notices.listen(heard.append)
    subscription = world.core.notices.subscribe()
    world.core.notices.announce(notice)
    for end in (leave_first, leave, subscription.close):
        end()
        end()
    world.core.notices.announce(notice)
    assert heard == [notice]
    assert await asyncio.wait_for(subscription.next(), 5) == notice


async def test_a_key_without_scopes_or_with_a_moment_without_offset_is_refused_by_field(world: CoreWorld) -> None:
    with pytest.raises(InputError) as refused:
        world.core.keys.create("mine", [], expires_at=datetime.fromisoformat("2030-01-01T00:00"))
    assert [detail.field for detail in refused.value.details] == ["scopes", "expires_at"]
    assert world.core.keys.create("mine").key.scopes == ("read:*", "write:*")
