"""What a copy shows of its original, by the settings of its direction (`engine.md` §2, §14). Pure.

A blocker never holds a word of the original: title, text, place, link, guests, reminders and colour stay behind, and a
template that asks for `{title}` gets nothing. `details` show title and time, and what was chosen of
text, place and link.
"""

from __future__ import annotations

import re
from dataclasses import replace

from app.domain.events import Availability, Fields, GuestList, Visibility
from app.domain.links import DirectionRecord
from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    Mode,
    PrivateOriginals,
    Reminders,
)
from app.domain.title_patterns import replaced
from app.engine.filters import PRIVATE

BLOCKER_TITLE = "Busy"
TITLE_NAME = "{title}"


def copy_fields(original: Fields, direction: DirectionRecord, guests: GuestList | None = None) -> Fields:
    """The fields a copy of this original shall have, before the target's normal form.

    Args:
        guests: who else is on the original. They are at most listed, by name, below the copy's text.
    """
    settings = direction.settings
    if settings.mode is Mode.BLOCKER:
        title = _title(settings.title or BLOCKER_TITLE, "", direction)
        visibility = _visibility(settings.visibility or CopyVisibility.PRIVATE, original)
        return _blocker(original, title, visibility, direction)
    if shows_blocker(original, settings):
        # Whatever other copies are: of an event that its owner marked private nobody sees more than busy time.
        return _blocker(original, BLOCKER_TITLE, Visibility.PRIVATE, direction)
    shown = _shown(settings)
    own_title = replaced(original.title, settings.title_replacements)
    text, html = (original.text, original.html) if DetailField.TEXT in shown else ("", None)
    return replace(
        original,
        title=_prefixed(_title(settings.title or TITLE_NAME, own_title, direction), direction),
        text=text,
        html=html,
        place=original.place if DetailField.PLACE in shown else "",
        # The target has no field for them: its client puts them below our line in the text.
        link=original.link if DetailField.LINK in shown and original.link not in text else "",
        guests=guests if lists_guests(original, settings) else None,
        availability=_availability(original, settings),
        visibility=_visibility(settings.visibility or CopyVisibility.AS_ORIGINAL, original),
        reminders=_reminders(original.reminders, settings),
        colour=_colour(original.colour, settings),
    )


def shows_blocker(original: Fields, settings: DirectionSettings) -> bool:
    """Whether the copy of this original only blocks its time."""
    hidden = original.visibility in PRIVATE and settings.private_originals is PrivateOriginals.AS_BLOCKER
    return settings.mode is Mode.BLOCKER or hidden


def lists_guests(original: Fields, settings: DirectionSettings) -> bool:
    """Whether the copy of this original lists its guests: only below a text that it shows too."""
    listed = settings.guests_in_text and DetailField.TEXT in _shown(settings)
    return listed and not shows_blocker(original, settings)


def title_frame(direction: DirectionRecord) -> tuple[str, str] | None:
    """What a direction's template puts before and after `{title}`; None where it does not show the title just once."""
    template = direction.settings.title or TITLE_NAME
    if template.count(TITLE_NAME) != 1:
        return None
    before, after = template.split(TITLE_NAME)
    framed = direction.settings.title_prefix + _filled(before, "", direction).lstrip()
    return framed.lstrip(), _filled(after, "", direction).rstrip()


def _blocker(original: Fields, title: str, visibility: Visibility, direction: DirectionRecord) -> Fields:
    settings = direction.settings
    return Fields(
        when=original.when,
        title=_prefixed(title or BLOCKER_TITLE, direction),
        availability=_availability(original, settings),
        visibility=visibility,
        reminders=_reminders((), settings),
        colour=_colour(None, settings),
        recurrence=original.recurrence,
    )


def _shown(settings: DirectionSettings) -> frozenset[DetailField]:
    return frozenset(DetailField if settings.mode is Mode.FULL else settings.detail_fields)


def _availability(original: Fields, settings: DirectionSettings) -> Availability:
    if settings.availability is CopyAvailability.AS_ORIGINAL:
        return original.availability
    return Availability(settings.availability)


def _visibility(chosen: CopyVisibility, original: Fields) -> Visibility:
    return original.visibility if chosen is CopyVisibility.AS_ORIGINAL else Visibility(chosen)


def _reminders(own: tuple[int, ...] | None, settings: DirectionSettings) -> tuple[int, ...] | None:
    """Reminders of a copy; `own` are those the original may lend it."""
    if settings.reminders is Reminders.FIXED:
        return (settings.reminder_minutes,)
    return own if settings.reminders is Reminders.COPY else ()


def _colour(own: str | None, settings: DirectionSettings) -> str | None:
    """Colour of a copy; `own` is the one the original may lend it."""
    by_mode = CopyColour.AS_ORIGINAL if settings.mode is Mode.FULL else CopyColour.NONE
    chosen = settings.colour or by_mode
    if chosen is CopyColour.AS_ORIGINAL:
        return own
    return None if chosen is CopyColour.NONE else str(chosen)


def _prefixed(title: str, direction: DirectionRecord) -> str:
    return (direction.settings.title_prefix + title).strip()


def _title(template: str, title: str, direction: DirectionRecord) -> str:
    """A filled title template."""
    return _filled(template, title, direction).strip()


def _filled(template: str, title: str, direction: DirectionRecord) -> str:
    """Fill a template, once: what is filled in is not looked through for names again."""
    filled = {
        TITLE_NAME: title,
        "{calendar}": direction.source.name,
        "{account}": direction.source.calendar_id if "@" in direction.source.calendar_id else direction.source.name,
    }
    return re.sub("|".join(map(re.escape, filled)), lambda name: filled[name[0]], template)
