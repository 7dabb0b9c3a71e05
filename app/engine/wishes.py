"""What the target shall hold for one original: a single, a series with its exceptions, or a single for each occurrence.

Pure. A wish says nothing about what is there already; comparing is the plan's work (`engine.md` §5, §6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from app.domain import identity
from app.domain.errors import InputError
from app.domain.events import Event, Fields, GuestList
from app.domain.links import CopyForm, DirectionRecord, Link, LinkState
from app.domain.pairs import CopyDeleted, FilteredLater
from app.domain.times import Moment, Span, When
from app.engine.filters import at_wrong_hours, left_out, unwanted
from app.engine.fingerprint import GUESTS, LINK, all_hashes, guests_hash, hashes, is_sub_daily
from app.engine.originals import Unit, occurrence_key, start_of, wall_start
from app.engine.shape import buffered, earlier, keeps_series, lengthened, merges
from app.engine.transform import copy_fields, lists_guests

STAND_IN = "stand_in"
"""Reason on the link of an exception that the target refused inside its series: it is a single of its own instead."""

UNDONE = "undone"
"""Reason on the link of a copy whose making was undone, or that an undo brought back: no policy changes that."""

COVERED = "covered_by_block"
"""Reason on the link of what the copy of another original covers, in one block with it."""

Expand = Callable[[Fields, Span], Sequence[Moment]]


@dataclass(frozen=True, slots=True)
class Near:
    """Which occurrences are wished for where a series is looked at in part: those near others, and some by name.

    Args:
        meets: whether something between two instants is near.
        hull: outside it nothing is near, None where nothing is.
        occs: wished for wherever they are.
    """

    meets: Callable[[datetime, datetime], bool]
    hull: Span | None
    occs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """One copy as it shall be.

    Args:
        occ: empty for a single or a series, else the occurrence's key.
        fields: in the target's normal form.
        hashes: of `fields`.
        original_hashes: of the original's own fields, for the link's base.
        cancelled: occurrences the copied series shall lack: key to original start.
        occurrence_start: where an exception's occurrence originally starts.
        leavable: those of `cancelled` that a filter leaves out, where the pair leaves copies that are there already.
        in_window: whether it may be created; what lies outside is only followed.
        source: the original event (or exception) it comes from, for display.
        span: its time with buffers, where touching ones are merged and this is one that may be; else None.
    """

    occ: str
    copy_key: str
    form: CopyForm
    fields: Fields
    hashes: Mapping[str, str]
    original_hashes: Mapping[str, str]
    source: Event
    parent: str = ""
    cancelled: Mapping[str, Moment] = field(default_factory=dict)
    leavable: frozenset[str] = frozenset()
    occurrence_start: Moment | None = None
    in_window: bool = True
    span: When | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """All wishes of one original, or why there are none.

    Args:
        due_again: occurrences enter the window, plan daily.
        expanded: one single for each occurrence in the window; what has none here is gone from the series.
        left_out: occurrences that a filter leaves out of an expanded series, each with the reason and as it is.
        series: hash of what an expanded series says, the same wherever the window stands.
    """

    items: tuple[Wish, ...] = ()
    reason: str = ""
    due_again: bool = False
    expanded: bool = False
    left_out: Mapping[str, tuple[str, Event]] = field(default_factory=dict)
    series: str = ""

    def fingerprint(self) -> str:
        """One hash over what the originals of these wishes say: their fields, exceptions and cancelled dates."""
        if self.series:
            return self.series
        parts = [identity.digest(wish.occ, *sorted(_said(wish)), *sorted(wish.cancelled)) for wish in self.items]
        return identity.digest(*parts)


class Wisher:
    """Makes wishes for the originals of one direction.

    Args:
        normal_form, expresses: the target's, from its client.
        expand: original starts of a series that overlap a span; raises InputError for rules it refuses.
        window: where copies may be created.
    """

    def __init__(
        self,
        direction: DirectionRecord,
        *,
        normal_form: Callable[[Fields], Fields],
        expresses: Callable[[Fields], bool],
        expand: Expand,
        window: Span,
    ) -> None:
        self._direction = direction
        self.normal = normal_form
        self._expresses = expresses
        self._expand = expand
        self._window = window
        self._zone = direction.source.zone

    def key(self, unit_id: str, occ: str, links: Mapping[str, Link]) -> str:
        """Key of a copy: that of the copy it has. One that was re-linked keeps the key it was made under, as its id
        proves it by that. What another's copy covers has a key of its own all the same."""
        link = links.get(occ)
        if link is not None and link.copy_key and link.reason != COVERED:
            return link.copy_key
        return identity.copy_key(self._direction.key, unit_id, occ)

    def wishes(self, unit: Unit, links: Mapping[str, Link], near: Near | None = None) -> Wishes:
        """What the target shall hold for a living original.

        Args:
            near: look at these occurrences of an expanded series only.
            links: its links by occurrence key. They tell which occurrences have copies, to be followed out of the
                window too; which the target refused inside the series; which a person deleted.
        """
        try:
            if unit.event is None:
                return self._lone_exceptions(unit, links)
            reason = unwanted(unit.event, self._direction.settings)
            if reason is not None:
                return Wishes(reason=reason)
            if not unit.is_series:
                return Wishes((self._single(unit.id, "", unit.event, links),))
            told = self._hours_of(unit, unit.event, _linked(links))
            reason = next((one for one in told if one is not None), None)
            if reason is not None and None not in told:
                return Wishes(reason=reason)
            # What the hours leave a part of is no series any more: which dates are left follows no rule.
            fields = self._fields(unit.event)
            whole = reason is None and keeps_series(fields, self._direction.settings)
            if whole and self._expresses(self._shown(fields)):
                return self._series(unit, unit.event, links)
            return self._expanded(unit, unit.event, links, near)
        except InputError as error:
            return Wishes(reason=error.code)
        except (OverflowError, ZoneInfoNotFoundError):
            # Year 1 or 9999, or a zone this computer does not have: one such event stops no other.
            return Wishes(reason="time_unreadable")

    def occurs(self, fields: Fields, occ: str) -> bool:
        """Whether a series has this occurrence by its rule, as far as that can be told."""
        start = start_of(occ, fields)
        if start is None:
            return False
        try:
            around = fields.when.moved_to(start).start_instant(self._zone)
            return start in self._expand(fields, Span(around - timedelta(days=1), around + timedelta(days=1)))
        except (InputError, OverflowError):
            return True

    def occurs_in(self, fields: Fields, span: Span) -> bool:
        """Whether any occurrence of a series meets a span. Raises InputError for rules that cannot be expanded."""
        return bool(self._expand(fields, span))

    def _single(
        self, unit_id: str, occ: str, event: Event, links: Mapping[str, Link], fields: Fields | None = None
    ) -> Wish:
        own, key = fields or self._fields(event), self.key(unit_id, occ, links)
        return self._wish(key, occ, CopyForm.SINGLE, event, own, in_window=self._meets(own))

    def _lone_exceptions(self, unit: Unit, links: Mapping[str, Link]) -> Wishes:
        wished = []
        reason = ""
        for occ, event in sorted(unit.exceptions.items()):
            why_not = unwanted(event, self._direction.settings)
            if why_not is None:
                wished.append(self._single(unit.id, occ, event, links, replace(self._fields(event), recurrence=None)))
            else:
                reason = why_not
        return Wishes(tuple(wished), "" if wished else reason)

    def _series(self, unit: Unit, event: Event, links: Mapping[str, Link]) -> Wishes:
        fields = self._fields(event)
        cancelled = dict(unit.cancelled) | self._away(links, fields)
        parts: list[Wish] = []
        leavable: set[str] = set()
        parent = self.key(unit.id, "", links)
        for occ, exception in sorted(unit.exceptions.items()):
            if occ in cancelled:
                continue
            start = self._original_start(exception, fields)
            if left_out(exception, self._direction.settings) is not None:
                cancelled[occ] = start
                leavable.add(occ)
                continue
            own = replace(self._fields(exception), recurrence=None)
            if occ in links and links[occ].reason == STAND_IN:
                cancelled[occ] = start
                parts.append(self._single(unit.id, occ, exception, links, own))
                continue
            part = self._wish(self.key(unit.id, occ, links), occ, CopyForm.OCCURRENCE, exception, own, in_window=True)
            parts.append(replace(part, parent=parent, occurrence_start=earlier(start, self._direction.settings)))
        master = self._wish(parent, "", CopyForm.SERIES, event, fields, in_window=self._series_meets(unit, fields))
        lacking = {occ: earlier(start, self._direction.settings) for occ, start in cancelled.items()}
        if self._direction.settings.filtered_later is not FilteredLater.LEAVE:
            leavable.clear()
        whole = replace(master, cancelled=lacking, leavable=frozenset(leavable))
        return Wishes((whole, *parts), due_again=not master.in_window)

    def _away(self, links: Mapping[str, Link], master: Fields) -> dict[str, Moment]:
        """Occurrences that a person deleted in the copied series: it lacks them from then on, however it is written."""
        restores = self._direction.settings.copy_deleted is CopyDeleted.RESTORE
        away = {
            occ: start_of(occ, master)
            for occ, link in links.items()
            if occ and link.state is LinkState.AWAY and (link.reason == UNDONE or not restores)
        }
        return {occ: start for occ, start in away.items() if start is not None}

    def _hours_of(self, unit: Unit, event: Event, linked: Collection[str]) -> set[str | None]:
        """What a filter by hours says of the occurrences, each reason once; None stands for those it lets through.

        Told for the window and all that has copies, so that it stays the same while the window moves on.
        """
        hours = self._direction.settings.filters.hours
        if hours is None:
            return set()
        fields = self._fields(event)
        sub_daily = is_sub_daily(fields)
        changed = unit.cancelled.keys() | unit.exceptions.keys()
        told = {
            at_wrong_hours(fields.when.moved_to(start), hours)
            for start in self._expand(fields, self._span_with(linked))
            if occurrence_key(start, fields.when.zone, sub_daily=sub_daily) not in changed
        }
        wanted = (left_out(exception, self._direction.settings) is None for exception in unit.exceptions.values())
        return told | {None} if told and any(wanted) else told

    def _expanded(self, unit: Unit, event: Event, links: Mapping[str, Link], near: Near | None) -> Wishes:
        linked = _linked(links)
        fields = self._fields(event)
        sub_daily = is_sub_daily(fields)
        span = self._span_with(linked) if near is None else self._span_near(near)
        hours = self._direction.settings.filters.hours
        wished = []
        without: dict[str, tuple[str, Event]] = {}
        for start in self._expand(fields, span) if span is not None else ():
            occ = occurrence_key(start, fields.when.zone, sub_daily=sub_daily)
            if occ in unit.cancelled or occ in unit.exceptions:
                continue
            own = replace(fields, when=fields.when.moved_to(start), recurrence=None)
            reason = at_wrong_hours(own.when, hours)
            if reason is not None:
                without[occ] = (reason, replace(event, fields=own))
                continue
            if near is None or self._is_near(near, occ, own):
                wished.append(self._single(unit.id, occ, event, links, own))
        for occ, exception in sorted(unit.exceptions.items()):
            reason = left_out(exception, self._direction.settings)
            if reason is not None:
                without[occ] = (reason, exception)
                continue
            own = replace(self._fields(exception), recurrence=None)
            if near is None or self._is_near(near, occ, own):
                wished.append(self._single(unit.id, occ, exception, links, own))
        kept = tuple(wish for wish in wished if wish.in_window or wish.occ in linked)
        return Wishes(
            kept,
            "" if kept else "outside_window",
            due_again=True,
            expanded=True,
            left_out=without,
            series=self._said_by(unit, fields),
        )

    def _said_by(self, unit: Unit, fields: Fields) -> str:
        """One hash over a whole series: master, cancelled dates, exceptions."""
        exceptions = (
            identity.digest(occ, *sorted(hashes(self._fields(event)).values()))
            for occ, event in sorted(unit.exceptions.items())
        )
        return identity.digest(*sorted(hashes(fields).values()), *sorted(unit.cancelled), *exceptions)

    def _is_near(self, near: Near, occ: str, fields: Fields) -> bool:
        when = fields.when
        return occ in near.occs or near.meets(when.start_instant(self._zone), when.end_instant(self._zone))

    def _span_near(self, near: Near) -> Span | None:
        """Where the occurrences can be that are looked at."""
        named = self._dates(near.occs)
        if near.hull is not None:
            named = [near.hull, *named]
        return Span(min(s.start for s in named), max(s.end for s in named)) if named else None

    def _wish(self, key: str, occ: str, form: CopyForm, source: Event, fields: Fields, *, in_window: bool) -> Wish:
        settings = self._direction.settings
        shown = self._shown(fields, source.guest_list)
        wanted = self.normal(shown)
        own = hashes(fields) | {LINK: identity.digest(fields.link)}
        if source.guest_list is not None and lists_guests(fields, settings):
            own[GUESTS] = guests_hash(source.guest_list)
        merged = merges(settings) and form is CopyForm.SINGLE and not shown.when.all_day
        return Wish(
            occ=occ,
            copy_key=key,
            form=form,
            fields=wanted,
            hashes=all_hashes(wanted),
            # Neither link nor guests have a field of their own in a copy, but a change of them is one of the original.
            original_hashes=own,
            source=source,
            in_window=in_window,
            span=buffered(fields.when, settings) if merged else None,
        )

    def _shown(self, fields: Fields, guests: GuestList | None = None) -> Fields:
        """What a copy of this original shows, with its buffers and minimum length."""
        shown = copy_fields(fields, self._direction, guests)
        settings = self._direction.settings
        return replace(shown, when=lengthened(buffered(shown.when, settings), settings))

    def _meets(self, fields: Fields) -> bool:
        when = fields.when
        return self._window.meets(when.start_instant(self._zone), when.end_instant(self._zone))

    def _series_meets(self, unit: Unit, fields: Fields) -> bool:
        sub_daily = is_sub_daily(fields)
        changed = unit.cancelled.keys() | unit.exceptions.keys()
        starts = self._expand(fields, self._window)
        if any(occurrence_key(s, fields.when.zone, sub_daily=sub_daily) not in changed for s in starts):
            return True
        return any(self._meets(self._fields(exception)) for exception in unit.exceptions.values())

    def _span_with(self, linked: Collection[str]) -> Span:
        """The window, widened to the dates of occurrences that have copies already."""
        spans = [self._window, *self._dates(linked)]
        return Span(min(s.start for s in spans), max(s.end for s in spans))

    def _dates(self, occs: Collection[str]) -> list[Span]:
        """The dates of these occurrences."""
        dates = [datetime.strptime(occ[:8], "%Y%m%d").replace(tzinfo=self._window.start.tzinfo) for occ in occs if occ]
        # A day more on the early side: a date key is local, the span is not.
        return [Span(date - timedelta(days=1), date + timedelta(days=2)) for date in dates]

    @staticmethod
    def _original_start(exception: Event, master: Fields) -> Moment:
        if exception.original_start is None:
            raise ValueError("an exception says which occurrence it replaces")
        return wall_start(exception.original_start, master)

    @staticmethod
    def _fields(event: Event) -> Fields:
        if event.fields is None:
            raise ValueError("a living event has fields")
        return event.fields


def _said(wish: Wish) -> list[str]:
    """What an original says, whatever of it the settings list: an answer given for it outlasts a change of these."""
    return [value for name, value in wish.original_hashes.items() if name != GUESTS]


def _linked(links: Mapping[str, Link]) -> set[str]:
    """Occurrences that have copies."""
    return {occ for occ, link in links.items() if link.copy_key and link.state is LinkState.LIVE}
