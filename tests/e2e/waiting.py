"""Waiting for what a person would wait for: a condition with a deadline, never a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 60.0
"""The deadline of a step: long, since a busy machine is slow and a wait ends as soon as it can."""
_LOOK_AGAIN_SECONDS = 0.05


def until(what: str, ask: Callable[[], T], *, seconds: float = SECONDS) -> T:
    """Ask until the answer is truthy, and return it.

    Raises:
        AssertionError: it never was; says what was waited for and what the last answer was.
    """
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"waited {seconds:.0f} s in vain until {what}; the last answer was {answer!r}")
        time.sleep(_LOOK_AGAIN_SECONDS)
