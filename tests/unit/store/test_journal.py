"""The journal: written before anything is sent, closed with everything that follows, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import NotFoundError, StorageError
from app.domain.events import Fields, Marker
from app.domain.ledger import Closing, Ledger
from app.domain.links import Copy, Draft, IntentState, Link, Op
from app.domain.runs import ActionRecord, ActionResult, Counts, Run, RunStatus, Trigger, Verb
from app.domain.times import When
from app.store import Store
from tests.unit.store.samples import NOW, World, clock, intent, single, wall, world

LATER = NOW + timedelta(minutes=1)


def test_the_ledger_is_what_the_engine_asks_for(store: Store) -> None:
    ledger: Ledger = store.ledger
    assert ledger.view("conn_unknown").read_no == 0


def test_opened_writes_are_pending_with_ids_and_the_time_of_their_try(filled: World) -> None:
    draft = Draft(
        Fields(When(wall("2026-03-09T09:00"), wall("2026-03-09T10:00"), "Europe/Berlin"), "Busy"),
        Marker(filled.direction.key, "k", 0, "here.1"),
    )
    asked = [
        intent(filled.direction, "a", draft=draft, wanted={"title": "x"}, title="Dentist \U0001f9b7"),
        intent(filled.direction, "b", Op.DELETE, before=single("copy")),
    ]
    opened = filled.store.ledger.open_intents(asked, NOW)
    assert [replace(one, id=0, first_try_at=None, last_try_at=None, tries=0) for one in opened] == asked
    assert [(one.first_try_at, one.last_try_at, one.tries) for one in opened] == [(NOW, NOW, 1)] * 2
    assert len({one.id for one in opened}) == 2
    assert filled.store.ledger.pending_intents(filled.direction.id) == opened
    assert filled.store.ledger.pending_intents("dir_other") == []


def test_another_try_is_counted_with_its_time(filled: World) -> None:
    opened = filled.store.ledger.open_intents([intent(filled.direction, "a")], NOW)
    again = filled.store.ledger.retry_intents(opened, LATER)
    assert [(one.first_try_at, one.last_try_at, one.tries) for one in again] == [(NOW, LATER, 2)]
    assert filled.store.ledger.pending_intents(filled.direction.id) == again


def test_the_journal_knows_the_stamps_it_gave_however_the_writes_ended(filled: World) -> None:
    asked = [intent(filled.direction, name, stamp=f"here.{name}") for name in "ab"]
    first, _ = filled.store.ledger.open_intents(asked, NOW)
    filled.store.ledger.close_intents([Closing(replace(first, state=IntentState.DROPPED))], LATER)
    assert filled.store.ledger.stamps_known({"here.a", "here.b", "here.c"}) == {"here.a", "here.b"}
    assert filled.store.ledger.stamps_known(set()) == set()


def test_closing_writes_the_link_the_copy_and_the_story_with_it(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction.id
    (opened,) = ledger.open_intents([intent(filled.direction, "a")], NOW)
    link = Link(direction, "a", copy_key="key-a", base_original={"title": "x"})
    copy = Copy(direction, "key-a", event_id="id-a", stamp="here.1")
    line = ActionRecord(
        direction, "a", "", Verb.CREATE, "new", "It is new.", ActionResult.DONE, ("title",), "Dentist", NOW, True
    )
    ledger.close_intents([Closing(replace(opened, state=IntentState.APPLIED), link, copy, line)], LATER)
    assert ledger.pending_intents(direction) == []
    assert ledger.links(direction, ["a"]) == [link]
    assert ledger.copies(direction, ["key-a"]) == [copy]
    assert filled.store.runs.actions("sync_run_1") == [line]


def test_a_write_closed_as_pending_stays_in_the_journal(filled: World) -> None:
    (opened,) = filled.store.ledger.open_intents([intent(filled.direction, "a")], NOW)
    filled.store.ledger.close_intents([Closing(replace(opened, tries=2))], LATER)
    assert [one.tries for one in filled.store.ledger.pending_intents(filled.direction.id)] == [2]


def test_what_is_closed_cannot_be_closed_or_tried_again(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction.id
    opened = ledger.open_intents([intent(filled.direction, "a"), intent(filled.direction, "b")], NOW)
    ended = [replace(one, state=IntentState.APPLIED) for one in opened]
    ledger.close_intents([Closing(ended[0])], LATER)
    with pytest.raises(NotFoundError):
        ledger.close_intents([Closing(ended[1], Link(direction, "b")), Closing(ended[0])], LATER)
    assert [one.id for one in ledger.pending_intents(direction)] == [opened[1].id]
    assert ledger.links(direction, None) == []
    with pytest.raises(NotFoundError):
        ledger.retry_intents([ended[0]], LATER)


def test_a_closing_that_fails_half_way_leaves_the_write_pending(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction.id
    (opened,) = ledger.open_intents([intent(filled.direction, "a")], NOW)
    broken = Copy(direction, "k", generation="zero")  # type: ignore[arg-type] # what the table must refuse
    with pytest.raises(StorageError):
        ledger.close_intents([Closing(replace(opened, state=IntentState.APPLIED), Link(direction, "a"), broken)], NOW)
    assert ledger.pending_intents(direction) == [opened]
    assert ledger.links(direction, None) == []


def test_a_full_disk_stops_a_write_before_it_could_be_sent(tmp_path: Path) -> None:
    with Store.open(tmp_path / "kalends.db", now=clock) as store:
        filled = world(store)
        (pages,) = store.database.one("PRAGMA page_count") or (0,)
        store.database.select(f"PRAGMA max_page_count = {pages}")
        many = [intent(filled.direction, f"{n}", title="x" * 500) for n in range(500)]
        with pytest.raises(StorageError) as caught:
            store.ledger.open_intents(many, NOW)
        assert caught.value.code == "database_full"
        assert store.ledger.pending_intents(filled.direction.id) == []
        store.database.select("PRAGMA max_page_count = 1000000")
        assert len(store.ledger.open_intents(many, NOW)) == 500


def test_row_numbers_of_the_journal_are_never_used_again(filled: World) -> None:
    ledger = filled.store.ledger
    (first,) = ledger.open_intents([intent(filled.direction, "a")], NOW)
    ledger.close_intents([Closing(replace(first, state=IntentState.DROPPED))], NOW)
    filled.store.runs.purge(LATER)
    (second,) = ledger.open_intents([intent(filled.direction, "a")], NOW)
    assert second.id > first.id


def test_opened_writes_outlive_a_process_that_never_closed_the_database(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    left = Store.open(path, now=clock)
    filled = world(left)
    opened = left.ledger.open_intents([intent(filled.direction, "a")], NOW)
    with Store.open(path, now=clock) as reopened:
        assert reopened.ledger.pending_intents(filled.direction.id) == opened
    left.close()


def test_a_journal_row_that_is_not_what_was_written_is_refused(filled: World) -> None:
    database = filled.store.database
    filled.store.ledger.open_intents([intent(filled.direction, "a")], NOW)
    with database.transaction():
        database.change("UPDATE journal SET body = replace(body, 'create', 'delete')")
    with pytest.raises(StorageError) as caught:
        filled.store.ledger.pending_intents(filled.direction.id)
    assert caught.value.code == "database_corrupt"


def test_a_run_tells_how_far_it_is(filled: World) -> None:
    filled.store.runs.add(Run("sync_run_1", "pair_1", Trigger.MANUAL, RunStatus.RUNNING, NOW))
    counts = Counts(7, 6, 5, 4, 3, 2, 1)
    filled.store.ledger.progress("sync_run_1", counts)
    assert filled.store.runs.get("sync_run_1").counts == counts


def test_a_title_with_half_a_surrogate_pair_does_not_stop_the_story(filled: World) -> None:
    line = ActionRecord("dir_1", "a", "", Verb.SKIP, "x", "y", title="\ud83d broken")
    filled.store.ledger.record("sync_run_1", [line])
    assert filled.store.runs.actions("sync_run_1") == [replace(line, title="\\ud83d broken")]
