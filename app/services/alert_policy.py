"""When an alert is spoken, again, together with others, or not at all (`ux.md` A4). Pure: no clock, no desktop.

Silence is the feature: what is new waits half a minute for company, what was said is said again only where that helps,
three an hour and six a day are the limit, and what is over is taken back. A deletion that waits for the person is
neither counted nor silenced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.alerts import Alert, AlertKind, Wish

GATHER = timedelta(seconds=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGAIN_SOON, AGAIN_LATE = DAY, timedelta(days=3)
PER_HOUR, PER_DAY = 3, 6
CHANGES_PER_HOUR, CHANGES_PER_DAY = 2, 3
"""News leave room for problems."""

_SAID_AGAIN = (AlertKind.SIGN_IN_NEEDED,)
_WANTED = {
    Wish.NOTHING: {AlertKind.HOLD},
    Wish.PROBLEMS_ONLY: set(AlertKind) - {AlertKind.CHANGES_COPIED},
    Wish.PROBLEMS_AND_CHANGES: set(AlertKind),
}


@dataclass(frozen=True, slots=True)
class Told:
    """How often one alert was spoken, and when it is due, None for never again."""

    times: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What was announced.

    Args:
        told: alerts that are open, by key.
        shown: the keys each kind's notification on the desktop is about.
        spoken: the moments of the last day that count towards the limits.
    """

    told: Mapping[str, Told] = field(default_factory=dict)
    shown: Mapping[AlertKind, tuple[str, ...]] = field(default_factory=dict)
    spoken: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcement:
    """One notification: all that is open of a kind. `quiet` corrects what is on the desktop already."""

    kind: AlertKind
    alerts: tuple[Alert, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, what to remember, and when to look again by oneself (None: when something happens)."""

    show: tuple[Announcement, ...]
    withdraw: tuple[AlertKind, ...]
    memory: Memory
    look_again_at: datetime | None


def decide(alerts: Sequence[Alert], memory: Memory, wish: Wish, now: datetime) -> Decision:
    """Decide what to speak of.

    Args:
        alerts: all that is open now.
        memory: what the last decision left.
        wish: what the person wants to be told of.
    """
    wanted = {alert.key: alert for alert in alerts if alert.kind in _WANTED[wish]}
    told = {key: _told(memory.told.get(key), now) for key in wanted}
    # A moment that lies ahead was kept before the clock was set back.
    spoken = [at for at in memory.spoken if now - DAY < at <= now]
    shown: dict[AlertKind, tuple[str, ...]] = {}
    show: list[Announcement] = []
    withdraw: list[AlertKind] = []
    room_at: list[datetime] = []
    for kind in AlertKind:
        mine = [key for key, alert in wanted.items() if alert.kind is kind]
        before = memory.shown.get(kind, ())
        left = [key for key in mine if key in before]
        due = [key for key in mine if _is_due(told[key], now)]
        free_at = _room(kind, spoken, now) if due else None
        if free_at is not None:
            room_at.append(free_at)
        elif due:
            # What is new goes with it: another notification half a minute later says no more.
            keys = [key for key in mine if key in left or key in due or told[key].times == 0]
            told |= {key: _after(told[key], kind, now) for key in keys if key in due or told[key].times == 0}
            if kind is not AlertKind.HOLD:
                spoken.append(now)
            shown[kind] = tuple(keys)
            show.append(Announcement(kind, tuple(wanted[key] for key in keys)))
            continue
        if left:
            shown[kind] = tuple(left)
            if len(left) < len(before):
                show.append(Announcement(kind, tuple(wanted[key] for key in left), quiet=True))
        elif before:
            withdraw.append(kind)
    later = [one.due_at for one in told.values() if one.due_at is not None and one.due_at > now]
    return Decision(
        tuple(show), tuple(withdraw), Memory(told, shown, tuple(spoken)), min([*later, *room_at], default=None)
    )


def remind_tomorrow(memory: Memory, kind: AlertKind, now: datetime) -> Memory:
    """A person wants to hear of what is shown of a kind in a day, and to have it out of sight until then."""
    keys = memory.shown.get(kind, ())
    later = {key: replace(memory.told[key], due_at=now + DAY) for key in keys if key in memory.told}
    shown = {other: its for other, its in memory.shown.items() if other is not kind}
    return Memory({**memory.told, **later}, shown, memory.spoken)


def _told(known: Told | None, now: datetime) -> Told:
    if known is None:
        return Told(0, now + GATHER)
    if known.due_at is None:
        return known
    # No wait is longer, unless the clock was set back.
    return replace(known, due_at=min(known.due_at, now + (AGAIN_LATE if known.times else GATHER)))


def _is_due(told: Told, now: datetime) -> bool:
    return told.due_at is not None and told.due_at <= now


def _after(told: Told, kind: AlertKind, now: datetime) -> Told:
    if kind not in _SAID_AGAIN:
        return Told(told.times + 1, None)
    return Told(told.times + 1, now + (AGAIN_LATE if told.times else AGAIN_SOON))


def _room(kind: AlertKind, spoken: Sequence[datetime], now: datetime) -> datetime | None:
    """When a kind may be spoken of; None for now."""
    if kind is AlertKind.HOLD:
        return None
    news = kind is AlertKind.CHANGES_COPIED
    limits = ((HOUR, CHANGES_PER_HOUR if news else PER_HOUR), (DAY, CHANGES_PER_DAY if news else PER_DAY))
    waits = []
    for span, number in limits:
        recent = sorted(at for at in spoken if at > now - span)
        if len(recent) >= number:
            waits.append(recent[-number] + span)
    return max(waits, default=None)
