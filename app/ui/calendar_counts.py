"""What a run did in each calendar, counted from its story and put into words. Pure; it asks nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from app.domain.runs import ActionRecord, ActionResult, Verb
from app.services.views import RunView, RunWay
from app.ui import words

_IN_SOURCE = (Verb.WRITE_BACK, Verb.DELETE_ORIGINAL, Verb.RESTORE_ORIGINAL)
"""What is written where the original lies; all else is written where the copy lies."""
_WRITTEN = {
    Verb.CREATE: "added",
    Verb.UPDATE: "changed",
    Verb.DELETE: "removed",
    Verb.ADOPT: "taken over",
    Verb.RELEASE: "released",
    Verb.UNLINK: "unlinked",
    Verb.WRITE_BACK: "changed",
    Verb.DELETE_ORIGINAL: "removed",
    Verb.RESTORE_ORIGINAL: "brought back",
}
_PLANNED = {
    Verb.CREATE: "to add",
    Verb.UPDATE: "to change",
    Verb.DELETE: "to remove",
    Verb.RELEASE: "to release",
    Verb.UNLINK: "to unlink",
    Verb.WRITE_BACK: "to change",
    Verb.DELETE_ORIGINAL: "to remove",
    Verb.RESTORE_ORIGINAL: "to bring back",
}
_LEFT_OUT, _WAITING, _FAILED = "left out", "waiting for you", "failed"
_ORDER = (*dict.fromkeys((*_WRITTEN.values(), *_PLANNED.values())), _WAITING, _LEFT_OUT, _FAILED)


def by_calendar(view: RunView) -> tuple[str, ...]:
    """`Home: 3 added, 1 changed` for each calendar of a run in which something was done, or from which something was
    left out; empty where the story tells of none, or its calendars are not known any more."""
    ways = {way.direction_id: way for way in view.ways}
    found: dict[str, Counter[str]] = {}
    names: dict[str, str] = {}
    for action in view.actions:
        way = ways.get(action.direction_id)
        word = _word(action)
        if way is None or word is None:
            continue
        place, name = _place(action, way)
        names[place] = name
        found.setdefault(place, Counter())[word] += 1
    labels = _labels(names)
    return tuple(f"{labels[place]}: {_told(counts)}" for place, counts in found.items())


def _place(action: ActionRecord, way: RunWay) -> tuple[str, str]:
    """The calendar an action is about: where it writes, or where what it left out lies."""
    in_source = action.verb in _IN_SOURCE or action.verb is Verb.SKIP
    return (way.source_id, way.source_name) if in_source else (way.target_id, way.target_name)


def _word(action: ActionRecord) -> str | None:
    if words.stays(action):
        return None
    if action.result is ActionResult.FAILED:
        return _FAILED
    if action.result is ActionResult.HELD or action.verb in (Verb.HOLD, Verb.ASK):
        return _WAITING
    if action.verb is Verb.SKIP:
        return _LEFT_OUT
    if action.result is ActionResult.DONE:
        return _WRITTEN.get(action.verb)
    return _PLANNED.get(action.verb)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[word]:,} {word}" for word in _ORDER if counts[word])


def _labels(names: Mapping[str, str]) -> Mapping[str, str]:
    """Names by id; where two calendars are called the same, each with its number in the order of the story."""
    count = Counter(names.values())
    number: Counter[str] = Counter()
    labels = {}
    for place, name in names.items():
        number[name] += 1
        labels[place] = name if count[name] == 1 else f"{name} ({number[name]})"
    return labels
