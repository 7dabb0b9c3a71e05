"""What people do to their calendars in the stories of both directions: to their own events, and to copies by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.integration.both_ways.town import Book, Town, meeting, whole


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


class Crowd:
    """People who never wait for the app: they make, move, rename and delete events of their own on every side, and
    change and delete copies. All of it follows from the random source.

    One field of a copy is changed by hand once at most: a field that is put back again and again is left alone for
    good (`engine.md` §7, "Freeze"), which is another story.

    Args:
        deletes: whether they delete originals. A changed copy whose original goes may become an event of its own.
    """

    def __init__(self, town: Town, random: Random, *, deletes: bool = True) -> None:
        self._town = town
        self._may_delete = deletes
        self._random = random
        self._number = 40
        self._done: set[tuple[str, str]] = set()
        self.titles = {str(event["title"]) for book in town.books.values() for event in book.people()}
        """Everything that anybody ever wrote as a title."""
        self._resting = False

    def rest(self) -> None:
        """They are done."""
        self._resting = True

    def perhaps_act(self) -> None:
        """Now and then somebody does something."""
        if not self._resting and self._random.random() < 0.1:
            self.act(1)

    def act(self, times: int) -> None:
        """So many things are done."""
        for _ in range(times):
            book = self._random.choice(list(self._town.books.values()))
            acts = [
                self._makes,
                self._moves,
                self._moves,
                self._renames,
                self._deletes,
                self._occurrence,
                self._by_hand,
            ]
            self._random.choice([*acts, self._by_hand])(book)

    def _makes(self, book: Book) -> None:
        self._number += 1
        self.titles.add(f"{book.letter} Meeting {self._number}")
        book.makes(meeting(self._number, list(self._town.books).index(book.letter)))

    def _plain(self, book: Book) -> dict[str, Any]:
        return self._random.choice([one for one in book.people() if "Meeting" in one["title"]])

    def _moves(self, book: Book) -> None:
        event = self._plain(book)
        book.changes(event, **later(event, minutes=self._random.choice((10, 45, 24 * 60))))

    def _renames(self, book: Book) -> None:
        self._number += 1
        title = f"{book.letter} Meeting {self._number}, renamed"
        self.titles.add(title)
        book.changes(self._plain(book), title=title)

    def _deletes(self, book: Book) -> None:
        if self._may_delete and len(book.people()) > 12:
            book.deletes(self._plain(book))

    def _occurrence(self, book: Book) -> None:
        weekly = book.original("Weekly")
        start = datetime.fromisoformat(weekly["start"]) + timedelta(weeks=self._random.randint(7, 30))
        taken = {one["original_start"] for one in weekly.get("exceptions", ())}
        if start.isoformat() in taken:
            return
        moved = start + timedelta(minutes=95)
        times = {"start": moved.isoformat(), "end": (moved + timedelta(minutes=30)).isoformat()}
        what = self._random.choice(({"cancelled": True}, times))
        book.changes(weekly, exceptions=[{"original_start": start.isoformat(), **what}])

    def _by_hand(self, book: Book) -> None:
        """Somebody changes or deletes a copy."""
        copies = [copy for copy in book.copies() if not copy.get("rrule")]
        if not copies:
            return
        copy = self._random.choice(copies)
        kind = self._random.choice(("title", "time", "delete"))
        if (copy["id"], kind) in self._done:
            return
        self._done.add((copy["id"], kind))
        if kind == "delete":
            book.provider.delete_event(book.id, copy["id"])
        elif kind == "title":
            self._number += 1
            title = f"By hand {self._number}"
            self.titles.add(title)
            book.provider.patch_event(book.id, copy["id"], {"title": title})
        elif not copy["all_day"]:
            book.provider.patch_event(book.id, copy["id"], later(copy, minutes=25))
