"""The properties of a stored event, kept small: only what differs from a new event's, the rest is shared.

A mapping that is never changed: whoever changes an event makes a dictionary of it and stores that. But for its times,
it must not know what the properties mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.sandbox.microsoft import bodies
from app.sandbox.microsoft.spans import span

NO_TIME: Final = "0001-01-01T00:00:00Z"
NOWHERE: Final[dict[str, Any]] = {
    "displayName": "",
    "locationType": "default",
    "uniqueIdType": "unknown",
    "address": {},
    "coordinates": {},
}
DEFAULTS: Final[dict[str, Any]] = {
    "subject": "",
    "bodyHtml": "",
    "bodyText": "",
    "importance": "normal",
    "sensitivity": "normal",
    "showAs": "busy",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "categories": [],
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
    "isAllDay": False,
    "isCancelled": False,
    "isOrganizer": True,
    "responseStatus": {"response": "organizer", "time": NO_TIME},
    "attendees": [],
    "location": NOWHERE,
    "locations": [],
    "recurrence": None,
    "extended": {},
}
"""What a new event has of which nothing was said; where a switch says otherwise, the difference is kept."""


class Properties(Mapping[str, Any]):
    """The properties of one event.

    Args:
        values: all of them, or those that differ from ``DEFAULTS``.
    """

    __slots__ = ("_own", "span")

    def __init__(self, values: Mapping[str, Any]) -> None:
        own = {
            name: value for name, value in values.items() if name not in DEFAULTS or not _same(value, DEFAULTS[name])
        }
        # What Exchange made of a plain text follows from the text.
        if "bodyHtml" in own and own["bodyHtml"] == bodies.from_text(own.get("bodyText", "")):
            del own["bodyHtml"]
        elif "bodyText" in own and "bodyHtml" in values and "bodyHtml" not in own:
            own["bodyHtml"] = ""
        self._own = own
        self.span = span(own)
        """Begin and end as instants: asked for very often, so kept beside the times they follow from."""

    @property
    def own(self) -> dict[str, Any]:
        """What differs from the defaults: as it is stored."""
        return self._own

    def __getitem__(self, name: str) -> Any:
        own = self._own
        if name in own:
            return own[name]
        if name == "bodyHtml":
            return bodies.from_text(own.get("bodyText", ""))
        return DEFAULTS[name]

    def __iter__(self) -> Iterator[str]:
        yield from DEFAULTS
        yield from (name for name in self._own if name not in DEFAULTS)

    def __len__(self) -> int:
        return len(DEFAULTS) + sum(name not in DEFAULTS for name in self._own)


def _same(value: Any, default: Any) -> bool:
    # 1 is no True.
    return value is default or (type(value) is type(default) and value == default)
