"""Several people's calendars at both emulated services, the whole app beside them, and pairs in both directions.

The app is opened by the composition root in the test's process, or started and killed elsewhere; nothing of it is
replaced. Whatever people do goes through here, so that the town knows which events are people's and how they last
looked: every other event is a copy, and what must be true of copies is told from that alone, never from the app or its
database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from app.domain.accounts import Provider
from app.domain.pairs import Direction, DirectionSettings, Mode
from app.domain.runs import Run, RunStatus, Trigger
from app.main import LocalHost
from app.sandbox.seed import BERLIN
from app.sandbox.server import Sandbox
from app.sandbox.visitor import Visitor
from app.sandbox.world import EmulatedProvider
from app.services.core import Core
from app.services.views import AttemptStatus, NewPair
from tests.integration.playground import DEADLINE_SECONDS, environment

Json = dict[str, Any]
Shape = tuple[tuple[str, str, str], ...]
"""Start, end and title of every occurrence around now: instants or dates, as text."""

_BACK, _AHEAD = timedelta(days=25), timedelta(days=300)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a calendar lies: two places of one `email` are two calendars of one account."""

    provider: Provider
    email: str
    name: str = "Mine"


def google(who: str, name: str = "Mine") -> Place:
    """A calendar of a Google account."""
    return Place(Provider.GOOGLE, f"{who}@gmail.example.com", name)


def microsoft(who: str, name: str = "Mine") -> Place:
    """A calendar of a Microsoft account."""
    return Place(Provider.MICROSOFT, f"{who}@outlook.example.com", name)


@dataclass(slots=True)
class Book:
    """One calendar, and what people put into it: the service's version of each of their events as they left it.

    Args:
        versions: by the ids of what people made.
    """

    letter: str
    provider: EmulatedProvider
    id: str
    versions: dict[str, str] = field(default_factory=dict)

    def events(self) -> list[Json]:
        """Everything that is there."""
        return self.provider.list_events(self.id)

    def people(self) -> list[Json]:
        """What people made, by title."""
        return sorted((e for e in self.events() if e["id"] in self.versions), key=lambda event: str(event["title"]))

    def copies(self) -> list[Json]:
        """What nobody made, by start and title."""
        others = (event for event in self.events() if event["id"] not in self.versions)
        return sorted(others, key=lambda event: (str(event["start"]), str(event["title"])))

    def original(self, title: str) -> Json:
        """The person's event of this title (its calendar's letter is put before it)."""
        return next(event for event in self.people() if event["title"] == f"{self.letter} {title}")

    def makes(self, event: Json) -> str:
        """A person makes an event; its id."""
        made = self.provider.create_event(self.id, {**event, "title": f"{self.letter} {event['title']}"})
        return self._remember(str(made["id"]))

    def changes(self, event: Json, **changes: Any) -> None:
        """A person changes an event of their own."""
        self.provider.patch_event(self.id, event["id"], changes)
        self._remember(event["id"])

    def moves(self, event: Json, minutes: int) -> None:
        """A person moves an event of their own, and says so in the title."""
        later = timedelta(minutes=minutes)
        start, end = ((datetime.fromisoformat(event[name]) + later).isoformat() for name in ("start", "end"))
        self.changes(event, title=f"{event['title']} (moved)", start=start, end=end)

    def deletes(self, event: Json) -> None:
        """A person deletes an event of their own."""
        self.provider.delete_event(self.id, event["id"])
        del self.versions[event["id"]]

    def accepts(self, original: Json) -> None:
        """A person's event was written by the app as its person wished: so it is left from now on."""
        self._remember(original["id"])

    def copy_of(self, original: Json) -> Json:
        """The one copy here that starts and ends as this single does; seeded times differ."""
        found = [copy for copy in self.copies() if _span(copy) == _span(original)]
        assert len(found) == 1, f"{len(found)} copies of {original['title']} in {self.letter}"
        return found[0]

    def deletes_copy(self, original: Json) -> None:
        """A person deletes the copy of an original here."""
        self.provider.delete_event(self.id, self.copy_of(original)["id"])

    def changes_copy(self, original: Json, **changes: Any) -> str:
        """A person changes the copy of an original here; its id."""
        copy = self.copy_of(original)
        self.provider.patch_event(self.id, copy["id"], changes)
        return str(copy["id"])

    def remember_all(self) -> None:
        """Everything that is there now is people's."""
        self.versions = self.present_versions()

    def present_versions(self) -> dict[str, str]:
        """The service's version of each living event."""
        state = self.provider.state()
        calendars = state["calendars"] if self.provider.name == "google" else [c for own in state.values() for c in own]
        calendar = next(one for one in calendars if one["id"] == self.id)
        return {
            event["id"]: str(event.get("etag") or event.get("@odata.etag"))
            for event in calendar["events"]
            if event.get("status") != "cancelled"
        }

    def _remember(self, event_id: str) -> str:
        self.versions[event_id] = self.present_versions()[event_id]
        return event_id


