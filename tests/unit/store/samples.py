"""A store with an account, two calendars and a pair, and short ways to say events: for the tests of the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.domain.accounts import Access, Account, Connection, Provider
from app.domain.events import Event, EventKind, Fields, Recurrence
from app.domain.links import DirectionRecord, Intent, Op, Page
from app.domain.pairs import Direction, Mode, SyncPair
from app.domain.times import Span, When
from app.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = Span(datetime(2026, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))


def clock() -> datetime:
    """The moment all tests of the store live in."""
    return NOW


def account(number: int = 1, **changes: Any) -> Account:
    """An account at Google."""
    return replace(
        Account(f"acct_{number}", Provider.GOOGLE, f"subject-{number}", f"ada{number}@example.com"), **changes
    )


def connection(name: str, account_id: str = "acct_1", **changes: Any) -> Connection:
    """A writable calendar of an account."""
    return replace(
        Connection(
            f"conn_{name}",
            account_id,
            Provider.GOOGLE,
            f"{name}@example.com",
            f"google:{name}@example.com",
            name,
            Access.WRITER,
            "Europe/Berlin",
        ),
        **changes,
    )


def pair(pair_id: str = "pair_1", direction: Direction = Direction.A_TO_B, **changes: Any) -> SyncPair:
    """A pair from work to home."""
    return replace(SyncPair(pair_id, "conn_work", "conn_home", Mode.BLOCKER, direction), **changes)


@dataclass
class World:
    """A store and the one direction in it, from work to home."""

    store: Store
    direction: DirectionRecord

    def read(
        self,
        *events: Event,
        calendar: str = "conn_work",
        full: bool = False,
        whole: frozenset[str] = frozenset(),
        cursor: str = "cursor",
        span: Span = SPAN,
        at: datetime = NOW,
    ) -> int:
        """A read of one page from beginning to end; answers the view's sequence number."""
        ledger = self.store.ledger
        number = ledger.begin_read(calendar, full=full)
        ledger.store_page(calendar, number, Page(events, whole), full=full, span=span)
        ledger.finish_read(calendar, number, cursor=cursor, full=full, span=span, at=at)
        return ledger.view(calendar).seq

    def seen(self, calendar: str = "conn_work") -> dict[str, str]:
        """Event id to what the view knows of it."""
        return {row.event.id: str(row.seen) for row in self.store.ledger.rows(calendar, None)}

    def everything_planned(self) -> None:
        """Both views as they are now are planned."""
        ledger = self.store.ledger
        ledger.planned(self.direction, seq_source=ledger.view("conn_work").seq, seq_target=ledger.view("conn_home").seq)


def world(store: Store) -> World:
    """Fill a store."""
    store.accounts.add(account())
    store.accounts.put_connections("acct_1", [connection("work"), connection("home")])
    store.pairs.add(pair())
    (direction,) = store.pairs.directions("pair_1")
    return World(store, direction)


def wall(text: str) -> datetime:
    """A wall time without offset."""
    return datetime.fromisoformat(text)


def single(event_id: str, day: int = 10, title: str = "Dentist", **changes: Any) -> Event:
    """A timed event of March 2026."""
    start = wall(f"2026-03-{day:02}T09:00")
    when = When(start, start + timedelta(hours=1), "Europe/Berlin")
    return replace(Event(event_id, etag="1", fields=Fields(when, title)), **changes)


def series(event_id: str, rule: str = "RRULE:FREQ=WEEKLY", start: date = date(2026, 3, 2), **changes: Any) -> Event:
    """A weekly series at nine."""
    begin = wall(f"{start}T09:00")
    when = When(begin, begin + timedelta(hours=1), "Europe/Berlin")
    return replace(
        Event(event_id, kind=EventKind.SERIES, fields=Fields(when, "Standup", recurrence=Recurrence((rule,)))),
        **changes,
    )


def exception(series_id: str, day: int, **changes: Any) -> Event:
    """One occurrence of a series that was moved."""
    begin = wall(f"2026-03-{day:02}T15:00")
    when = When(begin, begin + timedelta(hours=1), "Europe/Berlin")
    return replace(
        Event(
            f"{series_id}_{day}",
            kind=EventKind.EXCEPTION,
            fields=Fields(when, "Standup, later"),
            series_id=series_id,
            original_start=datetime(2026, 3, day, 8, tzinfo=UTC),
        ),
        **changes,
    )


def intent(direction: DirectionRecord, original_id: str, op: Op = Op.CREATE, **changes: Any) -> Intent:
    """A write for an original, not yet journaled."""
    return replace(
        Intent(
            0, direction.id, "sync_run_1", op, original_id, "", f"key-{original_id}", f"id-{original_id}", 0, "here.1"
        ),
        **changes,
    )
