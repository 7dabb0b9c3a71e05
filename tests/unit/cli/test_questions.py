"""Questions on the command line: one JSON value, the same in this process and over `/local/v1`; words for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.api.application import build_api
from app.cli.history import action_row
from app.domain.accounts import Provider
from app.domain.events import Event, EventKind, Fields
from app.domain.identity import copy_id, google_event_id
from app.domain.pairs import Direction, Mode
from app.domain.runs import RunStatus, Trigger
from app.domain.times import When
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble

TOKEN = "t" * 43


@pytest.fixture
def pair_id(host: HostDouble) -> str:
    """*Work* with two meetings, copied to *Home* as busy blocks, and read once more."""
    world = host.world

    async def make() -> str:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        for number, title in enumerate(("Team sync", "Team \x1b[31mlunch")):
            world.work.put(meeting(f"m{number}", wall(MONDAY, 9 + number), title=title))
        made = world.core.pairs.create([NewPair(*ends, mode=Mode.BLOCKER, direction=Direction.A_TO_B)])[0].pair.id
        for _ in range(2):
            run = world.core.sync.request(made, Trigger.MANUAL)
            assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS
        return made

    return asyncio.run(make())


def over_the_api(world: CoreWorld, path: str, **query: str) -> dict[str, Any]:
    """What `/local/v1` answers."""

    async def ask() -> dict[str, Any]:
        api = build_api(world.core, control_token=TOKEN, instance_secret="s" * 43)
        headers: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5545", headers=headers) as client:
            answer = await client.get(f"/local/v1/{path}", params=query)
            assert answer.status_code == 200, answer.text
            told: dict[str, Any] = answer.json()
            return told

    return asyncio.run(ask())


def test_why_tells_the_same_in_this_process_and_over_the_api(kalends: Kalends, host: HostDouble, pair_id: str) -> None:
    told = kalends("why", "sync", "--pair", pair_id, "--json")
    assert told.code == 0
    (event,) = told.json["events"]
    assert (event["event_id"], event["what"], event["seen"]) == ("m0", "original", "seen")
    (way,) = event["directions"]
    assert [one["reason"] for one in way["now"]] == ["nothing_to_do"]
    assert [one["action"] for one in way["writes"]] == ["create"]
    assert told.json == over_the_api(host.world, "why", event="sync", pair_id=pair_id)


def test_why_speaks_to_a_person_and_lets_no_title_drive_the_terminal(kalends: Kalends, pair_id: str) -> None:
    told = kalends("why", "--on", str(MONDAY))
    assert told.code == 0
    assert "Team  [31mlunch" in told.out
    assert "Work → Home" in told.out
    assert "Its copy is as it should be." in told.out


def test_why_finds_nothing_and_understands_no_odd_day(kalends: Kalends, pair_id: str) -> None:
    assert kalends("why", "nobody's party", "--json").code == 6
    assert kalends("why", "--on", "someday").code == 2
    assert kalends("why", "x", "--pair", "pair_01J00000000000000000000000").code == 6


def test_free_tells_the_same_in_this_process_and_over_the_api(kalends: Kalends, host: HostDouble, pair_id: str) -> None:
    span = {"from": f"{MONDAY}T00:00:00Z", "to": f"{MONDAY}T20:00:00Z"}
    told = kalends("free", "--from", span["from"], "--to", span["to"], "--at-least", "2h", "--json")
    assert told.code == 0
    assert [one["start"] for one in told.json["busy"]] == [f"{MONDAY}T08:00:00Z", f"{MONDAY}T09:00:00Z"]
    assert told.json["free"][0] == {"start": f"{MONDAY}T00:00:00Z", "end": f"{MONDAY}T08:00:00Z"}
    assert told.json == over_the_api(host.world, "availability", **span, min_seconds="7200")
    assert "Team" not in told.out
    following = kalends("free", "--from", f"{MONDAY}T08:10:00Z", "--to", span["to"], "--next", "2h", "--json")
    assert following.json["free"] == [{"start": f"{MONDAY}T09:30:00Z", "end": f"{MONDAY}T20:00:00Z"}]


def test_free_understands_no_odd_lengths_or_hours_and_finds_none_where_there_is_none(
    kalends: Kalends, pair_id: str
) -> None:
    assert kalends("free", "--next", "soon").code == 2
    assert kalends("free", "--between", "late").code == 2
    span = ("--from", f"{MONDAY}T08:00:00Z", "--to", f"{MONDAY}T08:30:00Z")
    assert kalends("free", *span, "--next", "1h").code == 6
    assert "calendars, as read at" in kalends("free", *span).err


def test_copies_are_checked_and_duplicates_shown_the_same_in_this_process_and_over_the_api(
    kalends: Kalends, host: HostDouble, pair_id: str
) -> None:
    told = kalends("copies", "check", "--pair", pair_id, "--json")
    assert (told.code, told.json) == (0, {"checked": 2, "gone": 0, "unanswered": 0, "leaks": []})
    assert told.json == over_the_api(host.world, "leaks", pair_id=pair_id)
    shown = kalends("copies", "duplicates", "--json")
    assert (shown.code, shown.json) == (0, {"total": 0, "groups": []})
    assert shown.json == over_the_api(host.world, "duplicates")
    copy = next(iter(host.world.home.events.values()))
    assert copy.fields is not None
    host.world.home.put(replace(copy, fields=replace(copy.fields, title="Team sync")))
    leaking = kalends("copies", "check")
    assert leaking.code == 1
    assert "title" in leaking.out
    assert "Team sync" not in leaking.out


def test_snapshots_are_listed_looked_at_and_restored_the_same_in_this_process_and_over_the_api(
    kalends: Kalends, host: HostDouble, pair_id: str
) -> None:
    listed = kalends("snapshot", "list", "--json")
    assert listed.code == 0
    assert listed.json == over_the_api(host.world, "snapshots")
    assert {(one["calendar_name"], one["reason"]) for one in listed.json["snapshots"]} == {
        ("Work", "first"),
        ("Home", "first"),
    }
    of_home = next(one for one in listed.json["snapshots"] if one["calendar_name"] == "Home")
    shown = kalends("snapshot", "restore", of_home["id"])
    assert shown.code == 0
    assert "Everything in this snapshot is still there" in shown.err
    assert "Guests, their answers and the organizer" in shown.err
    looked = kalends("snapshot", "restore", of_home["id"], "--json").json
    assert looked == over_the_api(host.world, f"snapshots/{of_home['id']}/restore")
    host.world.home.put(meeting("dinner", wall(MONDAY, 19), title="Dinner"))
    kalends("sync")
    taken = kalends("snapshot", "take", of_home["connection_id"], "--json").json
    assert (taken["reason"], taken["calendar_name"]) == ("asked", "Home")
    host.world.home.remove("dinner")
    shown = kalends("snapshot", "restore", taken["id"])
    assert "Dinner" in shown.out
    assert "add --yes" in shown.err
    done = kalends("snapshot", "restore", taken["id"], "--yes", "--json")
    assert (done.code, done.json["events_created"]) == (0, 1)
    assert [one["reason"] for one in done.json["actions"]] == ["command_restore"]
    assert kalends("snapshot", "restore", taken["id"], "--yes").code == 0
    assert len([e for e in host.world.home.living() if e.fields and e.fields.title == "Dinner"]) == 1
    assert kalends("snapshot", "restore", "snap_0123456789abcdef_20260328T091500Z_daily").code == 6


def test_second_copies_are_shown_before_they_go(kalends: Kalends, host: HostDouble, pair_id: str) -> None:
    assert kalends("copies", "duplicates", "--yes").code == 2
    assert "no second copy" in kalends("copies", "duplicates", "--remove", "--yes").err
    copy = next(one for one in host.world.home.living() if one.marker is not None)
    assert copy.marker is not None
    connection = host.world.store.accounts.connection(host.world.core.pairs.get(pair_id).pair.connection_b_id)
    event_id = google_event_id(copy_id(connection.calendar_key, copy.marker.copy_key, 1))
    host.world.home.put(replace(copy, id=event_id, marker=replace(copy.marker, generation=1, stamp="other.1")))
    shown = kalends("copies", "duplicates", "--remove")
    assert "add --yes" in shown.err
    assert event_id in shown.out
    assert kalends("copies", "duplicates", "--remove", "--json").json == over_the_api(
        host.world, "duplicates/removable"
    )
    done = kalends("copies", "duplicates", "--remove", "--yes")
    assert done.code == 0
    assert "1 removed. To undo it: kalends runs undo sync_run_" in done.err
    assert host.world.home.events[event_id].gone
    assert not host.world.home.events[copy.id].gone


def test_an_all_day_event_is_told_with_its_date_alone(kalends: Kalends, host: HostDouble, pair_id: str) -> None:
    world = host.world

    async def add() -> None:
        days = When(MONDAY, MONDAY + timedelta(days=1))
        world.work.put(Event("holiday", kind=EventKind.SINGLE, fields=Fields(days, "Holiday")))
        run = world.core.sync.request(pair_id, Trigger.MANUAL)
        assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS

    asyncio.run(add())
    assert f"Holiday, {MONDAY}, in" in kalends("why", "holiday").out


def test_a_line_of_a_story_names_the_date_of_an_all_day_event_and_the_moment_of_another() -> None:
    line = {"action": "skip", "result": "done", "title": "Holiday", "sentence": "It is marked as free."}
    assert action_row({**line, "starts_at": "2026-11-18T00:00:00Z", "all_day": True})[2] == "2026-11-18"
    assert action_row({**line, "starts_at": "2026-11-18T09:00:00Z", "all_day": False})[2] == "2026-11-18T09:00:00Z"
    assert action_row({**line, "starts_at": None, "all_day": False})[2] == "-"
