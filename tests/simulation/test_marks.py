"""Recovery that is never needed is never tested: every way back from trouble in the engine is taken in some history.

Marks are functions of the engine, counted from outside by a profiler hook: nothing in the engine knows of them. Ways
inside a function are not told apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType

from app.engine import closing, recovery
from app.engine.asking import Asker
from app.engine.original_writer import OriginalWriter
from app.engine.run import DirectionRun
from app.engine.writer import Writer
from tests.simulation.history import History
from tests.simulation.plans import BACK_AND_FORTH, KINDS
from tests.simulation.planted import WRITTEN_BACK, histories

MARKS: dict[str, Callable[..., object]] = {
    "creates are settled": recovery._creates,
    "a copy with another stamp is taken over": recovery._taken_over,
    "updates and deletes are settled": recovery._others,
    "writes to originals are settled": recovery._originals,
    "an original is compared with what was sent": recovery._original_is_so,
    "a create meets its own id": Writer._exists,
    "a copy of another time is adopted": Writer._adopted,
    "a write is refused": closing.refused,
    "a write is dropped": closing.dropped,
    "an id is burned": closing.burned,
    "a write stays unknown": closing.still_unknown,
    "an original was written": closing.original_written,
    "an original changed meanwhile": OriginalWriter._stale,
    "a copy changed meanwhile": Writer._stale,
    "successors are looked for": Asker.find_successors,
    "copies of others are looked for": Asker.find_living,
    "what cannot be asked is put off": Asker.put_off,
    "outcomes stay unknown and are told": DirectionRun._admit_unknown,
}
CARRYING = histories(BACK_AND_FORTH, WRITTEN_BACK, trouble=0.2)
PLANS = [plan(seed) for seed in range(8) for plan in (CARRYING, KINDS["two_machines"], KINDS["one_way"])]


def test_every_way_back_from_trouble_is_taken_in_some_history() -> None:
    names: dict[CodeType, str] = {mark.__code__: name for name, mark in MARKS.items()}
    missing = set(MARKS)

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in names:
            missing.discard(names[frame.f_code])

    before = sys.getprofile()
    for plan in PLANS:
        sys.setprofile(count)
        try:
            History(plan).play()
        finally:
            sys.setprofile(before)
        if not missing:
            break
    assert not missing
