"""Undoing runs through the whole app, by both services' own rules; and that the next runs leave it so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import ConflictError, InputError
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from app.domain.runs import Run, RunStatus, Trigger, Undoable
from tests.integration.both_ways.test_pairs import PLACES
from tests.integration.both_ways.town import Book, Household, household, meeting
from tests.integration.playground import DEADLINE_SECONDS

BACK = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK)
DELETING = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)
HERE = ("google-microsoft", "microsoft-microsoft", "google-google")
EITHER = pytest.mark.parametrize(
    "where", [pytest.param(where, marks=() if where == "google-microsoft" else pytest.mark.full) for where in HERE]
)


def looks(book: Book) -> list[tuple[str, ...]]:
    """What a person sees of the copies in a calendar."""
    return sorted(
        (
            str(copy["title"]),
            str(copy["start"]),
            str(copy["end"]),
            str(copy.get("location", "")),
            str(copy.get("rrule", "")),
            str(_exceptions(copy)),
        )
        for copy in book.copies()
    )


def _exceptions(copy: dict[str, Any]) -> list[tuple[str, ...]]:
    found = copy.get("exceptions") or []
    return sorted((str(e.get("start", "")), str(e.get("cancelled", False))) for e in found)


async def undo(app: Household, run: Run, events: frozenset[str] | None = None) -> Run:
    """Undo a run and wait for it."""
    started = app.core.undo.start(run.id, events=events)
    ended = await app.core.sync.wait(started.id, DEADLINE_SECONDS)
    assert ended.run.status is RunStatus.SUCCESS, ended.run
    assert ended.run.trigger is Trigger.UNDO
    return ended.run


@pytest.mark.anyio
@EITHER
async def test_an_undone_run_leaves_the_copies_as_they_were_and_is_not_done_again(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B")
        before = {letter: looks(app[letter]) for letter in "AB"}
        for letter in "AB":
            book = app[letter]
            book.changes(book.original("Meeting 1"), title=f"{letter} Renamed")
            book.moves(book.original("Meeting 2"), minutes=45)
            book.deletes(book.original("Meeting 3"))
            book.deletes(book.original("Weekly"))
            book.deletes(book.original("Daily"))
            book.makes({**meeting(15, "AB".index(letter)), "title": "Brand-new"})
        run = await app.sync(pair_id)
        assert all(looks(app[letter]) != before[letter] for letter in "AB")
        view = await app.core.undo.look(run.id)
        assert {change.state for change in view.changes} == {Undoable.POSSIBLE}
        undone = await undo(app, run)
        assert undone.counts.failed == 0
        assert {letter: looks(app[letter]) for letter in "AB"} == before
        app.town.assert_untouched()
        await app.assert_quiet()
        assert {letter: looks(app[letter]) for letter in "AB"} == before
        with pytest.raises(ConflictError) as twice:
            app.core.undo.start(run.id)
        assert twice.value.code == "already_undone"


@pytest.mark.anyio
@EITHER
async def test_undoing_the_first_run_leaves_no_copy_and_undoing_that_brings_all_back(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B")
        before = {letter: looks(app[letter]) for letter in "AB"}
        first = app.core.history.runs(pair_id=pair_id).runs[-1]
        taken_back = await undo(app, first)
        assert [app[letter].copies() for letter in "AB"] == [[], []]
        await app.assert_quiet()
        assert [app[letter].copies() for letter in "AB"] == [[], []]
        await undo(app, taken_back)
        assert {letter: looks(app[letter]) for letter in "AB"} == before
        await app.assert_quiet()
        app.town.assert_in_step()


@pytest.mark.anyio
@EITHER
async def test_what_a_person_changed_since_is_left_alone_and_one_event_can_be_chosen(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B")
        there, here = app["A"], app["B"]
        chosen, edited, other = (there.original(f"Meeting {number}") for number in (1, 2, 3))
        for original in (chosen, edited, other):
            there.changes(original, title=f"{original['title']} (new)")
        run = await app.sync(pair_id)
        here.changes_copy(edited, title="Mine")
        view = await app.core.undo.look(run.id)
        assert sorted(change.state for change in view.changes) == ["changed_since", "possible", "possible"]
        await undo(app, run, frozenset({chosen["id"]}))
        titles = {copy["title"] for copy in here.copies()}
        assert {"A Meeting 1", "A Meeting 3 (new)", "Mine"} <= titles
        with pytest.raises(InputError):
            app.core.undo.start(run.id, events=frozenset({"somebody-elses"}))


@pytest.mark.anyio
@EITHER
async def test_what_was_carried_to_originals_is_taken_back_and_stays_so(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B", settings=BACK)
        there, here = app["A"], app["B"]
        original = there.original("Meeting 3")
        copy_id = here.changes_copy(original, title="By the copy")
        run = await app.sync(pair_id)
        assert "By the copy" in {event["title"] for event in there.people()}
        await undo(app, run)
        there.accepts(original)
        assert original["title"] in {event["title"] for event in there.people()}
        assert next(copy["title"] for copy in here.copies() if copy["id"] == copy_id) == "By the copy"
        await app.assert_quiet()
        app.town.assert_untouched()


@pytest.mark.anyio
@EITHER
async def test_an_original_that_was_deleted_is_there_again_and_stays(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B", settings=DELETING)
        for source, target in (("A", "B"), ("B", "A")):
            there, here = app[source], app[target]
            original = there.original("Meeting 3")
            here.deletes_copy(original)
            del there.versions[original["id"]]
        run = await app.sync(pair_id)
        assert run.counts.deleted == 2
        await undo(app, run)
        for letter in "AB":
            titles = [event["title"] for event in app[letter].events()]
            assert titles.count(f"{letter} Meeting 3") == 1
            other = [event["title"] for event in app["B" if letter == "A" else "A"].events()]
            assert f"{letter} Meeting 3" not in other, "the copy that a person deleted stays away"
        await app.assert_quiet()
