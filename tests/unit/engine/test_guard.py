"""Where the guard begins to ask (`engine.md` §10): 5 and 6, a tenth, a fifth a day, an emptied source, mass changes."""

from __future__ import annotations

import pytest

from app.domain.ledger import Tally
from app.domain.links import CopyForm, Op
from app.domain.runs import HoldAnswer, HoldCause, Verb
from app.engine.decisions import Decision, Step
from app.engine.guard import Signs, Verdict, guard


def losing(count: int, first: int = 0, reason: str = "original_gone") -> list[Decision]:
    step = Step(Verb.DELETE, Op.DELETE, "", "key", CopyForm.SINGLE, reason, loses=True)
    return [Decision(f"lost{n}", steps=[step]) for n in range(first, first + count)]


def changing(count: int, op: Op = Op.UPDATE, *, follows: bool = True) -> list[Decision]:
    step = Step(Verb.UPDATE, op, "", "key", CopyForm.SINGLE, "changed", follows_original=follows)
    return [Decision(f"changed{n}", steps=[step]) for n in range(count)]


def ask(
    decisions: list[Decision],
    *,
    live: int,
    deleted: int = 0,
    empty: bool = False,
    answers: dict[tuple[HoldCause, str], HoldAnswer] | None = None,
) -> Verdict:
    return guard(decisions, Tally(live, deleted), signs=Signs(source_empty=empty), answers=answers or {})


@pytest.mark.parametrize(
    ("lost", "live", "deleted", "held"),
    [
        (5, 10, 0, False),
        (5, 5, 0, False),
        (6, 10, 0, True),
        (6, 59, 0, True),
        (6, 60, 0, False),
        (10, 100, 0, False),
        (11, 100, 0, True),
        (5, 100, 15, False),
        (10, 100, 15, True),
        (1, 20, 4, False),
        (1, 20, 5, True),
        (1, 100, 23, False),
        (1, 100, 24, True),
        (0, 0, 99, False),
    ],
)
def test_losses_are_held_from_a_tenth_a_run_and_a_fifth_a_day_on_but_never_up_to_five(
    lost: int, live: int, deleted: int, held: bool
) -> None:
    verdict = ask(losing(lost), live=live, deleted=deleted)
    assert list(verdict.held) == ([HoldCause.MASS_DELETE] if held else [])
    assert len(verdict.go) == (0 if held else lost)


@pytest.mark.parametrize(("live", "lost", "held"), [(1, 1, False), (2, 2, True), (30, 1, True)])
def test_an_emptied_source_is_held_when_two_originals_had_copies(live: int, lost: int, held: bool) -> None:
    verdict = ask(losing(lost), live=live, empty=True)
    assert list(verdict.held) == ([HoldCause.SOURCE_EMPTY] if held else [])


@pytest.mark.parametrize(("live", "changed", "held"), [(9, 9, False), (10, 5, False), (10, 6, True), (100, 50, False)])
def test_changes_of_over_half_are_held_from_ten_on(live: int, changed: int, held: bool) -> None:
    verdict = ask(changing(changed), live=live)
    assert list(verdict.held) == ([HoldCause.MASS_CHANGE] if held else [])


def test_changes_by_settings_are_never_held() -> None:
    assert not ask(changing(50, follows=False), live=50).held


def test_what_loses_nothing_goes_on_beside_what_is_held() -> None:
    new = Decision("new", steps=[Step(Verb.CREATE, Op.CREATE, "", "k", CopyForm.SINGLE, "new")])
    form = Decision("form", steps=[Step(Verb.DELETE, Op.DELETE, "", "k", CopyForm.SINGLE, "form_changed")])
    verdict = ask([*losing(9), new, form], live=9)
    assert verdict.go == [new, form]
    assert [d.original_id for d in verdict.held[HoldCause.MASS_DELETE]] == [f"lost{n}" for n in range(9)]


def test_a_series_with_many_steps_is_one_original() -> None:
    step = losing(1)[0].steps[0]
    verdict = ask([Decision("series", steps=[step] * 20)], live=3)
    assert not verdict.held


def test_an_approval_counts_for_the_events_it_named_and_for_no_other() -> None:
    answers = {(HoldCause.MASS_DELETE, f"lost{n}"): HoldAnswer.APPROVED for n in range(8)}
    verdict = ask(losing(10), live=20, answers=answers)
    assert [d.original_id for d in verdict.go] == [f"lost{n}" for n in range(8)]
    assert [d.original_id for d in verdict.held[HoldCause.MASS_DELETE]] == ["lost8", "lost9"]


@pytest.mark.parametrize("lost", [1, 5, 6, 20])
def test_what_is_to_be_kept_is_kept_however_many_others_there_are(lost: int) -> None:
    answers = {(HoldCause.MASS_DELETE, "lost0"): HoldAnswer.KEPT}
    verdict = ask(losing(lost), live=40, answers=answers)
    assert [d.original_id for d in verdict.kept] == ["lost0"]
    assert "lost0" not in {d.original_id for d in verdict.go}


def test_an_answer_to_a_loss_holds_when_the_cause_is_another_by_now() -> None:
    answers = {(HoldCause.MASS_DELETE, "lost0"): HoldAnswer.KEPT, (HoldCause.MASS_DELETE, "lost1"): HoldAnswer.APPROVED}
    verdict = ask(losing(3), live=3, empty=True, answers=answers)
    assert [d.original_id for d in verdict.kept] == ["lost0"]
    assert [d.original_id for d in verdict.go] == ["lost1"]
    assert [d.original_id for d in verdict.held[HoldCause.SOURCE_EMPTY]] == ["lost2"]


def test_a_yes_to_narrower_filters_is_none_to_a_deletion() -> None:
    yes = {(HoldCause.FILTERS_NARROWED, f"lost{n}"): HoldAnswer.APPROVED for n in range(9)}
    deleted, filtered = losing(9), losing(9, reason="filtered")
    assert list(ask(deleted, live=9, answers=yes).held) == [HoldCause.MASS_DELETE]
    assert len(ask(filtered, live=9, answers=yes).go) == 9


def test_a_no_to_narrower_filters_keeps_what_is_deleted_too() -> None:
    no = {(HoldCause.FILTERS_NARROWED, f"lost{n}"): HoldAnswer.KEPT for n in range(9)}
    assert len(ask(losing(9), live=9, answers=no).kept) == 9


def test_an_answer_to_a_change_says_nothing_of_a_loss() -> None:
    answers = {(HoldCause.MASS_CHANGE, f"lost{n}"): HoldAnswer.APPROVED for n in range(9)}
    assert ask(losing(9), live=9, answers=answers).held