@dataclass(frozen=True, slots=True)
class Way:
    """One direction that the test set up: what shall be in the target of it."""

    source: str
    target: str
    mode: Mode


class Town:
    """The sandbox with its calendars by letter, and the pairs between them."""

    def __init__(self, sandbox: Sandbox, home: Path, places: Mapping[str, Place]) -> None:
        self.sandbox = sandbox
        self.home = home
        self.places = dict(places)
        self.books: dict[str, Book] = {}
        self.ways: list[Way] = []
        # What people's own invitations sent before the app came.
        self._mails = sandbox.world.outbox.all()
        for letter, place in places.items():
            provider = sandbox.provider(str(place.provider))
            row = next(row for row in provider.calendars(place.email) if row["name"] == place.name)
            self.books[letter] = Book(letter, provider, str(row["id"]))
            self.books[letter].remember_all()

    def __getitem__(self, letter: str) -> Book:
        return self.books[letter]

    def leads(self, source: str, target: str, mode: Mode) -> None:
        """From now on copies of one calendar are expected in another."""
        self.ways.append(Way(source, target, mode))

    def accept_mails(self) -> None:
        """What was mailed until now was a person's own doing."""
        self._mails = self.sandbox.world.outbox.all()

    # -- what must be true -----------------------------------------------------------------------------------------

    def assert_in_step(self, but: Sequence[tuple[str, Json]] = (), *, untouched: bool = True) -> None:
        """Each wanted original has one copy for each way that leads from it, there is no other copy, no chain, and
        everything people made is as they left it.

        Args:
            but: originals without a copy in a calendar, as calendar letter and original: their copy was deleted there.
            untouched: False where edits of copies are carried to originals.
        """
        for letter, book in self.books.items():
            copies = Counter(_shape(event, _as_it_is) for event in book.copies())
            wanted = Counter(self._wanted(letter))
            for where, original in but:
                if where == letter:
                    way = next(way for way in self.ways if way.target == letter and _from(original, way))
                    wanted[_copied(original, way.mode)] -= 1
            wanted = +wanted
            missing, more = list((wanted - copies).elements()), list((copies - wanted).elements())
            assert copies == wanted, f"{letter}: missing {missing}, too many {more}"
        if untouched:
            self.assert_untouched()

    def assert_untouched(self) -> None:
        """What people made is as they left it, to the service's own version of it, and nobody was sent a mail."""
        for letter, book in self.books.items():
            now = book.present_versions()
            assert {key: now.get(key) for key in book.versions} == book.versions, f"{letter} was touched"
        assert self.sandbox.world.outbox.all() == self._mails

    def _wanted(self, target: str) -> list[Shape]:
        return [
            _copied(event, way.mode)
            for way in self.ways
            if way.target == target
            for event in self.books[way.source].people()
            if not (event.get("busy") == "free" and way.mode is Mode.BLOCKER)
        ]

    # -- what was asked of the services ------------------------------------------------------------------------------

    def forget_requests(self) -> None:
        """Count from now on."""
        self.sandbox.world.requests.clear()

    def requests(self) -> list[str]:
        """What was asked for on the wire since, sign-in left out: a batch is one, its parts are none."""
        log = self.sandbox.world.requests.entries()
        return [f"{e.method} {e.route}" for e in log if not e.part and "token" not in e.route and "auth" not in e.route]

    def writes(self) -> list[str]:
        """Every change that was asked for since, also those within batches."""
        log = self.sandbox.world.requests.entries()
        return [
            f"{entry.method} {entry.path}"
            for entry in log
            if entry.method in ("POST", "PUT", "PATCH", "DELETE")
            and not entry.route.endswith("/token")
            and "batch" not in entry.route
        ]


