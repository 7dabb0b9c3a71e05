"""A calendar in memory that behaves like Google's where it matters to the engine: chosen ids that stay burned, etags,
cursors over a change log, bare stubs for cancelled occurrences, and faults at any request.

It knows who acted (`by`), so that tests can ask who wrote what. It never forgets a change and never invents one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from app.domain import identity
from app.domain.errors import CursorExpiredError, UnavailableError
from app.domain.events import Event, EventKind, Fields
from app.domain.links import Answer, Evidence, Intent, Op, Outcome, Page, Result
from app.domain.pairs import CopyField
from app.domain.ports import Capabilities
from app.domain.times import Moment, Span, to_utc, to_wall

GOOGLE_LIKE = Capabilities(
    batch=50,
    parallel=1,
    reads_margin_back_days=7,
    reads_margin_ahead_days=0,
    frozen_span=False,
    span_limited=False,
    excluded_dates=True,
)


@dataclass
class Change:
    """One line of the service's own log."""

    by: str
    what: str
    event_id: str


class Tick:
    """A request or an answer on its way. Whoever drives the coroutine may do something else here, or never go on."""

    def __await__(self) -> Generator[None]:
        """Hand the turn to the driver."""
        yield


class Crash(BaseException):
    """The machine died at this point; nothing after it ran."""


@dataclass
class Script:
    """Lists of things that shall go wrong, consumed in order. Each hook is called with the request's name."""

    before: Callable[[str], None] = lambda name: None
    after: Callable[[str], None] = lambda name: None
    empty_listing: bool = False
    dead_cursor: bool = False
    unlisted: set[str] = field(default_factory=set)
    """Ids that listings leave out though they are there."""
    unanswered: set[str] = field(default_factory=set)
    """Ids about which direct reads cannot say anything."""
    verdict: Callable[[Intent], Outcome | None] = lambda intent: None
    """Answers a write instead of the service, which then does nothing."""


