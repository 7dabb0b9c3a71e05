"""What a sync pair would show, before there is one: the next days of a calendar, each event as its copy would look.

By the same filters and looks that runs plan with, and by what was last read of the calendar; one that no pair has read
yet is asked for once and remembered for a few minutes. Writes nothing, and keeps nothing in the database. What only a
run can tell (copies that are there already, the same meeting in the target) is not told here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from app.domain.accounts import Connection
from app.domain.errors import InputError
from app.domain.events import Event, Fields
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord, Row, Seen
from app.domain.pairs import Direction, DirectionSettings, SyncPair
from app.domain.ports import Clock, Expander
from app.domain.times import Moment, Span, When, to_wall
from app.engine.filters import at_wrong_hours, left_out, unwanted
from app.engine.originals import Unit, assemble_all
from app.engine.reasons import sentence
from app.engine.shape import buffered, lengthened
from app.engine.story import told_start
from app.engine.transform import copy_fields
from app.services import looking, occurrences
from app.services.clients import Clients
from app.services.occurrences import Occurrence, Unreadable
from app.services.pair_rules import wrong_settings
from app.services.views import EVERYTHING, Viewer
from app.services.visibility import Visibility
from app.store.questions import Questions

DAYS = 7
"""So far ahead is looked."""
_READ_DAYS = DAYS + 1
"""So far ahead is read, so that what is remembered serves for a day."""
LINES_AT_MOST = 50
"""More events than this are counted, and not told one by one."""
PAGES_AT_MOST = 8
"""Of a calendar that no pair has read yet: what lies behind them is not waited for."""
REMEMBERED = timedelta(minutes=5)
"""So long a calendar that was asked for the preview is not asked again."""
_CALENDARS_KEPT = 4
_UNITS_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One event of the next days.

    Args:
        title, starts_at, all_day: of the original; all-day ones start at midnight of their date in UTC.
        copy_title: what the copy would be called; None where there would be none.
        copy_starts_at: when the copy would start, where that is another moment.
        reason: why there would be none, in a sentence; else empty.
    """

    title: str
    starts_at: datetime | None
    all_day: bool
    copy_title: str | None
    copy_starts_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PairPreview:
    """The next days of one direction, soonest first.

    Args:
        copied, left_out: how many events of all would get a copy, and how many would not.
        lines: the first of them.
        days: how many days ahead were looked at.
        as_of: when the calendar was last read.
        whole: the calendar was read to its end; else there may be more.
    """

    copied: int
    left_out: int
    lines: tuple[PreviewLine, ...]
    days: int
    as_of: datetime
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Read:
    """What lies in the next days of a calendar, and of which reading that is."""

    key: tuple[object, ...]
    found: tuple[tuple[Unit, Occurrence], ...]
    as_of: datetime
    whole: bool


