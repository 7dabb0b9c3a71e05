"""Snapshots are there before the first write and daily, cost no request, and bring back what is missing and no more."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain import identity
from app.domain.accounts import Provider
from app.domain.errors import ConflictError, InputError, KalendsError, NotFoundError, UnavailableError
from app.domain.events import Event, EventKind, Fields, Marker, Response, Special
from app.domain.links import Outcome, Result
from app.domain.pairs import Direction, DirectionSettings, Mode, PairStatus
from app.domain.ports import Clock
from app.domain.runs import Run, RunStatus, Trigger
from app.domain.snapshots import Reason
from app.domain.times import When, to_utc
from app.services.restores import Fate
from app.services.views import NewPair, RunView, Viewer
from app.system.clock import ServiceTime
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, ZONE, meeting, weekly

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def paired(
    folder: Path, direction: Direction = Direction.A_TO_B, status: PairStatus = PairStatus.PAUSED
) -> AsyncIterator[CoreWorld]:
    """*Work* with a meeting, *Home* with a dinner, a series and an invitation, and a pair that did not sync yet."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(meeting("work", wall(MONDAY, 9), title="Budget"))
        rich: dict[str, Any] = {"text": "Bring wine", "place": "Via Roma 1", "reminders": (15,)}
        world.home.put(replace(meeting("dinner", wall(MONDAY, 19), title="Dinner", fields=rich), ical_uid="dinner@x"))
        world.home.put(weekly("yoga"))
        world.home.put(replace(meeting("party", wall(MONDAY, 21), title="Party"), guests=True))
        new = NewPair(*ends, mode=Mode.FULL, direction=direction, status=status, settings=DirectionSettings(Mode.FULL))
        world.core.pairs.create([new])
        yield world
    finally:
        await world.close()


async def sync(world: CoreWorld) -> RunView:
    """One run to its end."""
    view = world.core.pairs.list()[0]
    if view.pair.status is PairStatus.PAUSED:
        world.core.pairs.resume_all()
        run = world.core.history.runs().runs[0]
    else:
        run = world.core.sync.request(view.pair.id, Trigger.MANUAL)
    return await world.core.sync.wait(run.id, 30)


async def ended(world: CoreWorld, run: Run) -> RunView:
    """A command's run at its end."""
    return await world.core.sync.wait(run.id, 30)


def of_home(world: CoreWorld) -> str:
    """Id of the newest snapshot of *Home*."""
    return next(one.id for one in world.core.snapshots.list() if one.where and one.where.connection.name == "Home")


def files(folder: Path) -> list[Path]:
    """What lies in the folder of snapshots."""
    return sorted((folder / "state" / "snapshots").iterdir())


# -- taking ------------------------------------------------------------------------------------------------------------