@dataclass(slots=True)
class Household:
    """A town whose app runs in the test's process; `ends` are connection ids by calendar letter."""

    town: Town
    core: Core
    ends: dict[str, str]
    pairs: list[str] = field(default_factory=list)

    def __getitem__(self, letter: str) -> Book:
        return self.town[letter]

    async def pair(
        self,
        a: str,
        b: str,
        mode: Mode = Mode.FULL,
        direction: Direction = Direction.BIDIRECTIONAL,
        settings: DirectionSettings | None = None,
    ) -> str:
        """Make a pair, and wait for the run this asks for."""
        new = NewPair(self.ends[a], self.ends[b], mode=mode, direction=direction, settings=settings)
        pair_id = self.core.pairs.create([new])[0].pair.id
        self.pairs.append(pair_id)
        if direction is not Direction.B_TO_A:
            self.town.leads(a, b, mode)
        if direction is not Direction.A_TO_B:
            self.town.leads(b, a, mode)
        await self.sync(pair_id)
        return pair_id

    async def sync(self, pair_id: str, status: RunStatus = RunStatus.SUCCESS, *, full: bool = False) -> Run:
        """One run of a pair, which ends so."""
        asked = self.core.sync.request(pair_id, Trigger.MANUAL, full=full)
        ended = await self.core.sync.wait(asked.id, DEADLINE_SECONDS)
        assert ended.run.status is status, ended.run
        return ended.run

    async def sync_all(self) -> None:
        """One run of each pair, one after the other."""
        for pair_id in self.pairs:
            await self.sync(pair_id)

    async def sync_together(self) -> None:
        """One run of each pair, side by side."""
        asked = [self.core.sync.request(pair_id, Trigger.MANUAL) for pair_id in self.pairs]
        for run in asked:
            ended = await self.core.sync.wait(run.id, DEADLINE_SECONDS)
            assert ended.run.status is RunStatus.SUCCESS, ended.run

    async def assert_quiet(self) -> None:
        """Two echo rounds write nothing, the second may still learn what the first read; a third asks each calendar
        once for each pair that uses it, and nothing else."""
        self.town.forget_requests()
        await self.sync_all()
        await self.sync_all()
        assert self.town.writes() == [], "an echo was written"
        self.town.forget_requests()
        await self.sync_all()
        assert len(self.town.requests()) == 2 * len(self.pairs), self.town.requests()


@asynccontextmanager
async def town(
    home: Path, places: Mapping[str, Place], events: Mapping[str, Sequence[Json]] | None = None
) -> AsyncIterator[Town]:
    """A sandbox with these calendars, each with events of its own; ended afterwards.

    Args:
        events: by calendar letter; None: `week` for each.
    """
    (home / "passphrase").write_text("correct horse battery staple", "utf-8")
    given = events if events is not None else {letter: week(number) for number, letter in enumerate(places)}
    sandbox = Sandbox(seed=_seed(places, given))
    await sandbox.start()
    try:
        yield Town(sandbox, home, places)
    finally:
        await sandbox.stop()


@asynccontextmanager
async def household(
    home: Path, places: Mapping[str, Place], events: Mapping[str, Sequence[Json]] | None = None
) -> AsyncIterator[Household]:
    """A town with a signed-in app and no pair yet; everything is stopped afterwards."""
    async with town(home, places, events) as made:
        handle = await LocalHost(environment(made.sandbox, home)).open("default", serve=False)
        try:
            yield Household(made, handle.core, await signed_in(handle.core, made))
        finally:
            await handle.stop()


async def signed_in(core: Core, made: Town) -> dict[str, str]:
    """Sign in to every account; connection ids by calendar letter."""
    visitor = Visitor(made.sandbox)
    for provider, email in dict.fromkeys((place.provider, place.email) for place in made.places.values()):
        begun = await core.connections.begin(provider)
        assert begun.authorization_url
        await visitor.consent(begun.authorization_url, email)
        ended = await core.connections.finish(begun.id, DEADLINE_SECONDS)
        assert ended.status is AttemptStatus.DONE, ended
    found = {}
    for letter, place in made.places.items():
        for view in core.connections.list():
            if view.account.email == place.email and view.connection.name in (place.name, place.email):
                found[letter] = view.connection.id
    return found


# -- events ------------------------------------------------------------------------------------------------------------


