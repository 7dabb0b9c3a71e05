"""Pairs in both directions under load: people go on editing and deleting on every side, and the app is killed again and
again, at a request (before it is done, or done and not answered, or done when the next start is under way) or at a
commit. When all is calm each original has exactly one copy, and nothing else was touched.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.pairs import CopyDeleted, CopyEdited, Direction, DirectionSettings, Mode, PairStatus
from app.domain.runs import RunStatus, Trigger
from app.main import LocalHost
from app.services.core import Core
from app.services.views import NewPair
from tests.integration.both_ways.people import Crowd
from tests.integration.both_ways.town import Household, Place, Town, google, microsoft, signed_in, town
from tests.integration.playground import DEADLINE_SECONDS, ROOT, Gate, environment

COMMITS = (
    "store_page",
    "finish_read",
    "store_answers",
    "adopted",
    "open_intents",
    "close_intents",
    "close_intents",
    "save",
    "planned",
)
CALENDAR = re.compile(r"/(calendar/v3/calendars/|batch/calendar|v1.0/me/calendars/|v1.0/\$batch)")
"""Requests about calendars: not sign-ins."""
SIDES = ("before", "inside", "after")
STARTS_FOR_A_KILL = 3
PAGE = 12
LOOKED_THROUGH = 5
"""Lives in which a planted bug has to be found."""


WRITE = re.compile(rb"(POST|PATCH|DELETE) /calendar|\"method\": ?\"(POST|PATCH|DELETE)\"")
"""A batch that changes something."""


@dataclass(slots=True)
class Death:
    """Where one start dies on the wire: at its nth request, or its nth write, in one of three ways."""

    nth: int
    how: str
    write: bool = False


class Reaper:
    """Stands before both services. Counts the requests of a start, kills it at one, lets people act between any two.

    The three fates of the request at which it dies: `dropped`, nothing is done; `done`, nobody gets the answer; `late`,
    it is done once the next start has made some requests of its own.
    """

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.death: Death | None = None
        self.pid: asyncio.Future[int] | None = None
        self._seen = self._writes = 0
        self._late: list[tuple[ASGIApp, Scope, bytes]] = []

    def expect(self, death: Death | None) -> None:
        """A start begins, which is to die so."""
        self.death, self._seen, self._writes = death, 0, 0
        self.pid = asyncio.get_running_loop().create_future()

    def before(self, app: ASGIApp) -> ASGIApp:
        """This service with the reaper before it."""

        async def reaped(scope: Scope, receive: Receive, send: Send) -> None:
            if not CALENDAR.match(scope["path"]):
                await app(scope, receive, send)
                return
            await self._serve(app, scope, receive, send)

        return reaped

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        if body is None:
            return
        self._seen += 1
        self._writes += (write := WRITE.search(body) is not None)
        self._crowd.perhaps_act()
        if self._seen == 2:
            await self.settle()
        death = self.death
        at = death is not None and death.nth == ((write and self._writes) if death.write else self._seen)
        if death is None or not at or self.pid is None:
            await app(scope, _replay(body, receive), send)
            return
        if death.how == "done":
            await app(scope, _replay(body, receive), _nowhere)
        if death.how == "late":
            self._late.append((app, {**scope, "extensions": {}}, body))
        os.kill(await self.pid, signal.SIGKILL)
        scope["extensions"]["sandbox.abort"]()
        while (await receive())["type"] != "http.disconnect":
            continue

    async def settle(self) -> None:
        """What was on its way when its sender died arrives now."""
        late, self._late = self._late, []
        for app, scope, body in late:
            await app(scope, _replay(body, _never), _nowhere)


async def _whole(receive: Receive) -> bytes | None:
    """A request's body, None where its sender died before it had sent all of it."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _never() -> Message:
    return {"type": "http.disconnect"}


async def _nowhere(message: Message) -> None:
    """Nobody is there any more to be answered."""


