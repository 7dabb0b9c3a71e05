"""Noticing that the computer slept in the middle of a run (`reliability.md` §1 A8).

What was read before may be a day old by then, another installation may have made every copy meanwhile, and a service
that remembers for hours which creates it has seen may have forgotten: nothing more is written by such a view. Pure but
for the clock it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from app.domain.ports import Clock

SLEPT = timedelta(minutes=10)
"""Between two looks lie a chunk of writes, a read or some planning, with their waits: minutes at the most."""


class Awake:
    """Whether a run may go on.

    Args:
        stopping: whether somebody else wants it to end.
    """

    def __init__(self, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._others = stopping
        self._looked_at = clock.now()
        self._slept = False

    def stopping(self) -> bool:
        """Whether no further write may start. Once the computer slept, this stays so: the next run reads anew."""
        now = self._clock.now()
        self._slept = self._slept or abs(now - self._looked_at) > SLEPT
        self._looked_at = now
        return self._slept or self._others()