@dataclass
class FakeCalendar:
    """The service's side of one calendar, and the client's (`CalendarClient`) in one object."""

    capabilities: Capabilities = GOOGLE_LIKE
    hides_markers: bool = False
    events: dict[str, Event] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    applying: list[Intent] = field(default_factory=list)
    """The writes of the request under way."""
    script: Script = field(default_factory=Script)
    can_say: Callable[[Fields], bool] = lambda fields: True
    stores: Callable[[Fields], Fields] = lambda fields: fields
    """What the service makes of fields beyond its normal form: it tells so in its answers only."""
    tells_whole: bool = False
    """Whether a listing tells a changed series whole, as CalDAV does."""
    burns_ids: bool = True
    """Whether an id stays taken when its event is deleted, as on Google; CalDAV forgets it."""
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """The service's clock, as far as it tells when an event changed."""
    keeps_exceptions: bool = False
    """Whether exceptions outlive a move of their series."""
    resets_exceptions: bool = False
    """Whether a write to a master takes its exceptions back."""
    _order: dict[str, int] = field(default_factory=dict)
    _tick: int = 0
    generation: int = 0

    # -- as the user ----------------------------------------------------------------------------------------------

    def put(self, event: Event, by: str = "user") -> Event:
        """Create or replace an event."""
        self._tick += 1
        stored = replace(event, etag=f'"{self._tick}"', updated_at=self.moment)
        self.events[event.id] = stored
        self._order[event.id] = self._tick
        self.log.append(Change(by, "put", event.id))
        return stored

    def remove(self, event_id: str, by: str = "user") -> None:
        """Delete an event; a series takes its exceptions along."""
        self._tick += 1
        self.events[event_id] = Event(id=event_id, etag=f'"{self._tick}"', gone=True)
        self._order[event_id] = self._tick
        self.log.append(Change(by, "remove", event_id))
        for part in [e for e in self.events.values() if e.series_id == event_id]:
            del self.events[part.id]
            self._order.pop(part.id)

    def cancel_occurrence(self, series_id: str, start: Moment, by: str = "user") -> None:
        """Cancel one occurrence: a bare stub."""
        self.put(self._part(series_id, start, None), by)

    def change_occurrence(self, series_id: str, start: Moment, fields: Fields, by: str = "user") -> Event:
        """Make one occurrence an exception."""
        return self.put(self._part(series_id, start, fields), by)

    def _part(self, series_id: str, start: Moment, fields: Fields | None) -> Event:
        master = self.events[series_id]
        assert master.fields is not None
        zone = master.fields.when.zone
        instant: Moment = start
        if isinstance(start, datetime) and zone is not None:
            instant = to_utc(start, zone)
        kept = self._outlived(series_id, start, zone) if self.keeps_exceptions else None
        if kept is not None:
            instant = kept
        name = instant.strftime("%Y%m%dT%H%M%SZ") if isinstance(instant, datetime) else instant.strftime("%Y%m%d")
        kind = EventKind.EXCEPTION if fields is not None else EventKind.CANCELLED
        return Event(id=f"{series_id}_{name}", kind=kind, series_id=series_id, original_start=instant, fields=fields)

    def _outlived(self, series_id: str, start: Moment, zone: str | None) -> Moment | None:
        """Where an exception of that day once began, if it outlived a move of its series: it is what is shown then."""
        day = start.date() if isinstance(start, datetime) else start
        for part in self.events.values():
            at = part.original_start
            if part.series_id == series_id and at is not None and part.kind is EventKind.EXCEPTION:
                local = to_wall(at, zone) if isinstance(at, datetime) and zone is not None else at
                if (local.date() if isinstance(local, datetime) else local) == day:
                    return at
        return None

    def forget(self, event_id: str) -> None:
        """An exception is taken back and leaves no trace but its absence, as on services without stubs."""
        self.events.pop(event_id, None)
        self._order.pop(event_id, None)

    def lose_next(self, op: str) -> None:
        """The service will apply the next write of this kind, and its answer will be lost on the way."""
        waiting = [op]

        def after(name: str) -> None:
            if name == "write" and waiting and any(intent.op == waiting[0] for intent in self.applying):
                waiting.clear()
                raise UnavailableError("The reply was lost.")

        self.script.after = after

    def living(self) -> list[Event]:
        """Masters and singles that are there."""
        return [e for e in self.events.values() if not e.gone and e.series_id is None]

    # -- as the client ----------------------------------------------------------------------------------------------

    def changes(self, cursor: str | None, span: Span) -> FakePages:
        """All events, or those that changed since a cursor."""

        def answer() -> Page:
            if cursor is None:
                chosen = [] if self.script.empty_listing else sorted(self.events, key=self._order.__getitem__)
            else:
                generation, _, tick = cursor.partition(":")
                if self.script.dead_cursor or int(generation) != self.generation:
                    self.script.dead_cursor = False
                    raise CursorExpiredError("The cursor is dead.")
                chosen = sorted((i for i, n in self._order.items() if n > int(tick)), key=self._order.__getitem__)
            left_out = self.script.unlisted if cursor is None else set()
            events = tuple(self._shown(self.events[i]) for i in chosen if i not in left_out)
            whole = {e.id for e in events if e.kind is EventKind.SERIES} if self.tells_whole else set()
            told = {e.id for e in events}
            events += tuple(e for e in self.events.values() if e.series_id in whole and e.id not in told)
            return Page(events, frozenset(whole), cursor=f"{self.generation}:{self._tick}")

        return FakePages(self, "changes", answer)

    def marked(self, direction_key: str) -> FakePages:
        """Events that bear a direction's marker."""

        def answer() -> Page:
            found = [
                e
                for e in self.events.values()
                if e.marker is not None and e.marker.direction_key == direction_key and e.id not in self.script.unlisted
            ]
            return Page(tuple(found), cursor="end")

        return FakePages(self, "marked", answer)

    def read(self, event_ids: Sequence[str]) -> FakeAnswers:
        """Direct reads."""
        return FakeAnswers(self, list(event_ids))

    def write(self, intents: Sequence[Intent]) -> FakeWriting:
        """Send writes, one request each `batch`."""
        return FakeWriting(self, list(intents))

    def normal_form(self, fields: Fields) -> Fields:
        """Google-like: text is trimmed."""
        return replace(fields, title=fields.title.strip(), text=fields.text.strip(), place=fields.place.strip())

    def writable_fields(self, event: Event) -> frozenset[str]:
        """Everything, where nobody else is on it."""
        alone = not event.guests and not event.organised_elsewhere
        return frozenset(field.value for field in CopyField) if alone else frozenset()

    def expresses(self, fields: Fields) -> bool:
        """What the test says."""
        return self.can_say(fields)

    def request(self, name: str) -> None:
        """Every request passes here before it reaches the service."""
        self.requests.append(name)
        self.script.before(name)

    def answered(self, name: str) -> None:
        """Every answer passes here before it reaches the client."""
        self.script.after(name)

    def _shown(self, event: Event) -> Event:
        if self.hides_markers and not event.gone:
            return replace(event, marker=None, marker_known=False)
        return event

    # -- the service at work ------------------------------------------------------------------------------------------

    def apply(self, intent: Intent) -> Outcome:
        """Carry out one write as the service does."""
        told = self.script.verdict(intent)
        if told is not None:
            return told
        handler = {
            Op.CREATE: self._create,
            Op.UPDATE: self._update,
            Op.DELETE: self._delete,
            Op.UPDATE_OCCURRENCE: self._update_occurrence,
            Op.CANCEL_OCCURRENCE: self._cancel_occurrence,
            Op.WRITE_BACK: self._write_back,
            Op.DELETE_ORIGINAL: self._delete,
            Op.RESTORE_ORIGINAL: self._create,
        }[intent.op]
        return handler(intent)

    def _create(self, intent: Intent) -> Outcome:
        assert intent.draft is not None
        event_id = identity.google_event_id(intent.copy_id)
        if event_id in self.events and (self.burns_ids or not self.events[event_id].gone):
            return Outcome(intent.id, Result.EXISTS, self.events[event_id])
        kind = EventKind.SERIES if intent.draft.fields.recurrence else EventKind.SINGLE
        event = Event(
            id=event_id,
            kind=kind,
            fields=self.stores(self.normal_form(intent.draft.fields)),
            cancelled=intent.draft.cancelled if kind is EventKind.SERIES and self.capabilities.excluded_dates else (),
            marker=intent.draft.marker,
        )
        return Outcome(intent.id, Result.APPLIED, self.put(event, by="kalends"))

    def _update(self, intent: Intent) -> Outcome:
        assert intent.draft is not None
        there = self.events.get(intent.target_id)
        if there is None or there.gone or (intent.etag and there.etag != intent.etag):
            return Outcome(intent.id, Result.DROPPED)
        fields = self.stores(self.normal_form(intent.draft.fields))
        kind = EventKind.SERIES if fields.recurrence else EventKind.SINGLE
        changed = replace(there, kind=kind, fields=fields, marker=intent.draft.marker)
        if kind is EventKind.SERIES and self.capabilities.excluded_dates:
            changed = replace(changed, cancelled=intent.draft.cancelled)
        moved = _times(there) != _times(changed)
        for part in [e for e in self.events.values() if e.series_id == there.id]:
            # A series at other times has none of its exceptions any more; some services go further.
            if (moved and not self.keeps_exceptions) or (self.resets_exceptions and part.kind is EventKind.EXCEPTION):
                self.forget(part.id)
        return Outcome(intent.id, Result.APPLIED, self.put(changed, by="kalends"))

    def _write_back(self, intent: Intent) -> Outcome:
        assert intent.carried is not None
        there = self.events.get(intent.target_id)
        if there is None or there.fields is None or (intent.etag and there.etag != intent.etag):
            return Outcome(intent.id, Result.DROPPED)
        told = self.stores(self.normal_form(intent.carried.fields))
        fields = replace(there.fields, **{name: getattr(told, name) for name in intent.carried.names})
        return Outcome(intent.id, Result.APPLIED, self.put(replace(there, fields=fields), by="kalends"))

    def _delete(self, intent: Intent) -> Outcome:
        there = self.events.get(intent.target_id)
        if there is None or there.gone:
            return Outcome(intent.id, Result.APPLIED)
        if intent.etag and there.etag != intent.etag:
            return Outcome(intent.id, Result.DROPPED)
        self.remove(intent.target_id, by="kalends")
        return Outcome(intent.id, Result.APPLIED)

    def _update_occurrence(self, intent: Intent) -> Outcome:
        assert intent.draft is not None
        assert intent.occurrence_start is not None
        if intent.target_id not in self.events or self.events[intent.target_id].gone:
            return Outcome(intent.id, Result.DROPPED)
        fields = self.stores(self.normal_form(intent.draft.fields))
        part = self._part(intent.target_id, intent.occurrence_start, fields)
        there = self.events.get(part.id)
        if there is not None and intent.etag and there.etag != intent.etag:
            return Outcome(intent.id, Result.DROPPED)
        return Outcome(intent.id, Result.APPLIED, self.put(replace(part, marker=intent.draft.marker), by="kalends"))

    def _cancel_occurrence(self, intent: Intent) -> Outcome:
        assert intent.occurrence_start is not None
        if intent.target_id not in self.events or self.events[intent.target_id].gone:
            return Outcome(intent.id, Result.DROPPED)
        self.cancel_occurrence(intent.target_id, intent.occurrence_start, by="kalends")
        return Outcome(intent.id, Result.APPLIED)


