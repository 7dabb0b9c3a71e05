"""A page of a thousand events is stored in steps, with others having their turn between, and means the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from app.domain.links import Page
from app.domain.times import Span
from app.engine.view import PART, parts, pull
from app.store import Store
from tests.unit.store.samples import NOW, SPAN, World, clock, exception, series, single, world

pytestmark = pytest.mark.anyio


@dataclass
class OnePage:
    """A reader that tells one page."""

    page: Page
    capabilities: Any = field(
        default_factory=lambda: type(
            "Any", (), {"reads_margin_back_days": 0, "reads_margin_ahead_days": 0, "span_limited": False}
        )
    )

    def changes(self, cursor: str | None, span: Span) -> OnePage:
        """Itself, once."""
        return replace(self)

    async def next(self) -> Page | None:
        """The page, then nothing."""
        page, self.page = self.page, None  # type: ignore[assignment]  # told
        return page


def made(store: Store) -> World:
    return world(store)


def page_of(number: int, seed: int) -> Page:
    """Singles, series with exceptions anywhere in the page, tombstones of both."""
    random = Random(seed)
    told = [single(f"e{index}", day=1 + index % 28) for index in range(number)]
    told += [replace(single(f"gone{index}"), gone=True, fields=None) for index in range(5)]
    for index in range(20):
        told += [series(f"s{index}"), *(exception(f"s{index}", day) for day in (9, 16, 23))]
    told += [replace(series("ended"), gone=True, fields=None), exception("ended", 9)]
    random.shuffle(told)
    whole = frozenset(f"s{index}" for index in range(0, 20, 2)) | {"nothing-left"}
    return Page(tuple(told), whole, "position", "cursor")


def test_a_small_page_is_stored_as_it_is() -> None:
    page = page_of(20, 1)
    assert parts(page) == [page]


@pytest.mark.parametrize("seed", range(5))
def test_parts_hold_every_event_once_and_a_series_wholly(seed: int) -> None:
    page = page_of(1_000, seed)
    cut = parts(page)
    assert all(len(part.events) <= PART for part in cut)
    assert sorted(event.id for part in cut for event in part.events) == sorted(event.id for event in page.events)
    assert [part.position for part in cut] == [None] * (len(cut) - 1) + ["position"]
    assert [part.cursor for part in cut] == [None] * (len(cut) - 1) + ["cursor"]
    homes: dict[str, set[int]] = {}
    for number, part in enumerate(cut):
        for event in part.events:
            homes.setdefault(event.unit, set()).add(number)
    assert all(len(home) == 1 for home in homes.values())
    assert sum(len(part.whole_series) for part in cut) == len(page.whole_series)
    for number, part in enumerate(cut):
        assert all(homes.get(name, {0}) == {number} for name in part.whole_series)


def test_a_series_larger_than_a_part_stays_whole() -> None:
    page = Page(
        (series("s"), *(replace(exception("s", 9), id=f"s_{index}") for index in range(2 * PART))), frozenset("s")
    )
    assert [len(part.events) for part in parts(page)] == [2 * PART + 1]


def known(here: World) -> dict[str, tuple[str, str]]:
    rows = here.store.ledger.rows("conn_work", None)
    return {row.event.id: (str(row.seen), row.event.etag or "") for row in rows}


@pytest.mark.parametrize("seed", range(3))
async def test_a_page_in_parts_leaves_the_view_that_it_leaves_whole(seed: int) -> None:
    first, page = page_of(900, 7), page_of(1_000, seed)
    views = []
    for whole in (True, False):
        with Store.open(":memory:", now=clock) as store:
            here = made(store)
            here.read(*first.events, whole=first.whole_series, full=True)
            if whole:
                here.read(*page.events, whole=page.whole_series, full=True)
            else:
                await pull(OnePage(page), store.ledger, "conn_work", SPAN, now=NOW, full=True)  # type: ignore[arg-type]  # what a pull needs of a reader
            views.append(known(here))
    assert views[0] == views[1]


async def test_others_have_their_turn_between_two_parts_and_no_step_is_longer() -> None:
    page = page_of(1_000, 1)
    turns: list[int] = []
    with Store.open(":memory:", now=clock) as store:
        here = made(store)
        plain, stored = store.ledger.store_page, list[int]()

        def store_page(calendar_id: str, read_no: int, part: Page, **more: Any) -> None:
            stored.append(len(part.events))
            plain(calendar_id, read_no, part, **more)

        async def breathe() -> None:
            turns.append(len(stored))

        with pytest.MonkeyPatch.context() as watched:
            watched.setattr(store.ledger, "store_page", store_page)
            await pull(OnePage(page), here.store.ledger, "conn_work", SPAN, now=NOW, full=True, breathe=breathe)  # type: ignore[arg-type]  # as above
    assert max(stored) <= PART
    assert turns == list(range(1, len(stored) + 1))