def week(number: int) -> list[Json]:
    """What one person's calendar holds: singles, all-day, series of several kinds with moved and cancelled dates.

    Args:
        number: the calendar's; times of different calendars differ, so that a blocker's original is known by them.
    """
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    minute = 5 * number
    timed = [meeting(n, number) for n in range(10)]
    weekly, daily = monday - timedelta(weeks=3) + timedelta(days=1), monday - timedelta(days=14)
    moved, gone = weekly + timedelta(weeks=5), weekly + timedelta(weeks=6)
    return [
        *timed,
        single("Private", today + timedelta(days=2), f"07:{minute:02}", 25, visibility="private"),
        single("Maybe free", today + timedelta(days=3), f"07:{minute:02}", 25, busy="free"),
        single("Over midnight", today + timedelta(days=4), f"23:{minute:02}", 120),
        whole("Day off", today + timedelta(days=5 + number), 1),
        whole("Trip", today + timedelta(days=12 + number), 3),
        single(
            "Weekly",
            weekly,
            f"15:{minute:02}",
            35,
            rrule=["RRULE:FREQ=WEEKLY;BYDAY=TU"],
            exceptions=[
                {
                    "original_start": f"{moved}T15:{minute:02}:00",
                    "start": f"{moved + timedelta(days=1)}T16:{minute:02}:00",
                    "end": f"{moved + timedelta(days=1)}T17:{minute:02}:00",
                },
                {"original_start": f"{gone}T15:{minute:02}:00", "cancelled": True},
            ],
        ),
        single("Daily", daily, f"06:{minute:02}", 20, rrule=["RRULE:FREQ=DAILY;COUNT=40"]),
    ]


def meeting(n: int, number: int) -> Json:
    """The nth plain meeting of a calendar, at a time of its own."""
    today = datetime.now(UTC).date()
    return single(f"Meeting {n}", today + timedelta(days=n % 20 + 1), f"{8 + n // 20:02}:{5 * number:02}", 30)


def single(title: str, day: date, at: str, minutes: int, **more: Any) -> Json:
    """A timed event in the sandbox's shape."""
    start = datetime.fromisoformat(f"{day}T{at}:00")
    end = start + timedelta(minutes=minutes)
    return {
        "title": title,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "all_day": False,
        "time_zone": BERLIN,
        **more,
    }


def whole(title: str, day: date, days: int) -> Json:
    """An all-day event in the sandbox's shape."""
    return {
        "title": title,
        "start": day.isoformat(),
        "end": (day + timedelta(days=days)).isoformat(),
        "all_day": True,
        "busy": "busy",
    }


def _seed(places: Mapping[str, Place], events: Mapping[str, Sequence[Json]]) -> Json:
    accounts: dict[tuple[Provider, str], Json] = {}
    for letter, place in places.items():
        key = (place.provider, place.email)
        account = accounts.setdefault(
            key,
            {
                "provider": str(place.provider),
                "email": place.email,
                "display_name": place.email.split("@")[0].title(),
                "time_zone": BERLIN,
                "calendars": [],
            },
        )
        own = [{**event, "title": f"{letter} {event['title']}"} for event in events.get(letter, ())]
        account["calendars"].append({"name": place.name, "primary": not account["calendars"], "events": own})
    return {"accounts": list(accounts.values())}


# -- how events look ---------------------------------------------------------------------------------------------------


def _from(original: Json, way: Way) -> bool:
    return str(original["title"]).startswith(f"{way.source} ")


def _as_it_is(title: str) -> str:
    return title


def _copied(event: Json, mode: Mode) -> Shape:
    private = event.get("visibility") in ("private", "confidential")
    return _shape(event, (lambda title: "Busy") if mode is Mode.BLOCKER or private else _as_it_is)


def _span(event: Json) -> tuple[str, ...]:
    zone = None if event["all_day"] else ZoneInfo(event["time_zone"])
    return tuple(_told(_moment(event[name], zone)) for name in ("start", "end"))


def _shape(event: Json, titled: Any) -> Shape:
    return tuple(sorted((start, end, titled(title)) for start, end, title in _occurrences(event)))


def _occurrences(event: Json) -> list[tuple[str, str, str]]:
    zone = None if event["all_day"] else ZoneInfo(event["time_zone"])
    start, end = (_moment(event[name], zone) for name in ("start", "end"))
    title = str(event["title"])
    if not event.get("rrule"):
        return [(_told(start), _told(end), title)]
    now = datetime.now(zone)
    rule = rrulestr("\n".join(event["rrule"]), dtstart=start)
    exceptions = {_moment(one["original_start"], zone): one for one in event.get("exceptions") or ()}
    told = []
    for one in rule.between(now - _BACK, now + _AHEAD, inc=True):
        changed = exceptions.get(one)
        if changed is None:
            told.append((_told(one), _told(one + (end - start)), title))
        elif not changed.get("cancelled"):
            moved = (_told(_moment(changed[name], zone)) for name in ("start", "end"))
            told.append((*moved, str(changed.get("title", title))))  # type: ignore[arg-type]  # two and one are three
    return told


def _moment(text: str, zone: ZoneInfo | None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def _told(moment: datetime) -> str:
    return moment.date().isoformat() if moment.tzinfo is None else moment.astimezone(UTC).isoformat()
