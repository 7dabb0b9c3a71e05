"""What people lost comes back from a snapshot at both services as it was, once, and nobody is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.services.restores import Fate
from tests.integration.both_ways.test_pairs import PLACES
from tests.integration.both_ways.town import Book, Household, household
from tests.integration.playground import DEADLINE_SECONDS

KEPT = ("title", "start", "end", "all_day", "time_zone", "description", "location", "busy")


def told(book: Book, event: dict[str, Any]) -> dict[str, Any]:
    """What a person sees of an event."""
    now = next(one for one in book.events() if one["id"] == event["id"])
    rules = [line for line in now.get("rrule") or [] if not line.startswith("EXDATE")]
    parts = [one for one in now.get("exceptions") or [] if not one.get("cancelled")]
    moved = [{name: value for name, value in one.items() if name != "id"} for one in parts]
    return {**{name: now.get(name) for name in KEPT}, "rules": rules, "moved": moved, "cancelled": cancelled(now)}


def cancelled(event: dict[str, Any]) -> list[str]:
    """The dates that a series lacks: Google has two ways to say so."""
    excluded = [line.rpartition(":")[2] for line in event.get("rrule") or [] if line.startswith("EXDATE")]
    stubs = [one["original_start"] for one in event.get("exceptions") or [] if one.get("cancelled")]
    return sorted(datetime.fromisoformat(one).isoformat() for one in (*excluded, *stubs))


async def restore(app: Household, letter: str) -> tuple[set[str], list[str]]:
    """Restore the newest snapshot of a calendar: what was missing, and the titles that came back."""
    core = app.core
    snapshot = core.snapshots.list(connection_id=app.ends[letter])[0]
    look = await core.restores.look(snapshot.id)
    run = await core.restores.start(snapshot.id, expected=len(look.missing))
    ended = await core.sync.wait(run.id, DEADLINE_SECONDS)
    assert str(ended.run.status) == "success", ended.run
    again = await core.restores.look(snapshot.id)
    assert {one.fate for one in again.found} == {Fate.THERE}
    return {one.unit.id for one in look.missing}, [action.title for action in ended.actions if not action.occ]


@pytest.mark.anyio
@pytest.mark.parametrize("where", ["google-microsoft"])
async def test_singles_days_and_series_with_moved_and_cancelled_dates_come_back_as_they_were(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        lost: dict[str, list[dict[str, Any]]] = {}
        for letter in ("A", "B"):
            book = app[letter]
            single = book.original("Meeting 3")
            book.changes(single, rrule=["RRULE:FREQ=WEEKLY;COUNT=6"])
            first = datetime.fromisoformat(single["start"])
            moved, gone = first + timedelta(weeks=2), first + timedelta(weeks=3)
            later = moved + timedelta(hours=2)
            exceptions = [
                {
                    "original_start": moved.isoformat(),
                    "start": later.isoformat(),
                    "end": (later + timedelta(minutes=20)).isoformat(),
                    "title": f"{letter} Moved",
                },
                {"original_start": gone.isoformat(), "cancelled": True},
            ]
            book.changes(book.original("Meeting 3"), exceptions=exceptions)
            book.changes(book.original("Meeting 4"), description="Line one\nLine two", location="Room; 1, left")
        await app.pair("A", "B")
        app.town.assert_in_step()
        mails = len(app.town.sandbox.world.outbox.all())
        before: dict[str, dict[str, Any]] = {}
        for letter in ("A", "B"):
            book = app[letter]
            lost[letter] = [book.original(title) for title in ("Meeting 3", "Meeting 4")]
            before |= {event["title"]: told(book, event) for event in lost[letter]}
            for event in lost[letter]:
                book.deletes(event)
        for letter in ("A", "B"):
            missing, back = await restore(app, letter)
            assert missing == {event["id"] for event in lost[letter]}
            assert sorted(back) == [event["title"] for event in lost[letter]]
            book = app[letter]
            titles = {event["title"] for event in lost[letter]}
            for event in book.events():
                if event["title"] in titles and event["id"] not in missing:
                    assert told(book, event) == before[event["title"]]
                    book.accepts(event)
        assert len(app.town.sandbox.world.outbox.all()) == mails
        # From now on they are people's events like any other: copied once, and then it is quiet.
        await app.sync_all()
        await app.sync_all()
        app.town.assert_in_step()
        await app.assert_quiet()
