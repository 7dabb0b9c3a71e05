"""One copy against what it shall be, field by field (`engine.md` §7). Pure.

A field counts as changed by a person only against a valid base: what the service answered to our own write, as long as
the copy bears the stamp we left. Without a base the original wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.events import Event, Fields
from app.domain.links import Copy, Link
from app.domain.pairs import CopyEdited
from app.engine.fingerprint import (
    AVAILABILITY,
    BELOW_NAMES,
    COLOUR,
    FIELD_NAMES,
    PLACE,
    REMINDERS,
    TEXT,
    TITLE,
    VISIBILITY,
    WHEN,
)

REWRITABLE = (TEXT, PLACE)
"""Fields that Exchange rewrites by itself after a write (`engine.md` §7)."""
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
        undone: fields that were taken back by an undo and stay so while the same is wanted.
        rewritten: fields that the service itself made different after our write: what they are now is their base.
        no_base: the copy bears a stamp that is not ours.
    """

    write: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    wish_changed: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
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
    *,
    rewrites_seconds: float = 0.0,
) -> Comparison:
    """Compare hashes of what is wanted with hashes of what is there.

    Args:
        actual: with what stands below our line there, if it is to be compared.
        rewrites_seconds: `Capabilities.rewrites_seconds` of the copy's service.
    """
    no_base = not copy.base_copy or bears_other_stamp(event, copy)
    rewrites = link.rewrites if link is not None else {}
    rewriting = still_rewriting(event, copy, rewrites_seconds)
    write, edited, pinned, frozen, wish_changed, rewritten, undone = [], [], [], [], [], [], []
    for name in FIELD_NAMES:
        want, have = wanted[name], actual[name]
        changed_wish = want != copy.wanted.get(name)
        changed_copy = not no_base and have != copy.base_copy.get(name)
        if changed_wish:
            wish_changed.append(name)
        if changed_copy and rewriting and name in REWRITABLE:
            rewritten.append(name)
            changed_copy = False
        if changed_copy and want != have:
            edited.append(name)
        if want == have:
            continue
        if copy.pins.get(name) == want:
            undone.append(name)
            continue
        if not (changed_wish or changed_copy or no_base):
            continue
        if changed_copy and policy is CopyEdited.KEEP:
            pinned.append(name)
        elif is_frozen(rewrites.get(name), want):
            frozen.append(name)
        else:
            write.append(name)
    for name in BELOW_NAMES:
        # It follows the original. What a person made of it is no edit: nothing is put back, carried over or kept.
        wish, there = wanted.get(name), actual.get(name)
        changed_wish = wish != copy.wanted.get(name)
        if changed_wish:
            wish_changed.append(name)
        if wish == there or not (changed_wish or not copy.wanted):
            continue
        (undone if wish is not None and copy.pins.get(name) == wish else write).append(name)
    return Comparison(
        tuple(write),
        tuple(edited),
        tuple(pinned),
        tuple(frozen),
        tuple(wish_changed),
        tuple(rewritten),
        tuple(undone),
        no_base,
    )


def pins_left(copy: Copy | None, wanted: Mapping[str, str]) -> dict[str, str]:
    """Pins that still hold: the value that was undone is still the wanted one."""
    return {name: value for name, value in copy.pins.items() if wanted.get(name) == value} if copy is not None else {}


def still_rewriting(event: Event, copy: Copy, rewrites_seconds: float) -> bool:
    """Whether the copy last changed so soon after our write that it may be the service's own work."""
    if rewrites_seconds <= 0 or copy.written_at is None or event.updated_at is None:
        return False
    return event.updated_at - copy.written_at <= timedelta(seconds=rewrites_seconds)


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
        want = wanted.get(name, "")
        counts[name] = (want, times + 1 if value == want else 1)
    return counts


def overlay(wanted: Fields, actual: Fields, keep: tuple[str, ...]) -> Fields:
    """The wanted fields, but with `keep` as they are in the copy."""
    taken: dict[str, object] = {}
    for name in keep:
        if name == WHEN:
            taken |= {"when": actual.when, "recurrence": actual.recurrence}
        elif name == TEXT:
            taken |= {"text": actual.text, "html": actual.html}
        elif name in (TITLE, PLACE, AVAILABILITY, VISIBILITY, REMINDERS, COLOUR, *BELOW_NAMES):
            taken[name] = getattr(actual, name)
    return replace(wanted, **taken)  # type: ignore[arg-type]  # names and values come from the same dataclass