class FakePages:
    """A listing of one page."""

    def __init__(self, calendar: FakeCalendar, name: str, answer: Callable[[], Page]) -> None:
        self._calendar = calendar
        self._name = name
        self._answer = answer
        self._done = False

    async def next(self) -> Page | None:
        """The page, then None."""
        if self._done:
            return None
        self._done = True
        await Tick()
        self._calendar.request(self._name)
        page = self._answer()
        await Tick()
        self._calendar.answered(self._name)
        return page


class FakeAnswers:
    """Direct reads in one request."""

    def __init__(self, calendar: FakeCalendar, event_ids: list[str]) -> None:
        self._calendar = calendar
        self._ids = event_ids

    async def next(self) -> Sequence[Answer]:
        """All answers, then none."""
        if not self._ids:
            return ()
        ids, self._ids = self._ids, []
        await Tick()
        self._calendar.request("read")
        answers = [self._one(event_id) for event_id in ids]
        await Tick()
        self._calendar.answered("read")
        return answers

    def _one(self, event_id: str) -> Answer:
        if event_id in self._calendar.script.unanswered:
            return Answer(event_id, Evidence.UNKNOWN)
        event = self._calendar.events.get(event_id)
        if event is None or event.gone:
            return Answer(event_id, Evidence.GONE)
        parts = tuple(e for e in self._calendar.events.values() if e.series_id == event_id)
        return Answer(event_id, Evidence.FOUND, (event, *parts))


class FakeWriting:
    """Writes under way: each request is applied whole before its answer can be lost."""

    def __init__(self, calendar: FakeCalendar, intents: list[Intent]) -> None:
        self._calendar = calendar
        self._intents = intents

    async def next(self) -> Sequence[Outcome]:
        """Outcomes of the next request."""
        if not self._intents:
            return ()
        size = self._calendar.capabilities.batch
        chunk, self._intents = self._intents[:size], self._intents[size:]
        await Tick()
        try:
            self._calendar.request("write")
            self._calendar.applying = chunk
            outcomes = [self._calendar.apply(intent) for intent in chunk]
            await Tick()
            self._calendar.answered("write")
        except UnavailableError as error:
            return [Outcome(intent.id, Result.UNKNOWN, code=error.code, message=error.message) for intent in chunk]
        return outcomes

    def recall(self) -> None:
        """Send nothing more."""
        self._intents = []


def _times(event: Event) -> tuple[object, ...]:
    if event.fields is None:
        return ()
    return (event.fields.when.start, event.fields.when.zone, event.fields.recurrence)


def wall(day: date, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time."""
    return datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - wall clocks carry no zone
