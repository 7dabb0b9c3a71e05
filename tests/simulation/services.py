"""Calendar services with personalities: what Google, Graph and CalDAV servers do and a plain fake does not.

Each habit is a flag of its own (`Quirks`), drawn for every history, so that habits meet in all mixtures. A request is
in flight until it arrives: it may arrive after its client gave up on it, or after the machine that sent it died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from app.domain import identity
from app.domain.errors import CursorExpiredError, UnavailableError
from app.domain.events import Event, EventKind, Fields
from app.domain.links import Carried, Intent, Op, Outcome, Page, Result
from app.domain.ports import Capabilities
from app.domain.times import Moment, Span
from tests.fakes.calendar import FakeCalendar, Tick
from tests.simulation.rules import day_of, starts

LATE_AT_MOST = timedelta(minutes=2)
REWRITES_FOR = timedelta(minutes=10)
SERVICE = "service"
UNSAYABLE = "INTERVAL=3"
"""What a service that cannot say every rule cannot say."""


@dataclass(frozen=True)
class Quirks:
    """The habits of one service.

    Args:
        tells_whole: a listing tells a changed series whole; else master and parts come one by one, cancelled ones as
            bare stubs.
        burns_ids: ids of deleted events stay taken.
        excluded_dates: a series is written with its cancelled dates.
        keeps_exceptions, resets_exceptions: what a write to a master does to exceptions.
        hides_markers: changes do not tell markers of singles.
        server_ids: the service names events; a create is known by its transaction id, which is remembered for
            `remembers_hours`.
        silent_loss: that an occurrence was cancelled is not told until something else of its series changes.
        span_days: days that a full read reaches beyond what was asked for, frozen in its cursor; None without a limit.
        bumps_etags: versions change by themselves after a write.
        lags_minutes: what was just written is missing from a search.
        rewrites: text and place change by themselves within ten minutes after a write.
        tidies: what is stored differs from what was sent, and the answer says so.
        refuses_crossing: an occurrence may not be moved over its neighbour.
        unsayable: a rule it cannot say.
        clones_markers: splitting or pasting an event clones its marker.
        trash: deleted events stay in a bin, where they hold their names until it is emptied.
        weak_etags: versions are hashes of the content, and one for a whole series.
        page_size: events on one page of a listing.
    """

    name: str = "google"
    tells_whole: bool = True
    burns_ids: bool = True
    excluded_dates: bool = True
    keeps_exceptions: bool = False
    resets_exceptions: bool = False
    hides_markers: bool = False
    server_ids: bool = False
    remembers_hours: int = 0
    silent_loss: bool = False
    span_days: int | None = None
    bumps_etags: bool = False
    lags_minutes: int = 0
    rewrites: bool = False
    tidies: bool = False
    refuses_crossing: bool = False
    unsayable: bool = False
    clones_markers: bool = True
    trash: bool = False
    weak_etags: bool = False
    page_size: int = 100
    batch: int = 2


def google(random: Random) -> Quirks:
    """Chosen ids that stay burned, bare stubs, markers cloned by a split, text trimmed."""
    whole = random.random() < 0.5
    return Quirks(
        "google",
        tells_whole=whole,
        keeps_exceptions=not whole or random.random() < 0.3,
        resets_exceptions=whole and random.random() < 0.3,
        tidies=random.random() < 0.3,
        page_size=random.choice((4, 100)),
        batch=random.choice((2, 5)),
    )


def graph(random: Random) -> Quirks:
    """Ids of its own, a memory for transactions that ends, and an Exchange behind it that never rests."""
    return Quirks(
        "graph",
        burns_ids=False,
        excluded_dates=False,
        hides_markers=True,
        server_ids=True,
        remembers_hours=random.choice((6, 24)),
        resets_exceptions=random.random() < 0.4,
        silent_loss=random.random() < 0.4,
        span_days=180,
        bumps_etags=random.random() < 0.5,
        lags_minutes=random.choice((0, 2)),
        rewrites=random.random() < 0.5,
        tidies=random.random() < 0.3,
        refuses_crossing=True,
        unsayable=random.random() < 0.5,
        clones_markers=False,
        page_size=random.choice((4, 100)),
        batch=random.choice((2, 5)),
    )


def caldav(random: Random) -> Quirks:
    """One object for a whole series, names of the client's choice that are free again, weak versions, maybe a bin."""
    return Quirks(
        "caldav",
        burns_ids=False,
        keeps_exceptions=random.random() < 0.5,
        weak_etags=random.random() < 0.5,
        trash=random.random() < 0.4,
        clones_markers=random.random() < 0.5,
        batch=1,
    )


