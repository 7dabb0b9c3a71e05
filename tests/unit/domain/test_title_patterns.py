"""Replacements in titles: what may be sought, and that no title keeps the computer busy with it."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.pairs import Replacement
from app.domain.title_patterns import LONGEST, problem, replaced


def pattern(text: str) -> Replacement:
    return Replacement(text, "#", pattern=True)


@pytest.mark.parametrize(
    "text",
    [r"\bproject x\b", r"\d{2,4}", "[A-Z]+-[0-9]{3}", "colou?r", "(?:Mr|Mrs) X", "^Re: ", "a*?b", "x{3}", r"\(c\)"],
)
def test_small_patterns_may_be_used(text: str) -> None:
    assert problem(pattern(text)) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("(a+)+b", "repeated group"),
        ("(a|a)*b", "repeated group"),
        ("(a){3}b", "repeated group"),
        ("a++b", "repetition of a repetition"),
        ("a{2}{3}", "repetition of a repetition"),
        (".*.*=.*", "once at most"),
        ("a{1,9}b{1,9}", "once at most"),
        ("a?b?c?d?e?f", "times at most"),
        ("a{1,999}", "20 times"),
        ("a|b|c|d|e|f|g", "choices"),
        (r"(a)\1", "References back"),
        ("(?=a)b", "Looking around"),
        ("(?i)b", "Looking around"),
        ("(?P<x>b)", "Looking around"),
        ("[[a]", "inside"),
        ("[a--b]", "inside"),
        (r"\p", "cannot be used"),
        ("\\", "cannot be used"),
        ("(a", "cannot be read"),
        ("[a", "cannot be read"),
        ("a{}", "cannot be read"),
        ("*a", "character before it"),
        ("^*a", "character before it"),
        ("a*", "nothing at all"),
        ("x|", "nothing at all"),
        ("$", "nothing at all"),
        ("a\nb", "line breaks"),
        ("a" * (LONGEST + 1), "characters"),
        ("  ", "replaced"),
    ],
)
def test_what_could_run_for_ever_is_refused_by_its_name(text: str, named: str) -> None:
    assert named in (problem(pattern(text)) or "")


@given(st.text(alphabet="a(|)?*+{1,}[]^$\\bd.-&", max_size=14), st.text(alphabet="abd1 ", max_size=40))
def test_whatever_is_typed_is_refused_or_runs(text: str, title: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if problem(pattern(text)) is None:
            assert isinstance(replaced(title, [pattern(text)]), str)


def test_the_worst_that_is_let_through_ends_soon() -> None:
    worst = ["a?" * 4 + "a*b", "(|a)" * 5 + "a+b", "(a|a)" * 5 + "a{1,20}b", "a?" * 4 + "(a|a)" * 5 + "a*b"]
    for text in worst:
        assert problem(pattern(text)) is None
    begun = time.process_time()
    for text in worst:
        replaced("a" * 100_000, [pattern(text)])
    assert time.process_time() - begun < 5


def test_plain_text_is_sought_as_it_is_whatever_its_case_and_put_in_as_it_is() -> None:
    swaps = [Replacement("(x*", r"\1"), Replacement("B", "c")]
    assert all(problem(one) is None for one in swaps)
    assert replaced("A (X* b", swaps) == r"A \1 c"


def test_a_long_title_keeps_its_end() -> None:
    title = "ab" * 300
    assert replaced(title, [Replacement("b", "")]) == "a" * 128 + title[256:]
    assert re.fullmatch("a+(ab)+", replaced(title, [Replacement("b", "")]))
