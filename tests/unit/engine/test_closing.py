"""How journaled writes end: the rows that follow from what a service told (`engine.md` §11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.events import Event, Fields, Marker
from app.domain.links import Copy, CopyForm, CopyState, Draft, Intent, IntentState, Link, LinkState, Op
from app.domain.runs import ActionResult, Verb
from app.engine import closing
from app.engine.fingerprint import hashes
from app.engine.wishes import STAND_IN
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, meeting

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def fields(title: str) -> Fields:
    made = meeting("a1", wall(MONDAY, 9), title=title).fields
    assert made is not None
    return made


def intent(op: Op = Op.UPDATE, *, sent: Fields | None = None, released: bool = False, **more: object) -> Intent:
    what = sent or fields("Wanted")
    draft = Draft(what, Marker("d", "k", 0, "inst.2", released=released))
    made = Intent(7, "dir", "run", op, "a1", "", "k", "id", 0, "inst.2", draft=draft, target_id="kalnid")
    told = {"wanted": hashes(fields("Wanted")), "original_hashes": {"title": "t"}, "last_try_at": NOW, **more}
    return replace(made, **told)  # type: ignore[arg-type]  # by name


def test_a_write_leaves_the_answer_as_its_base() -> None:
    answer = fields("Wanted, said the service")
    closed = closing.applied(intent(), answer, Event("kalnid", etag="2", fields=answer))
    assert closed.intent.state is IntentState.APPLIED
    assert closed.copy is not None
    assert (closed.copy.base_copy, closed.copy.etag, closed.copy.stamp) == (hashes(answer), "2", "inst.2")
    assert closed.copy.wanted == hashes(fields("Wanted"))
    assert closed.link == Link("dir", "a1", copy_key="k", base_original={"title": "t"})


def test_a_lost_answer_leaves_what_was_sent_as_the_base_whatever_is_there_now() -> None:
    closed = closing.applied(intent(), None, Event("kalnid", etag="3", fields=fields("Edited since")))
    assert closed.copy is not None
    assert closed.copy.base_copy == hashes(fields("Wanted"))


@pytest.mark.parametrize("answered", [True, False])
def test_a_field_sent_as_a_person_made_it_keeps_its_base(answered: bool) -> None:
    known = Copy("dir", "k", base_copy=hashes(fields("As we left it")))
    sent = fields("By hand")
    closed = closing.applied(intent(sent=sent), sent if answered else None, Event("kalnid", fields=sent), known=known)
    assert closed.copy is not None
    assert closed.copy.base_copy["title"] == hashes(fields("As we left it"))["title"]
    assert closed.copy.base_copy["when"] == hashes(sent)["when"]


def test_a_deleted_copy_keeps_its_generation_and_leaves_its_link_due() -> None:
    known = Copy("dir", "k", generation=3, event_id="kalnid", stamp="inst.1", base_copy={"title": "x"})
    closed = closing.applied(
        intent(Op.DELETE, reason="free"), None, None, known=known, link=Link("dir", "a1", copy_key="k")
    )
    assert closed.copy is not None
    assert (closed.copy.state, closed.copy.generation, closed.copy.event_id) == (CopyState.GONE, 3, "")
    assert closed.link == Link("dir", "a1", state=LinkState.SKIPPED, reason="free", replan_at=NOW)


def test_a_cancelled_occurrence_is_noted_on_its_series() -> None:
    parent = Copy("dir", "parent", form=CopyForm.SERIES, event_id="kalnid", cancelled=("20261130",))
    closed = closing.applied(intent(Op.CANCEL_OCCURRENCE, occ="20261207", parent="parent"), None, None, parent=parent)
    assert closed.copy == replace(parent, cancelled=("20261130", "20261207"))


def test_a_released_copy_is_no_copy_any_more() -> None:
    closed = closing.applied(intent(released=True, reason="released"), fields("Mine"), Event("kalnid"))
    assert closed.copy is not None
    assert closed.link is not None
    assert (closed.copy.state, closed.link.copy_key, closed.link.state) == (CopyState.RELEASED, "", LinkState.SKIPPED)
    assert closed.action is not None
    assert closed.action.verb is Verb.RELEASE


def test_a_stand_in_stays_one_through_its_writes() -> None:
    link = Link("dir", "a1", "20261130", state=LinkState.SKIPPED, reason=STAND_IN)
    closed = closing.applied(intent(Op.CREATE, occ="20261130"), fields("Wanted"), Event("kalnid"), link=link)
    assert closed.link is not None
    assert (closed.link.reason, closed.link.state) == (STAND_IN, LinkState.LIVE)


def test_refusals_wait_longer_each_time_up_to_a_day() -> None:
    link: Link | None = None
    waits = []
    for _ in range(16):
        link = closing.refused(intent(), link, "forbidden", "No.", NOW).link
        assert link is not None
        assert link.retry_at is not None
        waits.append(link.retry_at - NOW)
    assert waits[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=24)


def test_a_refusal_is_told_in_the_services_words() -> None:
    action = closing.refused(intent(), None, "quota", "The mailbox is full.", NOW).action
    assert action is not None
    assert (action.result, action.reason, action.sentence) == (ActionResult.FAILED, "quota", "The mailbox is full.")


def test_an_exception_that_may_not_cross_its_neighbour_becomes_a_stand_in() -> None:
    known = Copy("dir", "k", form=CopyForm.OCCURRENCE, event_id="part", base_copy={"title": "x"})
    crossing = intent(Op.UPDATE_OCCURRENCE, occ="20261130", parent="p")
    closed = closing.refused(crossing, None, "occurrence_crossing", "", NOW, known=known)
    assert closed.link is not None
    assert closed.copy is not None
    assert (closed.link.reason, closed.link.replan_at, closed.action) == (STAND_IN, NOW, None)
    assert (closed.copy.state, closed.copy.event_id) == (CopyState.GONE, "")


def test_a_burned_id_raises_the_generation_and_leaves_the_original_due() -> None:
    closed = closing.burned(intent(Op.CREATE), None, Copy("dir", "k", generation=0), NOW)
    assert closed.copy is not None
    assert closed.link is not None
    assert (closed.copy.generation, closed.copy.state, closed.link.replan_at) == (1, CopyState.GONE, NOW)
    assert closed.intent.state is IntentState.DROPPED


def test_a_dropped_write_keeps_what_its_link_said() -> None:
    link = Link("dir", "a1", state=LinkState.AWAY, reason="stays_away")
    assert closing.dropped(intent(), link, NOW).link == replace(link, replan_at=NOW)


def test_what_nobody_knows_stays_in_the_journal() -> None:
    assert closing.still_unknown(intent()).intent.state is IntentState.PENDING
