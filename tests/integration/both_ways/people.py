"""What people do to their calendars in the stories of both directions: to their own events, and to copies by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.both_ways.town import Book, meeting, whole


def people_edit(book: Book, number: int) -> None:
    """Singles are moved, renamed and made; series change as a whole and at single dates; days become longer."""
    book.moves(book.original("Meeting 0"), 45)
    book.changes(book.original("Meeting 1"), title=f"{book.letter} Meeting 1, new title")
    book.changes(book.original("Private"), location="Nobody's business")
    trip = book.original("Trip")
    longer = datetime.fromisoformat(trip["end"]).date() + timedelta(days=1)
    book.changes(trip, end=longer.isoformat(), start=trip["start"], all_day=True)
    book.makes(meeting(25, number))
    book.makes(whole("Another day off", datetime.now(UTC).date() + timedelta(days=40 + number), 2))
    weekly = book.original("Weekly")
    first = datetime.fromisoformat(weekly["start"])
    moved, gone = first + timedelta(weeks=8), first + timedelta(weeks=9)
    later = moved + timedelta(hours=2)
    book.changes(
        weekly,
        exceptions=[
            {
                "original_start": moved.isoformat(),
                "start": later.isoformat(),
                "end": (later + timedelta(minutes=20)).isoformat(),
            },
            {"original_start": gone.isoformat(), "cancelled": True},
        ],
    )
    book.changes(book.original("Daily"), title=f"{book.letter} Daily, new title")


def later(event: dict[str, Any], minutes: int) -> dict[str, str]:
    """The times of an event that is moved."""
    more = timedelta(minutes=minutes)
    return {name: (datetime.fromisoformat(event[name]) + more).isoformat() for name in ("start", "end")}


def occurrence_by_hand(book: Book, series: dict[str, Any], *, weeks: int, minutes: int) -> None:
    """A person moves one date of the copy of a series."""
    start = datetime.fromisoformat(series["start"]) + timedelta(weeks=weeks)
    moved = start + timedelta(minutes=minutes)
    times = {"start": moved.isoformat(), "end": (moved + timedelta(minutes=30)).isoformat()}
    book.changes_copy(series, exceptions=[{"original_start": start.isoformat(), **times}])
