"""Both emulated services in the test's process, the app in processes of its own that may be killed at any stage.

The sandbox lives in the test, so its state outlives every death of the app, and a request can be held at an exact
stage: when it has arrived, or when it is done and not yet answered. The app reaches it as a user's own setting would
have it: by the `KALENDS_*` addresses, over loopback sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.accounts import Provider
from app.sandbox.seed import BERLIN, GOOGLE_EMAIL, MICROSOFT_EMAIL, demo_seed
from app.sandbox.server import Sandbox
from app.sandbox.visitor import Visitor
from app.sandbox.world import Clock, EmulatedProvider

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 100.0
PASSPHRASE = "correct horse battery staple"
SPECIAL_KINDS = ("workingLocation", "birthday", "focusTime", "outOfOffice")
"""Kinds of events that Google alone knows."""
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")

GOOGLE_LIST = r"GET /calendar/v3/calendars/[^/]+/events\?(?!.*privateExtendedProperty)"
GOOGLE_MARKED = r"GET /calendar/v3/calendars/[^/]+/events\?.*privateExtendedProperty"
GOOGLE_BATCH = r"POST /batch/calendar/v3"
GRAPH_DELTA = r"GET /v1.0/me/calendars/[^/]+/calendarView/delta"
GRAPH_MARKED = r"GET /v1.0/me/calendars/[^/]+/events\?.*filter"
GRAPH_BATCH = r"POST /v1.0/\$batch"


class Fate(StrEnum):
    """What becomes of a held request."""

    DROPPED = "dropped"
    """Its connection is cut; what was not done yet is not done."""
    DONE = "done"
    """The service does what it asks for, and then its connection is cut."""
    ANSWERED = "answered"
    """It goes on as if it had never been held."""


@dataclass(eq=False, slots=True)
class Stop:
    """A place on the wire where a request is held until the test decides.

    Args:
        wire: `METHOD path?query` as a regular expression, matched from the start.
        body: bytes that the request must hold, to tell batches of reads from batches of writes.
        nth: the how-manieth such request, from 1.
        answered: held when it is done but not answered; else when it has arrived and nothing is done.
    """

    wire: str
    nth: int = 1
    body: bytes = b""
    answered: bool = False
    seen: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    fate: Fate = Fate.DROPPED

    def met(self, request: str, body: bytes) -> bool:
        """Whether this request is the one to hold."""
        if self.reached.is_set() or not re.match(self.wire, request) or self.body not in body:
            return False
        self.seen += 1
        return self.seen == self.nth

    async def let_go(self, fate: Fate = Fate.DROPPED) -> None:
        """Decide, and wait until it is carried out."""
        self.fate = fate
        self.decided.set()
        if self.reached.is_set():
            await self.over.wait()


class Gate:
    """Stands before a service: holds requests at stops, and answers lists in smaller pages than were asked for.

    A service may always answer fewer than asked for, and only so have a few dozen events several pages.
    """

    def __init__(self, app: ASGIApp, page_size: int | None) -> None:
        self._app = app
        self._page_size = page_size
        self.stops: list[Stop] = []
        self.unlisted: set[str] = set()
        """Ids of events that listings leave out although they are there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or hold."""
        body = await _whole(receive)
        request = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()}"
        met = [stop for stop in self.stops if stop.met(request, body)]
        replay = _Replay(body, receive)
        smaller = self._smaller(scope)
        if not met:
            await self._app(smaller, replay, self._leaving_out(send) if scope["method"] == "GET" else send)
            return
        await self._hold(met[0], smaller, replay, send)

    async def _hold(self, stop: Stop, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Kept()
        if stop.answered:
            await self._app(scope, receive, answer)
        stop.reached.set()
        await stop.decided.wait()
        if not stop.answered and stop.fate is not Fate.DROPPED:
            await self._app(scope, receive, answer)
        stop.over.set()
        if stop.fate is not Fate.ANSWERED:
            scope["extensions"]["sandbox.abort"]()
            return
        for message in answer.messages:
            await send(message)

    def _leaving_out(self, send: Send) -> Send:
        if not self.unlisted:
            return send
        start: Message = {}

        async def shorter(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            told = json.loads(message["body"])
            for rows in ("items", "value"):
                if isinstance(told.get(rows), list):
                    told[rows] = [row for row in told[rows] if row.get("id") not in self.unlisted]
            body = json.dumps(told).encode()
            kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        return shorter

    def _smaller(self, scope: Scope) -> Scope:
        if self._page_size is None or scope["method"] != "GET":
            return scope
        size = str(self._page_size).encode()
        headers = [
            (name, re.sub(rb"odata\.maxpagesize=\d+", b"odata.maxpagesize=" + size, value))
            for name, value in scope["headers"]
        ]
        query = re.sub(rb"maxResults=1000", b"maxResults=" + size, scope["query_string"])
        return {**scope, "headers": headers, "query_string": query}


class _Replay:
    """A body that was read already, once more."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        return await self._receive()


