"""Requests on the wire, held to the formulas of economy: a batch is one, its parts are counted beside it.

What a service's nature adds is in the formula by name: Graph hides our marker in its changes, so an event is read once
before it becomes a source, and a copy once before it is deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.domain.pairs import Direction, Mode
from app.domain.runs import RunStatus, Trigger
from tests.integration.both_ways.town import Household, Place, google, household, microsoft, single
from tests.integration.playground import DEADLINE_SECONDS

PAGE = 1000
"""Events on a page of a list, at both services: what Kalends asks for."""
BATCH = {Provider.GOOGLE: 50, Provider.MICROSOFT: 20}
COPIED, FAR, CHANGED, DELETED = 130, 1000, 60, 3
"""Events in the window, events that are read but lie ahead of it, and what a person then does to the former."""

Maker = Callable[[str], Place]


@dataclass(frozen=True, slots=True)
class Spent:
    """What went over the wire: requests that list a calendar's changes, all others by kind, and parts of batches."""

    reads: int
    batches: int
    parts: Counter[str]
    others: Counter[str]

    @property
    def requests(self) -> int:
        """All of them."""
        return self.reads + self.batches + sum(self.others.values())


def spent(app: Household) -> Spent:
    """What was asked for since the last look, sign-in left out."""
    log = [e for e in app.town.sandbox.world.requests.entries() if "token" not in e.route and "auth" not in e.route]
    app.town.forget_requests()
    parts = Counter(entry.method for entry in log if entry.part)
    wire = [entry for entry in log if not entry.part]
    batches = [entry for entry in wire if "batch" in entry.route]
    reads = [e for e in wire if e.method == "GET" and (e.route.endswith("/delta") or _is_google_list(e))]
    others = Counter(f"{e.method} {e.route}" for e in wire if e not in batches and e not in reads)
    return Spent(len(reads), len(batches), parts, others)


def _is_google_list(entry: Any) -> bool:
    return bool(entry.provider == "google" and entry.route.endswith("/events"))


def pages(events: int) -> int:
    """Requests that list so many events; an empty calendar is asked too."""
    return max(1, ceil(events / PAGE))


def batches(provider: Provider, operations: int) -> int:
    """Requests that carry so many operations."""
    return ceil(operations / BATCH[provider])


async def ends_well(app: Household, pair_id: str) -> Spent:
    """One run, and what it cost."""
    await app.sync(pair_id)
    return spent(app)


def a_year() -> list[dict[str, Any]]:
    """Meetings in the window, and so many beyond its end that a list of all has two pages."""
    today = datetime.now(UTC).date()
    near = [
        single(f"Near {n:03}", today + timedelta(days=n % 65 + 1), f"{8 + n // 65:02}:00", 30) for n in range(COPIED)
    ]
    far = [
        single(f"Far {n:04}", today + timedelta(days=400 + n % 100), f"{8 + n // 100:02}:00", 30) for n in range(FAR)
    ]
    return [*near, *far]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("source", "target"),
    [(google, google), (google, microsoft), (microsoft, google), (microsoft, microsoft)],
    ids=["google-google", "google-microsoft", "microsoft-google", "microsoft-microsoft"],
)
async def test_a_pair_asks_for_no_more_than_the_formulas_allow(tmp_path: Path, source: Maker, target: Maker) -> None:
    places = {"A": source("ada"), "B": target("bob")}
    from_graph = places["A"].provider is Provider.MICROSOFT
    to, to_graph = places["B"].provider, places["B"].provider is Provider.MICROSOFT

    def marker_reads(events: int) -> int:
        """Graph alone: events that may become sources are read once with their markers."""
        return batches(Provider.MICROSOFT, events) if from_graph else 0

    async with household(tmp_path, places, {"A": a_year()}) as app:
        app.town.forget_requests()
        pair_id = await app.pair("A", "B", Mode.FULL, Direction.A_TO_B)
        first = spent(app)
        # One listing by marker proves that a new pair has no copies yet: at Google a list like any other.
        listings = pages(COPIED + FAR) + pages(0) + 1
        assert first.reads + sum(first.others.values()) == listings, first
        assert first.batches == marker_reads(COPIED) + batches(to, COPIED), first
        assert first.parts["POST"] == COPIED

        # The echo: the next read sees what was written, and writes nothing. Then nothing moves any more.
        for _ in range(2):
            idle = await ends_well(app, pair_id)
            assert (idle.reads, idle.requests, idle.parts) == (2, 2, Counter()), idle

        near = [event for event in app["A"].people() if "Near" in event["title"]]
        for event in near[:CHANGED]:
            app["A"].changes(event, title=f"{event['title']} moved")
        changed = await ends_well(app, pair_id)
        assert (changed.reads, sum(changed.others.values())) == (2, 0), changed
        assert changed.batches == marker_reads(CHANGED) + batches(to, CHANGED), changed
        assert changed.parts["PATCH"] == CHANGED
        echo = await ends_well(app, pair_id)
        assert (echo.reads, echo.requests, echo.parts) == (2, 2, Counter()), echo

        for event in near[:DELETED]:
            app["A"].deletes(event)
        deleted = await ends_well(app, pair_id)
        # Graph's "removed" proves nothing: it is asked for what it names, and whether the calendar answers at all.
        proofs = 2 if from_graph else 0
        assert deleted.reads == 2
        assert deleted.requests - deleted.reads == proofs + (2 if to_graph else 1), deleted
        assert deleted.parts["DELETE"] == DELETED
        echo = await ends_well(app, pair_id)
        assert echo.reads == 2
        assert echo.requests - echo.reads == (2 if to_graph else 0), echo
        assert echo.parts == (Counter({"GET": DELETED}) if to_graph else Counter())
        app.town.assert_untouched()


@pytest.mark.anyio
async def test_each_calendar_is_read_once_for_all_pairs_that_are_asked_for_together(tmp_path: Path) -> None:
    # More pairs than run side by side: the last ones wait for a turn, and read nothing that was read for them.
    targets = "BCDEFG"
    places = {"A": google("ada")} | {
        letter: (google if number % 2 else microsoft)("bob", "Mine" if number < 2 else f"Side {letter}")
        for number, letter in enumerate(targets)
    }
    today = datetime.now(UTC).date()
    events = {"A": [single(f"M {n}", today + timedelta(days=n + 1), "09:00", 30) for n in range(5)]}
    async with household(tmp_path, places, events) as app:
        for letter in targets:
            await app.pair("A", letter, Mode.BLOCKER, Direction.A_TO_B)
        await app.sync_all()
        spent(app)
        app["A"].changes(app["A"].people()[0], title="A longer")
        await _all_at_once(app)
        asked = Counter(e.path for e in app.town.sandbox.world.requests.entries() if not e.part and e.method == "GET")
        assert len(asked) == 1 + len(targets), asked
        assert set(asked.values()) == {1}, asked

        # Whoever asks later is answered by what is read later.
        app.town.forget_requests()
        await _all_at_once(app)
        assert spent(app).reads == 1 + len(targets)


async def _all_at_once(app: Household) -> None:
    for run in app.core.sync.request_all(Trigger.MANUAL):
        ended = await app.core.sync.wait(run.id, DEADLINE_SECONDS)
        assert ended.run.status is RunStatus.SUCCESS, ended.run
