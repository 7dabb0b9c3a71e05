"""What needs the person is spoken through the desktop, taken back when it is over, and not said again by a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Account, Provider
from app.domain.alerts import AlertKind
from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    OfflineError,
    StorageError,
    ThrottledError,
    UnavailableError,
)
from app.domain.notices import Notice, Topic
from app.domain.pairs import Direction, PairStatus
from app.domain.runs import RunStatus, Trigger
from app.services.views import NewPair, PairChange, RollUp
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting

pytestmark = pytest.mark.anyio
MONDAY = date(2026, 11, 23)
ENDED = AuthExpiredError("Google ended the sign-in.")


@dataclass
class Desktop:
    """`domain.ports.Notifier` that shows nothing: what is on it by tag, and all it was told."""

    on_screen: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    press: object = None
    closed: bool = False

    def on_action(self, callback: object) -> None:
        """Who wants to know."""
        self.press = callback

    async def show(
        self, tag: str, title: str, body: str, actions: Sequence[tuple[str, str]], *, quiet: bool = False
    ) -> None:
        """Show."""
        self.on_screen[tag] = (title, body, tuple(label for _, label in actions))
        self.said.append(f"{'quiet ' if quiet else ''}{tag}")

    async def withdraw(self, tag: str) -> None:
        """Take away."""
        self.on_screen.pop(tag, None)

    async def aclose(self) -> None:
        """Take all away."""
        self.closed = True
        self.on_screen.clear()

    def act(self, tag: str, action: str) -> None:
        """A person presses a button."""
        assert callable(self.press)
        self.press(tag, action)


@dataclass
class House:
    """Ana's core with a desktop before it."""

    world: CoreWorld
    desktop: Desktop = field(default_factory=Desktop)
    heard: list[Notice] = field(default_factory=list)

    def begin(self, *, can_open: bool = True) -> None:
        """As at the app's start."""
        self.desktop = Desktop()
        self.world.core.alerts.start(self.desktop, can_open=can_open)
        self.world.core.notices.listen(self._hear)

    def _hear(self, notice: Notice) -> None:
        if notice.topic is Topic.ALERT_ACTION:
            self.heard.append(notice)

    async def pass_time(self, **parts: float) -> None:
        """Time goes by, and something happens that makes the alerts look."""
        self.world.clock.advance(**parts)
        await self.look()

    async def look(self) -> None:
        """Something happens that makes the alerts look."""
        self.world.core.notices.announce(Notice(Topic.PAIR_CHANGED, self.world.clock.now()))
        for _ in range(5):
            await asyncio.sleep(0)

    async def run(self, pair_id: str, trigger: Trigger = Trigger.SCHEDULED) -> RunStatus:
        """A run of the pair, to its end."""
        asked = self.world.core.sync.request(pair_id, trigger)
        status = (await self.world.core.sync.wait(asked.id, 5)).run.status
        await self.look()
        return status

    async def pair(self) -> str:
        """A pair from Work to Home, in step."""
        work, home = await self.world.connect(Provider.GOOGLE), await self.world.connect(Provider.MICROSOFT)
        (view,) = self.world.core.pairs.create([NewPair(work, home, direction=Direction.A_TO_B)])
        await self.run(view.pair.id)
        return view.pair.id

    def account(self, provider: Provider = Provider.GOOGLE) -> Account:
        """Ana's account there."""
        return next(one for one in self.world.core.connections.accounts() if one.provider is provider)

    @property
    def kinds(self) -> list[AlertKind]:
        """What is open."""
        return [alert.kind for alert in self.world.core.alerts.list()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "config").mkdir()
    world = CoreWorld(tmp_path)
    house = House(world)
    house.begin()
    yield house
    await world.core.alerts.stop()
    await world.close()