class Previews:
    """Looks ahead."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        questions: Questions,
        clients: Clients,
        visibility: Visibility,
        expander: Expander,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._questions = questions
        self._clients = clients
        self._visibility = visibility
        self._expander = expander
        self._clock = clock
        self._kept: dict[str, _Read] = {}

    async def look(
        self,
        source_id: str,
        target_id: str,
        settings: DirectionSettings,
        *,
        both_ways: bool = False,
        viewer: Viewer = EVERYTHING,
    ) -> PairPreview:
        """What a direction would show of the next days.

        Args:
            source_id, target_id: connections.
            settings: of the direction, its mode among them.
            both_ways: the pair goes the other way too.

        Raises:
            NotFoundError: no such connection.
            InputError: the settings cannot be, by field.
            ProviderError, VaultError: a calendar that was never read could not be read now.
        """
        source = self._visibility.require_connection(source_id, viewer)
        target = self._visibility.require_connection(target_id, viewer)
        way = Direction.BIDIRECTIONAL if both_ways else Direction.A_TO_B
        pair = SyncPair("", source_id, target_id, settings.mode, way, settings=settings)
        details = wrong_settings(pair, source, target)
        if details:
            raise InputError(details[0].message, details=details)
        direction = DirectionRecord("", "", "", source.connection, target.connection, settings, both_ways=both_ways)
        days = min(DAYS, settings.window_ahead_days)
        now = self._clock.now()
        read = await self._next_days(source.connection, now)
        span = Span(now, now + timedelta(days=days))
        normal_form = self._clients.calendar(target.connection).normal_form
        copied = without = 0
        lines: list[PreviewLine] = []
        for number, (unit, one) in enumerate(read.found, 1):
            if number % _UNITS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if not span.meets(one.start, one.end):
                continue
            event, fields = _alone(one, source.connection.zone)
            reason = _why_not(unit, one.event, fields.when, settings)
            if reason == "is_copy":
                continue  # it is no original, and nobody expects a copy of it
            copied, without = copied + (reason is None), without + (reason is not None)
            if len(lines) < LINES_AT_MOST:
                copy = copy_fields(fields, direction) if reason is None else None
                if copy is not None:
                    copy = normal_form(replace(copy, when=lengthened(buffered(copy.when, settings), settings)))
                lines.append(_line(event, fields, copy, reason, source.connection.zone))
        return PairPreview(copied, without, tuple(lines), days, read.as_of, read.whole)

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _next_days(self, connection: Connection, now: datetime) -> _Read:
        """What lies in the next days of a calendar, in order."""
        span = Span(now, now + timedelta(days=_READ_DAYS))
        view = self._ledger.view(connection.id)
        kept = self._kept.get(connection.id)
        if view.complete_at is not None:
            key: tuple[object, ...] = (view.seq, view.read_no, now.date())
            if kept is not None and kept.key == key:
                return kept
            units: Sequence[Unit] = [
                unit async for some in looking.units(self._questions, self._ledger, connection.id) for unit in some
            ]
            as_of, whole = view.complete_at, True
        else:
            if kept is not None and kept.key == () and now - REMEMBERED <= kept.as_of <= now:
                return kept
            key, as_of = (), now
            units, whole = await self._ask(connection, span)
        found = await self._in_order(units, connection, span)
        self._kept.pop(connection.id, None)
        while len(self._kept) >= _CALENDARS_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[connection.id] = _Read(key, found, as_of, whole)
        return self._kept[connection.id]

    async def _ask(self, connection: Connection, span: Span) -> tuple[Sequence[Unit], bool]:
        """Read a calendar of which nothing is known yet, as far as a few pages go. Nothing is stored."""
        rows: dict[str, Row] = {}
        pages = self._clients.reader(connection).changes(None, span)
        whole = False
        for _ in range(PAGES_AT_MOST):
            page = await pages.next()
            if page is None:
                whole = True
                break
            rows |= {event.id: Row(event, Seen.GONE if event.gone else Seen.SEEN) for event in page.events}
        units = assemble_all(dict.fromkeys(row.event.unit for row in rows.values()), rows.values())
        return list(units.values()), whole

    async def _in_order(
        self, units: Sequence[Unit], connection: Connection, span: Span
    ) -> tuple[tuple[Unit, Occurrence], ...]:
        """What of these meets a span, the soonest first. What cannot be placed in time is left out."""
        found: list[tuple[Unit, Occurrence]] = []
        for number, unit in enumerate(units, 1):
            if number % _UNITS_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                found.extend((unit, one) for one in occurrences.of_unit(unit, connection.zone, self._expander, span))
            except Unreadable:
                continue
        return tuple(sorted(found, key=lambda pair: (pair[1].start, pair[1].event.id)))


def _alone(one: Occurrence, zone: str) -> tuple[Event, Fields]:
    """An occurrence as an event of its own."""
    when = one.fields.when
    try:
        wall: Moment = to_wall(one.start, when.zone or zone)
        moved = when.moved_to(wall.date() if when.all_day and isinstance(wall, datetime) else wall)
    except (OverflowError, ZoneInfoNotFoundError):
        moved = when
    fields = replace(one.fields, when=moved, recurrence=None)
    return replace(one.event, fields=fields), fields


def _why_not(unit: Unit, event: Event, when: When, settings: DirectionSettings) -> str | None:
    """Reason code for leaving an occurrence out, None when it would get a copy: as runs decide it."""
    if unit.event is not None:
        whole = unwanted(unit.event, settings)
        if whole is not None:
            return whole
        if event is not unit.event:
            return left_out(event, settings)
        return at_wrong_hours(when, settings.filters.hours) if unit.is_series else None
    return unwanted(event, settings)


def _line(event: Event, fields: Fields, copy: Fields | None, reason: str | None, zone: str) -> PreviewLine:
    starts_at = told_start(fields, zone)
    other = told_start(copy, zone) if copy is not None else None
    return PreviewLine(
        title=fields.title,
        starts_at=starts_at,
        all_day=fields.when.all_day,
        copy_title=copy.title if copy is not None else None,
        copy_starts_at=other if other != starts_at else None,
        reason=sentence(reason) if reason is not None else "",
    )
