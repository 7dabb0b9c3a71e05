"""An original that nobody can read is named in the runs of its pairs, with its reason; nothing else stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.links import Page, Unreadable
from app.domain.runs import ActionRecord, RunStatus, Trigger
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of

pytestmark = pytest.mark.anyio


class Spoilt:
    """Pages of which the last names events that cannot be read."""

    def __init__(self, pages: Any, unreadable: tuple[Unreadable, ...]) -> None:
        self._pages = pages
        self._unreadable = unreadable

    async def next(self) -> Page | None:
        page: Page | None = await self._pages.next()
        return replace(page, unreadable=self._unreadable) if page is not None and page.cursor is not None else page


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


def spoil(world: CoreWorld, monkeypatch: pytest.MonkeyPatch, *unreadable: Unreadable) -> None:
    right = type(world.work).changes
    monkeypatch.setattr(world.work, "changes", lambda cursor, span: Spoilt(right(world.work, cursor, span), unreadable))


async def story(world: CoreWorld, pair_id: str, *, full: bool = False, dry: bool = False) -> list[ActionRecord]:
    asked = world.core.sync.request(pair_id, Trigger.MANUAL, full=full, dry=dry)
    ended = await world.core.sync.wait(asked.id, 20)
    assert ended.run.status is RunStatus.SUCCESS
    return [one for one in world.core.history.run(asked.id).actions if one.reason == "unreadable"]


async def test_it_is_named_once_with_its_reason_and_the_others_are_copied(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("good", wall(MONDAY, 9)))
    spoil(world, monkeypatch, Unreadable("bad", "Budget"))
    (told,) = await story(world, pair_id)
    assert (told.original_id, told.title) == ("bad", "Budget")
    assert "cannot be read" in told.sentence
    assert len(world.home.living()) == 1
    spoil(world, monkeypatch)
    assert await story(world, pair_id) == [], "it is told when it is read, and not again and again"
    assert len(await story(world, pair_id, dry=True)) == 1, "a preview tells of every original"
    assert await story(world, pair_id, full=True) == []
    assert await story(world, pair_id, dry=True) == [], "a whole read that can read it ends it"


async def test_what_was_copied_before_stays_as_it_is(world: CoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await story(world, pair_id)
    before = world.home.living()
    spoil(world, monkeypatch, Unreadable("a1", "Meeting"))
    assert len(await story(world, pair_id)) == 1
    assert world.home.living() == before
    world.work.put(meeting("a1", wall(MONDAY, 11)))
    spoil(world, monkeypatch)
    assert await story(world, pair_id) == []
    assert await story(world, pair_id, dry=True) == []
