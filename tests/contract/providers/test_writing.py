"""Contract of every provider's writer: one outcome for each write, and what the service holds afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from app.domain.errors import AuthExpiredError, OfflineError
from app.domain.events import Availability, EventKind, Fields, GuestList, Visibility
from app.domain.links import Evidence, Op, Result
from app.domain.times import When
from tests.contract.providers.world import BERLIN, SPAN, ProviderWorld, at, draft, timed

pytestmark = pytest.mark.anyio

MEETING = timed(at(10, 9), at(10, 10), title="Meeting", text="Bring the map", place="Room 1")

EVERY_KIND = {
    "plain": timed(at(10, 9), at(10, 10)),
    "without a title": timed(at(10, 9), at(10, 10), title=""),
    "all day": Fields(When(date(2026, 3, 28), date(2026, 3, 31)), title="Fair"),
    "one day": Fields(When(date(2026, 3, 29), date(2026, 3, 30)), title="Sunday of the change"),
    "zero length": timed(at(10, 9), at(10, 9)),
    "over midnight": timed(at(10, 22), at(11, 3)),
    "in summer": timed(at(10, 9, month=7), at(10, 10, month=7)),
    "at the change of the clocks": timed(at(29, 1), at(29, 4)),
    "in a gap of the clocks": timed(at(29, 2, 30), at(29, 4)),
    "in New York": Fields(When(at(10, 9), at(10, 10), "America/New_York"), title="Far"),
    "in UTC": Fields(When(at(10, 9), at(10, 10), "UTC"), title="Zulu"),
    "in Kathmandu": Fields(When(at(10, 9), at(10, 10), "Asia/Kathmandu"), title="A quarter"),
    "with seconds": Fields(When(datetime(2026, 3, 10, 9, 0, 42), datetime(2026, 3, 10, 9, 30, 5), BERLIN)),  # noqa: DTZ001 - wall time
    "floating": Fields(When(at(10, 9), at(10, 10), BERLIN, floating=True), title="Anywhere"),
    "emoji and accents": timed(at(10, 9), at(10, 10), title="Cafe\u0301 ☕ 👩‍👩‍👧", place="Zürich"),
    "blanks around": timed(at(10, 9), at(10, 10), title="  Busy \n now ", text="\n a \n\n b  \n"),
    "text that looks like HTML": timed(at(10, 9), at(10, 10), text="if a < b and <b>bold</b> &amp; so"),
    "HTML": timed(at(10, 9), at(10, 10), text="Hello you", html="<p>Hello <b>you</b></p>"),
    "hostile HTML": timed(
        at(10, 9), at(10, 10), html='<p onclick="x()">Hi<script>alert(1)</script><img src="http://x/y"></p>'
    ),
    "long text": timed(at(10, 9), at(10, 10), text="long & wide " * 4000),
    "long title": timed(at(10, 9), at(10, 10), title="t" * 4000, place="p" * 4000),
    "with a link": timed(at(10, 9), at(10, 10), text="Agenda", link="https://meet.example.com/a?b=1&c=2"),
    "with guests": timed(
        at(10, 9), at(10, 10), text="Agenda", link="https://meet.example.com/a", guests=GuestList(("Ana", "Bo, C."), 3)
    ),
    "with guests and HTML": timed(
        at(10, 9), at(10, 10), text="Hello you", html="<p>Hello <b>you</b></p>", guests=GuestList(("A & <B>",))
    ),
    "free": timed(at(10, 9), at(10, 10), availability=Availability.FREE),
    "tentative": timed(at(10, 9), at(10, 10), availability=Availability.TENTATIVE),
    "out of office": timed(at(10, 9), at(10, 10), availability=Availability.OUT_OF_OFFICE),
    "elsewhere": timed(at(10, 9), at(10, 10), availability=Availability.ELSEWHERE),
    "private": timed(at(10, 9), at(10, 10), visibility=Visibility.PRIVATE),
    "confidential": timed(at(10, 9), at(10, 10), visibility=Visibility.CONFIDENTIAL),
    "public": timed(at(10, 9), at(10, 10), visibility=Visibility.PUBLIC),
    "reminders": timed(at(10, 9), at(10, 10), reminders=(5, 30)),
    "too many reminders": timed(at(10, 9), at(10, 10), reminders=tuple(range(0, 100_000, 7000))),
    "a colour": timed(at(10, 9), at(10, 10), colour="tomato"),
    "an unknown colour": timed(at(10, 9), at(10, 10), colour="mauvelous"),
}


@pytest.mark.parametrize("name", EVERY_KIND)
async def test_what_was_created_is_answered_and_read_in_normal_form(world: ProviderWorld, name: str) -> None:
    fields = EVERY_KIND[name]
    outcome = await world.write_one(Op.CREATE, draft=draft(fields, copy_key="key", generation=3, stamp="here.7"))
    assert outcome.result is Result.APPLIED, outcome
    event = outcome.event
    assert event is not None
    assert event.fields == world.client.normal_form(fields)
    assert world.client.normal_form(event.fields) == event.fields
    assert event.kind is EventKind.SINGLE
    assert event.etag
    found = (await world.read(event.id))[event.id].events[0]
    assert found.fields == event.fields
    assert found.marker is not None
    assert (found.marker.copy_key, found.marker.generation, found.marker.stamp) == ("key", 3, "here.7")
    assert not found.marker.released


@pytest.mark.parametrize("name", EVERY_KIND)
async def test_an_update_makes_an_event_what_the_draft_says(world: ProviderWorld, name: str) -> None:
    before = await world.create(
        replace(MEETING, link="https://meet.example.com/a", reminders=(5,), availability=Availability.FREE)
    )
    fields = EVERY_KIND[name]
    outcome = await world.write_one(Op.UPDATE, target_id=before.id, etag=before.etag, draft=draft(fields, stamp="b.2"))
    assert outcome.result is Result.APPLIED, outcome
    assert outcome.event is not None
    assert outcome.event.id == before.id
    assert outcome.event.fields == world.client.normal_form(fields)
    assert outcome.event.marker is None or outcome.event.marker.stamp == "b.2"
    assert outcome.event.etag != before.etag


async def test_an_all_day_event_becomes_a_timed_one(world: ProviderWorld) -> None:
    before = await world.create(EVERY_KIND["all day"])
    outcome = await world.write_one(Op.UPDATE, target_id=before.id, etag=before.etag, draft=draft(MEETING))
    assert outcome.event is not None
    assert outcome.event.fields == world.client.normal_form(MEETING)


async def test_the_same_create_again_leaves_one_event(world: ProviderWorld) -> None:
    first = await world.create(MEETING, copy="same")
    again = await world.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert again.result in (Result.EXISTS, Result.APPLIED), again
    assert again.event is not None
    assert again.event.id == first.id
    assert world.titles() == ["Meeting"]


async def test_a_create_whose_answer_was_lost_is_unknown_and_sent_again_leaves_one_event(world: ProviderWorld) -> None:
    world.plant(world.create_route, "reset_after_commit", nth=1)
    lost = await world.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert lost.result is Result.UNKNOWN
    assert world.titles() == ["Meeting"]
    again = await world.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert again.result in (Result.EXISTS, Result.APPLIED)
    assert again.event is not None
    assert again.event.fields == world.client.normal_form(MEETING)
    assert world.titles() == ["Meeting"]


async def test_a_create_that_never_arrived_is_unknown_and_nothing_is_there(world: ProviderWorld) -> None:
    world.plant(world.create_route, "reset_before", nth=1)
    outcome = await world.write_one(Op.CREATE, draft=draft(MEETING))
    assert outcome.result is Result.UNKNOWN
    assert world.titles() == []


async def test_a_failing_service_leaves_a_write_unknown(world: ProviderWorld) -> None:
    world.plant(world.create_route, "status", nth=1, status=500)
    assert (await world.write_one(Op.CREATE, draft=draft(MEETING))).result is Result.UNKNOWN


async def test_a_write_refused_for_its_pace_comes_back_later(world: ProviderWorld) -> None:
    world.plant(world.create_route, "status", nth=1, **world.slow_down)
    outcome = await world.write_one(Op.CREATE, draft=draft(MEETING))
    assert outcome.result is Result.LATER
    assert outcome.retry_after_seconds == 3
    assert world.titles() == []


async def test_one_refused_write_does_not_stop_the_others(world: ProviderWorld) -> None:
    world.plant(world.create_route, "status", nth=2, status=400, body={"error": {"code": 400, "message": "no"}})
    intents = [world.intent(Op.CREATE, draft=draft(timed(at(10, 9), at(10, 10), title=f"n{n}"))) for n in range(4)]
    told = await world.write(*intents)
    assert sorted(outcome.result for outcome in told.values()) == [Result.APPLIED] * 3 + [Result.REFUSED]
    assert len(world.titles()) == 3


async def test_an_update_of_a_changed_event_is_dropped(world: ProviderWorld) -> None:
    event = await world.create(MEETING)
    world.person_changes(event.id, title="Mine now")
    outcome = await world.write_one(Op.UPDATE, target_id=event.id, etag=event.etag, draft=draft(MEETING))
    assert outcome.result is Result.DROPPED
    assert world.titles() == ["Mine now"]


async def test_a_delete_of_a_changed_event_is_dropped(world: ProviderWorld) -> None:
    event = await world.create(MEETING)
    world.person_changes(event.id, title="Mine now")
    outcome = await world.write_one(Op.DELETE, target_id=event.id, etag=event.etag)
    assert outcome.result is Result.DROPPED
    assert world.titles() == ["Mine now"]


@pytest.mark.parametrize("etag", ["known", ""])
async def test_an_update_of_a_deleted_event_is_dropped_and_does_not_bring_it_back(
    world: ProviderWorld, etag: str
) -> None:
    event = await world.create(MEETING)
    world.person_deletes(event.id)
    outcome = await world.write_one(
        Op.UPDATE, target_id=event.id, etag=event.etag if etag else "", draft=draft(MEETING)
    )
    assert outcome.result is Result.DROPPED
    assert world.titles() == []


async def test_an_update_without_a_version_is_made(world: ProviderWorld) -> None:
    event = await world.create(MEETING)
    world.person_changes(event.id, title="Mine now")
    outcome = await world.write_one(Op.UPDATE, target_id=event.id, draft=draft(MEETING))
    assert outcome.result is Result.APPLIED
    assert world.titles() == ["Meeting"]


async def test_a_deleted_event_is_gone_and_deleting_it_again_is_fine(world: ProviderWorld) -> None:
    event = await world.create(MEETING)
    assert (await world.write_one(Op.DELETE, target_id=event.id, etag=event.etag)).result is Result.APPLIED
    assert (await world.read(event.id))[event.id].evidence is Evidence.GONE
    assert (await world.write_one(Op.DELETE, target_id=event.id)).result is Result.APPLIED
    assert world.titles() == []


async def test_a_refused_calendar_refuses_the_write_with_a_reason(world: ProviderWorld) -> None:
    await world.open("Team")
    outcome = await world.write_one(Op.CREATE, draft=draft(MEETING))
    assert outcome.result is Result.REFUSED
    assert outcome.code
    assert outcome.message
    assert world.titles() == []


async def test_more_writes_than_fit_one_request_are_all_told_once(world: ProviderWorld) -> None:
    intents = [world.intent(Op.CREATE, draft=draft(timed(at(10, 9), at(10, 10), title=f"{n:03}"))) for n in range(123)]
    told = await world.write(*intents)
    assert set(told) == {intent.id for intent in intents}
    assert {outcome.result for outcome in told.values()} == {Result.APPLIED}
    assert world.titles() == [f"{n:03}" for n in range(123)]
    assert len({outcome.event.id for outcome in told.values() if outcome.event}) == 123


async def test_an_expired_token_is_renewed_once_and_the_write_is_made_once(world: ProviderWorld) -> None:
    world.emulated.expire_access(world.tokens.email)
    assert (await world.write_one(Op.CREATE, draft=draft(MEETING))).result is Result.APPLIED
    assert world.tokens.renewals == 1
    assert world.titles() == ["Meeting"]


async def test_an_ended_sign_in_is_told_and_nothing_is_written(world: ProviderWorld) -> None:
    world.emulated.revoke(world.tokens.email)
    world.tokens.ended = True
    with pytest.raises(AuthExpiredError):
        await world.write_one(Op.CREATE, draft=draft(MEETING))
    with pytest.raises(AuthExpiredError):
        await world.changes()
    assert world.titles() == []


async def test_no_connection_is_told_as_offline(world: ProviderWorld) -> None:
    service = world.unreachable()
    client = service.calendar(world.connection)
    with pytest.raises(OfflineError):
        await client.write([world.intent(Op.CREATE, draft=draft(MEETING))]).next()
    with pytest.raises(OfflineError):
        await client.changes(None, SPAN).next()
    with pytest.raises(OfflineError):
        await client.read(["any"]).next()
    with pytest.raises(OfflineError):
        await service.calendars()
    await service.aclose()


async def test_no_write_of_a_copy_ever_sends_a_mail(world: ProviderWorld) -> None:
    await world.open("Work")
    copy = await world.create(MEETING)
    told = await world.write_one(Op.UPDATE, target_id=copy.id, draft=draft(EVERY_KIND["free"]))
    assert told.result is Result.APPLIED
    assert (await world.write_one(Op.DELETE, target_id=copy.id)).result is Result.APPLIED
    assert world.sandbox.world.outbox.all() == []
