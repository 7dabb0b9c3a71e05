"""What a copy shows of its original, by the settings of its direction (`engine.md` §2, §14). Pure.

A blocker never holds a word of the original: title, text, place, link, guests and reminders stay behind, and a template
that asks for `{title}` gets nothing. `details` show title and time; text, place, link and colour stay behind.
"""

from __future__ import annotations

import re
from dataclasses import replace

from app.domain.events import Fields, Visibility
from app.domain.links import DirectionRecord
from app.domain.pairs import DirectionSettings, Mode, PrivateOriginals, Reminders
from app.engine.filters import PRIVATE

BLOCKER_TITLE = "Busy"
TITLE_NAME = "{title}"
ADDED_BELOW = "-- Kalends --"
"""Line under which we add what the target has no field for (the meeting link)."""


def copy_fields(original: Fields, direction: DirectionRecord) -> Fields:
    """The fields a copy of this original shall have, before the target's normal form."""
    settings = direction.settings
    if settings.mode is Mode.BLOCKER:
        return _blocker(original, _title(settings.title or BLOCKER_TITLE, "", direction) or BLOCKER_TITLE)
    if shows_blocker(original, settings):
        return _blocker(original, BLOCKER_TITLE)
    title = _title(settings.title or TITLE_NAME, original.title, direction)
    reminders = original.reminders if settings.reminders is Reminders.COPY else ()
    if settings.mode is Mode.DETAILS:
        return replace(original, title=title, text="", html=None, place="", link="", colour=None, reminders=reminders)
    text, html = _with_link(original)
    return replace(original, title=title, text=text, html=html, link="", reminders=reminders)


def shows_blocker(original: Fields, settings: DirectionSettings) -> bool:
    """Whether the copy of this original only blocks its time."""
    hidden = original.visibility in PRIVATE and settings.private_originals is PrivateOriginals.AS_BLOCKER
    return settings.mode is Mode.BLOCKER or hidden


def title_frame(direction: DirectionRecord) -> tuple[str, str] | None:
    """What a direction's template puts before and after `{title}`; None where it does not show the title just once."""
    template = direction.settings.title or TITLE_NAME
    if template.count(TITLE_NAME) != 1:
        return None
    before, after = template.split(TITLE_NAME)
    return _filled(before, "", direction).lstrip(), _filled(after, "", direction).rstrip()


def _blocker(original: Fields, title: str) -> Fields:
    return Fields(
        when=original.when,
        title=title,
        availability=original.availability,
        visibility=Visibility.PRIVATE,
        reminders=(),
        recurrence=original.recurrence,
    )


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


def _with_link(original: Fields) -> tuple[str, str | None]:
    if not original.link or original.link in original.text:
        return original.text, original.html
    text = f"{original.text}\n\n{ADDED_BELOW}\n{original.link}".strip()
    if original.html is None:
        return text, None
    shown = original.link.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text, f"{original.html}<br><br>{ADDED_BELOW}<br>{shown}"
