"""The app is killed while it carries changes over to copies that exist: updates, deletes, occurrences, mixed histories.

An update or delete whose answer nobody got must neither be taken for a person's edit nor be done to anything else.
People do not wait for the app: between its deaths they go on changing and deleting the very same originals.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from tests.integration.oracle import assert_in_step, before, copies, since
from tests.integration.playground import GOOGLE_BATCH, GRAPH_BATCH, Fate, Playground, Stop, playground

NO_MORE = {"created": 0, "updated": 0, "deleted": 0, "failed": 0, "held": 0}
MADE, CHANGED, DELETED = "made", "changed", "deleted"
WRITES: dict[str, dict[str, dict[str, Any]]] = {
    "microsoft": {
        MADE: {"wire": GRAPH_BATCH, "body": b'"method":"POST"'},
        CHANGED: {"wire": GRAPH_BATCH, "body": b'"method":"PATCH"'},
        DELETED: {"wire": GRAPH_BATCH, "body": b'"method":"DELETE"'},
    },
    "google": {
        MADE: {"wire": GOOGLE_BATCH, "body": b"POST /calendar/v3/calendars/"},
        CHANGED: {"wire": GOOGLE_BATCH, "body": b"PATCH /calendar/v3/calendars/"},
        DELETED: {"wire": GOOGLE_BATCH, "body": b"DELETE /calendar/v3/calendars/"},
    },
}
BOTH_WAYS = pytest.mark.parametrize(
    ("source", "mode"),
    [(Provider.GOOGLE, "full"), (Provider.MICROSOFT, "full")],
    ids=["to-microsoft", "to-google"],
)


async def dies(play: Playground, write: str, fate: Fate, *, answered: bool = False) -> None:
    """One start that is killed while a write of this kind is held, and the write's fate."""
    stop = Stop(**WRITES[play.target.name][write], answered=answered)
    await play.die_on_the_wire(stop)
    await stop.let_go(fate)


@pytest.mark.anyio
@BOTH_WAYS
async def test_killed_while_updating_it_ends_with_what_people_wrote_last(
    tmp_path: Path, source: Provider, mode: str
) -> None:
    async with playground(tmp_path, source, mode, more=30) as play:
        then = before(play)
        await play.until_well()
        singles = play.singles()

        play.person_moves(*singles[:4], minutes=30)
        await dies(play, CHANGED, Fate.DROPPED)
        await dies(play, CHANGED, Fate.DONE, answered=True)
        play.person_moves(*singles[2:6], minutes=90)
        await dies(play, CHANGED, Fate.DONE)
        await play.die_at_a_commit("close_intents", 1, "inside")
        play.person_changes_occurrences()
        await dies(play, CHANGED, Fate.DONE, answered=True)
        play.person_moves(*singles[6:8], minutes=15)
        await play.die_at_a_commit("store_answers", 1, "after")
        await play.die_at_a_commit("close_intents", 1, "before")

        then = since(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert_in_step(play, then)


@pytest.mark.anyio
@BOTH_WAYS
async def test_killed_while_deleting_it_deletes_these_copies_and_no_other(
    tmp_path: Path, source: Provider, mode: str
) -> None:
    async with playground(tmp_path, source, mode, more=30) as play:
        then = before(play)
        await play.until_well()
        singles, full = play.singles(), len(copies(play, then))

        play.person_deletes(*singles[:2])
        await dies(play, DELETED, Fate.DROPPED)
        assert len(copies(play, then)) == full
        await dies(play, DELETED, Fate.DONE)
        play.person_deletes(singles[2])
        await dies(play, DELETED, Fate.DONE, answered=True)
        assert len(copies(play, then)) == full - 3
        play.person_deletes(singles[3])
        await play.die_at_a_commit("open_intents", 1, "after")
        await play.die_at_a_commit("close_intents", 1, "inside")

        then = since(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert len(copies(play, then)) == full - 4
        assert_in_step(play, then)


@pytest.mark.anyio
@BOTH_WAYS
async def test_an_original_deleted_while_its_create_was_under_way_leaves_no_copy(
    tmp_path: Path, source: Provider, mode: str
) -> None:
    async with playground(tmp_path, source, mode) as play:
        then = before(play)
        await play.until_well()
        full = len(copies(play, then))

        play.person_makes(1, 2)
        await dies(play, MADE, Fate.DONE, answered=True)
        play.person_deletes(play.singles()[0])
        play.person_moves(play.singles()[0], minutes=20)
        await play.until_well()
        play.person_makes(3, 4)
        await dies(play, MADE, Fate.DROPPED)
        play.person_deletes(play.singles()[-1])

        then = since(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert len(copies(play, then)) == full + 2
        assert_in_step(play, then)