PLAIN = Quirks()
PERSONALITIES: dict[str, Callable[[Random], Quirks]] = {"google": google, "graph": graph, "caldav": caldav}


@dataclass
class Flight:
    """One request to write, on its way."""

    calendar: SimCalendar
    intents: Sequence[Intent]
    sent_at: datetime
    outcomes: list[Outcome] | None = None

    def arrive(self) -> None:
        """The service gets it, now; once at most."""
        if self.outcomes is None:
            self.calendar.applying = list(self.intents)
            self.outcomes = [self.calendar.apply(intent) for intent in self.intents]


@dataclass(frozen=True)
class Carriage:
    """One write to an original: what came from where."""

    intent: Intent
    before: Event
    carried: Carried | None


@dataclass(frozen=True)
class Image:
    """One applied write to a copy: the copy just before and just after it, None where there was none."""

    intent: Intent
    before: Fields | None
    after: Fields | None


@dataclass
class SimCalendar(FakeCalendar):
    """A fake calendar with a personality."""

    quirks: Quirks = PLAIN
    made: set[str] = field(default_factory=set)
    """Ids of events that Kalends created, whatever became of them."""
    restored: set[str] = field(default_factory=set)
    """Ids of originals that an undo made anew."""
    carried: list[Carriage] = field(default_factory=list)
    """Writes to originals."""
    images: list[Image] = field(default_factory=list)
    """Writes to copies, single dates of series left out, in the order in which they arrived."""
    deleted: list[Intent] = field(default_factory=list)
    """Deletions of copies that nobody has judged yet."""
    overwritten: list[str] = field(default_factory=list)
    """Events that were changed or deleted as nobody at Kalends had read them."""
    mailed: list[str] = field(default_factory=list)
    """Events whose guests were written to."""
    flights: list[Flight] = field(default_factory=list)
    sending: Callable[[Sequence[Intent]], None] = lambda intents: None
    """Called with what a client is about to send."""
    _transactions: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _fresh: dict[str, datetime] = field(default_factory=dict)
    _inside: set[str] = field(default_factory=set)
    _named: int = 0

    @classmethod
    def of(cls, quirks: Quirks) -> SimCalendar:
        """A calendar of a service with these habits."""
        limited = quirks.span_days is not None
        return cls(
            capabilities=Capabilities(
                batch=quirks.batch,
                parallel=2,
                reads_margin_back_days=60 if limited else 7,
                reads_margin_ahead_days=quirks.span_days or 0,
                frozen_span=limited,
                span_limited=limited,
                excluded_dates=quirks.excluded_dates,
                rewrites_seconds=REWRITES_FOR.total_seconds() if quirks.rewrites else 0.0,
            ),
            hides_markers=quirks.hides_markers,
            tells_whole=quirks.tells_whole,
            burns_ids=quirks.burns_ids,
            keeps_exceptions=quirks.keeps_exceptions,
            resets_exceptions=quirks.resets_exceptions,
            can_say=(lambda fields: not _unsayable(fields)) if quirks.unsayable else (lambda fields: True),
            stores=_tidied if quirks.tidies else (lambda fields: fields),
            quirks=quirks,
        )

    # -- what happens ------------------------------------------------------------------------------------------------

    def put(self, event: Event, by: str = "user") -> Event:
        """Create or replace an event; some services do not tell that an occurrence was cancelled."""
        known = self._order.get(event.id)
        stored = super().put(event, by)
        if self.quirks.weak_etags:
            stored = self._weakly_versioned(stored)
        if by == "kalends":
            self._fresh[event.id] = self.moment
        if self.quirks.silent_loss and by == "user" and event.kind is EventKind.CANCELLED:
            # Nothing tells of it: its place in the order of changes is that of its series.
            self._order[event.id] = known if known is not None else self._order.get(event.series_id or "", 0)
        return stored

    def _part(self, series_id: str, start: Moment, fields: Fields | None) -> Event:
        """A date has one exception, whatever hour its series had when that was made."""
        part = super()._part(series_id, start, fields)
        master = self.events[series_id].fields
        zone = master.when.zone if master is not None else None
        day = day_of(start, zone)
        for known in self.events.values():
            if known.series_id == series_id and known.original_start and day_of(known.original_start, zone) == day:
                return replace(part, id=known.id)
        return part

    def _weakly_versioned(self, event: Event) -> Event:
        stored = replace(event, etag=_weak(event))
        self.events[event.id] = stored
        return stored

    def stir(self, random: Random) -> bool:
        """What the service does by itself to something that was just written. Returns whether there was something."""
        fresh = sorted(
            event_id
            for event_id, at in self._fresh.items()
            if event_id in self.events and self.events[event_id].fields and self.moment - at <= REWRITES_FOR
        )
        if not fresh or not (self.quirks.rewrites or self.quirks.bumps_etags):
            return False
        event = self.events[random.choice(fresh)]
        del self._fresh[event.id]
        if self.quirks.rewrites and event.fields is not None and event.id in self.made:
            place = f"{event.fields.place} (map)" if event.fields.place and "(map)" not in event.fields.place else ""
            event = replace(event, fields=replace(event.fields, place=place or event.fields.place))
        if self.quirks.rewrites or self.quirks.bumps_etags:
            self.put(event, by=SERVICE)
        return True

    # -- reading -----------------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None, span: Span) -> SimPages:  # type: ignore[override]  # pages either way
        """All events, or those that changed since a cursor, page by page; told as they were when it began."""
        return SimPages(self, "changes", lambda: self._listing(cursor, span))

    def marked(self, direction_key: str) -> SimPages:  # type: ignore[override]  # pages either way
        """Events that bear a direction's marker; a search lags.

        Where the service names events itself, a listing and this search never lack the same event: if they did, and
        the service had forgotten the transaction too, nothing could tell that the copy is there. That conjunction is
        the one exception that promise 1 names (`reliability.md` §2.5).
        """

        def answer() -> list[Page]:
            lag = timedelta(minutes=self.quirks.lags_minutes)
            found = [
                e
                for e in self.events.values()
                if e.marker is not None
                and e.marker.direction_key == direction_key
                and (self.quirks.server_ids or e.id not in self.script.unlisted)
                and not (lag and e.updated_at is not None and self.moment - e.updated_at < lag)
            ]
            return [Page(tuple(found), cursor="end")]

        return SimPages(self, "marked", answer)

    def _listing(self, cursor: str | None, span: Span) -> list[Page]:
        if cursor is None:
            chosen = [] if self.script.empty_listing else sorted(self.events, key=self._order.__getitem__)
            self.script.empty_listing = False
            self._inside |= {i for i in chosen if self._meets(self.events[i], span)}
        else:
            generation, tick, begin, end = cursor.split("|")
            if self.script.dead_cursor or int(generation) != self.generation:
                self.script.dead_cursor = False
                raise CursorExpiredError("The cursor is dead.")
            span = Span(datetime.fromisoformat(begin), datetime.fromisoformat(end))
            chosen = sorted((i for i, n in self._order.items() if n > int(tick)), key=self._order.__getitem__)
        left_out = self.script.unlisted if cursor is None else set()
        # What leaves a frozen span is told once more, what never was in it is not.
        inside = [i for i in chosen if self._meets(self.events[i], span) or (cursor and i in self._inside)]
        self._inside |= set(inside)
        events = [self._shown(self.events[i]) for i in inside if i not in left_out]
        whole: set[str] = set()
        if self.tells_whole:
            whole = {e.id for e in events if e.kind is EventKind.SERIES and not e.gone}
            whole |= {e.series_id for e in events if e.series_id is not None}
            told = {e.id for e in events}
            more = [e for e in self.events.values() if e.unit in whole and e.id not in told]
            events += [self._shown(e) for e in more]
        position = f"{self.generation}|{self._tick}|{span.start.isoformat()}|{span.end.isoformat()}"
        return self._paged(events, whole, position)

    def _paged(self, events: Sequence[Event], whole: set[str], cursor: str) -> list[Page]:
        units: dict[str, list[Event]] = {}
        for event in events:
            units.setdefault(event.unit if self.tells_whole else event.id, []).append(event)
        pages: list[Page] = []
        page: list[Event] = []
        for unit in units.values():
            page.extend(unit)
            if len(page) >= self.quirks.page_size:
                pages.append(_page(page, whole, position=str(len(pages))))
                page = []
        return [*pages, replace(_page(page, whole), cursor=cursor)]

    def _meets(self, event: Event, span: Span) -> bool:
        """Whether an event is in the span of a listing: always, where it has no limit."""
        if self.quirks.span_days is None or event.fields is None:
            return True
        fields = event.fields
        if event.kind is EventKind.SERIES:
            return any(span.meets(*_instants(fields, start)) for start in starts(fields, 60))
        return span.meets(*_instants(fields, fields.when.start))

    def _shown(self, event: Event) -> Event:
        if event.kind is EventKind.SERIES or event.series_id is not None:
            return event
        return super()._shown(event)

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, intents: Sequence[Intent]) -> SimWriting:  # type: ignore[override]  # writing either way
        """Send writes, one request each `batch`."""
        return SimWriting(self, list(intents))

    def apply(self, intent: Intent) -> Outcome:
        """Carry out one write as the service, with its client in front of it, does."""
        there = self.events.get(intent.target_id)
        if there is not None and there.guests and intent.op is not Op.CREATE:
            self.mailed.append(there.id)
        if self._only_the_version_differs(intent, there):
            assert there is not None
            intent = replace(intent, etag=there.etag)
        outcome = super().apply(intent)
        applied = outcome.result is Result.APPLIED
        if applied and intent.op in (Op.CREATE, Op.UPDATE, Op.DELETE):
            after = outcome.event.fields if outcome.event is not None else None
            self.images.append(Image(intent, there.fields if there is not None else None, after))
        if applied and intent.op is Op.CREATE and outcome.event is not None:
            self.made.add(outcome.event.id)
        if applied and intent.op is Op.RESTORE_ORIGINAL and outcome.event is not None:
            self.restored.add(outcome.event.id)
        elif applied and intent.op.on_original and there is not None and there.id not in self.made:
            self.carried.append(Carriage(intent, there, intent.carried))
        if applied and intent.op is Op.DELETE and there is not None and not there.gone:
            self.deleted.append(intent)
        if applied and intent.op in (Op.UPDATE, Op.DELETE) and there is not None and not there.gone:
            read = intent.before.fields if intent.before is not None else there.fields
            if read != there.fields:
                self.overwritten.append(there.id)
        return outcome

    def _only_the_version_differs(self, intent: Intent, there: Event | None) -> bool:
        """Clients of services whose versions move by themselves look whether it was only that."""
        before = intent.before
        if not self.quirks.bumps_etags or there is None or before is None or not intent.etag:
            return False
        same = there.fields == before.fields and (not before.marker_known or there.marker == before.marker)
        return same and there.etag != intent.etag and not intent.parent

    def _create(self, intent: Intent) -> Outcome:
        if not self.quirks.server_ids:
            event_id = identity.google_event_id(intent.copy_id)
            dead = self.events.get(event_id)
            if self.quirks.trash and dead is not None and dead.gone:
                return Outcome(intent.id, Result.EXISTS, dead)
            return super()._create(intent)
        assert intent.draft is not None
        name = identity.transaction_id(intent.copy_id)
        known = self._transactions.get(name)
        if known is not None and self.moment - known[1] < timedelta(hours=self.quirks.remembers_hours):
            there = self.events.get(known[0])
            return Outcome(intent.id, Result.EXISTS, there if there is not None and not there.gone else None)
        self._named += 1
        event = Event(
            id=f"AAMk{self._named:06d}",
            kind=EventKind.SERIES if intent.draft.fields.recurrence else EventKind.SINGLE,
            fields=self.stores(self.normal_form(intent.draft.fields)),
            marker=intent.draft.marker,
            transaction_id=name,
        )
        self._transactions[name] = (event.id, self.moment)
        return Outcome(intent.id, Result.APPLIED, self.put(event, by="kalends"))

    def _update_occurrence(self, intent: Intent) -> Outcome:
        master = self.events.get(intent.target_id)
        fields = master.fields if master is not None else None
        start, draft = intent.occurrence_start, intent.draft
        if fields is None or start is None or draft is None or not self.quirks.refuses_crossing:
            return super()._update_occurrence(intent)
        if crosses(fields, start, draft.fields):
            return Outcome(intent.id, Result.REFUSED, code="occurrence_crossing", message="It crosses another.")
        return super()._update_occurrence(intent)

    def arrivals(self) -> list[Flight]:
        """Requests that were sent and did not arrive yet. No network holds one back for longer than minutes, nor
        past a repetition of it."""
        repeated = {intent.stamp: flight for flight in self.flights for intent in flight.intents}
        self.flights = [
            flight
            for flight in self.flights
            if flight.outcomes is None
            and self.moment - flight.sent_at <= LATE_AT_MOST
            and all(repeated[intent.stamp] is flight for intent in flight.intents)
        ]
        return self.flights


