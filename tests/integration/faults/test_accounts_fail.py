"""Sign-ins that end, tokens that expire, a network that is gone: runs say so, nothing is deleted, and it goes on after.

Dead sign-ins are never read as empty calendars (`engine.md` §1, 9), and only a person can renew them.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.domain.accounts import AccountStatus, Provider
from app.domain.runs import RunStatus, Trigger
from app.main import LocalHost
from app.services.views import AttemptStatus
from tests.integration.faults.house import House, house_in_step
from tests.integration.oracle import assert_in_step, before, since
from tests.integration.playground import DEADLINE_SECONDS, Fate, playground

BOTH_WAYS = pytest.mark.parametrize("source", [Provider.GOOGLE, Provider.MICROSOFT], ids=["to-microsoft", "to-google"])
EMAILS = {"google": "ana.work@example.com", "microsoft": "ana.home@example.net"}


async def sign_in_again(app: House, side: str) -> None:
    """The person signs in again, which asks for a run of the pair."""
    account = next(one for one in app.core.connections.accounts() if one.provider.value == side)
    begun = await app.core.connections.reconnect(account.id)
    await app.play.consent(Provider(side), begun.authorization_url)
    ended = await app.core.connections.finish(begun.id, DEADLINE_SECONDS)
    assert ended.status is AttemptStatus.DONE, ended


@pytest.mark.anyio
@BOTH_WAYS
@pytest.mark.parametrize("of_source", [True, False], ids=["source", "target"])
async def test_a_revoked_sign_in_stops_the_pair_deletes_nothing_and_waits_for_the_person(
    tmp_path: Path, source: Provider, of_source: bool
) -> None:
    async with house_in_step(tmp_path, source) as app:
        side = app.play.source if of_source else app.play.target
        app.play.person_deletes(app.play.singles()[0])
        app.play.person_makes(70)
        side.revoke(EMAILS[side.name])
        run = await app.run()
        assert run.status is RunStatus.FAILED, run
        assert [error.code for error in run.errors] == ["needs_sign_in"]
        assert (run.counts.created, run.counts.updated, run.counts.deleted) == (0, 0, 0)
        assert app.account_status(side) is AccountStatus.NEEDS_SIGN_IN

        assert "needs_sign_in" in app.core.info.log_file.read_text("utf-8"), "the log does not say why the run failed"

        asked = len(app.play.sandbox.world.requests.entries())
        scheduled = await app.run(Trigger.SCHEDULED)
        assert (scheduled.status, scheduled.reason) == (RunStatus.SKIPPED, "needs_sign_in")
        assert len(app.play.sandbox.world.requests.entries()) == asked

        await sign_in_again(app, side.name)
        assert app.account_status(side) is AccountStatus.CONNECTED
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_a_sign_in_revoked_between_two_writes_keeps_what_was_written(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_makes(80, 81)
        lost = app.stop_creating()
        running = asyncio.create_task(app.run())
        await lost.reached.wait()
        app.play.target.revoke(EMAILS[app.play.target.name])
        await lost.let_go(Fate.DONE)
        run = await running
        assert run.status in (RunStatus.FAILED, RunStatus.PARTIAL), run
        assert "needs_sign_in" in {error.code for error in run.errors}
        assert app.account_status(app.play.target) is AccountStatus.NEEDS_SIGN_IN
        await sign_in_again(app, app.play.target.name)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_an_expired_access_token_costs_one_refresh_for_each_account(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_makes(*range(60, 80))
        app.play.person_moves(*app.play.singles()[:3], minutes=30)
        for side in (app.play.source, app.play.target):
            side.expire_access(EMAILS[side.name])
        app.play.sandbox.world.requests.clear()
        run = await app.run()
        assert run.status is RunStatus.SUCCESS, run
        assert (run.counts.created, run.counts.updated) == (20, 3)
        asked = [entry.path for entry in app.play.sandbox.world.requests.entries() if entry.method == "POST"]
        assert asked.count("/token") == 1
        assert asked.count("/common/oauth2/v2.0/token") == 1
        assert_in_step(app.play, since(app.play, app.then))
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_a_refresh_answered_by_a_captive_portal_leaves_the_account_connected(
    tmp_path: Path, source: Provider
) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.source.expire_access(EMAILS[app.play.source.name])
        app.plant(app.play.source, "token", "status", status=200, body="<html>Log in to the network</html>")
        run = await app.run()
        app.heal()
        assert run.status is RunStatus.FAILED, run
        assert run.errors[0].code in ("unavailable", "unexpected_answer")
        assert app.account_status(app.play.source) is AccountStatus.CONNECTED
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_offline_a_run_says_so_and_one_that_nobody_asked_for_is_skipped(tmp_path: Path, source: Provider) -> None:
    async with playground(tmp_path, source, "full") as play:
        then = before(play)
        await play.sync()
        there = play.environment()
        handle = await LocalHost({**there, **_nowhere(there)}).open("default", serve=False)
        try:
            app = House(play, handle.core, ("", ""), then, handle.core.pairs.list()[0].pair.id)
            run = await app.run()
            assert run.status is RunStatus.FAILED, run
            assert [error.code for error in run.errors] == ["offline"]
            scheduled = await app.run(Trigger.SCHEDULED)
            assert (scheduled.status, scheduled.reason) == (RunStatus.SKIPPED, "offline")
            assert app.account_status(play.source) is AccountStatus.CONNECTED
            assert app.account_status(play.target) is AccountStatus.CONNECTED
        finally:
            await handle.stop()
        last = await play.until_well()
        assert [run["counts"]["created"] for run in last.runs] == [0, 0]
        assert_in_step(play, then)


def _nowhere(environment: dict[str, str]) -> dict[str, str]:
    """The addresses of the sandbox, with a port at which nothing listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    return {
        name: value.replace(f":{urlsplit(value).port}/", f":{port}/")
        for name, value in environment.items()
        if value.startswith("http://127.0.0.1:")
    }
