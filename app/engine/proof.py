"""What we can prove we made (`engine.md` §4): an id that re-derives from the copy's key. A marker alone proves nothing.

Pure.
"""

from __future__ import annotations

from app.domain import identity
from app.domain.events import Event


def is_ours(event: Event, target_key: str, copy_key: str, generation: int) -> bool:
    """Whether a living event in the target is the copy of this key and generation."""
    copy_id = identity.copy_id(target_key, copy_key, generation)
    return event.id == identity.google_event_id(copy_id) or event.transaction_id == identity.transaction_id(copy_id)


def is_ours_by_marker(event: Event, target_key: str) -> bool:
    """Whether an event without a link is the copy its own marker claims to be."""
    marker = event.marker
    return marker is not None and not marker.released and is_ours(event, target_key, marker.copy_key, marker.generation)
