"""The app is killed with SIGKILL at every stage of its first runs, and started again (`engine.md` §11, "Recovery").

Whatever the stage: afterwards every wanted original has exactly one living copy with the right times, nothing else was
touched, and nobody got a mail. Stages on the wire are reached by holding a request in the sandbox; stages between two
requests by dying at a commit of the ledger.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.domain.accounts import Provider
from tests.integration.oracle import assert_in_step, assert_no_harm, before, copies, since
from tests.integration.playground import (
    GOOGLE_BATCH,
    GOOGLE_LIST,
    GOOGLE_MARKED,
    GRAPH_BATCH,
    GRAPH_DELTA,
    GRAPH_MARKED,
    Fate,
    Stop,
    playground,
)

GOOGLE_CREATE, GOOGLE_PATCH = b"POST /calendar/v3/calendars/", b"PATCH /calendar/v3/calendars/"
GRAPH_CREATE, GRAPH_PATCH = b'"method":"POST"', b'"method":"PATCH"'
ANY = r"[A-Z]+ /(calendar/v3/calendars|batch|v1.0/me/calendars/|v1.0/\$batch)"
NO_MORE = {"created": 0, "updated": 0, "deleted": 0, "failed": 0, "held": 0}

Stage = tuple[str, dict[str, Any], Fate]
"""A stage in words, where on the wire it is, and what becomes of the request after the death."""

TO_MICROSOFT: list[Stage] = [
    ("reading the target: a page is asked for", {"wire": GRAPH_DELTA, "nth": 2}, Fate.DROPPED),
    ("reading the source: a page is on its way", {"wire": GOOGLE_LIST, "nth": 3, "answered": True}, Fate.DONE),
    ("adopting: copies are asked for by marker", {"wire": GRAPH_MARKED}, Fate.DROPPED),
    ("creating: nothing is done", {"wire": GRAPH_BATCH, "body": GRAPH_CREATE}, Fate.DROPPED),
    ("recovering: what became of them is asked", {"wire": GRAPH_MARKED, "answered": True}, Fate.DONE),
    ("recovering: sent again, done", {"wire": GRAPH_BATCH, "body": GRAPH_CREATE, "answered": True}, Fate.DONE),
    ("creating: one request of several is done", {"wire": GRAPH_BATCH, "body": GRAPH_CREATE, "nth": 2}, Fate.DROPPED),
    ("creating: done after the death", {"wire": GRAPH_BATCH, "body": GRAPH_CREATE}, Fate.DONE),
    ("occurrences: nothing is done", {"wire": GRAPH_BATCH, "body": GRAPH_PATCH}, Fate.DROPPED),
    ("occurrences: done", {"wire": GRAPH_BATCH, "body": GRAPH_PATCH, "answered": True}, Fate.DONE),
]
TO_GOOGLE: list[Stage] = [
    ("reading the target: a page is on its way", {"wire": GOOGLE_LIST, "answered": True}, Fate.DONE),
    ("reading the source: a page is asked for", {"wire": GRAPH_DELTA, "nth": 3}, Fate.DROPPED),
    ("adopting: copies are on their way", {"wire": GOOGLE_MARKED, "answered": True}, Fate.DONE),
    ("creating: one request of several is lost", {"wire": GOOGLE_BATCH, "body": GOOGLE_CREATE, "nth": 2}, Fate.DROPPED),
    ("recovering: what became of them is asked", {"wire": GOOGLE_MARKED}, Fate.DROPPED),
    ("recovering: what became of them is told", {"wire": GOOGLE_MARKED, "answered": True}, Fate.DONE),
    ("recovering: sent again, lost again", {"wire": GOOGLE_BATCH, "body": GOOGLE_CREATE}, Fate.DROPPED),
    (
        "recovering: sent again alone, done",
        {"wire": GOOGLE_BATCH, "body": GOOGLE_CREATE, "nth": 3, "answered": True},
        Fate.DONE,
    ),
    ("recovering: done after the death", {"wire": GOOGLE_BATCH, "body": GOOGLE_CREATE, "nth": 2}, Fate.DONE),
    ("occurrences: nothing is done", {"wire": GOOGLE_BATCH, "body": GOOGLE_PATCH}, Fate.DROPPED),
    ("occurrences: done", {"wire": GOOGLE_BATCH, "body": GOOGLE_PATCH, "answered": True}, Fate.DONE),
]
Commit = tuple[str, int, str]
"""A method of the ledger, its how-manieth call, and on which side of its transaction the app dies."""

SOME_COMMITS: list[Commit] = [
    ("store_page", 2, "inside"),
    ("adopted", 1, "before"),
    ("open_intents", 1, "after"),
    ("retry_intents", 1, "after"),
    ("close_intents", 1, "before"),
    ("close_intents", 2, "after"),
    ("planned", 1, "before"),
]
OTHER_COMMITS: list[Commit] = [
    ("finish_read", 1, "before"),
    ("finish_read", 2, "after"),
    ("open_intents", 1, "inside"),
    ("open_intents", 1, "after"),
    ("retry_intents", 1, "before"),
    ("close_intents", 2, "inside"),
    ("store_answers", 1, "before"),
    ("planned", 1, "after"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("source", "mode", "stages"),
    [(Provider.GOOGLE, "blocker", TO_MICROSOFT), (Provider.MICROSOFT, "full", TO_GOOGLE)],
    ids=["to-microsoft", "to-google"],
)
async def test_killed_at_every_stage_on_the_wire_it_makes_each_copy_once(
    tmp_path: Path, source: Provider, mode: str, stages: list[Stage], caplog: pytest.LogCaptureFixture
) -> None:
    async with playground(tmp_path, source, mode, more=120) as play:
        then = before(play)
        for _, place, fate in stages:
            stop = Stop(**place)
            await play.die_on_the_wire(stop)
            await stop.let_go(fate)
            assert_no_harm(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert_in_step(play, then)
    assert not [record for record in caplog.records if record.name == "uvicorn.error"], "the sandbox stumbled"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("source", "mode", "commits"),
    [(Provider.GOOGLE, "full", SOME_COMMITS), (Provider.MICROSOFT, "blocker", OTHER_COMMITS)],
    ids=["to-microsoft", "to-google"],
)
async def test_killed_before_inside_and_after_its_commits_it_makes_each_copy_once(
    tmp_path: Path, source: Provider, mode: str, commits: list[Commit]
) -> None:
    async with playground(tmp_path, source, mode, more=30) as play:
        then = before(play)
        for at, nth, side in commits:
            await play.die_at_a_commit(at, nth, side)
            assert_no_harm(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert_in_step(play, then)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("source", "create", "body", "marked"),
    [
        (Provider.GOOGLE, GRAPH_BATCH, GRAPH_CREATE, GRAPH_MARKED),
        (Provider.MICROSOFT, GOOGLE_BATCH, GOOGLE_CREATE, GOOGLE_MARKED),
    ],
    ids=["to-microsoft", "to-google"],
)
async def test_creates_that_arrive_after_the_restart_has_looked_for_them_are_not_doubled(
    tmp_path: Path, source: Provider, create: str, body: bytes, marked: str
) -> None:
    async with playground(tmp_path, source, "full") as play:
        then = before(play)
        late, looked = Stop(create, body=body), Stop(marked, answered=True)
        await play.die_on_the_wire(late)
        play.stop_at(looked)
        app = await play.start(runs=2)
        await play.reach(looked, app)
        # The second start has been told that there is no copy; only now the first start's creates are done.
        await late.let_go(Fate.DONE)
        assert copies(play, then)
        await looked.let_go(Fate.ANSWERED)
        await app.ended()
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert_in_step(play, then)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("source", "mode", "seed"), [(Provider.GOOGLE, "full", 20261), (Provider.MICROSOFT, "blocker", 20262)]
)
async def test_killed_at_random_requests_while_people_go_on_it_makes_each_copy_once(
    tmp_path: Path, source: Provider, mode: str, seed: int
) -> None:
    random = Random(seed)
    async with playground(tmp_path, source, mode, more=30) as play:
        then = before(play)
        for number in range(6):
            # An incremental run has three requests at least: the target, the source, and a write of what is new.
            stop = Stop(ANY, nth=random.randint(1, 3), answered=random.random() < 0.5)
            await play.die_on_the_wire(stop)
            await stop.let_go(random.choice([Fate.DROPPED, Fate.DONE]))
            assert_no_harm(play, then)
            play.person_makes(100 + 2 * number, 101 + 2 * number)
            then = since(play, then)
        last = await play.until_well()
        assert last.runs[1]["counts"].items() >= NO_MORE.items(), last.words()
        assert_in_step(play, then)
