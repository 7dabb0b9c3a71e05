"""Changing pairs: what is given up leaves nothing behind, and a pause is always possible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Access, Provider
from app.domain.errors import InputError, StorageError
from app.domain.notices import Topic
from app.domain.pairs import (
    CopyDeleted,
    CopyEdited,
    Direction,
    DirectionSettings,
    Mode,
    PairState,
    PairStatus,
    Replacement,
    SyncPair,
)
from app.domain.runs import Hold, HoldCause, RunStatus, Trigger
from app.services.views import NewPair, PairChange
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


async def two_way(world: CoreWorld, settings_b_to_a: DirectionSettings | None = None) -> str:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([NewPair(work, home, settings_b_to_a=settings_b_to_a)])
    await settled(world)
    return view.pair.id


def hold_in(world: CoreWorld, pair_id: str, number: int) -> Hold:
    """Open a hold in a direction of a pair (0: A to B)."""
    direction = world.store.pairs.directions(pair_id)[number]
    hold = Hold("hold_1", pair_id, direction.id, HoldCause.MASS_DELETE, world.clock.now(), 7)
    world.store.ledger.save_hold(hold, ["a1"])
    return hold


async def test_a_direction_that_is_given_up_keeps_its_copies_and_makes_no_more(world: CoreWorld) -> None:
    pair_id = await two_way(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    world.home.put(meeting("b1", wall(MONDAY, 11)))
    await run(world, pair_id)
    assert (len(world.work.living()), len(world.home.living())) == (2, 2)
    await world.core.pairs.update(pair_id, PairChange(direction=Direction.A_TO_B))
    await settled(world)
    world.home.put(meeting("b2", wall(MONDAY, 13)))
    world.home.remove("b1")
    assert await run(world, pair_id) is RunStatus.SUCCESS
    assert len(world.work.living()) == 2


async def test_a_direction_that_is_given_up_takes_its_settings_and_its_holds_with_it(world: CoreWorld) -> None:
    pair_id = await two_way(world, DirectionSettings(title="Home"))
    hold_in(world, pair_id, 1)
    assert world.core.pairs.get(pair_id).state is PairState.HELD
    heard: list[Topic] = []
    world.core.notices.listen(lambda notice: heard.append(notice.topic))
    view = await world.core.pairs.update(pair_id, PairChange(direction=Direction.A_TO_B))
    assert (view.pair.settings_b_to_a, view.held) == (None, 0)
    assert Topic.HOLD_CLOSED in heard
    assert world.core.holds.list() == ()


async def test_settings_of_the_way_back_that_are_the_pairs_again_follow_the_pairs_from_then_on(
    world: CoreWorld,
) -> None:
    pair_id = await two_way(world, DirectionSettings(title="Home"))
    view = await world.core.pairs.update(pair_id, PairChange(settings_b_to_a=DirectionSettings()))
    assert view.pair.settings_b_to_a is None
    await world.core.pairs.update(pair_id, PairChange(settings=DirectionSettings(title="Away")))
    assert {one.settings.title for one in world.store.pairs.directions(pair_id)} == {"Away"}
    await settled(world)


async def test_looks_that_copies_cannot_have_are_refused_by_field(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    wrong = DirectionSettings(title_replacements=(Replacement("(a+)+", "", pattern=True),), reminder_minutes=-1)
    with pytest.raises(InputError) as refused:
        await world.core.pairs.update(pair_id, PairChange(settings=wrong))
    assert [one.field for one in refused.value.details] == ["title_replacements[0]", "reminder_minutes"]


async def test_settings_for_a_direction_the_pair_does_not_have_are_refused(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    with pytest.raises(InputError) as refused:
        await world.core.pairs.update(pair_id, PairChange(settings_b_to_a=DirectionSettings(title="Home")))
    assert refused.value.details[0].field == "settings_b_to_a"


async def test_a_pair_whose_target_became_view_only_can_be_paused_resumed_and_not_widened(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    home = next(v.connection for v in world.core.connections.list() if v.connection.name == "Home")
    world.store.accounts.update_connection(replace(home, access=Access.READER))
    view = await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    assert view.state is PairState.PAUSED
    await world.core.pairs.update(pair_id, PairChange.resume())
    with pytest.raises(InputError) as refused:
        await world.core.pairs.update(pair_id, PairChange(direction=Direction.BIDIRECTIONAL))
    assert refused.value.details[0].field == "connection_b_id"
    await settled(world)


async def test_a_pause_that_would_be_over_already_is_refused(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    past = world.clock.now() - timedelta(minutes=1)
    for pausing in (
        world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED, paused_until=past)),
        world.core.pairs.pause_all(until=past),
    ):
        with pytest.raises(InputError) as refused:
            await pausing
        assert refused.value.details[0].field == "until"
    assert world.core.pairs.get(pair_id).pair.status is PairStatus.ACTIVE


async def test_making_many_pairs_leaves_none_when_one_cannot_be_kept(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    add = world.store.pairs.add
    made: list[SyncPair] = []

    def full_at_the_second(pair: SyncPair) -> SyncPair:
        if made:
            raise StorageError("The disk is full.", code="database_full")
        made.append(add(pair))
        return made[0]

    monkeypatch.setattr(world.store.pairs, "add", full_at_the_second)
    with pytest.raises(StorageError):
        world.core.pairs.create(
            [NewPair(work, home, direction=Direction.A_TO_B), NewPair(work, home, direction=Direction.B_TO_A)]
        )
    assert world.core.pairs.list() == ()


async def test_an_answer_to_a_hold_of_a_paused_pair_is_kept_and_carried_out_when_it_resumes(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    hold = hold_in(world, pair_id, 0)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    answered = world.core.holds.approve(hold.id, 7)
    assert answered.answer is not None
    assert world.core.holds.list() == ()
    assert world.core.pairs.get(pair_id).held == 0


async def test_resuming_all_for_a_reason_resumes_those_paused_for_it_and_stores_no_passing_problem(
    world: CoreWorld,
) -> None:
    pair_id = await pair_of(world)
    await world.core.pairs.pause_all(reason="travel")
    assert world.core.pairs.resume_all(reason="other") == ()
    (view,) = world.core.pairs.resume_all(reason="travel")
    assert (view.pair.status, view.pair.pause_reason) == (PairStatus.ACTIVE, None)
    await settled(world)
    assert world.store.pairs.get(pair_id).problem is None


async def test_an_answer_for_a_pair_that_is_gone_starts_nothing(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await world.core.pairs.delete(pair_id)
    world.core.pairs.run_if_active(pair_id, Trigger.MANUAL)
    assert [one for one in world.core.history.runs().runs if not one.status.ended] == []


@pytest.mark.parametrize(
    ("field", "settings", "direction", "mode"),
    [
        ("copy_edited", DirectionSettings(copy_edited=CopyEdited.WRITE_BACK), Direction.A_TO_B, Mode.FULL),
        ("copy_edited", DirectionSettings(copy_edited=CopyEdited.WRITE_BACK), Direction.BIDIRECTIONAL, Mode.BLOCKER),
        ("copy_deleted", DirectionSettings(copy_deleted=CopyDeleted.DELETE_ORIGINAL), Direction.B_TO_A, Mode.FULL),
        (
            "copy_deleted",
            DirectionSettings(copy_deleted=CopyDeleted.DELETE_ORIGINAL),
            Direction.BIDIRECTIONAL,
            Mode.DETAILS,
        ),
    ],
)
async def test_originals_are_written_only_by_pairs_that_go_both_ways_and_show_what_is_written(
    world: CoreWorld, field: str, settings: DirectionSettings, direction: Direction, mode: Mode
) -> None:
    work, home = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
    wished = NewPair(work, home, mode=mode, direction=direction, settings=settings)
    with pytest.raises(InputError) as refused:
        world.core.pairs.create([wished])
    assert [detail.field.rpartition(".")[2] for detail in refused.value.details] == [field]
    assert world.core.pairs.create([replace(wished, mode=Mode.FULL, direction=Direction.BIDIRECTIONAL)])