class _Kept:
    """Keeps an answer until it is decided whether anybody gets it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)


async def _whole(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


@dataclass(slots=True)
class AppProcess:
    """One start of the app. `told` are its lines so far."""

    process: asyncio.subprocess.Process
    complaints: Path
    told: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with every line, and at its end."""
    reading: asyncio.Task[None] | None = None

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The runs that ended."""
        return [line["run"] for line in self.told if "run" in line]

    async def ended(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        code = await self.process.wait()
        if self.reading is not None:
            await self.reading
        return code

    async def kill(self) -> None:
        """SIGKILL, and wait until it is dead."""
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()

    def words(self) -> str:
        """What it said, for the message of a failed test."""
        return f"told {self.told}\n{self.complaints.read_text('utf-8', 'replace')}"


class Playground:
    """A sandbox, a home for the app, and the pair that is wanted.

    Args:
        source: whose calendar holds the originals: the demo's work calendar, whichever service it is.
        mode: the pair's.
    """

    def __init__(self, sandbox: Sandbox, home: Path, source: Provider, mode: str, page_size: int | None) -> None:
        self.sandbox = sandbox
        self.home = home
        self.mode = mode
        self.source: EmulatedProvider = sandbox.provider(str(source))
        self.target: EmulatedProvider = sandbox.google if source is Provider.MICROSOFT else sandbox.microsoft
        self.source_id, self.target_id = (_primary(one) for one in (self.source, self.target))
        self.gate = Gate(sandbox.google.app, page_size)
        self.graph_gate = Gate(sandbox.microsoft.app, page_size)
        sandbox.google.app, sandbox.microsoft.app = self.gate, self.graph_gate
        self._processes: list[AppProcess] = []
        self._stops: list[Stop] = []
        (home / "passphrase").write_text(PASSPHRASE, "utf-8")

    def environment(self) -> dict[str, str]:
        """What the app is started with."""
        return environment(self.sandbox, self.home)

    async def consent(self, provider: Provider, authorization_url: str) -> None:
        """The person allows a sign-in in the browser."""
        visitor = Visitor(self.sandbox)
        await visitor.consent(authorization_url, visitor.email(provider))

    def stop_at(self, stop: Stop) -> Stop:
        """Hold a request at this place; takes every earlier place away."""
        self.gate.stops = self.graph_gate.stops = [stop]
        self._stops.append(stop)
        return stop

    async def start(
        self,
        *,
        runs: int = 1,
        trigger: str = "manual",
        full: bool = False,
        die: dict[str, Any] | None = None,
        pause_seconds: float = 0,
    ) -> AppProcess:
        """Start the app; it signs in and makes the pair where needed, and syncs, with a pause after each run."""
        wish = {
            "source": self.source.name,
            "mode": self.mode,
            "runs": runs,
            "trigger": trigger,
            "full": full,
            "die": die,
            "pause_seconds": pause_seconds,
        }
        complaints = self.home / f"stderr-{len(self._processes)}.txt"
        with complaints.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.integration.app_process", json.dumps(wish)),
                cwd=ROOT,
                env=self.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
            )
        app = AppProcess(process, complaints)
        self._processes.append(app)
        app.reading = asyncio.create_task(self._listen(app))
        return app

    async def sync(self, *, runs: int = 1, trigger: str = "manual", full: bool = False) -> AppProcess:
        """Start the app and wait until it has done its runs and ended."""
        app = await self.start(runs=runs, trigger=trigger, full=full)
        async with asyncio.timeout(DEADLINE_SECONDS):
            code = await app.ended()
        assert code == 0, app.words()
        return app

    async def until_well(self, attempts: int = 3) -> AppProcess:
        """Start the app until a run ends well; then it runs once more. Fails after so many starts."""
        for _ in range(attempts):
            app = await self.sync(runs=2)
            if app.runs[0]["status"] == "success":
                return app
        raise AssertionError(f"no run ended well: {app.words()}")

    async def die_on_the_wire(self, stop: Stop) -> None:
        """Start the app and kill it while a request is held at this place; the request's fate is the test's."""
        self.stop_at(stop)
        app = await self.start()
        await self.reach(stop, app)
        await app.kill()

    async def reach(self, stop: Stop, app: AppProcess) -> None:
        """Wait until a request is held at this place; fails when the app ends without."""
        reached, ended = asyncio.create_task(stop.reached.wait()), asyncio.create_task(app.process.wait())
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.wait({reached, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reached.cancel()
            ended.cancel()
        if not stop.reached.is_set():
            await app.ended()
            raise AssertionError(f"the app ended before {stop.wire} number {stop.nth}: {app.words()}")

    async def die_at_a_commit(self, at: str, nth: int, side: str) -> None:
        """Start the app, which dies by itself at a call of its ledger."""
        app = await self.start(die={"at": at, "nth": nth, "side": side})
        async with asyncio.timeout(DEADLINE_SECONDS):
            code = await app.ended()
        assert code < 0, f"the app ended with {code} before {at} number {nth}: {app.words()}"

    def singles(self) -> list[dict[str, Any]]:
        """The plain meetings among the originals, by title."""
        found = [event for event in self.source.list_events(self.source_id) if event["title"].startswith("Meeting")]
        return sorted(found, key=lambda event: str(event["title"]))

    def series(self) -> dict[str, Any]:
        """The original of the weekly series with exceptions."""
        return next(event for event in self.source.list_events(self.source_id) if event["title"] == "Team sync")

    def person_makes(self, *numbers: int) -> None:
        """The person makes plain meetings."""
        for number in numbers:
            self.source.create_event(self.source_id, _meeting(number, Clock().now().date()))

    def person_moves(self, *events: dict[str, Any], minutes: int) -> None:
        """The person moves originals to a later time and says so in the title."""
        for event in events:
            start, end = (
                (datetime.fromisoformat(event[name]) + timedelta(minutes=minutes)).isoformat()
                for name in ("start", "end")
            )
            changes = {"title": f"{event['title']} (moved)", "start": start, "end": end}
            self.source.patch_event(self.source_id, event["id"], changes)

    def person_deletes(self, *events: dict[str, Any]) -> None:
        """The person deletes originals."""
        for event in events:
            self.source.delete_event(self.source_id, event["id"])

    def person_changes_occurrences(self) -> None:
        """The person moves one occurrence of the weekly series and takes another one out."""
        series = self.series()
        first = datetime.fromisoformat(series["start"])
        moved, gone = first + timedelta(weeks=12), first + timedelta(weeks=13)
        later = moved + timedelta(hours=3)
        exceptions = [
            {
                "original_start": moved.isoformat(),
                "start": later.isoformat(),
                "end": (later + timedelta(minutes=45)).isoformat(),
            },
            {"original_start": gone.isoformat(), "cancelled": True},
        ]
        self.source.patch_event(self.source_id, series["id"], {"exceptions": exceptions})

    async def close(self) -> None:
        """Reap every process, let every held request go."""
        for app in self._processes:
            await app.kill()
        for stop in self._stops:
            await stop.let_go()

    async def _listen(self, app: AppProcess) -> None:
        assert app.process.stdout is not None
        async for line in app.process.stdout:
            told = json.loads(line)
            app.told.append(told)
            app.news.set()
            if "sign_in" in told:
                await self.consent(Provider(told["provider"]), told["sign_in"])
        app.news.set()


@asynccontextmanager
async def playground(
    home: Path, source: Provider, mode: str, *, more: int = 0, page_size: int | None = 20
) -> AsyncIterator[Playground]:
    """A sandbox with the demo's people, the work calendar on the side of `source`; everything is ended afterwards.

    Args:
        more: so many plain meetings more than the demo's, where one batch shall not hold all.
        page_size: how long a page of a list is at most; None: as long as was asked for.
    """
    sandbox = Sandbox(seed=_seed(source, more))
    await sandbox.start()
    play = Playground(sandbox, home, source, mode, page_size)
    try:
        yield play
    finally:
        await play.close()
        await sandbox.stop()


def environment(sandbox: Sandbox, home: Path) -> dict[str, str]:
    """What an app is started with: a home of its own, the passphrase vault, the sandbox's addresses.

    Args:
        home: has the passphrase in the file `passphrase`.
    """
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **sandbox.description()["env"],
        "KALENDS_HOME": str(home),
        "KALENDS_VAULT": "passphrase",
        "KALENDS_VAULT_PASSPHRASE_FILE": str(home / "passphrase"),
        "PYTHONWARNINGS": "error",
    }


def _seed(source: Provider, more: int) -> dict[str, Any]:
    demo = demo_seed(Clock().now(), 1)
    work, home = (account["calendars"][0]["events"] for account in demo["accounts"])
    today = Clock().now().date()
    work = [*work, *(_meeting(number, today) for number in range(more))]
    if source is Provider.MICROSOFT:
        work = [event for event in work if event.get("kind") not in SPECIAL_KINDS]
    sides = {source: work, _other(source): home}
    names = {Provider.GOOGLE: GOOGLE_EMAIL, Provider.MICROSOFT: MICROSOFT_EMAIL}
    return {
        "accounts": [
            {
                "provider": str(provider),
                "email": names[provider],
                "display_name": "Ana Moreau",
                "time_zone": BERLIN,
                "calendars": [{"name": "Mine", "primary": True, "events": events}],
            }
            for provider, events in sides.items()
        ]
    }


def _meeting(number: int, today: date) -> dict[str, Any]:
    day = today + timedelta(days=number % 25 - 5)
    hour = 7 + number // 25 % 17
    return {
        "title": f"Meeting {number}",
        "start": f"{day}T{hour:02}:05:00",
        "end": f"{day}T{hour:02}:35:00",
        "all_day": False,
        "time_zone": BERLIN,
    }


def _other(provider: Provider) -> Provider:
    return Provider.MICROSOFT if provider is Provider.GOOGLE else Provider.GOOGLE


def _primary(provider: EmulatedProvider) -> str:
    email = GOOGLE_EMAIL if provider.name == "google" else MICROSOFT_EMAIL
    return next(str(row["id"]) for row in provider.calendars(email) if row["primary"])