class SimPages:
    """A listing, page by page; a fault may cut the chain."""

    def __init__(self, calendar: SimCalendar, name: str, answer: Callable[[], list[Page]]) -> None:
        self._calendar = calendar
        self._name = name
        self._answer = answer
        self._pages: list[Page] | None = None

    async def next(self) -> Page | None:
        """The next page, None after the last."""
        if self._pages is not None and not self._pages:
            return None
        await Tick()
        self._calendar.request(self._name)
        if self._pages is None:
            self._pages = self._answer()
        page = self._pages.pop(0)
        await Tick()
        self._calendar.answered(self._name)
        return page


class SimWriting:
    """Writes under way. The driver may let a request arrive at any time, also when nobody waits for it any more."""

    def __init__(self, calendar: SimCalendar, intents: list[Intent]) -> None:
        self._calendar = calendar
        self._intents = intents

    async def next(self) -> Sequence[Outcome]:
        """Outcomes of the next request."""
        if not self._intents:
            return ()
        size = self._calendar.capabilities.batch
        chunk, self._intents = self._intents[:size], self._intents[size:]
        self._calendar.sending(chunk)
        flight = Flight(self._calendar, chunk, self._calendar.moment)
        self._calendar.arrivals().append(flight)
        await Tick()
        try:
            self._calendar.request("write")
            if self._calendar.moment - flight.sent_at > LATE_AT_MOST:
                raise UnavailableError("The computer slept, and the connection is gone.")
            flight.arrive()
            await Tick()
            self._calendar.answered("write")
        except LateError as error:
            return [Outcome(intent.id, Result.UNKNOWN, code=error.code, message=error.message) for intent in chunk]
        except UnavailableError as error:
            if flight.outcomes is None:
                flight.outcomes = []  # it was lost and never arrives
            return [Outcome(intent.id, Result.UNKNOWN, code=error.code, message=error.message) for intent in chunk]
        return flight.outcomes or ()

    def recall(self) -> None:
        """Send nothing more."""
        self._intents = []