async def test_an_ended_sign_in_is_announced_with_its_buttons_and_withdrawn_when_signed_in_again(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    assert await house.run(pair_id) is RunStatus.FAILED
    assert house.kinds == [AlertKind.SIGN_IN_NEEDED]
    assert house.desktop.on_screen == {}
    await house.pass_time(seconds=30)
    assert house.desktop.on_screen == {
        "sign_in_needed": (
            "An account needs you to sign in again",
            "Google ended the sign-in for ana@example.com. 1 pair is waiting.",
            ("Reconnect", "Remind me tomorrow"),
        )
    }
    # Scheduled runs meanwhile are on record with their reason, ask nobody, and say nothing more.
    house.world.work.requests.clear()
    for _ in range(3):
        assert await house.run(pair_id) is RunStatus.SKIPPED
        await house.pass_time(minutes=5)
    runs = house.world.core.history.logs(pair_id=pair_id).runs[:3]
    assert [(run.status, run.reason) for run in runs] == [(RunStatus.SKIPPED, "needs_sign_in")] * 3
    assert (house.world.work.requests, house.desktop.said) == ([], ["sign_in_needed"])

    house.world.work.broken = None
    house.world.work.put(meeting("a1", wall(MONDAY, 9)))
    await house.world.connect(Provider.GOOGLE)
    await house.look()
    assert (house.desktop.on_screen, house.kinds) == ({}, [])
    assert house.world.core.sync.job_state(pair_id) is not None, "the next run comes by itself"
    assert await house.run(pair_id) is RunStatus.SUCCESS
    assert len(house.world.home.living()) == 1


async def test_a_sign_in_that_stays_ended_is_said_again_after_a_day_and_then_every_three(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)
    said = []
    for _ in range(8 * 24):
        await house.pass_time(hours=1)
        said.append(len(house.desktop.said))
    assert [hour for hour in range(1, len(said)) if said[hour] > said[hour - 1]] == [24, 96, 168]


async def test_a_restart_repeats_nothing_and_knows_when_to_say_it_again(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)
    await house.pass_time(minutes=1)
    before = house.desktop
    await house.world.core.alerts.stop()
    assert (before.closed, before.on_screen) == (True, {}), "a button that nobody answers must not stay"

    house.world.restart()
    house.begin()
    await house.pass_time(minutes=10)
    assert (house.desktop.said, house.kinds) == ([], [AlertKind.SIGN_IN_NEEDED])
    await house.pass_time(hours=24)
    assert house.desktop.said == ["sign_in_needed"]


async def test_what_was_kept_and_cannot_be_read_is_no_reason_not_to_start(house: House) -> None:
    await house.world.core.alerts.stop()
    for kept in ("", "[]", "{}", '{"told": {"a": 1}, "spoken": [], "failing": {}}', '{"told": {}, "spoken": ["x"]}'):
        house.world.store.state.put("alerts", kept)
        house.world.restart()
        house.begin()
        await house.look()
        await house.world.core.alerts.stop()


async def test_a_database_that_cannot_be_written_does_not_keep_alerts_from_being_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)

    def full(key: str, value: str) -> None:
        raise StorageError("The disk is full.", code="database_full")

    monkeypatch.setattr(house.world.store.state, "put", full)
    await house.pass_time(seconds=31)
    assert house.desktop.said == ["sign_in_needed"]


async def test_reconnect_is_told_with_the_account_to_whoever_has_the_windows(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)
    await house.pass_time(seconds=31)
    house.desktop.act("sign_in_needed", "reconnect")
    (notice,) = house.heard
    assert (notice.account_id, dict(notice.data)) == (house.account().id, {"action": "reconnect"})


async def test_a_button_pressed_too_late_opens_the_window_alone(house: House) -> None:
    house.desktop.act("sign_in_needed", "reconnect")
    (notice,) = house.heard
    assert (notice.account_id, dict(notice.data)) == (None, {"action": "open"})


