"""One copy against what it shall be: the rows of `engine.md` §7, field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.events import Event, Marker
from app.domain.links import Copy, Link
from app.domain.pairs import CopyEdited
from app.engine.comparison import Comparison, compare, counted_rewrites, overlay
from app.engine.fingerprint import FIELD_NAMES
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, meeting

RESTORE, KEEP = CopyEdited.RESTORE, CopyEdited.KEEP
OURS = Event("copy", marker=Marker("d", "k", 0, "inst.1"))
THEIRS = Event("copy", marker=Marker("d", "k", 0, "other.1"))
UNMARKED = Event("copy", marker=None)
HIDDEN = Event("copy", marker=None, marker_known=False)


def values(**changed: str) -> dict[str, str]:
    return dict.fromkeys(FIELD_NAMES, "same") | changed


def judged(
    *,
    want: str,
    have: str,
    base: str = "same",
    wanted_before: str = "same",
    event: Event = OURS,
    policy: CopyEdited = RESTORE,
    link: Link | None = None,
) -> Comparison:
    """Compare a copy whose title alone is interesting."""
    copy = Copy("dir", "k", stamp="inst.1", base_copy=values(title=base), wanted=values(title=wanted_before))
    return compare(values(title=want), values(title=have), event, copy, link, policy)


@pytest.mark.parametrize("policy", list(CopyEdited))
def test_original_changed_and_copy_the_same_updates_the_copy(policy: CopyEdited) -> None:
    found = judged(want="new", have="same", policy=policy)
    assert (found.write, found.edited, found.wish_changed) == (("title",), (), ("title",))


@pytest.mark.parametrize("event", [OURS, THEIRS, UNMARKED, HIDDEN])
def test_a_copy_that_equals_what_is_wanted_gets_no_write(event: Event) -> None:
    assert judged(want="new", have="new", event=event).write == ()


def test_an_edited_copy_is_put_back() -> None:
    found = judged(want="same", have="mine")
    assert (found.write, found.edited) == (("title",), ("title",))


def test_an_edited_copy_is_pinned_where_edits_are_kept() -> None:
    found = judged(want="same", have="mine", policy=KEEP)
    assert (found.write, found.edited, found.pinned) == ((), ("title",), ("title",))


def test_both_changed_the_original_wins_or_the_edit_is_pinned() -> None:
    assert judged(want="new", have="mine").write == ("title",)
    assert judged(want="new", have="mine", policy=KEEP).pinned == ("title",)


def test_what_the_service_made_of_our_own_write_is_no_difference() -> None:
    assert judged(want="same", have="rewritten", base="rewritten") == Comparison()


@pytest.mark.parametrize("event", [THEIRS, UNMARKED])
def test_without_our_stamp_there_is_no_base_and_the_original_wins(event: Event) -> None:
    found = judged(want="same", have="mine", event=event, policy=KEEP)
    assert (found.write, found.edited, found.pinned, found.no_base) == (("title",), (), (), True)


def test_a_hidden_marker_says_nothing_against_the_base() -> None:
    assert judged(want="same", have="mine", event=HIDDEN).edited == ("title",)


def test_a_copy_that_was_just_adopted_has_no_base() -> None:
    found = compare(values(title="new"), values(), OURS, Copy("dir", "k", stamp="inst.1"), None, KEEP)
    assert (found.write, found.no_base) == (("title",), True)


@pytest.mark.parametrize(("times", "frozen"), [(2, False), (3, True), (4, True)])
def test_a_field_rewritten_three_times_for_one_value_is_left_alone(times: int, frozen: bool) -> None:
    link = Link("dir", "a1", rewrites={"title": ("same", times)})
    found = judged(want="same", have="mine", link=link)
    assert (found.frozen, found.write) == ((("title",), ()) if frozen else ((), ("title",)))


def test_a_frozen_field_thaws_when_its_value_changes() -> None:
    link = Link("dir", "a1", rewrites={"title": ("same", 3)})
    assert judged(want="new", have="mine", link=link).write == ("title",)


def test_rewrites_are_counted_for_each_field_and_value() -> None:
    link = Link("dir", "a1", rewrites={"title": ("same", 1), "place": ("x", 2), "text": ("old", 2)})
    counted = counted_rewrites(link, Comparison(write=("title", "text", "when")), values())
    assert counted == {"title": ("same", 2), "place": ("x", 2), "text": ("same", 1), "when": ("same", 1)}


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_a_pinned_field_is_taken_from_the_copy_and_no_other(name: str) -> None:
    wanted = meeting("a", wall(MONDAY, 9), title="W").fields
    actual = meeting("a", wall(MONDAY, 11), title="A").fields
    assert wanted is not None
    assert actual is not None
    actual = replace(actual, text="t", html="<p>t</p>", place="p", colour="red", reminders=(1,))
    mixed = overlay(wanted, actual, (name,))
    theirs = {"when": ("when", "recurrence"), "text": ("text", "html")}.get(name, (name,))
    for field_name in ("when", "title", "text", "html", "place", "colour", "reminders"):
        source = actual if field_name in theirs else wanted
        assert getattr(mixed, field_name) == getattr(source, field_name)
