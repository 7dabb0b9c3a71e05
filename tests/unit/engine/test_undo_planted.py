"""Bugs planted into undo: each is caught by what `test_undo` checks, so that those checks count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.engine import comparison, judge, undo
from tests.unit.engine import test_undo as checks


def without_pin(patch: pytest.MonkeyPatch) -> None:
    """Fields are put back, and nothing remembers that they shall stay so."""
    patch.setattr(undo, "pinned", lambda copy, names: {})


def pins_not_followed(patch: pytest.MonkeyPatch) -> None:
    """A pin is written down, and lost with the next write to the copy."""
    for module in (comparison, judge):
        patch.setattr(module, "pins_left", lambda copy, wanted: {})


def away_by_policy_only(patch: pytest.MonkeyPatch) -> None:
    """A copy whose making was undone is treated as one that a person deleted."""
    right = judge.Judge.is_away
    patch.setattr(judge.Judge, "is_away", lambda self, case, occ: self.stays_away and right(self, case, occ))


def kept_for_no_reason(patch: pytest.MonkeyPatch) -> None:
    """A copy that was brought back is no more than any other."""
    patch.setattr(judge.Judge, "kept_for_good", staticmethod(lambda link: False))


def edits_are_overwritten(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a copy is as we left it."""
    patch.setattr(undo.UndoPlanner, "_untouched", lambda *_: True)


PLANTED: tuple[tuple[Callable[[pytest.MonkeyPatch], None], Callable[..., None], tuple[Any, ...]], ...] = (
    (without_pin, checks.test_an_undone_field_stays_until_another_value_is_wanted_while_other_fields_go_on, ()),
    (pins_not_followed, checks.test_an_undone_field_stays_until_another_value_is_wanted_while_other_fields_go_on, ()),
    (
        away_by_policy_only,
        checks.test_an_undone_copy_stays_away_whatever_the_pair_does_with_deleted_copies,
        (checks.RESTORING,),
    ),
    (kept_for_no_reason, checks.test_a_deleted_copy_is_made_again_and_kept_without_its_original, (True,)),
    (edits_are_overwritten, checks.test_a_copy_that_a_person_edited_is_left_alone, ()),
)


@pytest.mark.parametrize(("plant", "check", "given"), PLANTED, ids=[plant.__name__ for plant, _, _ in PLANTED])
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    check: Callable[..., None],
    given: tuple[Any, ...],
) -> None:
    check(*given)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check(*given)
