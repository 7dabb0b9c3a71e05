"""Every cause of a hold has words for a person, and both answers say what they do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.runs import Hold, HoldCause
from app.services.hold_words import WORDS, what_waits
from app.services.shapes import hold as shape

AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("cause", HoldCause)
def test_a_hold_says_what_would_be_done_and_what_each_answer_does(cause: HoldCause) -> None:
    hold = Hold("hold_1", "pair_1", "dir_1", cause, AT, 1200)
    said = shape(hold)
    assert "1,200" in what_waits(hold)
    assert said["sentence"].startswith(what_waits(hold))
    assert len({said["sentence"], said["approve_label"], said["reject_label"]}) == 3
    assert WORDS[cause].subject(1).startswith("1 ")


def test_no_two_causes_give_the_same_reason() -> None:
    assert len({words.why for words in WORDS.values()}) == len(HoldCause)
