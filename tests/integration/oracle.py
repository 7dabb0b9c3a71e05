"""What must be true of two calendars after any number of crashes, read from the services' own state alone.

It never asks the app or its database, and expands series by itself (dateutil), not by the engine's or the sandbox's
recurrence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from app.sandbox.world import EmulatedProvider
from tests.integration.playground import Playground

Shape = tuple[str, tuple[tuple[str, str], ...]]
"""A title, and start and end of every occurrence around now, as instants or dates."""

_BACK, _AHEAD = timedelta(days=25), timedelta(days=300)


@dataclass(frozen=True, slots=True)
class Before:
    """Both calendars before the app came: events as people see them, the service's own versions of them, and how many
    mails people had sent each other."""

    source: Mapping[str, Any]
    target: Mapping[str, Any]
    versions: Mapping[str, str]
    mails: int


def before(play: Playground) -> Before:
    """Remember both calendars as they are now."""
    return Before(
        _by_id(play.source, play.source_id),
        _by_id(play.target, play.target_id),
        {**_versions(play.source), **_versions(play.target)},
        len(play.sandbox.world.outbox.all()),
    )


def since(play: Playground, then: Before) -> Before:
    """What to compare with after the person changed originals: the target is remembered as it was at first."""
    now = before(play)
    kept = {key: version for key, version in now.versions.items() if key in then.versions or key in now.source}
    return Before(now.source, then.target, kept, now.mails)


def assert_in_step(play: Playground, then: Before) -> None:
    """Every wanted original has exactly one living copy with its time, there is no other copy, nothing else changed."""
    now_source, now_target = _by_id(play.source, play.source_id), _by_id(play.target, play.target_id)
    copies = Counter(_shape(event, event["title"]) for key, event in now_target.items() if key not in then.target)
    wanted = Counter(_shape(event, _title(event, play.mode)) for event in now_source.values() if _wanted(event, play))
    assert copies == wanted, (
        f"missing {list((wanted - copies).elements())}, too many {list((copies - wanted).elements())}"
    )
    assert_untouched(play, then)


def assert_untouched(play: Playground, then: Before) -> None:
    """What people made is as it was, to the service's own version of it, and nobody was sent a mail."""
    now = {**_versions(play.source), **_versions(play.target)}
    assert _by_id(play.source, play.source_id) == then.source
    mine = {key: event for key, event in _by_id(play.target, play.target_id).items() if key in then.target}
    assert mine == then.target
    assert {key: now.get(key) for key in then.versions} == then.versions
    assert play.sandbox.world.outbox.all()[then.mails :] == []


def assert_no_harm(play: Playground, then: Before) -> None:
    """Half-way: there are at most as many copies as there shall be, and nothing of anybody's has changed."""
    wanted = [event for event in _by_id(play.source, play.source_id).values() if _wanted(event, play)]
    assert len(copies(play, then)) <= len(wanted)
    assert_untouched(play, then)


def copies(play: Playground, then: Before) -> dict[str, dict[str, Any]]:
    """Living events of the target that were not there before, by id."""
    return {key: event for key, event in _by_id(play.target, play.target_id).items() if key not in then.target}


def _by_id(provider: EmulatedProvider, calendar_id: str) -> dict[str, Any]:
    return {event["id"]: event for event in provider.list_events(calendar_id)}


def _versions(provider: EmulatedProvider) -> dict[str, str]:
    state = provider.state()
    calendars = state["calendars"] if provider.name == "google" else [one for each in state.values() for one in each]
    return {
        event["id"]: str(event.get("etag") or event.get("@odata.etag"))
        for calendar in calendars
        for event in calendar["events"]
    }


def _wanted(event: Mapping[str, Any], play: Playground) -> bool:
    """The rules of a pair with default settings (`engine.md` §2), in the sandbox's words."""
    free = event.get("busy") == "free" and play.mode == "blocker"
    left_out = event.get("kind") in ("workingLocation", "birthday")
    return not (free or left_out or event.get("response") == "declined")


def _title(event: Mapping[str, Any], mode: str) -> str:
    private = event.get("visibility") in ("private", "confidential")
    return "Busy" if mode == "blocker" or private else str(event["title"])


def _shape(event: Mapping[str, Any], title: str) -> Shape:
    return (title, tuple(sorted(_occurrences(event))))


def _occurrences(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    zone = None if event["all_day"] else ZoneInfo(event["time_zone"])
    start, end = (_moment(event[name], zone) for name in ("start", "end"))
    if not event.get("rrule"):
        return [(_told(start), _told(end))]
    now = datetime.now(zone)
    rule = rrulestr("\n".join(event["rrule"]), dtstart=start)
    exceptions = {_moment(one["original_start"], zone): one for one in event.get("exceptions") or ()}
    told = []
    for one in rule.between(now - _BACK, now + _AHEAD, inc=True):
        exception = exceptions.get(one)
        if exception is None:
            told.append((_told(one), _told(one + (end - start))))
        elif not exception.get("cancelled"):
            told.append((_told(_moment(exception["start"], zone)), _told(_moment(exception["end"], zone))))
    return told


def _moment(text: str, zone: ZoneInfo | None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def _told(moment: datetime) -> str:
    return moment.date().isoformat() if moment.tzinfo is None else moment.astimezone(UTC).isoformat()
