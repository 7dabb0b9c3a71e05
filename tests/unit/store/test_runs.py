"""The history of runs, the log, holds and their answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.domain.errors import ConflictError, NotFoundError
from app.domain.ledger import Closing
from app.domain.links import IntentState, Link
from app.domain.runs import (
    ActionRecord,
    Counts,
    Hold,
    HoldAnswer,
    HoldCause,
    HoldSample,
    Run,
    RunError,
    RunStatus,
    Trigger,
    Verb,
)
from app.store import Store
from app.store.runs import RunFilter
from tests.unit.store.samples import NOW, World, intent

HOUR = timedelta(hours=1)


def run(
    number: int,
    status: RunStatus = RunStatus.SUCCESS,
    *,
    pair_id: str = "pair_1",
    dry: bool = False,
    at: datetime = NOW,
) -> Run:
    return Run(
        f"sync_run_{number}",
        pair_id,
        Trigger.SCHEDULED,
        status,
        at,
        dry=dry,
        started_at=at,
        finished_at=at + timedelta(seconds=2) if status.ended else None,
    )


def ids(runs: object) -> list[str]:
    assert isinstance(runs, list)
    return [one.id.removeprefix("sync_run_") for one in runs]


def test_a_run_lives_from_queue_to_log(filled: World) -> None:
    runs = filled.store.runs
    queued = Run("sync_run_1", "pair_1", Trigger.API, RunStatus.QUEUED, NOW)
    runs.add(queued)
    assert runs.get("sync_run_1") == queued
    assert runs.logs(RunFilter(), limit=50).total == 0
    started = runs.start("sync_run_1", NOW + HOUR)
    assert started == replace(queued, status=RunStatus.RUNNING, started_at=NOW + HOUR)
    ended = replace(
        started,
        status=RunStatus.PARTIAL,
        finished_at=NOW + 2 * HOUR,
        counts=Counts(9, 8, 7, 6, 5, 4, 3),
        errors=(RunError("offline", "No connection.", "conn_work"), RunError("other", "Something.")),
        reason="because",
    )
    runs.finish(ended)
    assert runs.get("sync_run_1") == ended
    assert list(runs.logs(RunFilter(), limit=50).runs) == [ended]


def test_only_a_run_that_ended_can_be_finished(filled: World) -> None:
    filled.store.runs.add(run(1, RunStatus.RUNNING))
    with pytest.raises(ValueError, match="not ended"):
        filled.store.runs.finish(run(1, RunStatus.RUNNING))


def test_a_run_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.runs.get("unknown")
    with pytest.raises(NotFoundError):
        store.runs.start("unknown", NOW)
    with pytest.raises(NotFoundError):
        store.runs.finish(run(1))


@pytest.mark.parametrize(
    ("status", "dry", "synced"),
    [
        (RunStatus.SUCCESS, False, True),
        (RunStatus.PARTIAL, False, True),
        (RunStatus.HELD, False, True),
        (RunStatus.FAILED, False, False),
        (RunStatus.SKIPPED, False, False),
        (RunStatus.INTERRUPTED, False, False),
        (RunStatus.SUCCESS, True, False),
    ],
)
def test_a_pair_was_synced_at_the_end_of_a_run_that_got_through(
    filled: World, status: RunStatus, dry: bool, synced: bool
) -> None:
    filled.store.runs.add(run(1, RunStatus.RUNNING, dry=dry))
    filled.store.runs.finish(run(1, status, dry=dry))
    last = filled.store.pairs.get("pair_1").last_synced_at
    assert last == (NOW + timedelta(seconds=2) if synced else None)


def test_the_log_holds_ended_runs_newest_first_and_counts_them_all(store: Store) -> None:
    for number in range(5):
        store.runs.add(run(number, at=NOW + number * HOUR))
    store.runs.add(run(5, RunStatus.RUNNING, at=NOW + 5 * HOUR))
    store.runs.add(run(6, dry=True, at=NOW + 6 * HOUR))
    first = store.runs.logs(RunFilter(), limit=2)
    rest = store.runs.logs(RunFilter(), limit=50, offset=2)
    assert (ids(first.runs), first.total) == (["4", "3"], 5)
    assert (ids(rest.runs), rest.total) == (["2", "1", "0"], 5)
    everything = store.runs.page(RunFilter(), limit=50)
    assert (ids(everything.runs), everything.total) == (["6", "5", "4", "3", "2", "1", "0"], 7)


def test_runs_are_filtered_by_pair_connection_status_and_time(filled: World) -> None:
    runs = filled.store.runs
    runs.add(run(1, at=NOW))
    runs.add(run(2, RunStatus.FAILED, at=NOW + HOUR))
    runs.add(run(3, pair_id="pair_gone", at=NOW + 2 * HOUR))

    def found(**wanted: object) -> list[str]:
        return ids(runs.logs(RunFilter(**wanted), limit=50).runs)  # type: ignore[arg-type] # filters by name

    assert found(pair_id="pair_1") == ["2", "1"]
    assert found(pair_ids=["pair_gone"]) == ["3"]
    assert found(pair_ids=[]) == []
    assert found(pair_id="pair_1", pair_ids=["pair_gone"]) == []
    assert found(connection_id="conn_home") == ["2", "1"]
    assert found(connection_id="conn_other") == []
    assert found(statuses=[RunStatus.FAILED, RunStatus.INTERRUPTED]) == ["2"]
    assert found(since=NOW + HOUR) == ["3", "2"]
    assert found(until=NOW + HOUR) == ["2", "1"]
    assert found(since=NOW + HOUR, until=NOW + HOUR) == ["2"]
    filled.store.pairs.remove("pair_1")
    assert found(connection_id="conn_home") == ["2", "1"], "a deleted pair's too"


def test_the_last_entry_of_each_pair_is_found_at_once(store: Store) -> None:
    for number, pair_id in enumerate(["a", "a", "b", "c"]):
        store.runs.add(run(number, pair_id=pair_id, at=NOW + number * HOUR))
    store.runs.add(run(9, RunStatus.RUNNING, pair_id="a", at=NOW + 9 * HOUR))
    last = store.runs.last(["a", "b", "unknown"])
    assert {pair_id: one.id for pair_id, one in last.items()} == {"a": "sync_run_1", "b": "sync_run_2"}


def test_runs_under_way_are_interrupted_at_start(filled: World) -> None:
    runs = filled.store.runs
    runs.add(run(1, RunStatus.RUNNING))
    runs.add(run(2, RunStatus.QUEUED))
    runs.add(run(3))
    assert runs.interrupt_ongoing("app_ended") == ["sync_run_1", "sync_run_2"]
    assert runs.interrupt_ongoing("app_ended") == []
    found = runs.get("sync_run_1")
    assert (found.status, found.reason, found.finished_at) == (RunStatus.INTERRUPTED, "app_ended", NOW)
    assert runs.get("sync_run_3").status is RunStatus.SUCCESS


def test_what_is_old_is_forgotten_but_never_what_is_open(filled: World) -> None:
    store = filled.store
    old, new = NOW - timedelta(days=91), NOW - timedelta(days=89)
    store.runs.add(run(1, at=old))
    store.runs.add(run(2, RunStatus.RUNNING, at=old))
    store.runs.add(run(3, at=new))
    for number in (1, 2, 3):
        store.ledger.record(f"sync_run_{number}", [ActionRecord("dir_1", "a", "", Verb.SKIP, "x", "y")])
    closed, open_one = store.ledger.open_intents([intent(filled.direction, "a"), intent(filled.direction, "b")], old)
    store.ledger.close_intents(
        [Closing(replace(closed, state=IntentState.APPLIED), Link(filled.direction.id, "a"))], old
    )
    assert store.runs.purge(NOW - timedelta(days=90)) == 1
    assert ids(store.runs.page(RunFilter(), limit=50).runs) == ["3", "2"]
    assert [len(store.runs.actions(f"sync_run_{number}")) for number in (1, 2, 3)] == [0, 1, 1]
    assert store.ledger.pending_intents(filled.direction.id) == [open_one]
    assert store.database.one("SELECT count(*) FROM journal") == (1,)
    assert len(store.ledger.links(filled.direction.id, None)) == 1


def a_hold(filled: World, hold_id: str = "hold_1") -> Hold:
    return Hold(
        hold_id,
        "pair_1",
        filled.direction.id,
        HoldCause.MASS_DELETE,
        NOW,
        2,
        (HoldSample("Dentist", NOW), HoldSample("Gym")),
    )


def test_a_hold_that_an_earlier_version_kept_shows_its_titles(filled: World) -> None:
    ledger = filled.store.ledger
    ledger.save_hold(a_hold(filled), ["a"])
    with filled.store.database.transaction():
        filled.store.database.change('UPDATE hold SET samples = \'["Dentist","Gym"]\'', ())
    found = ledger.hold(filled.direction.id, HoldCause.MASS_DELETE)
    assert found is not None
    assert (found.samples, found.sample_events[0]) == (("Dentist", "Gym"), HoldSample("Dentist"))


def test_a_hold_is_opened_renewed_answered_and_closed(filled: World) -> None:
    ledger, holds, direction = filled.store.ledger, filled.store.holds, filled.direction.id
    assert ledger.hold(direction, HoldCause.MASS_DELETE) is None
    hold = a_hold(filled)
    ledger.save_hold(hold, ["b", "a"])
    assert ledger.hold(direction, HoldCause.MASS_DELETE) == hold
    assert ledger.hold(direction, HoldCause.SOURCE_EMPTY) is None
    assert ledger.hold_items("hold_1") == ["a", "b"]

    renewed = replace(hold, expected=3)
    ledger.save_hold(renewed, ["a", "b", "c"])
    assert ledger.hold_items("hold_1") == ["a", "b", "c"]
    assert (holds.list(["pair_1"]), holds.list([])) == ([renewed], [])

    with pytest.raises(ConflictError) as caught:
        holds.answer("hold_1", HoldAnswer.APPROVED, expected=2, at=NOW)
    assert caught.value.code == "count_changed"
    answered = holds.answer("hold_1", HoldAnswer.APPROVED, expected=3, at=NOW)
    assert ledger.hold(direction, HoldCause.MASS_DELETE) == answered
    assert filled.store.pairs.get("pair_1").held == 0

    ledger.close_hold("hold_1")
    assert ledger.hold(direction, HoldCause.MASS_DELETE) is None
    assert ledger.hold_items("hold_1") == []
    with pytest.raises(NotFoundError):
        holds.get("hold_1")


def test_there_is_one_hold_of_a_cause_in_a_direction(filled: World) -> None:
    filled.store.ledger.save_hold(a_hold(filled), ["a"])
    filled.store.ledger.save_hold(a_hold(filled, "hold_2"), ["b"])
    assert [hold.id for hold in filled.store.holds.list()] == ["hold_2"]
    assert filled.store.ledger.hold_items("hold_1") == []


def test_the_last_runs_of_a_pair_and_what_was_written_since_a_moment_leave_out_dry_ones(filled: World) -> None:
    runs = filled.store.runs
    moments = [NOW + number * HOUR for number in range(5)]
    for number, at in enumerate(moments):
        runs.add(replace(run(number, at=at, dry=number == 3), counts=Counts(9, number, 1)))
    runs.add(run(5, RunStatus.RUNNING, at=NOW + 9 * HOUR))
    recent = runs.recent("pair_1", 3)
    numbers = (1, 2, 4)
    assert list(recent) == [(run(number).id, RunStatus.SUCCESS, moments[number]) for number in numbers]
    assert list(runs.recent("pair_other", 3)) == []
    assert runs.written_since(moments[2]) == Counts(created=6, updated=2)
    assert runs.written_since(NOW + 9 * HOUR) == Counts()
