"""Directions: what is planned when, links and copies, and the guard's numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import NotFoundError, StorageError
from app.domain.events import Event
from app.domain.ledger import Closing, Tally
from app.domain.links import Copy, CopyForm, CopyState, IntentState, Link, LinkState, Op
from app.store import Store
from tests.unit.store.samples import NOW, World, clock, exception, intent, pair, series, single, world

HOME = "conn_home"


def to_plan(filled: World) -> list[str]:
    return list(filled.store.ledger.originals_to_plan(filled.direction, NOW))


def test_a_new_direction_plans_everything(filled: World) -> None:
    filled.read(single("a"), series("b"), exception("b", 9), full=True)
    assert to_plan(filled) == ["a", "b"]


def test_after_planning_only_what_changes_is_planned(filled: World) -> None:
    filled.read(single("a"), series("b"), single("c"), full=True)
    filled.everything_planned()
    assert to_plan(filled) == []
    filled.read(single("a", title="Moved"), exception("b", 9), Event("c", gone=True))
    assert to_plan(filled) == ["a", "b", "c"]


def test_an_original_is_planned_when_its_copy_changes(filled: World) -> None:
    direction = filled.direction.id
    filled.read(single("a"), single("b"), full=True)
    filled.read(single("copy-a"), single("copy-b"), calendar=HOME, full=True)
    filled.store.ledger.save(
        [Link(direction, "a", copy_key="ka"), Link(direction, "b", copy_key="kb")],
        [Copy(direction, "ka", event_id="copy-a"), Copy(direction, "kb", event_id="copy-b")],
    )
    filled.everything_planned()
    filled.read(single("copy-a", title="by hand"), single("unrelated"), calendar=HOME)
    assert to_plan(filled) == ["a"]


def test_an_original_is_planned_when_its_copy_is_missing_from_a_complete_read(filled: World) -> None:
    direction = filled.direction.id
    filled.read(single("a"), full=True)
    filled.read(single("copy-a"), calendar=HOME, full=True)
    filled.store.ledger.save([Link(direction, "a", copy_key="ka")], [Copy(direction, "ka", event_id="copy-a")])
    filled.everything_planned()
    filled.read(calendar=HOME, full=True)
    assert to_plan(filled) == ["a"]


def test_a_series_is_planned_when_an_occurrence_of_its_copy_changes(filled: World) -> None:
    direction = filled.direction.id
    filled.read(series("b"), full=True)
    filled.read(series("copy"), exception("copy", 9), calendar=HOME, full=True)
    filled.store.ledger.save(
        [Link(direction, "b", copy_key="k")],
        [
            Copy(direction, "k", event_id="copy", form=CopyForm.SERIES),
            Copy(direction, "k9", event_id="copy_9", parent="k", form=CopyForm.OCCURRENCE),
        ],
    )
    filled.everything_planned()
    filled.read(exception("copy", 9, etag="by hand"), calendar=HOME)
    assert to_plan(filled) == ["b"]
    filled.everything_planned()
    filled.read(exception("copy", 16), calendar=HOME)
    assert to_plan(filled) == ["b"], "an occurrence that was regular before"


def test_an_occurrence_with_a_copy_of_its_own_is_planned_as_its_series(filled: World) -> None:
    direction = filled.direction.id
    filled.read(series("b"), full=True)
    filled.read(single("copy"), calendar=HOME, full=True)
    filled.store.ledger.save(
        [Link(direction, "b", occ="20260309", copy_key="k")], [Copy(direction, "k", event_id="copy")]
    )
    filled.everything_planned()
    filled.read(single("copy", title="by hand"), calendar=HOME)
    assert to_plan(filled) == ["b"]


def test_links_are_planned_when_they_are_due_and_not_before(filled: World) -> None:
    direction = filled.direction.id
    second = timedelta(seconds=1)
    filled.store.ledger.save(
        [
            Link(direction, "retry now", retry_at=NOW),
            Link(direction, "retry later", retry_at=NOW + second),
            Link(direction, "replan now", replan_at=NOW - second),
            Link(direction, "replan later", replan_at=NOW + second),
            Link(direction, "either", retry_at=NOW + second, replan_at=NOW - second),
            Link(direction, "never"),
        ],
        [],
    )
    filled.everything_planned()
    assert to_plan(filled) == ["either", "replan now", "retry now"]


def test_a_link_that_waits_is_planned_when_its_original_changes(filled: World) -> None:
    filled.read(single("a"), full=True)
    filled.store.ledger.save([Link(filled.direction.id, "a", retry_at=NOW + timedelta(hours=1))], [])
    filled.everything_planned()
    assert to_plan(filled) == []
    filled.read(single("a", title="Moved"))
    assert to_plan(filled) == ["a"]


def test_changed_settings_plan_all_that_is_seen_or_linked(filled: World) -> None:
    filled.read(single("a"), single("b"), full=True)
    filled.read(Event("b", gone=True))
    filled.store.ledger.save([Link(filled.direction.id, "linked long ago")], [])
    filled.everything_planned()
    changed = replace(filled.direction, settings_no=filled.direction.settings_no + 1)
    assert filled.store.ledger.originals_to_plan(changed, NOW) == ["a", "linked long ago"]
    filled.store.ledger.planned(changed, seq_source=99, seq_target=99)
    assert filled.store.ledger.originals_to_plan(changed, NOW) == []


def test_other_directions_have_their_own_plan(filled: World) -> None:
    filled.store.pairs.update(pair(direction=filled.store.pairs.get("pair_1").direction.BIDIRECTIONAL))
    forth, back = filled.store.pairs.directions("pair_1")
    filled.read(single("a"), full=True)
    filled.read(single("z"), calendar=HOME, full=True)
    filled.store.ledger.planned(forth, seq_source=1, seq_target=1)
    assert filled.store.ledger.originals_to_plan(forth, NOW) == []
    assert filled.store.ledger.originals_to_plan(back, NOW) == ["z"]


def test_a_direction_that_is_not_there_is_named(filled: World) -> None:
    unknown = replace(filled.direction, id="dir_unknown")
    with pytest.raises(NotFoundError):
        filled.store.ledger.originals_to_plan(unknown, NOW)
    with pytest.raises(NotFoundError):
        filled.store.ledger.planned(unknown, seq_source=1, seq_target=1)
    with pytest.raises(NotFoundError):
        filled.store.ledger.adopted("dir_unknown")


def test_progress_of_planning_and_adoption_is_loaded_with_the_direction(filled: World) -> None:
    filled.store.ledger.planned(filled.direction, seq_source=7, seq_target=8)
    filled.store.ledger.adopted(filled.direction.id)
    loaded = filled.store.pairs.direction(filled.direction.id)
    assert (loaded.planned_seq, loaded.planned_settings_no, loaded.adopted) == (7, 1, True)


def statements(store: Store, action: Callable[[], object]) -> list[str]:
    seen: list[str] = []
    store.database.sqlite.set_trace_callback(seen.append)
    try:
        action()
    finally:
        store.database.sqlite.set_trace_callback(None)
    return seen


@pytest.mark.parametrize("size", [10, 2000])
def test_an_idle_plan_takes_the_same_few_look_ups_whatever_the_size(store: Store, size: int) -> None:
    filled = world(store)
    direction = filled.direction.id
    ids = [f"{n:05}" for n in range(size)]
    filled.read(*(single(i) for i in ids), full=True)
    filled.read(*(single(f"copy-{i}") for i in ids), calendar=HOME, full=True)
    store.ledger.save(
        [Link(direction, i, copy_key=f"k{i}") for i in ids],
        [Copy(direction, f"k{i}", event_id=f"copy-{i}") for i in ids],
    )
    filled.everything_planned()
    assert len(statements(store, lambda: to_plan(filled))) == 3
    for look_up in (
        lambda: store.ledger.rows("conn_work", ids),
        lambda: store.ledger.links(direction, ids),
        lambda: store.ledger.copies(direction, ids),
        lambda: store.ledger.copies_of_parents(direction, ids),
        lambda: store.ledger.known_copies(HOME, ids),
        lambda: store.ledger.uids(HOME, ids),
    ):
        assert len(statements(store, look_up)) == 1


def test_look_ups_of_a_plan_go_through_indexes(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction
    filled.read(single("a"), full=True)

    def everything() -> None:
        ledger.originals_to_plan(replace(direction, settings_no=99), NOW)
        ledger.rows("conn_work", ["a"])
        ledger.links(direction.id, ["a"])
        ledger.copies(direction.id, ["a"])
        ledger.copies_of_parents(direction.id, ["a"])
        ledger.known_copies("conn_work", ["a"])
        ledger.uids("conn_work", ["a"])
        ledger.tally(direction.id, NOW)
        ledger.pending_intents(direction.id)
        filled.read(single("a", title="Moved"))

    queries = [text for text in statements(filled.store, everything) if text.startswith(("SELECT", "WITH"))]
    assert len(queries) > 10
    tables = ("event", "held", "link", "copy", "journal")
    for query in queries:
        plan = [str(row[3]) for row in filled.store.database.select(f"EXPLAIN QUERY PLAN {query}")]
        assert not [step for step in plan if step.startswith(tuple(f"SCAN {table}" for table in tables))], query


links = st.builds(
    Link,
    direction_id=st.just("dir_1"),
    original_id=st.text("abc", min_size=1, max_size=2),
    occ=st.sampled_from(["", "20260309"]),
    copy_key=st.text("xyz", max_size=2),
    state=st.sampled_from(LinkState),
    reason=st.text(max_size=5).filter(lambda text: text.isprintable()),
    base_original=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    rewrites=st.dictionaries(st.text(max_size=3), st.tuples(st.text(max_size=3), st.integers(0, 5)), max_size=2),
    retry_at=st.none() | st.just(NOW),
    replan_at=st.none() | st.just(NOW + timedelta(days=1)),
    tries=st.integers(0, 9),
)
copies = st.builds(
    Copy,
    direction_id=st.just("dir_1"),
    copy_key=st.text("abc", min_size=1, max_size=2),
    generation=st.integers(0, 5),
    event_id=st.text("abc", max_size=2),
    parent=st.text("abc", max_size=2),
    form=st.sampled_from(CopyForm),
    state=st.sampled_from(CopyState),
    etag=st.text("abc", max_size=2),
    stamp=st.text("abc", max_size=2),
    base_copy=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    cancelled=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    wanted=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(links, max_size=5), st.lists(copies, max_size=5))
def test_links_and_copies_come_back_as_they_were_saved(some_links: list[Link], some_copies: list[Copy]) -> None:
    with Store.open(":memory:", now=clock) as store:
        store.ledger.save(some_links, some_copies)
        by_key = {(link.original_id, link.occ): link for link in some_links}
        assert list(store.ledger.links("dir_1", None)) == [by_key[key] for key in sorted(by_key)]
        kept = {copy.copy_key: copy for copy in some_copies}
        assert list(store.ledger.copies("dir_1", None)) == [kept[key] for key in sorted(kept)]
        assert list(store.ledger.copies("dir_1", kept)) == [kept[key] for key in sorted(kept)]


def test_links_of_an_original_come_with_its_occurrences(filled: World) -> None:
    direction = filled.direction.id
    mine = [Link(direction, "b"), Link(direction, "b", occ="20260309"), Link(direction, "b", occ="20260316")]
    filled.store.ledger.save([*mine, Link(direction, "a"), Link("dir_other", "b")], [])
    assert filled.store.ledger.links(direction, ["b"]) == mine
    filled.store.ledger.save([], [], unlink=[(direction, "b", "20260309")])
    assert [link.occ for link in filled.store.ledger.links(direction, ["b"])] == ["", "20260316"]


def test_copies_of_a_series_are_found_by_their_parent(filled: World) -> None:
    direction = filled.direction.id
    inside = Copy(direction, "k9", parent="k", form=CopyForm.OCCURRENCE)
    filled.store.ledger.save([], [Copy(direction, "k", form=CopyForm.SERIES), inside, Copy(direction, "other")])
    assert filled.store.ledger.copies_of_parents(direction, ["k", ""]) == [inside]


def test_a_save_that_fails_changes_nothing(filled: World) -> None:
    broken = Link(filled.direction.id, "a", tries="many")  # type: ignore[arg-type] # what the table must refuse
    with pytest.raises(StorageError):
        filled.store.ledger.save([Link(filled.direction.id, "b"), broken], [Copy(filled.direction.id, "k")])
    assert filled.store.ledger.links(filled.direction.id, None) == []
    assert filled.store.ledger.copies(filled.direction.id, None) == []


def test_a_row_that_is_not_what_was_written_is_refused(filled: World) -> None:
    database = filled.store.database
    filled.store.ledger.save([Link(filled.direction.id, "a")], [Copy(filled.direction.id, "k")])
    with database.transaction():
        database.change("UPDATE link SET state = 'away'")
        database.change("UPDATE copy SET generation = 3")
    for look_up in (filled.store.ledger.links, filled.store.ledger.copies):
        with pytest.raises(StorageError) as caught:
            look_up(filled.direction.id, None)
        assert caught.value.code == "database_corrupt"


def test_the_tally_counts_a_series_once_and_only_what_has_a_live_copy(filled: World) -> None:
    direction = filled.direction.id
    filled.store.ledger.save(
        [
            Link(direction, "a", copy_key="ka"),
            Link(direction, "b", copy_key="kb"),
            Link(direction, "b", occ="20260309", copy_key="kb9"),
            Link(direction, "away", copy_key="k-away", state=LinkState.AWAY),
            Link(direction, "lost", copy_key="k-lost"),
            Link(direction, "none yet"),
        ],
        [
            Copy(direction, "ka"),
            Copy(direction, "kb"),
            Copy(direction, "kb9"),
            Copy(direction, "k-away"),
            Copy(direction, "k-lost", state=CopyState.GONE),
        ],
    )
    assert filled.store.ledger.tally(direction, NOW) == Tally(live=2, deleted_24h=0)


def test_the_tally_counts_deletions_of_a_day_but_no_commands(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction
    day = timedelta(hours=24)

    def delete(original_id: str, ago: timedelta, state: IntentState = IntentState.APPLIED, reason: str = "") -> None:
        (opened,) = ledger.open_intents([intent(direction, original_id, Op.DELETE, reason=reason)], NOW - ago)
        ledger.close_intents([Closing(replace(opened, state=state))], NOW - ago)

    delete("a", timedelta())
    delete("a", timedelta(hours=1))
    delete("b", day - timedelta(seconds=1), reason="original_gone")
    delete("c", day)
    delete("d", timedelta(), IntentState.REFUSED)
    delete("e", timedelta(), reason="command_remove")
    ledger.open_intents([intent(direction, "f", Op.DELETE)], NOW)
    (created,) = ledger.open_intents([intent(direction, "g")], NOW)
    ledger.close_intents([Closing(replace(created, state=IntentState.APPLIED))], NOW)
    assert ledger.tally(direction.id, NOW).deleted_24h == 2


def test_who_follows_a_copy_is_found_by_it(filled: World) -> None:
    one, two = (Link(filled.direction.id, original, copy_key="shared") for original in ("x1", "x2"))
    other = Link(filled.direction.id, "x3", copy_key="")
    filled.store.ledger.save([one, two, other], [])
    assert filled.store.ledger.links_to(filled.direction.id, ["shared", ""]) == [one, two]
    assert filled.store.ledger.links_to(filled.direction.id, []) == []
