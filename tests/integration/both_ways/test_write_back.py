"""Edits and deletions of copies that travel to their originals, through the whole app and both services' own rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from app.domain.runs import RunStatus
from tests.integration.both_ways.people import later, occurrence_by_hand
from tests.integration.both_ways.test_pairs import PLACES, WAYS, settle
from tests.integration.both_ways.town import Household, household, meeting

BACK = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK)
DELETING = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)
EVERYDAY = ("google-microsoft", "microsoft-microsoft")
EITHER = pytest.mark.parametrize(
    "where", [pytest.param(where, marks=() if where in EVERYDAY else pytest.mark.full) for where in PLACES]
)


def hours_later(event: dict[str, str], hours: int) -> str:
    return (datetime.fromisoformat(event["start"]) + timedelta(hours=hours)).isoformat()


@pytest.mark.anyio
@EITHER
async def test_what_a_person_changes_on_a_copy_is_changed_on_its_original_and_rests(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", settings=BACK)
        # What changes in text and place within ten minutes of our write is Exchange's own work.
        app.town.sandbox.world.clock.advance(700)
        wished = []
        for source, target in WAYS:
            there, here = app[source], app[target]
            renamed, moved = there.original("Meeting 3"), there.original("Meeting 4")
            placed, daily, trip = there.original("Meeting 5"), there.original("Daily"), there.original("Trip")
            here.changes_copy(renamed, title=f"{source} Renamed")
            here.changes_copy(moved, **later(moved, minutes=90))
            here.changes_copy(placed, location="Café Ünïcode")
            here.changes_copy(daily, title=f"{source} Rarely")
            longer = (datetime.fromisoformat(trip["end"]).date() + timedelta(days=2)).isoformat()
            here.changes_copy(trip, start=trip["start"], end=longer, all_day=True)
            wished.append((there, renamed, {"title": f"{source} Renamed", "start": renamed["start"]}))
            wished.append((there, moved, {"title": moved["title"], **later(moved, minutes=90)}))
            wished.append((there, placed, {"location": "Café Ünïcode", "title": placed["title"]}))
            wished.append((there, daily, {"title": f"{source} Rarely", "start": daily["start"]}))
            wished.append((there, trip, {"end": longer, "title": trip["title"]}))
        await app.sync_all()
        for book, original, fields in wished:
            now = next(event for event in book.events() if event["id"] == original["id"])
            assert {name: now[name] for name in fields} == fields
            assert now.get("description") == original.get("description")
            assert now.get("rrule") == original.get("rrule")
            book.accepts(original)
        await settle(app)


@pytest.mark.anyio
@EITHER
async def test_edits_that_cannot_travel_are_put_back_and_originals_with_guests_are_never_written(
    tmp_path: Path, where: str
) -> None:
    invited = {**meeting(0, 0), "title": "Invited", "attendees": [{"email": "guest@example.com"}]}
    events = {letter: [meeting(number, number) for number in range(1, 4)] + [invited] for letter in "AB"}
    async with household(tmp_path, PLACES[where], events) as app:
        await app.pair("A", "B", settings=replace(BACK, copy_deleted=CopyDeleted.DELETE_ORIGINAL))
        for source, target in WAYS:
            there, here = app[source], app[target]
            invitation = next(event for event in there.people() if "Invited" in event["title"])
            copy = next(copy for copy in here.copies() if "Invited" in copy["title"])
            here.provider.patch_event(here.id, copy["id"], {"title": "Mine"})
            assert invitation["attendees"]
        await settle(app)
        for _, target in WAYS:
            here = app[target]
            copy = next(copy for copy in here.copies() if "Invited" in copy["title"])
            here.provider.delete_event(here.id, copy["id"])
        await app.sync_all()
        app.town.assert_untouched()
        await app.assert_quiet()


@pytest.mark.anyio
@EITHER
async def test_one_occurrence_and_the_time_of_a_series_are_put_back_on_the_copy(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", settings=BACK)
        for source, target in WAYS:
            occurrence_by_hand(app[target], app[source].original("Weekly"), weeks=10, minutes=180)
        await settle(app)


@pytest.mark.anyio
@EITHER
async def test_a_conflict_between_both_sides_ends_with_one_of_them_everywhere(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", settings=BACK)
        changed = []
        for source, target in WAYS:
            there, here = app[source], app[target]
            original = there.original("Meeting 3")
            here.changes_copy(original, title=f"{source} by the copy")
            there.changes(original, title=f"{source} by the original")
            changed.append((there, original, f"{source} by the original"))
        await app.sync_all()
        for book, original, title in changed:
            now = next(event for event in book.events() if event["id"] == original["id"])
            assert now["title"] == title, "within a minute of each other the original wins"
        await settle(app)


# -- deletions ---------------------------------------------------------------------------------------------------------


async def originals_left(app: Household) -> int:
    return sum(len(app[letter].people()) for letter in "AB")


@pytest.mark.anyio
@EITHER
async def test_a_copy_that_a_person_deletes_takes_its_original_along_up_to_three_a_day(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        pair_id = await app.pair("A", "B", settings=DELETING)
        before = await originals_left(app)
        for source, target in WAYS:
            there, here = app[source], app[target]
            for title in ("Meeting 3", "Day off", "Daily"):
                original = there.original(title)
                here.deletes_copy(original)
                del there.versions[original["id"]]
        await app.sync_all()
        await settle(app)
        assert await originals_left(app) == before - 6
        for source, target in WAYS:
            app[target].deletes_copy(app[source].original("Meeting 4"))
        await app.sync(pair_id, RunStatus.HELD)
        assert await originals_left(app) == before - 6, "a fourth one waits for its person"
        app.town.assert_untouched()
