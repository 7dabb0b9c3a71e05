"""Second copies that another computer left at a real service go when a person says so, and come back when undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.events import Marker
from app.domain.identity import copy_id
from app.domain.links import CopyForm, Draft, Intent, Op, Result
from app.domain.pairs import Direction
from app.domain.runs import Run, RunStatus
from tests.integration.both_ways.test_pairs import PLACES
from tests.integration.both_ways.town import Household, household
from tests.integration.playground import DEADLINE_SECONDS


async def ended_well(app: Household, run: Run) -> Run:
    """A command's run at its end."""
    ended = (await app.core.sync.wait(run.id, DEADLINE_SECONDS)).run
    assert ended.status is RunStatus.SUCCESS, ended
    return ended


async def another_computer_doubles(app: Household, pair_id: str) -> None:
    """Two singles are copied once more under the next generation's ids, as by a computer that met a burned one."""
    services = app.core.second_copies
    (direction,) = services._pairs.directions(pair_id)
    ledger = services._ledger
    copies = [copy for copy in ledger.copies(direction.id, None) if copy.form is CopyForm.SINGLE][:2]
    there = {row.event.id: row.event.fields for row in ledger.rows(direction.target.id, None)}
    intents = []
    for number, copy in enumerate(copies, 1):
        fields = there[copy.event_id]
        assert fields is not None
        name = copy_id(direction.target.calendar_key, copy.copy_key, 1)
        draft = Draft(fields, Marker(direction.key, copy.copy_key, 1, "other.1"), ())
        key = copy.copy_key
        intents.append(Intent(number, direction.id, "", Op.CREATE, "", "", key, name, 1, "other.1", draft=draft))
    writing = services._clients.calendar(direction.target).write(intents)
    while outcomes := await writing.next():
        assert {outcome.result for outcome in outcomes} == {Result.APPLIED}


@pytest.mark.anyio
@pytest.mark.parametrize("way", [Direction.A_TO_B, Direction.B_TO_A], ids=["at-microsoft", "at-google"])
async def test_they_go_and_come_back_and_no_sync_undoes_either(tmp_path: Path, way: Direction) -> None:
    async with household(tmp_path, PLACES["google-microsoft"]) as app:
        pair_id = await app.pair("A", "B", direction=way)
        book = app["B" if way is Direction.A_TO_B else "A"]
        once = len(book.events())
        await another_computer_doubles(app, pair_id)
        assert len(book.events()) == once + 2
        found = await app.core.second_copies.find()
        assert [(one.found.edited, one.undoable) for one in found] == [(False, True)] * 2
        (run,) = await app.core.second_copies.remove(expected=2)
        assert (await ended_well(app, run)).counts.deleted == 2
        app.town.assert_in_step()
        assert (await ended_well(app, app.core.undo.start(run.id))).counts.created == 2
        for full in (False, True):
            await app.sync(pair_id, full=full)
            assert len(book.events()) == once + 2
        assert await app.core.second_copies.find() == ()
