"""Reading a calendar into its view: incrementally by cursor, or whole and diffed (`engine.md` §3, §13).

A read that fails leaves the view as it was, position included; nothing is wiped first. Raises ProviderError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.errors import CursorExpiredError, ProtocolError
from app.domain.events import Event
from app.domain.ledger import Ledger
from app.domain.links import Answer, Evidence, Page, Unreadable, ViewState
from app.domain.ports import CalendarReader, Capabilities
from app.domain.times import Span

FROZEN_SPAN_RENEWED_BEFORE = timedelta(days=30)
"""A second round replaces a frozen span this long before it ends."""


PART = 150
"""Events of a page that are stored in one step, so that a page of a thousand does not hold everybody else up."""


def parts(page: Page) -> list[Page]:
    """A page in parts of so many events, the events of one series always in one part; only the last has its position.

    A read that ends between two of them is read again from where it began, as it is between two pages.
    """
    if len(page.events) <= PART:
        return [page]
    units: dict[str, list[Event]] = {}
    for event in page.events:
        units.setdefault(event.unit, []).append(event)
    groups: list[list[Event]] = [[]]
    for events in units.values():
        if groups[-1] and len(groups[-1]) + len(events) > PART:
            groups.append([])
        groups[-1].extend(events)
    named = [frozenset(event.unit for event in events) for events in groups]
    # A series that is whole without any event has lost all it had: said with the first.
    nowhere = page.whole_series.difference(*named)
    cut = [
        Page(tuple(events), (page.whole_series & units_of) | (nowhere if number == 0 else frozenset()))
        for number, (events, units_of) in enumerate(zip(groups, named, strict=True))
    ]
    return [*cut[:-1], replace(cut[-1], position=page.position, cursor=page.cursor)]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did: how many pages, whether everything was read, and the view afterwards.

    Args:
        named: ids of the events that were read.
        unreadable: events that were left out, as they cannot be read.
        half_read: series that may have exceptions which could not be read; they are not planned until they were.
    """

    pages: int
    full: bool
    view: ViewState
    named: frozenset[str] = frozenset()
    unreadable: tuple[Unreadable, ...] = ()
    half_read: frozenset[str] = frozenset()


async def pull(
    reader: CalendarReader,
    ledger: Ledger,
    calendar_id: str,
    window: Span,
    *,
    now: datetime,
    full: bool = False,
    breathe: Callable[[], Awaitable[None]] | None = None,
) -> Pulled:
    """Bring the view of a calendar up to date.

    Args:
        breathe: lets others have a turn between two parts of a page; None where nobody else waits.
        calendar_id: id of the connection whose view this is.
        window: what the directions using it need; a full read goes wider by the service's margins.
        full: read everything again although a cursor is there; diffed like any full read.
    """
    view = ledger.view(calendar_id)
    cursor = view.cursor if not full and _covered(view, window, reader.capabilities) else None
    try:
        return await _read(reader, ledger, calendar_id, window, cursor, now, breathe)
    except CursorExpiredError:
        if cursor is None:
            raise
        ledger.forget_cursor(calendar_id)
        return await _read(reader, ledger, calendar_id, window, None, now, breathe)


async def ask(reader: CalendarReader, ledger: Ledger, calendar_id: str, event_ids: list[str]) -> list[Answer]:
    """Read events directly, store what was proved, and return the answers. Unknown ones change nothing."""
    answers: list[Answer] = []
    reading = reader.read(event_ids)
    while told := await reading.next():
        proved = [answer for answer in told if answer.evidence is not Evidence.UNKNOWN]
        if proved:
            ledger.store_answers(calendar_id, proved)
        answers.extend(told)
    return answers


def _covered(view: ViewState, window: Span, capabilities: Capabilities) -> bool:
    """Whether the cursor's span still holds what the window needs."""
    if view.cursor is None or view.covers_from is None or view.covers_from > window.start:
        return False
    if not capabilities.span_limited:
        return True
    needed = window.end + (FROZEN_SPAN_RENEWED_BEFORE if capabilities.frozen_span else timedelta())
    return view.covers_to is not None and needed <= view.covers_to


async def _read(
    reader: CalendarReader,
    ledger: Ledger,
    calendar_id: str,
    window: Span,
    cursor: str | None,
    now: datetime,
    breathe: Callable[[], Awaitable[None]] | None,
) -> Pulled:
    full = cursor is None
    margins = reader.capabilities
    span = Span(
        window.start - timedelta(days=margins.reads_margin_back_days),
        window.end + timedelta(days=margins.reads_margin_ahead_days),
    )
    read_no = ledger.begin_read(calendar_id, full=full)
    pages = reader.changes(cursor, span)
    count = 0
    whole: set[str] = set()
    listed: set[str] = set()
    unreadable: dict[str, Unreadable] = {}
    last: str | None = None
    while (page := await pages.next()) is not None:
        count += 1
        listed.update(event.id for event in page.events)
        unreadable.update((one.event_id, one) for one in page.unreadable)
        if full:
            whole |= page.whole_series
        for part in parts(page):
            ledger.store_page(calendar_id, read_no, part, full=full, span=span)
            if breathe is not None and part is not page:
                await breathe()
        last = page.cursor or last
    if last is None:
        raise ProtocolError("The calendar service ended a list without saying where to go on from.")
    half_read = await _read_series(reader, ledger, calendar_id, whole, listed) if full else set()
    ledger.finish_read(calendar_id, read_no, cursor=last, full=full, span=span, at=now)
    left_out = tuple(one for one in unreadable.values() if one.event_id not in listed)
    return Pulled(count, full, ledger.view(calendar_id), frozenset(listed), left_out, frozenset(half_read))


async def _read_series(
    reader: CalendarReader, ledger: Ledger, calendar_id: str, whole: Collection[str], listed: Collection[str]
) -> set[str]:
    """Where the rows were lost: read those series directly of which a listing may not have told all exceptions.

    One that the service cannot tell whole is withheld from planning until it is, and stops nothing else. Returns these.
    """
    wanted = [unit for unit in ledger.series_to_read(calendar_id) if unit not in whole]
    if not wanted:
        return set()
    answers = await ask(reader, ledger, calendar_id, wanted)
    silent = {answer.event_id for answer in answers if answer.evidence is Evidence.UNKNOWN}
    # One that was not listed either is out of sight, and asked about before anything follows from that.
    half_read = silent.intersection(listed)
    if half_read:
        ledger.store_half_read(calendar_id, half_read)
    return half_read
