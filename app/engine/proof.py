"""What we can prove we made (`engine.md` §4): an id that re-derives from the copy's key. A marker alone proves nothing.

Pure.
"""

from __future__ import annotations

import re

from app.domain import identity
from app.domain.events import Event

GENERATIONS_AHEAD = 3
"""So many generations are looked for in the view: another installation may be further on."""
_OUR_EVENT_ID = re.compile(rf"{identity.COPY_ID_PREFIX}[0-9a-f]{{40}}")
_OUR_TRANSACTION_ID = re.compile(r"6b616c6e-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")


def is_ours(event: Event, target_key: str, copy_key: str, generation: int) -> bool:
    """Whether a living event in the target is the copy of this key and generation. A released one no longer is."""
    if is_released(event):
        return False
    copy_id = identity.copy_id(target_key, copy_key, generation)
    return event.id == identity.google_event_id(copy_id) or event.transaction_id == identity.transaction_id(copy_id)


def copy_names(target_key: str, copy_key: str, generations: int) -> tuple[str, ...]:
    """Event ids and transaction ids that the copy of this key has in its first so many generations."""
    ids = [identity.copy_id(target_key, copy_key, number) for number in range(generations)]
    return tuple(name(one) for one in ids for name in (identity.google_event_id, identity.transaction_id))


def is_ours_by_marker(event: Event, target_key: str) -> bool:
    """Whether an event without a link is the copy its own marker claims to be."""
    marker = event.marker
    return marker is not None and not marker.released and is_ours(event, target_key, marker.copy_key, marker.generation)


def is_released(event: Event) -> bool:
    """Whether an event was a copy once and was let go: an ordinary event."""
    return event.marker is not None and event.marker.released


def is_of_another(stamp: str, installation: str) -> bool:
    """Whether a stamp was left by another installation than this one."""
    return bool(stamp) and stamp.partition(".")[0] != installation


def looks_like_ours(event: Event) -> bool:
    """Whether an event looks like a copy of any pair, proved or not (a stray): then it is never a source.

    By its marker, or where that was stripped by the shape of its id or transaction id.
    """
    if event.marker is not None:
        return not event.marker.released
    by_id = _OUR_EVENT_ID.fullmatch(event.id) is not None
    return by_id or (
        event.transaction_id is not None and _OUR_TRANSACTION_ID.fullmatch(event.transaction_id) is not None
    )
