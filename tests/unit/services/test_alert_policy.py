"""When an alert is spoken: once, again where that helps, together, seldom, and taken back when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.alerts import Alert, AlertKind, Wish
from app.services.alert_policy import Memory, decide, remind_tomorrow

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOLD, _STANDSTILL, _RESTORED, SIGN_IN, EXPIRES, FAILING, CHANGES = AlertKind
SECONDS, MINUTES, HOURS, DAYS = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
GATHERED = 30 * SECONDS


def alert(kind: AlertKind, name: str) -> Alert:
    return Alert(f"{kind}:{name}", kind, name, f"{name}.", account_id=name)


@dataclass
class Desk:
    """What is on a desktop, and what was said, as (seconds since the start, kind, names)."""

    wish: Wish = Wish.PROBLEMS_ONLY
    memory: Memory = field(default_factory=Memory)
    on_screen: dict[AlertKind, list[str]] = field(default_factory=dict)
    said: list[tuple[float, AlertKind, list[str]]] = field(default_factory=list)
    corrected: list[list[str]] = field(default_factory=list)
    look_again_at: datetime | None = None

    def look(self, after: timedelta, *alerts: Alert) -> None:
        """Look once."""
        decision = decide(alerts, self.memory, self.wish, START + after)
        self.memory, self.look_again_at = decision.memory, decision.look_again_at
        for kind in decision.withdraw:
            del self.on_screen[kind]
        for one in decision.show:
            names = [about.subject for about in one.alerts]
            self.on_screen[one.kind] = names
            if one.quiet:
                self.corrected.append(names)
            else:
                self.said.append((after.total_seconds(), one.kind, names))

    def live(self, until: timedelta, alerts: Sequence[Alert], *, begin: timedelta = timedelta()) -> None:
        """Look whenever it wants to."""
        at: datetime | None = START + begin
        while at is not None and at <= START + until:
            self.look(at - START, *alerts)
            assert self.look_again_at is None or self.look_again_at > at, "it would look for ever"
            at = self.look_again_at

    @property
    def moments(self) -> list[timedelta]:
        """When something was said."""
        return [timedelta(seconds=at) for at, _, _ in self.said]


@pytest.mark.parametrize(
    ("kind", "moments"),
    [
        (SIGN_IN, [0 * DAYS, 1 * DAYS, 4 * DAYS, 7 * DAYS, 10 * DAYS]),
        (HOLD, [0 * DAYS]),
        (EXPIRES, [0 * DAYS]),
        (FAILING, [0 * DAYS]),
    ],
)
def test_what_stays_open_is_said_once_and_only_an_ended_sign_in_again(
    kind: AlertKind, moments: list[timedelta]
) -> None:
    desk = Desk()
    desk.live(11 * DAYS, [alert(kind, "a")])
    assert desk.moments == [moment + GATHERED for moment in moments]
    assert desk.on_screen == {kind: ["a"]}


@pytest.mark.parametrize("kind", list(AlertKind))
def test_what_is_over_is_taken_back_and_is_new_when_it_comes_again(kind: AlertKind) -> None:
    desk = Desk(Wish.PROBLEMS_AND_CHANGES)
    desk.live(1 * MINUTES, [alert(kind, "a")])
    assert list(desk.on_screen) == [kind]
    desk.look(2 * MINUTES)
    assert desk.on_screen == {}
    assert desk.look_again_at is None
    desk.live(4 * MINUTES, [alert(kind, "a")], begin=3 * MINUTES)
    assert desk.moments == [GATHERED, 3 * MINUTES + GATHERED]


@pytest.mark.parametrize("kind", list(AlertKind))
def test_what_is_over_within_half_a_minute_is_never_said(kind: AlertKind) -> None:
    desk = Desk(Wish.PROBLEMS_AND_CHANGES)
    desk.look(0 * SECONDS, alert(kind, "a"))
    desk.look(29 * SECONDS, alert(kind, "a"))
    desk.look(30 * SECONDS)
    assert (desk.said, desk.on_screen) == ([], {})


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish.PROBLEMS_ONLY, [HOLD, SIGN_IN, EXPIRES, FAILING]),
        (Wish.PROBLEMS_AND_CHANGES, [HOLD, SIGN_IN, CHANGES]),
        (Wish.NOTHING, [HOLD]),
    ],
)
def test_the_person_chooses_and_a_hold_cannot_be_silenced(wish: Wish, said: list[AlertKind]) -> None:
    desk = Desk(wish)
    problems = [] if wish is Wish.PROBLEMS_AND_CHANGES else [EXPIRES, FAILING]
    kinds = [HOLD, SIGN_IN, *problems, CHANGES]
    desk.live(1 * MINUTES, [alert(kind, "a") for kind in kinds])
    assert [kind for _, kind, _ in desk.said] == said


def test_who_wants_to_hear_nothing_more_sees_it_go_and_the_hold_stay() -> None:
    desk = Desk()
    alerts = [alert(HOLD, "h"), alert(SIGN_IN, "a")]
    desk.live(1 * MINUTES, alerts)
    desk.wish = Wish.NOTHING
    desk.look(2 * MINUTES, *alerts)
    assert desk.on_screen == {HOLD: ["h"]}


def test_alerts_of_half_a_minute_are_said_together() -> None:
    desk = Desk()
    a, b, c = (alert(SIGN_IN, name) for name in "abc")
    desk.look(0 * SECONDS, a)
    desk.look(10 * SECONDS, a, b)
    desk.look(29 * SECONDS, a, b, c)
    desk.live(10 * MINUTES, [a, b, c], begin=30 * SECONDS)
    assert desk.said == [(30.0, SIGN_IN, ["a", "b", "c"])]
    assert len(desk.memory.spoken) == 1


def test_a_later_alert_takes_the_place_of_the_one_on_the_desktop_and_names_both() -> None:
    desk = Desk()
    a, b = alert(SIGN_IN, "a"), alert(SIGN_IN, "b")
    desk.live(5 * MINUTES, [a])
    desk.live(7 * MINUTES, [a, b], begin=6 * MINUTES)
    assert [names for _, _, names in desk.said] == [["a"], ["a", "b"]]
    desk.look(8 * MINUTES, b)
    assert (desk.corrected, desk.on_screen) == ([["b"]], {SIGN_IN: ["b"]})
    desk.look(9 * MINUTES)
    assert desk.on_screen == {}


def test_three_an_hour_and_six_a_day_are_the_limit_and_what_waited_is_said_when_there_is_room() -> None:
    desk = Desk()
    alerts: list[Alert] = []
    for number in range(10):
        alerts.append(alert(FAILING, str(number)))
        desk.live(((number + 1) * 10 - 1) * MINUTES, alerts, begin=number * 10 * MINUTES)
    desk.live(3 * DAYS, alerts, begin=100 * MINUTES)
    first, second, third, *later = desk.moments
    assert [first, second, third] == [0 * MINUTES + GATHERED, 10 * MINUTES + GATHERED, 20 * MINUTES + GATHERED]
    assert later == [first + 1 * HOURS, second + 1 * HOURS, third + 1 * HOURS, first + 1 * DAYS]
    assert desk.on_screen[FAILING] == [str(number) for number in range(10)]


def test_a_hold_is_said_whatever_was_said_before_and_counts_for_nothing() -> None:
    desk = Desk()
    others = [alert(kind, "a") for kind in (SIGN_IN, EXPIRES, FAILING)]
    desk.live(1 * MINUTES, others)
    assert len(desk.memory.spoken) == 3
    desk.live(3 * MINUTES, [*others, alert(HOLD, "h")], begin=2 * MINUTES)
    assert desk.said[-1][1] is HOLD
    assert len(desk.memory.spoken) == 3


def test_news_leave_room_for_problems() -> None:
    desk = Desk(Wish.PROBLEMS_AND_CHANGES)
    for number in range(50):
        begin = number * 20 * MINUTES
        desk.live(begin + 1 * MINUTES, [alert(CHANGES, str(number))], begin=begin)
        desk.look(begin + 2 * MINUTES)
    assert len(desk.said) == 3
    desk.live(17 * HOURS, [alert(SIGN_IN, "a")], begin=50 * 20 * MINUTES)
    assert desk.said[-1][1] is SIGN_IN


def test_remind_me_tomorrow_is_tomorrow_even_where_three_days_were_due() -> None:
    desk = Desk()
    a = alert(SIGN_IN, "a")
    desk.live(2 * DAYS, [a])
    assert desk.moments == [GATHERED, 1 * DAYS + GATHERED]
    desk.memory = remind_tomorrow(desk.memory, SIGN_IN, START + 2 * DAYS)
    assert desk.memory.shown == {}
    desk.live(4 * DAYS, [a], begin=2 * DAYS)
    assert desk.moments[2:] == [3 * DAYS]


def test_what_was_said_before_a_restart_is_not_said_again() -> None:
    desk = Desk()
    a = alert(SIGN_IN, "a")
    desk.live(1 * HOURS, [a])
    desk.memory = Memory(desk.memory.told, {}, desk.memory.spoken)
    desk.on_screen.clear()
    desk.live(23 * HOURS, [a], begin=1 * HOURS)
    assert desk.moments == [GATHERED]


def test_a_clock_that_was_set_back_silences_nothing_for_longer_than_three_days() -> None:
    desk = Desk()
    a, b = alert(SIGN_IN, "a"), alert(SIGN_IN, "b")
    desk.live(400 * DAYS + 1 * MINUTES, [a], begin=400 * DAYS)
    desk.look(400 * DAYS + 1 * MINUTES, a, b)
    desk.said.clear()
    desk.live(5 * DAYS, [a, b])
    assert desk.moments[0] == GATHERED
    assert any("a" in names and at > 2 * DAYS.total_seconds() for at, _, names in desk.said)
