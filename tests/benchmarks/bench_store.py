"""How long the core loop is held while a page of a calendar is stored: each part of a page, and the page as a whole.

The wish is less than 5 ms of processor time a step (`architecture.md`, "Two loops, one bridge"); the number of rows
that bounds it is held by a test.
"""

from __future__ import annotations

import time
from pathlib import Path

from app.domain.links import Page
from app.engine.view import parts
from app.store import Store
from tests.benchmarks.figures import Report, spread
from tests.unit.store.samples import SPAN, clock, single, world

PAGE, ROUNDS = 1_000, 10


def test_storing(report: Report, folder: Path) -> None:
    steps, wholes = list[float](), list[float]()
    with Store.open(folder / "store" / "kalends.db", now=clock) as store:
        world(store)
        for rounds in range(ROUNDS):
            told = tuple(single(f"{rounds}-{number}", day=1 + number % 28) for number in range(PAGE))
            for page in (*parts(Page(told)), Page(tuple(single(f"w{rounds}-{number}") for number in range(PAGE)))):
                read_no = store.ledger.begin_read("conn_work", full=False)
                begun = time.thread_time()
                store.ledger.store_page("conn_work", read_no, page, full=False, span=SPAN)
                (wholes if len(page.events) == PAGE else steps).append((time.thread_time() - begun) * 1000)
    report.add("storing a part of a page", spread(steps, " ms of processor time"), steps)
    report.add(f"storing {PAGE} events in one step, for comparison", spread(wholes, " ms of processor time"), wholes)