class LateError(UnavailableError):
    """The client gave up waiting; the request is still on its way."""


def crosses(master: Fields, occurrence: Moment, moved: Fields) -> bool:
    """Whether an occurrence would come to lie on or over the day of a neighbour."""
    days = [day_of(start, None) for start in starts(master, 80)]
    day = day_of(occurrence, None)
    if day not in days:
        return False
    at, there = days.index(day), day_of(moved.when.start, None)
    before = at > 0 and there <= days[at - 1]
    return before or (at + 1 < len(days) and there >= days[at + 1])


def _instants(fields: Fields, start: Moment) -> tuple[datetime, datetime]:
    when = fields.when.moved_to(start) if fields.recurrence is not None else fields.when
    return when.start_instant("Europe/Berlin"), when.end_instant("Europe/Berlin")


def _page(events: Sequence[Event], whole: set[str], position: str | None = None) -> Page:
    return Page(tuple(events), frozenset(whole & {event.unit for event in events}), position=position)


def _tidied(fields: Fields) -> Fields:
    """What a service makes of a place it knows."""
    place = fields.place if not fields.place or fields.place.endswith(".") else f"{fields.place}."
    return replace(fields, place=place)


def plain_place(place: str) -> str:
    """A place without what services add to it."""
    return place.strip().replace(" (map)", "").rstrip(".")


def _unsayable(fields: Fields) -> bool:
    return fields.recurrence is not None and any(UNSAYABLE in line for line in fields.recurrence.lines)


def _weak(event: Event) -> str:
    return 'W/"' + identity.digest(repr(event.fields), repr(event.marker), repr(event.cancelled), str(event.gone)) + '"'