async def test_both_calendars_are_kept_before_the_first_write_and_by_no_request_of_its_own(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        seen: list[int] = []
        world.home.script.before = lambda name: seen.append(len(files(tmp_path))) if name == "write" else None
        assert (await sync(world)).run.status is RunStatus.SUCCESS
        assert seen
        assert seen[0] == 2
        kept = world.core.snapshots.list()
        assert {(one.where.connection.name, one.reason) for one in kept if one.where} == {
            ("Work", Reason.FIRST),
            ("Home", Reason.FIRST),
        }
        # Reading, listing the copies there are by marker, writing: what a first run without snapshots asks for.
        assert [name.split()[0] for name in world.work.requests] == ["changes"]
        assert sorted({name.split()[0] for name in world.home.requests}) == ["changes", "marked", "write"]


async def test_snapshots_go_by_the_services_time_where_the_computers_is_months_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[ServiceTime] = []

    class Kept(ServiceTime):
        """One that the test tells the time."""

        def __init__(self, clock: Clock) -> None:
            super().__init__(clock)
            times.append(self)

    monkeypatch.setattr("app.wiring.ServiceTime", Kept)
    async with paired(tmp_path) as world:
        await sync(world)
        world.clock.advance(days=2)
        await sync(world)
        assert len(files(tmp_path)) == 4
        right = world.clock.now()
        world.clock.advance(days=100)
        await world.core.snapshots.take(world.core.pairs.list()[0].pair.connection_b_id)
        assert len(files(tmp_path)) == 5, "one that is asked for reads nothing, so no service said what time it is"
        times[-1].heard(right)
        world.clock.advance(days=1)
        await sync(world)
        taken = [one.taken_at for one in world.core.snapshots.list()]
        assert (right + timedelta(days=1)).replace(microsecond=0) in taken
        assert len(files(tmp_path)) == 7


async def test_files_are_for_their_owner_alone_and_whole(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        for file in files(tmp_path):
            assert file.suffix == ".ics"
            text = file.read_bytes().decode()
            assert text.startswith("BEGIN:VCALENDAR\r\n")
            assert text.endswith("END:VCALENDAR\r\n")
            if os.name == "posix":
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
                assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_copies_and_what_the_service_makes_itself_are_left_out(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        world.home.put(replace(meeting("birthday", wall(MONDAY, 8), title="Eve's birthday"), special=Special.BIRTHDAY))
        await sync(world)
        await world.core.snapshots.take(world.core.pairs.list()[0].pair.connection_b_id)
        text = (files(tmp_path)[-1].parent / f"{of_home(world)}.ics").read_text()
        assert "Dinner" in text
        assert "Budget" not in text
        assert "birthday" not in text


def made_elsewhere(world: CoreWorld) -> None:
    """Another computer copies a meeting of *Work* to *Home*, which does not tell markers in its changes."""
    world.home.hides_markers = True
    into = world.store.pairs.directions(world.core.pairs.list()[0].pair.id)[0]
    world.work.put(meeting("secret", wall(MONDAY, 11), title="Secret"))
    key = identity.copy_key(into.key, "secret")
    named = identity.transaction_id(identity.copy_id(into.target.calendar_key, key, 0))
    copied = meeting("elsewhere", wall(MONDAY, 11), title="Secret")
    world.home.put(
        replace(copied, marker=Marker(into.key, key, 0, "other.1"), transaction_id=named),
        by="kalends",
    )


@pytest.mark.parametrize("silent", [False, True])
async def test_what_another_computer_copied_since_the_last_run_is_left_out_also_while_nobody_can_say(
    tmp_path: Path, silent: bool
) -> None:
    async with paired(tmp_path, Direction.BIDIRECTIONAL) as world:
        await sync(world)
        made_elsewhere(world)
        if silent:
            world.home.script.unanswered.add("elsewhere")
        world.clock.advance(days=2)
        await sync(world)
        text = (tmp_path / "state" / "snapshots" / f"{of_home(world)}.ics").read_text()
        assert "Dinner" in text
        assert "Secret" not in text


async def test_a_service_that_fails_when_asked_about_a_copy_holds_no_snapshot_up(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        made_elsewhere(world)
        world.clock.advance(days=2)
        failed: list[str] = []

        def fail(name: str) -> None:
            if name == "read" and not failed:
                failed.append(name)
                raise UnavailableError("down")

        world.home.script.before = fail
        await sync(world)
        assert failed
        text = (tmp_path / "state" / "snapshots" / f"{of_home(world)}.ics").read_text()
        assert "Dinner" in text
        assert "Secret" not in text


async def test_what_came_back_and_was_changed_by_a_person_is_kept_again_though_it_looks_like_a_copy(
    tmp_path: Path,
) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        await restored(world)
        world.home.hides_markers = True
        back = next(e for e in world.home.living() if e.fields and e.fields.title == "Dinner")
        assert back.fields is not None
        world.home.put(replace(back, fields=replace(back.fields, title="Supper")))
        world.clock.advance(days=2)
        await sync(world)
        text = (tmp_path / "state" / "snapshots" / f"{of_home(world)}.ics").read_text()
        assert "Supper" in text


async def test_a_day_later_there_is_another_one_and_not_before(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.clock.advance(hours=23)
        await sync(world)
        assert len(world.core.snapshots.list()) == 2
        world.clock.advance(hours=2)
        await sync(world)
        assert [one.reason for one in world.core.snapshots.list()] == [*[Reason.DAILY] * 2, *[Reason.FIRST] * 2]
        # A start anew knows of them by their files.
        world.restart()
        await sync(world)
        assert len(world.core.snapshots.list()) == 4


async def test_they_are_kept_for_thirty_days_and_the_first_one_as_long_as_a_pair_uses_the_calendar(
    tmp_path: Path,
) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        began = world.clock.now()
        for _ in range(40):
            world.clock.advance(days=1)
            await sync(world)
        kept = [one for one in world.core.snapshots.list() if one.where and one.where.connection.name == "Home"]
        assert [one.reason for one in kept] == [*[Reason.DAILY] * 31, Reason.FIRST]
        assert kept[-1].taken_at == began.replace(microsecond=0)
        assert all(world.clock.now() - one.taken_at <= timedelta(days=30) for one in kept[:-1])


async def test_a_dry_run_takes_none(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL, dry=True)
        await ended(world, run)
        assert world.core.snapshots.list() == ()


async def test_nothing_is_written_before_the_first_snapshot_is_kept(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        (tmp_path / "state").mkdir()
        in_the_way = tmp_path / "state" / "snapshots"
        in_the_way.write_text("a file where a folder should be")
        view = await sync(world)
        assert (view.run.status, [error.code for error in view.run.errors]) == (RunStatus.FAILED, ["storage_error"])
        assert "write" not in " ".join(world.home.requests)
        in_the_way.unlink()
        assert (await sync(world)).run.status is RunStatus.SUCCESS


async def test_a_daily_one_that_cannot_be_kept_stops_nothing_and_is_tried_again(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        folder = tmp_path / "state" / "snapshots"
        folder.rename(tmp_path / "aside")
        folder.write_text("in the way")
        world.clock.advance(days=2)
        assert (await sync(world)).run.status is RunStatus.SUCCESS
        world.restart()
        assert (await sync(world)).run.status is RunStatus.SUCCESS
        folder.unlink()
        (tmp_path / "aside").rename(folder)
        await sync(world)
        assert len(world.core.snapshots.list()) == 4


async def test_what_a_crash_left_half_written_is_no_snapshot_and_goes_with_the_next(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        half = files(tmp_path)[0].with_name(".snap_x.ics.0123.part")
        half.write_text("BEGIN:VCALENDAR")
        assert len(world.core.snapshots.list()) == 2
        await world.core.snapshots.take(world.core.pairs.list()[0].pair.connection_a_id)
        assert not half.exists()


async def test_snapshots_of_calendars_that_a_viewer_does_not_see_do_not_exist_for_it(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        pair = world.core.pairs.list()[0].pair
        limited = Viewer(connection_ids=frozenset({pair.connection_a_id}))
        (seen,) = world.core.snapshots.list(limited)
        assert seen.where is not None
        assert seen.where.connection.name == "Work"
        with pytest.raises(NotFoundError):
            world.core.snapshots.get(of_home(world), limited)
        with pytest.raises(NotFoundError):
            world.core.snapshots.get("snap_../../etc/passwd")


async def test_a_calendar_that_was_never_read_has_nothing_to_keep(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        with pytest.raises(ConflictError) as refused:
            await world.core.snapshots.take(world.core.pairs.list()[0].pair.connection_a_id)
        assert refused.value.code == "never_read"


async def test_what_came_back_is_kept_by_the_next_snapshot_though_its_service_hides_markers(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        world.home.hides_markers = True
        await sync(world)
        world.home.remove("dinner")
        await restored(world)
        back = next(e for e in world.home.living() if e.fields and e.fields.title == "Dinner")
        assert back.fields is not None
        # Changed by a person later, so that a change tells of it, without its marker.
        world.home.put(replace(back, fields=replace(back.fields, place="Elsewhere")))
        world.clock.advance(days=2)
        await sync(world)
        text = (tmp_path / "state" / "snapshots" / f"{of_home(world)}.ics").read_text()
        assert "Dinner" in text
        assert "Budget" not in text


# -- restoring ---------------------------------------------------------------------------------------------------------


async def restored(world: CoreWorld, **named: Any) -> RunView:
    """Everything that is missing in *Home*, brought back."""
    look = await world.core.restores.look(of_home(world))
    run = await world.core.restores.start(of_home(world), expected=named.pop("expected", len(look.missing)), **named)
    return await ended(world, run)


def fates(look: Any) -> dict[str, Fate]:
    """What becomes of each event."""
    return {one.unit.id: one.fate for one in look.found}


async def test_what_a_person_lost_comes_back_whole_and_as_their_own(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        before = world.home.events["dinner"].fields
        world.home.remove("dinner")
        look = await world.core.restores.look(of_home(world))
        assert fates(look) == {"dinner": Fate.MISSING, "yoga": Fate.THERE, "party": Fate.THERE}
        view = await restored(world)
        assert (view.run.status, view.run.counts.created, len(view.actions)) == (RunStatus.SUCCESS, 1, 1)
        (back,) = [e for e in world.home.events.values() if not e.gone and e.fields and e.fields.title == "Dinner"]
        assert back.fields == before
        assert back.marker is not None
        assert back.marker.released
        assert not back.guests
        # A person's event from now on: no sync touches it, and it is no duplicate of anything.
        await sync(world)
        assert not world.home.events[back.id].gone
        assert await world.core.questions.duplicates.find() == ((), 0)


async def test_restoring_twice_makes_one_event_and_a_third_time_after_it_was_deleted_again_another_one(
    tmp_path: Path,
) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        await restored(world)
        with pytest.raises(ConflictError) as refused:
            await world.core.restores.start(of_home(world), expected=1)
        assert refused.value.code == "nothing_missing"
        (back,) = [e.id for e in world.home.events.values() if e.fields and e.fields.title == "Dinner"]
        world.home.remove(back)
        await restored(world)
        (again,) = [e.id for e in world.home.events.values() if e.fields and e.fields.title == "Dinner"]
        assert again != back


async def test_what_a_person_brings_back_while_the_restore_waits_for_its_turn_is_not_made_again(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        dinner = world.home.events["dinner"]
        world.home.remove("dinner")
        world.home.remove("party")
        look = await world.core.restores.look(of_home(world))
        run = await world.core.restores.start(of_home(world), expected=len(look.missing))
        world.home.put(dinner)  # out of the bin, before the run begins
        view = await ended(world, run)
        assert (view.run.status, view.run.counts.created, view.run.counts.skipped) == (RunStatus.SUCCESS, 1, 1)
        titles = [e.fields.title for e in world.home.living() if e.fields]
        assert (titles.count("Dinner"), titles.count("Party")) == (1, 1)


async def test_what_nobody_can_say_is_gone_when_the_restore_begins_is_not_made_and_that_is_told(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        look = await world.core.restores.look(of_home(world))
        run = await world.core.restores.start(of_home(world), expected=len(look.missing))
        world.home.script.unanswered.add("dinner")
        view = await ended(world, run)
        assert (view.run.status, view.run.counts.created) == (RunStatus.PARTIAL, 0)
        assert [error.code for error in view.run.errors] == ["unknown_outcome"]
        assert not [e for e in world.home.living() if e.fields and e.fields.title == "Dinner"]


async def test_a_lost_answer_makes_no_second_event(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        look = await world.core.restores.look(of_home(world))
        lost: list[str] = []

        def lose(name: str) -> None:
            if name.startswith("write") and not lost:
                lost.append(name)
                raise UnavailableError("the answer was lost")

        world.home.script.after = lose
        run = await world.core.restores.start(of_home(world), expected=len(look.missing))
        view = await ended(world, run)
        assert lost
        assert view.run.status is RunStatus.SUCCESS
        assert len([e for e in world.home.events.values() if e.fields and e.fields.title == "Dinner"]) == 1
        await sync(world)
        assert len([e for e in world.home.events.values() if e.fields and e.fields.title == "Dinner"]) == 1


async def test_a_write_whose_fate_stays_unknown_is_told_and_found_by_the_next_restore(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")

        def lose(name: str) -> None:
            if name.startswith("write"):
                raise UnavailableError("the answer was lost")

        world.home.script.after = lose
        view = await restored(world)
        assert view.run.status is RunStatus.PARTIAL
        assert "unknown_outcome" in {error.code for error in view.run.errors}
        world.home.script.after = lambda name: None
        assert (await sync(world)).run.status is RunStatus.SUCCESS
        assert fates(await world.core.restores.look(of_home(world)))["dinner"] is Fate.THERE
        assert world.store.ledger.links(world.store.pairs.directions(world.core.pairs.list()[0].pair.id)[0].id, None)


async def test_a_series_comes_back_with_its_moved_and_cancelled_dates(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        week = MONDAY + timedelta(days=7)
        when = When(wall(week, 15), wall(week, 16), ZONE)
        original = to_utc(wall(week, 9), ZONE)
        world.home.put(
            Event(
                "moved",
                kind=EventKind.EXCEPTION,
                series_id="yoga",
                original_start=original,
                fields=Fields(when, "Late"),
            )
        )
        world.home.cancel_occurrence("yoga", wall(MONDAY + timedelta(days=14), 9))
        await sync(world)
        world.home.remove("yoga")
        view = await restored(world)
        assert view.run.status is RunStatus.SUCCESS
        series = next(e for e in world.home.events.values() if e.id != "yoga" and e.fields and e.fields.recurrence)
        parts = [e for e in world.home.events.values() if e.series_id == series.id]
        starts = [e.fields.when.start for e in parts if e.fields is not None]
        assert starts == [wall(week, 15)]
        skipped = {*(e.original_start for e in parts if e.fields is None), *series.cancelled}
        assert len(skipped) == 1


async def test_what_is_there_in_any_shape_stays_and_is_not_made_again(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        world.home.put(replace(meeting("no", wall(MONDAY, 7), title="No"), response=Response.DECLINED))
        await sync(world)
        dinner = world.home.events["dinner"]
        assert dinner.fields is not None
        world.home.put(replace(dinner, fields=replace(dinner.fields, title="Dinner at eight")))
        yoga = world.home.events["yoga"]
        world.home.remove("yoga")
        world.home.put(replace(yoga, id="typed-again", ical_uid="another"))
        world.home.remove("party")
        world.home.script.unanswered.add("party")
        world.home.remove("no")
        assert fates(await world.core.restores.look(of_home(world))) == {
            "dinner": Fate.CHANGED,
            "yoga": Fate.ALIKE,
            "party": Fate.UNKNOWN,
            "no": Fate.CANNOT,
        }


async def test_an_event_that_moved_to_another_id_is_known_by_its_uid(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        dinner = world.home.events["dinner"]
        assert dinner.fields is not None
        world.home.remove("dinner")
        world.home.put(replace(dinner, id="elsewhere", fields=replace(dinner.fields, title="Supper")))
        assert fates(await world.core.restores.look(of_home(world)))["dinner"] is Fate.THERE


async def test_only_what_was_looked_at_comes_back(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        world.home.remove("party")
        with pytest.raises(ConflictError) as refused:
            await world.core.restores.start(of_home(world), expected=1)
        assert refused.value.code == "count_changed"
        with pytest.raises(InputError):
            await world.core.restores.start(of_home(world), expected=1, events=["yoga"])
        look = await world.core.restores.look(of_home(world))
        assert [one.had_guests for one in look.missing] == [False, True]
        view = await restored(world, expected=1, events=["party"])
        assert view.run.counts.created == 1
        (party,) = [e for e in world.home.events.values() if e.fields and e.fields.title == "Party"]
        assert not party.guests


async def test_a_calendar_that_is_only_read_is_not_written_to_by_a_restore_either(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        of_work = next(one for one in world.core.snapshots.list() if one.id != of_home(world))
        with pytest.raises(ConflictError) as refused:
            await world.core.restores.look(of_work.id)
        assert refused.value.code == "not_written_to"
        assert of_work.path in (refused.value.fix or "")


async def test_a_calendar_that_cannot_be_read_has_nothing_that_is_missing(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.broken = UnavailableError("down")
        with pytest.raises(KalendsError):
            await world.core.restores.look(of_home(world))


async def test_a_refused_event_is_named_and_the_others_come_back(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        world.home.remove("dinner")
        world.home.remove("party")
        world.home.script.verdict = lambda intent: (
            Outcome(intent.id, Result.REFUSED, code="too_long", message="No.") if intent.title == "Party" else None
        )
        view = await restored(world)
        assert (view.run.status, view.run.counts.created, view.run.counts.failed) == (RunStatus.PARTIAL, 1, 1)
        assert [error.code for error in view.run.errors] == ["too_long"]


async def test_in_a_pair_that_goes_both_ways_what_came_back_is_copied_again_once(tmp_path: Path) -> None:
    async with paired(tmp_path, Direction.BIDIRECTIONAL) as world:
        await sync(world)
        assert len([e for e in world.work.events.values() if e.fields and e.fields.title == "Dinner"]) == 1
        world.home.remove("dinner")
        await sync(world)
        await restored(world)
        for _ in range(3):
            await sync(world)
        for calendar in (world.work, world.home):
            assert len([e for e in calendar.events.values() if e.fields and e.fields.title == "Dinner"]) == 1


async def test_a_file_of_another_calendar_or_an_edited_one_changes_nothing(tmp_path: Path) -> None:
    async with paired(tmp_path) as world:
        await sync(world)
        home, work = (tmp_path / "state" / "snapshots" / f"{name}.ics" for name in _names(world))
        home.write_bytes(work.read_bytes())
        with pytest.raises(InputError):
            await world.core.restores.look(of_home(world))
        home.write_text("hello")
        with pytest.raises(InputError):
            await world.core.restores.look(of_home(world))


def _names(world: CoreWorld) -> list[str]:
    home = of_home(world)
    return [home, *(one.id for one in world.core.snapshots.list() if one.id != home)]