@dataclass(slots=True)
class Stable:
    """The process that starts apps."""

    process: asyncio.subprocess.Process
    complaints: Path
    told: list[dict[str, Any]] = field(default_factory=list)

    async def start(self, reaper: Reaper, wish: Mapping[str, Any]) -> bool:
        """One start of the app, to its end. Whether it was killed; any other end than that and a good one fails."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(wish).encode() + b"\n")
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for line in self.process.stdout:
                told = json.loads(line)
                self.told.append(told)
                if "started" in told and reaper.pid is not None:
                    reaper.pid.set_result(told["started"])
                if "ended" in told:
                    assert told["code"] in (0, -signal.SIGKILL), self.words()
                    return bool(told["code"])
        raise AssertionError(self.words())

    def words(self) -> str:
        """What it said, for the message of a failed test."""
        return f"{self.told[-20:]}\n{self.complaints.read_text('utf-8', 'replace')[-4000:]}"


@asynccontextmanager
async def stable(made: Town) -> AsyncIterator[Stable]:
    """A warm process for starts of the app; ended afterwards, with the app it is running."""
    complaints = made.home / "stderr.txt"
    with complaints.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.both_ways.stable"),
            cwd=ROOT,
            env=environment(made.sandbox, made.home),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield Stable(process, complaints)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def live(
    home: Path,
    places: Mapping[str, Place],
    pairs: Sequence[tuple[str, str]],
    mode: Mode,
    *,
    seed: int,
    kills: int,
    bug: str = "",
    edited: CopyEdited = CopyEdited.RESTORE,
) -> None:
    """A life under load: so many kills, then calm, then the oracle. Raises AssertionError where a promise is broken."""
    carries = edited is CopyEdited.WRITE_BACK
    random = Random(seed)
    async with town(home, places) as made:
        settings = DirectionSettings(mode=mode, copy_deleted=CopyDeleted.RESTORE, copy_edited=edited)
        await _prepare(made, pairs, settings)
        crowd = Crowd(made, Random(seed + 1), deletes=not carries)
        reaper = Reaper(crowd)
        for provider in (made.sandbox.google, made.sandbox.microsoft):
            provider.app = reaper.before(Gate(provider.app, PAGE))
        async with stable(made) as starts:
            killed = 0
            for _ in range(kills * STARTS_FOR_A_KILL):
                wish: dict[str, Any] = {"full": random.random() < 0.15, "die": None, "bug": bug}
                death: Death | None = _death(random, first=not killed)
                if random.random() < 0.35:
                    commit = {"at": random.choice(COMMITS), "nth": random.randint(1, 2), "side": random.choice(SIDES)}
                    wish["die"], death = commit, None
                reaper.expect(death)
                killed += await starts.start(reaper, wish)
                if not carries:
                    made.assert_untouched()
                if killed == kills:
                    break
                crowd.act(random.randint(2, 4))
            assert killed == kills, starts.words()
        reaper.expect(None)
        crowd.rest()
        await reaper.settle()
        await _calm(made, untouched=not carries)
        told = {event["title"] for book in made.books.values() for event in book.people()}
        assert told <= crowd.titles, f"nobody wrote {told - crowd.titles}"


def _death(random: Random, *, first: bool) -> Death:
    how = random.choice(("dropped", "done", "late"))
    if random.random() < 0.6:
        return Death(random.randint(1, 4 if first else 2), how, write=True)
    return Death(random.randint(1, 40 if first else 8), how)


async def _prepare(made: Town, pairs: Sequence[tuple[str, str]], settings: DirectionSettings) -> None:
    """Sign in and make the pairs, which are not to run yet."""
    mode = settings.mode
    handle = await LocalHost(environment(made.sandbox, made.home)).open("default", serve=False)
    try:
        ends = await signed_in(handle.core, made)
        for a, b in pairs:
            new = NewPair(
                ends[a],
                ends[b],
                mode=mode,
                direction=Direction.BIDIRECTIONAL,
                status=PairStatus.PAUSED,
                settings=settings,
            )
            handle.core.pairs.create([new])
            made.leads(a, b, mode)
            made.leads(b, a, mode)
    finally:
        await handle.stop()


async def _calm(made: Town, *, untouched: bool) -> None:
    """People rest and nothing fails: soon all is in step, and stays so."""
    handle = await LocalHost(environment(made.sandbox, made.home)).open("default", serve=False)
    try:
        ids = [view.pair.id for view in handle.core.pairs.list()]
        app = Household(made, handle.core, {}, ids)
        for _ in range(4):
            if await _all_well(handle.core):
                break
        made.assert_in_step(untouched=untouched)
        await app.assert_quiet()
        for pair_id in ids:
            await app.sync(pair_id, full=True)
        made.assert_in_step(untouched=untouched)
    finally:
        await handle.stop()


async def _all_well(core: Core) -> bool:
    """One run of each pair; whether all ended well, with nothing held."""
    runs = [await core.sync.wait(run.id, DEADLINE_SECONDS) for run in core.sync.request_all(Trigger.MANUAL)]
    holds = core.holds.list()
    for hold in holds:
        core.holds.approve(hold.id, hold.expected)
    return not holds and all(view.run.status is RunStatus.SUCCESS for view in runs)


TWO = (("A", "B"),)
RING = (("A", "B"), ("B", "C"), ("C", "A"))
TWO_SERVICES = {"A": google("ada"), "B": microsoft("ada")}
ONE_ACCOUNT = {"A": google("ada"), "B": google("ada", "Side")}
OTHER_ACCOUNT = {"A": microsoft("ada"), "B": microsoft("ada", "Side")}
THREE_ACCOUNTS = {"A": google("ada"), "B": microsoft("bob"), "C": google("cleo")}

LIVES = [
    pytest.param(TWO_SERVICES, TWO, Mode.FULL, 4301, 20, id="google-microsoft"),
    pytest.param(ONE_ACCOUNT, TWO, Mode.BLOCKER, 4302, 8, id="one-google-account"),
    pytest.param(OTHER_ACCOUNT, TWO, Mode.FULL, 4303, 8, id="one-microsoft-account"),
    pytest.param(THREE_ACCOUNTS, RING, Mode.FULL, 4304, 14, id="ring"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("places", "pairs", "mode", "seed", "kills"), LIVES)
async def test_killed_under_load_it_ends_with_one_copy_of_each_original_on_every_other_side(
    tmp_path: Path, places: dict[str, Place], pairs: tuple[tuple[str, str], ...], mode: Mode, seed: int, kills: int
) -> None:
    await live(tmp_path, places, pairs, mode, seed=seed, kills=kills)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("places", "seed"),
    [
        pytest.param(TWO_SERVICES, 5101, id="google-microsoft"),
        pytest.param(ONE_ACCOUNT, 5102, id="one-google-account", marks=pytest.mark.full),
        pytest.param(OTHER_ACCOUNT, 5103, id="one-microsoft-account", marks=pytest.mark.full),
    ],
)
async def test_killed_while_edits_of_copies_are_carried_back_nothing_is_lost_doubled_or_made_up(
    tmp_path: Path, places: dict[str, Place], seed: int
) -> None:
    await live(tmp_path, places, TWO, Mode.FULL, seed=seed, kills=10, edited=CopyEdited.WRITE_BACK)


@pytest.mark.anyio
@pytest.mark.parametrize("bug", ["copies_are_sources", "forgets_what_was_under_way"])
async def test_a_planted_bug_is_found(tmp_path: Path, bug: str) -> None:
    for seed in range(LOOKED_THROUGH):
        home = tmp_path / str(seed)
        home.mkdir()
        try:
            await live(home, TWO_SERVICES, TWO, Mode.FULL, seed=seed, kills=6, bug=bug)
        except AssertionError as found:
            if not re.search("missing|touched|echo", str(found)):
                raise
            return
    pytest.fail(f"{bug} was not seen in {LOOKED_THROUGH} lives")


@pytest.mark.anyio
@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("places", "pairs", "mode", "base", "kills"), LIVES)
async def test_killed_under_load_in_more_ways_it_ends_well(
    tmp_path: Path,
    places: dict[str, Place],
    pairs: tuple[tuple[str, str], ...],
    mode: Mode,
    base: int,
    kills: int,
    seed: int,
) -> None:
    await live(tmp_path, places, pairs, mode, seed=100 * base + seed, kills=kills)
