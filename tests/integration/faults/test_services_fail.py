"""Calendar services that fail: answers lost, cut off, empty, late, refused. Nothing is lost and nothing is doubled.

Each failure is planted in the emulated service and met by the whole app. The run that meets it says so in its status
and errors, or settles it by itself; the run after it puts right what is left.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus, Provider
from app.domain.runs import RunStatus, Trigger
from tests.integration.faults.house import house, house_in_step
from tests.integration.oracle import assert_in_step, assert_no_harm, copies, since
from tests.integration.playground import Fate

BOTH_WAYS = pytest.mark.parametrize("source", [Provider.GOOGLE, Provider.MICROSOFT], ids=["to-microsoft", "to-google"])
PORTAL = "<!DOCTYPE html><html><title>Welcome to Hotel WiFi</title><form action='/login'>Room number</form></html>"


@pytest.mark.anyio
@BOTH_WAYS
async def test_creates_whose_answer_is_lost_are_settled_and_not_doubled(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        lost = app.stop_creating()
        running = asyncio.create_task(app.first_run())
        await lost.reached.wait()
        await lost.let_go(Fate.DONE)
        run = await running
        assert run.status is RunStatus.SUCCESS, run
        assert run.counts.created == len(copies(app.play, app.then))
        assert_in_step(app.play, app.then)
        await app.assert_quiet()


@pytest.mark.anyio
@BOTH_WAYS
async def test_creates_lost_with_the_question_what_became_of_them_wait_for_the_next_run(
    tmp_path: Path, source: Provider
) -> None:
    async with house(tmp_path, source) as app:
        lost = app.stop_creating()
        running = asyncio.create_task(app.first_run())
        await lost.reached.wait()
        app.plant(app.play.target, "search", "status", status=403)
        await lost.let_go(Fate.DONE)
        run = await running
        app.heal()
        assert run.status is RunStatus.PARTIAL, run
        assert "unknown_outcome" in {error.code for error in run.errors}
        assert copies(app.play, app.then)
        assert_no_harm(app.play, app.then)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_creates_that_a_listing_does_not_show_yet_are_not_doubled(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        lost = app.stop_creating()
        running = asyncio.create_task(app.first_run())
        await lost.reached.wait()
        app.plant(app.play.target, "search", "empty", nth=1)
        await lost.let_go(Fate.DONE)
        run = await running
        app.heal()
        assert run.status is RunStatus.SUCCESS, run
        assert_in_step(app.play, app.then)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_one_create_of_a_batch_that_the_service_drops_is_made_once(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        app.plant(app.play.target, "create", "reset_after_commit", nth=3)
        run = await app.first_run()
        app.heal()
        assert run.status is RunStatus.SUCCESS, run
        assert_in_step(app.play, app.then)
        await app.assert_quiet()


@pytest.mark.anyio
@BOTH_WAYS
async def test_changes_and_deletes_whose_answer_is_lost_are_settled(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        singles = app.play.singles()
        app.play.person_moves(*singles[:3], minutes=30)
        app.play.person_deletes(*singles[3:5])
        app.play.person_changes_occurrences()
        lost = app.stop_changing()
        running = asyncio.create_task(app.run())
        await lost.reached.wait()
        await lost.let_go(Fate.DONE)
        run = await running
        assert run.status is RunStatus.SUCCESS, run
        assert run.counts.deleted == 2
        assert run.counts.updated >= 4
        assert_in_step(app.play, since(app.play, app.then))
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_a_person_who_edits_a_copy_while_it_is_written_is_noticed(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_moves(*app.play.singles()[:2], minutes=30)
        arrived = app.stop_changing(answered=False)
        running = asyncio.create_task(app.run())
        await arrived.reached.wait()
        copy = next(one for one in copies(app.play, app.then).values() if one["title"] == "Meeting 0")
        app.play.target.patch_event(app.play.target_id, copy["id"], {"title": "Edited by hand"})
        await arrived.let_go(Fate.ANSWERED)
        run = await running
        refused = [entry for entry in app.play.sandbox.world.requests.entries() if entry.part and entry.status == 412]
        assert refused
        assert run.status is RunStatus.SUCCESS, run
        # A copy edited by hand is put back (the default), by what was planned after the edit was seen.
        assert_in_step(app.play, since(app.play, app.then))
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_an_empty_listing_is_no_proof_that_anything_is_gone(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        for side in (app.play.source, app.play.target):
            app.plant(side, "list", "empty", nth=1)
            run = await app.run(full=True)
            app.heal()
            assert run.status is RunStatus.SUCCESS, run
            assert (run.counts.created, run.counts.deleted) == (0, 0)
            assert_in_step(app.play, app.then)
        # None of the copies was given up: they go on following their originals.
        app.play.person_moves(*app.play.singles()[:3], minutes=30)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_events_missing_from_a_whole_listing_are_not_taken_for_deleted(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        followed = app.play.singles()[:3]
        of_people = {event["id"] for event in followed}
        of_ours = {
            key for key, copy in copies(app.play, app.then).items() if copy["title"] in ("Meeting 0", "Meeting 1")
        }
        for missing in (of_people, of_ours):
            app.play.gate.unlisted = app.play.graph_gate.unlisted = missing
            run = await app.run(full=True)
            assert run.status is RunStatus.SUCCESS, run
            assert (run.counts.created, run.counts.updated, run.counts.deleted) == (0, 0, 0)
            assert_in_step(app.play, app.then)
        app.play.gate.unlisted = app.play.graph_gate.unlisted = set()
        app.play.person_moves(*followed, minutes=30)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_dead_positions_lead_to_a_whole_read_that_is_compared(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        singles = app.play.singles()
        app.play.person_moves(*singles[:2], minutes=45)
        app.play.person_deletes(*singles[2:4])
        app.play.person_makes(50, 51)
        app.play.source.kill_cursors()
        app.play.target.kill_cursors()
        run = await app.run()
        assert run.status is RunStatus.SUCCESS, run
        assert (run.counts.created, run.counts.updated, run.counts.deleted) == (2, 2, 2)
        assert_in_step(app.play, since(app.play, app.then))
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_asked_to_slow_down_a_run_says_so_and_the_next_one_goes_on(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        app.plant(app.play.target, "create", "status", status=429, headers={"Retry-After": "1"}, nth=2)
        run = await app.first_run()
        app.heal()
        assert run.status is RunStatus.PARTIAL, run
        assert {error.code for error in run.errors} == {"throttled"}
        assert_no_harm(app.play, app.then)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_asked_to_wait_for_long_runs_that_nobody_asked_for_wait(tmp_path: Path, source: Provider) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.plant(app.play.source, "list", "status", status=429, headers={"Retry-After": "900"})
        run = await app.run()
        app.heal()
        assert run.status is RunStatus.FAILED, run
        assert [error.code for error in run.errors] == ["throttled"]
        scheduled = await app.run(Trigger.SCHEDULED)
        assert (scheduled.status, scheduled.reason) == (RunStatus.SKIPPED, "throttled")
        assert_in_step(app.play, app.then)


@pytest.mark.anyio
@BOTH_WAYS
async def test_a_burst_of_failures_is_outlasted(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        app.plant(app.play.source, "list", "status", status=503, times=2)
        app.plant(app.play.target, "list", "status", status=500, nth=1)
        app.plant(app.play.target, "create", "status", status=502, nth=1)
        run = await app.first_run()
        app.heal()
        assert run.status is RunStatus.SUCCESS, run
        assert_in_step(app.play, app.then)
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_a_conflict_that_a_mere_read_is_answered_with_passes(tmp_path: Path, source: Provider) -> None:
    """Exchange does so now and then (`reliability.md` C10)."""
    async with house_in_step(tmp_path, source) as app:
        app.play.person_makes(60)
        graph = app.play.source if source is Provider.MICROSOFT else app.play.target
        app.plant(graph, "list", "status", status=412, nth=1)
        run = await app.run()
        assert app.hits() == 1
        app.heal()
        assert (run.status, run.counts.created, run.errors) == (RunStatus.SUCCESS, 1, ()), run
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
@pytest.mark.parametrize("kind", ["truncate", "reset_before", "reset_after_commit"])
async def test_a_listing_cut_off_is_read_again(tmp_path: Path, source: Provider, kind: str) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_makes(60)
        app.plant(app.play.source, "list", kind, nth=1)
        app.plant(app.play.target, "list", kind, nth=1)
        run = await app.run()
        app.heal()
        assert (run.status, run.counts.created) == (RunStatus.SUCCESS, 1), run
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_the_page_of_a_captive_portal_is_neither_a_calendar_nor_an_answer_to_a_write(
    tmp_path: Path, source: Provider
) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_makes(60)
        app.play.person_deletes(app.play.singles()[0])
        app.plant(app.play.target, "write", "status", status=200, body=PORTAL, times=2)
        app.plant(app.play.source, "list", "status", status=200, body=PORTAL, times=2)
        run = await app.run()
        app.heal()
        assert (run.status, run.counts.created, run.counts.deleted) == (RunStatus.SUCCESS, 1, 1), run
        assert_in_step(app.play, since(app.play, app.then))
        await app.assert_repaired()


@pytest.mark.anyio
async def test_behind_a_captive_portal_a_run_fails_by_name_and_deletes_nothing(tmp_path: Path) -> None:
    async with house_in_step(tmp_path, Provider.GOOGLE) as app:
        app.play.person_deletes(app.play.singles()[0])
        app.plant(app.play.source, "all", "status", status=200, body=PORTAL)
        run = await app.run()
        app.heal()
        assert run.status is RunStatus.FAILED, run
        assert [error.code for error in run.errors] == ["unavailable"]
        assert run.counts.deleted == 0
        assert app.account_status(app.play.source) is AccountStatus.CONNECTED
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
@pytest.mark.parametrize("status", [403, 404])
async def test_a_calendar_that_is_refused_is_not_an_empty_one(tmp_path: Path, source: Provider, status: int) -> None:
    async with house_in_step(tmp_path, source) as app:
        app.play.person_deletes(app.play.singles()[0])
        for side in (app.play.source, app.play.target):
            app.plant(side, "list", "status", status=status, nth=1)
            run = await app.run()
            app.heal()
            assert run.status is RunStatus.FAILED, run
            assert run.counts.deleted == 0
            assert run.errors
        await app.assert_repaired()


@pytest.mark.anyio
@BOTH_WAYS
async def test_rows_told_twice_and_in_any_order_make_one_copy_each(tmp_path: Path, source: Provider) -> None:
    async with house(tmp_path, source) as app:
        for kind in ("duplicate", "reorder"):
            app.plant(app.play.source, "list", kind)
            app.plant(app.play.target, "list", kind)
        run = await app.first_run()
        app.heal()
        assert run.status is RunStatus.SUCCESS, run
        assert_in_step(app.play, app.then)
        await app.assert_repaired()
