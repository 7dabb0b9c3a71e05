"""What copies may be told to look like: titles, reminders, colours (`engine.md` §2, §14). Pure.

Each refusal names its field and says what to do instead. Which calendars a pair may join is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.domain import title_patterns
from app.domain.errors import FieldError
from app.domain.pairs import CopyColour, CopyVisibility, DirectionSettings, Mode

LONGEST_TITLE: Final = 500
LONGEST_PREFIX: Final = 60
REMINDER_MINUTES: Final = (0, 40_320)
"""Google takes reminders up to four weeks before the start."""


def wrong_looks(settings: DirectionSettings) -> Sequence[FieldError]:
    """What of these settings copies cannot be made by, by field; empty when all can."""
    details = []
    if len(settings.title) > LONGEST_TITLE:
        details.append(FieldError("title", f"Use at most {LONGEST_TITLE} characters."))
    prefix = settings.title_prefix
    if len(prefix) > LONGEST_PREFIX or any(ord(character) < 32 for character in prefix):
        details.append(FieldError("title_prefix", f"Use at most {LONGEST_PREFIX} characters, in one line."))
    if len(settings.title_replacements) > title_patterns.MOST_REPLACEMENTS:
        most = title_patterns.MOST_REPLACEMENTS
        details.append(FieldError("title_replacements", f"Use at most {most} replacements."))
    else:
        for number, replacement in enumerate(settings.title_replacements):
            wrong = title_patterns.problem(replacement)
            if wrong is not None:
                details.append(FieldError(f"title_replacements[{number}]", wrong))
    low, high = REMINDER_MINUTES
    if not low <= settings.reminder_minutes <= high:
        details.append(FieldError("reminder_minutes", f"Choose {low} to {high} minutes."))
    if len(set(settings.detail_fields)) != len(settings.detail_fields):
        details.append(FieldError("detail_fields", "Name each field once."))
    if settings.mode is Mode.BLOCKER:
        details.extend(_leaking(settings))
    return details


def _leaking(settings: DirectionSettings) -> Sequence[FieldError]:
    """What would tell something of originals that only block time."""
    details = []
    if settings.colour is CopyColour.AS_ORIGINAL:
        details.append(FieldError("colour", "Busy time does not show its original's colour. Choose one, or none."))
    if settings.visibility is CopyVisibility.AS_ORIGINAL:
        message = "Busy time does not show how private its original is. Choose private or default."
        details.append(FieldError("visibility", message))
    return details
