"""What a person may ask about their calendars, as one value: every use case here looks, and none writes."""

from __future__ import annotations

from dataclasses import dataclass

from app.services.availability import FreeTimes
from app.services.duplicates import Duplicates
from app.services.leaks import Leaks
from app.services.why import Why


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one profile."""

    why: Why
    free: FreeTimes
    leaks: Leaks
    duplicates: Duplicates
