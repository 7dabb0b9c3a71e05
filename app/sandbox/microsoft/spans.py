"""From an event's own wall times to the instants at which it begins and ends.

It must not know series or the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.sandbox.microsoft.zones import Zone, resolve

Span = tuple[datetime, datetime]
"""Begin and end, instants in UTC."""


def zone_of(name: str) -> Zone:
    """A zone by its stored name, which was checked when it came in."""
    return resolve(name, any_iana=True)


def span(fields: Mapping[str, Any]) -> Span:
    """Begin and end of an event's own times as instants."""
    return (
        zone_of(fields["startZone"]).instant(datetime.fromisoformat(fields["start"])),
        zone_of(fields["endZone"]).instant(datetime.fromisoformat(fields["end"])),
    )


def overlaps(start: datetime, end: datetime, after: datetime, before: datetime) -> bool:
    """Whether an event touches the span ``[after, before)``; one without length counts where it begins."""
    return start < before and (end > after or start >= after)
