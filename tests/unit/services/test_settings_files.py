"""A settings file brings preferences and pairs back, paused and without doubling any; and holds no secret."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.domain.errors import InputError
from app.domain.pairs import Direction, DirectionSettings, Filters, Mode, PairStatus, Within, WordFilter
from app.services.views import NewPair
from tests.fakes.core_world import CoreWorld

pytestmark = pytest.mark.anyio

SETTINGS = DirectionSettings(
    mode=Mode.DETAILS, title="Work: {title}", filters=Filters(words=(WordFilter(("lunch",), Within.TITLE),))
)
BACK = DirectionSettings(mode=Mode.BLOCKER, buffer_before_minutes=15)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = computer(tmp_path)
    yield world
    await world.close()


def computer(folder: Path) -> CoreWorld:
    """One with a folder for its settings."""
    (folder / "config").mkdir(parents=True)
    return CoreWorld(folder)


def one_way(a: str, b: str, direction: Direction = Direction.A_TO_B) -> NewPair:
    """A paused pair of two connections."""
    return NewPair(a, b, mode=Mode.BLOCKER, direction=direction, status=PairStatus.PAUSED)


async def saved(world: CoreWorld) -> str:
    """A file of a pair that goes both ways, each with settings of its own."""
    ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
    new = NewPair(
        *ends,
        mode=Mode.DETAILS,
        direction=Direction.BIDIRECTIONAL,
        status=PairStatus.PAUSED,
        interval_seconds=900,
        settings=SETTINGS,
        settings_b_to_a=BACK,
    )
    world.core.pairs.create([new])
    await world.core.preferences.change(theme="dark", interval_seconds=1800)
    return world.core.settings_files.export()


async def test_what_was_saved_comes_back_on_another_computer_paused(world: CoreWorld, tmp_path: Path) -> None:
    text = await saved(world)
    other = computer(tmp_path / "other")
    try:
        found = await other.core.settings_files.restore(text)
        assert (found.made, found.there) == ((), 0)
        (missing,) = found.missing
        assert missing.accounts == ("ana@example.com (Google)", "ana@example.com (Microsoft)")
        assert other.core.preferences.get().theme == "dark"
        await other.connect(Provider.GOOGLE)
        await other.connect(Provider.MICROSOFT)
        (made,) = (await other.core.settings_files.restore(text)).made
        (kept,) = world.core.pairs.list()
        for name in ("mode", "direction", "interval_seconds", "settings", "settings_b_to_a"):
            assert getattr(made.pair, name) == getattr(kept.pair, name)
        assert made.pair.status is PairStatus.PAUSED
        assert other.core.history.runs().total == 0
    finally:
        await other.close()


async def test_restoring_twice_doubles_no_pair(world: CoreWorld) -> None:
    text = await saved(world)
    found = await world.core.settings_files.restore(text)
    assert (found.made, found.there, found.missing) == ((), 1, ())
    assert len(world.core.pairs.list()) == 1


async def test_no_secret_and_no_key_stands_in_the_file(world: CoreWorld) -> None:
    key = world.core.keys.create("script")
    text = await saved(world)
    assert key.text not in text
    assert "secret" not in text
    assert set(json.loads(text)) == {"kalends_settings", "preferences", "pairs"}


def broken(said: dict[str, Any], change: str) -> str:
    pair = said["pairs"][0]
    if change == "newer":
        said["kalends_settings"] = 2
    elif change == "mode":
        pair["mode"] = "everything"
    elif change == "setting":
        pair["settings"]["no_such_setting"] = 1
    elif change == "side":
        del pair["a"]["key"]
    elif change == "preference":
        said["preferences"]["notifications"] = "shouting"
    return json.dumps(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("newer", "This settings file was saved by a newer Kalends."),
        ("mode", "This is no settings file of Kalends."),
        ("setting", "This is no settings file of Kalends."),
        ("side", "This is no settings file of Kalends."),
        ("preference", None),
    ],
)
async def test_a_file_with_something_wrong_in_it_is_refused_whole(
    world: CoreWorld, tmp_path: Path, change: str, said: str | None
) -> None:
    text = broken(json.loads(await saved(world)), change)
    other = computer(tmp_path / "other")
    try:
        await other.connect(Provider.GOOGLE)
        await other.connect(Provider.MICROSOFT)
        before = other.core.preferences.get()
        with pytest.raises(InputError, match=said):
            await other.core.settings_files.restore(text)
        assert other.core.pairs.list() == ()
        assert other.core.preferences.get() == before
    finally:
        await other.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"kalends_settings": 1}', "[" * 100_000, "x" * 1_000_001])
async def test_what_is_no_settings_file_is_said_to_be_none(world: CoreWorld, text: str) -> None:
    with pytest.raises(InputError, match="This is no settings file of Kalends"):
        await world.core.settings_files.restore(text)


async def test_a_pair_that_cannot_be_made_keeps_no_other_from_coming_back(world: CoreWorld) -> None:
    text = await saved(world)
    (view,) = world.core.pairs.list()
    await world.core.pairs.delete(view.pair.id)
    said = json.loads(text)
    wrong = json.loads(text)["pairs"][0]
    wrong["b"]["key"] = wrong["a"]["key"]
    said["pairs"] = [wrong, *said["pairs"]]
    found = await world.core.settings_files.restore(json.dumps(said))
    assert len(found.made) == 1
    (missing,) = found.missing
    assert missing.reason == "Both sides are the same calendar. Choose another one."
    assert replace(found.made[0].pair.settings) == SETTINGS


@pytest.mark.parametrize("whose", ["ana", "ben"])
async def test_a_calendar_that_two_accounts_share_comes_back_with_the_account_it_had(
    world: CoreWorld, tmp_path: Path, whose: str
) -> None:
    ends = {who: await world.connect(Provider.GOOGLE, who) for who in ("ana", "ben")}
    home = await world.connect(Provider.MICROSOFT)
    world.core.pairs.create([one_way(ends[whose], home)])
    text = world.core.settings_files.export()
    other = computer(tmp_path / "other")
    try:
        there = {who: await other.connect(Provider.GOOGLE, who) for who in ("ana", "ben")}
        await other.connect(Provider.MICROSOFT)
        (made,) = (await other.core.settings_files.restore(text)).made
        assert made.pair.connection_a_id == there[whose]
    finally:
        await other.close()


@pytest.mark.parametrize("connected", [("ben",), ("ben", "cleo")], ids=["one", "two"])
async def test_another_account_with_the_calendar_takes_its_place_only_where_there_is_no_choice(
    world: CoreWorld, tmp_path: Path, connected: tuple[str, ...]
) -> None:
    world.core.pairs.create([one_way(await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT))])
    text = world.core.settings_files.export()
    other = computer(tmp_path / "other")
    try:
        there = [await other.connect(Provider.GOOGLE, who) for who in connected]
        await other.connect(Provider.MICROSOFT)
        found = await other.core.settings_files.restore(text)
        if len(connected) == 1:
            assert [view.pair.connection_a_id for view in found.made] == there
        else:
            assert found.made == ()
            (missing,) = found.missing
            assert missing.accounts == ("ana@example.com (Google)",)
    finally:
        await other.close()


@pytest.mark.parametrize("turned", [False, True], ids=["as saved", "sides turned"])
async def test_a_pair_of_the_same_ends_and_direction_is_there_already(world: CoreWorld, turned: bool) -> None:
    work, home = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([one_way(work, home)])
    text = world.core.settings_files.export()
    await world.core.pairs.delete(view.pair.id)
    world.core.pairs.create([one_way(home, work, Direction.B_TO_A) if turned else one_way(work, home)])
    found = await world.core.settings_files.restore(text)
    assert (found.made, found.there, found.missing) == ((), 1, ())


async def test_a_pair_that_another_one_stands_in_the_way_of_is_said_to_be_missing_and_why(world: CoreWorld) -> None:
    text = await saved(world)
    (view,) = world.core.pairs.list()
    await world.core.pairs.delete(view.pair.id)
    world.core.pairs.create([one_way(view.a.connection.id, view.b.connection.id)])
    found = await world.core.settings_files.restore(text)
    assert (found.made, found.there) == ((), 0)
    (missing,) = found.missing
    assert missing.reason == "Another sync pair already copies from this calendar to that one."
    assert missing.accounts == ()