async def test_remind_me_tomorrow_takes_it_away_until_tomorrow(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)
    await house.pass_time(seconds=31)
    house.desktop.act("sign_in_needed", "remind_tomorrow")
    await house.look()
    assert (house.desktop.on_screen, house.heard) == ({}, [])
    await house.pass_time(hours=23)
    assert house.desktop.on_screen == {}
    await house.pass_time(hours=1)
    assert list(house.desktop.on_screen) == ["sign_in_needed"]


async def test_two_accounts_are_one_notification_that_opens_the_window(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = house.world.home.broken = ENDED
    await house.run(pair_id)
    for account in house.world.core.connections.accounts():
        await house.world.core.connections.test(account.id)
    await house.pass_time(seconds=31)
    title, body, buttons = house.desktop.on_screen["sign_in_needed"]
    assert title == "2 accounts need you to sign in again"
    assert body == "ana@example.com (Google), ana@example.com (Microsoft)"
    assert buttons == ("Show", "Remind me tomorrow")
    house.desktop.act("sign_in_needed", "open")
    assert (house.heard[0].account_id, house.heard[0].data["action"]) == (None, "open")
    house.world.work.broken = None
    await house.world.connect(Provider.GOOGLE)
    await house.look()
    assert house.desktop.on_screen["sign_in_needed"][2] == ("Reconnect", "Remind me tomorrow")
    assert house.desktop.said == ["sign_in_needed", "quiet sign_in_needed"]


async def test_without_windows_there_is_nothing_to_press(house: House) -> None:
    await house.world.core.alerts.stop()
    house.begin(can_open=False)
    pair_id = await house.pair()
    house.world.work.broken = ENDED
    await house.run(pair_id)
    await house.pass_time(seconds=31)
    assert house.desktop.on_screen["sign_in_needed"][2] == ()


async def test_deletions_that_wait_are_announced_without_titles_whatever_the_person_chose(house: House) -> None:
    await house.world.core.preferences.change(notifications="nothing")
    pair_id = await house.pair()
    for number in range(20):
        house.world.work.put(meeting(f"secret{number}", wall(MONDAY, 8, number), title="Secret"))
    await house.run(pair_id)
    for number in range(20):
        house.world.work.remove(f"secret{number}")
    assert await house.run(pair_id) is RunStatus.HELD
    await house.pass_time(seconds=31)
    (title, body, buttons), *_ = house.desktop.on_screen.values()
    assert title == "A sync pair waits for your decision"
    assert body == "Work (Google) → Home (Microsoft): 20 copies would be removed. Nothing was done yet."
    assert buttons == ("Review",)
    assert "Secret" not in str(house.desktop.on_screen)
    house.desktop.act("hold", "review_hold")
    assert (house.heard[0].pair_id, house.heard[0].data["action"]) == (pair_id, "review_hold")
    # It still waits after further runs: nothing more is said, and the badge stays while one is under way.
    assert await house.run(pair_id) is RunStatus.HELD
    await house.pass_time(hours=30)
    assert house.desktop.said == ["hold"]
    asked = house.world.core.sync.request(pair_id, Trigger.MANUAL)
    status = house.world.core.status.overall()
    assert (status.state, [problem.action for problem in status.problems]) == (RollUp.HELD, ["review_hold"])
    assert status.problems[0].sentence.endswith("wait for your decision. Nothing was done yet.")
    await house.world.core.sync.wait(asked.id, 5)

    (hold,) = house.world.core.holds.list()
    house.world.core.holds.reject(hold.id)
    await house.look()
    assert house.desktop.on_screen == {}


async def test_a_pair_that_fails_for_an_hour_is_announced_once_and_withdrawn_by_a_good_run(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = UnavailableError("Google does not answer.")
    assert await house.run(pair_id) is RunStatus.FAILED
    await house.pass_time(minutes=59)
    assert house.kinds == []
    await house.pass_time(minutes=1)
    assert house.kinds == [AlertKind.PAIR_FAILING]
    await house.pass_time(minutes=1)
    assert house.desktop.on_screen["pair_failing"] == (
        "A sync pair keeps failing",
        "Work (Google) → Home (Microsoft): the last sync failed.",
        ("Show details",),
    )
    for _ in range(20):
        await house.run(pair_id)
        await house.pass_time(hours=2)
    assert house.desktop.said == ["pair_failing"]
    house.world.work.broken = None
    assert await house.run(pair_id) is RunStatus.SUCCESS
    assert house.desktop.on_screen == {}


async def test_five_failures_in_a_row_are_enough_also_over_a_restart_and_a_pause_silences_them(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = AccessError("This calendar is not shared with you any more.")
    for _ in range(3):
        await house.run(pair_id)
    await house.world.core.alerts.stop()
    house.world.restart()
    house.begin()
    await house.run(pair_id)
    assert house.kinds == []
    await house.run(pair_id)
    assert house.kinds == [AlertKind.PAIR_FAILING]
    await house.pass_time(seconds=31)
    house.desktop.act("pair_failing", "show_run")
    newest = house.world.core.history.logs(pair_id=pair_id).runs[0].id
    assert (house.heard[0].run_id, house.heard[0].data["action"]) == (newest, "show_run")
    await house.world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    await house.look()
    assert (house.kinds, house.desktop.on_screen) == ([], {})


@pytest.mark.parametrize("error", [OfflineError("No connection."), ThrottledError("Slow down.", retry_after_seconds=9)])
async def test_being_offline_or_slowed_down_is_never_announced(house: House, error: OfflineError) -> None:
    pair_id = await house.pair()
    house.world.work.broken = error
    for _ in range(20):
        await house.run(pair_id, Trigger.MANUAL)
        await house.pass_time(hours=1)
    assert (house.kinds, house.desktop.said) == ([], [])


async def test_a_sign_in_that_is_known_to_end_is_announced_two_days_and_six_hours_before(house: House) -> None:
    await house.pair()
    google = house.account()
    ends = house.world.clock.now() + timedelta(days=7)
    house.world.store.accounts.update(replace(google, expires_at=ends))
    said: list[int] = []
    for hour in range(1, 7 * 24):
        await house.pass_time(hours=1)
        if len(house.desktop.said) > len(said):
            said.append(hour)
    assert said == [7 * 24 - 47, 7 * 24 - 5]
    assert house.desktop.on_screen["sign_in_expires"][1:] == (
        "Google ends the sign-in for ana@example.com in 5 hours. Sign in again to go on syncing.",
        ("Reconnect",),
    )
    house.world.store.accounts.update(replace(google, expires_at=ends + timedelta(days=7)))
    await house.look()
    assert house.desktop.on_screen == {}


async def test_changes_are_announced_to_who_wants_that_and_only_until_the_next_run(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.put(meeting("a1", wall(MONDAY, 9), title="Secret"))
    await house.run(pair_id)
    await house.pass_time(seconds=31)
    assert house.desktop.said == []
    await house.world.core.preferences.change(notifications="problems_and_changes")
    house.world.work.put(meeting("a2", wall(MONDAY, 10), title="Secret"))
    await house.run(pair_id)
    await house.pass_time(seconds=31)
    assert house.desktop.on_screen["changes_copied"] == (
        "Calendars brought in step",
        "Work (Google) → Home (Microsoft): 1 added.",
        ("Show",),
    )
    assert house.desktop.said == ["quiet changes_copied"]
    assert house.kinds == [], "it needs nobody"
    await house.run(pair_id)
    assert house.desktop.on_screen == {}


async def test_a_pair_that_is_deleted_takes_its_alerts_along(house: House) -> None:
    pair_id = await house.pair()
    house.world.work.broken = UnavailableError("Google does not answer.")
    for _ in range(5):
        await house.run(pair_id)
    await house.pass_time(seconds=31)
    assert list(house.desktop.on_screen) == ["pair_failing"]
    await house.world.core.pairs.delete(pair_id)
    await house.look()
    assert (house.kinds, house.desktop.on_screen) == ([], {})
