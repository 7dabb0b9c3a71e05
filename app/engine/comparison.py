"""One copy against what it shall be, field by field (`engine.md` §7). Pure.

A field counts as changed by a person only against a valid base: what the service answered to our own write, as long as
the copy bears the stamp we left. Without a base the original wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.events import Event, Fields
from app.domain.links import Copy, Link
from app.domain.pairs import CopyEdited
from app.engine.fingerprint import (
    AVAILABILITY,
    COLOUR,
    FIELD_NAMES,
    PLACE,
    REMINDERS,
    TEXT,
    TITLE,
    VISIBILITY,
    WHEN,
)

FREEZE_AFTER = 3
"""A field rewritten this often for one wanted value is left alone until the value changes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to do with one copy that is there.

    Args:
        write: fields to write.
        edited: fields a person changed on the copy, as far as a base tells.
        pinned: edited fields that stay as the person made them.
        frozen: fields that keep coming back different.
        wish_changed: fields whose wanted value is another than last time.
        no_base: the copy bears a stamp that is not ours.
    """

    write: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    wish_changed: tuple[str, ...] = ()
    no_base: bool = False


def bears_other_stamp(event: Event, copy: Copy) -> bool:
    """Whether the copy is known to bear another stamp than the one we left (or none)."""
    return event.marker_known and (event.marker is None or event.marker.stamp != copy.stamp)


def compare(
    wanted: Mapping[str, str],
    actual: Mapping[str, str],
    event: Event,
    copy: Copy,
    link: Link | None,
    policy: CopyEdited,
) -> Comparison:
    """Compare hashes of what is wanted with hashes of what is there."""
    no_base = not copy.base_copy or bears_other_stamp(event, copy)
    rewrites = link.rewrites if link is not None else {}
    write, edited, pinned, frozen, wish_changed = [], [], [], [], []
    for name in FIELD_NAMES:
        want, have = wanted[name], actual[name]
        changed_wish = want != copy.wanted.get(name)
        changed_copy = not no_base and have != copy.base_copy.get(name)
        if changed_wish:
            wish_changed.append(name)
        if changed_copy and want != have:
            edited.append(name)
        if want == have or not (changed_wish or changed_copy or no_base):
            continue
        if changed_copy and policy is CopyEdited.KEEP:
            pinned.append(name)
        elif is_frozen(rewrites.get(name), want):
            frozen.append(name)
        else:
            write.append(name)
    return Comparison(tuple(write), tuple(edited), tuple(pinned), tuple(frozen), tuple(wish_changed), no_base)


def is_frozen(rewritten: tuple[str, int] | None, want: str) -> bool:
    """Whether a field was rewritten so often for this wanted value that it is left alone."""
    return rewritten is not None and rewritten[0] == want and rewritten[1] >= FREEZE_AFTER


def counted_rewrites(
    link: Link | None, comparison: Comparison, wanted: Mapping[str, str]
) -> dict[str, tuple[str, int]]:
    """The link's rewrite counts after writing once more: a value wanted anew starts at one."""
    counts = dict(link.rewrites) if link is not None else {}
    for name in comparison.write:
        value, times = counts.get(name, ("", 0))
        counts[name] = (wanted[name], times + 1 if value == wanted[name] else 1)
    return counts


def overlay(wanted: Fields, actual: Fields, keep: tuple[str, ...]) -> Fields:
    """The wanted fields, but with `keep` as they are in the copy."""
    taken: dict[str, object] = {}
    for name in keep:
        if name == WHEN:
            taken |= {"when": actual.when, "recurrence": actual.recurrence}
        elif name == TEXT:
            taken |= {"text": actual.text, "html": actual.html}
        elif name in (TITLE, PLACE, AVAILABILITY, VISIBILITY, REMINDERS, COLOUR):
            taken[name] = getattr(actual, name)
    return replace(wanted, **taken)  # type: ignore[arg-type]  # names and values come from the same dataclass
