"""Snapshots, restores and second copies as JSON, by one serialiser for API and command line. Fields are only ever
added."""

from __future__ import annotations

from collections.abc import Sequence

from app.services.question_shapes import place
from app.services.restores import CANNOT_COME_BACK, Fate, Found, Look
from app.services.second_copies import SecondCopy
from app.services.shapes import Json, moment
from app.services.snapshots import Snapshot


def snapshots(found: Sequence[Snapshot]) -> Json:
    """Snapshots, newest first."""
    return {"snapshots": [snapshot(one) for one in found]}


def snapshot(one: Snapshot) -> Json:
    """One snapshot."""
    where = place(one.where) if one.where is not None else {"connection_id": None, "calendar_name": None}
    return {
        "id": one.id,
        **where,
        "taken_at": moment(one.taken_at),
        "reason": str(one.reason),
        "size_bytes": one.size_bytes,
        "file": one.path,
    }


def look(value: Look) -> Json:
    """What restoring a snapshot would do. `expected` is what the restore has to name."""
    return {
        "snapshot": snapshot(value.snapshot),
        "expected": len(value.missing),
        "counts": {str(fate): sum(1 for one in value.found if one.fate is fate) for fate in Fate},
        "unread": value.unread,
        "cannot_come_back": list(CANNOT_COME_BACK),
        "events": [_found(one) for one in value.found],
    }


def _found(one: Found) -> Json:
    return {
        "event_id": one.unit.id,
        "title": one.title,
        "starts_at": moment(one.starts_at),
        "all_day": one.all_day,
        "fate": str(one.fate),
        "sentence": one.sentence,
        "had_guests": one.had_guests,
    }


def second_copies(found: Sequence[SecondCopy]) -> Json:
    """Second copies that can be removed."""
    return {
        "removable": [
            {
                "pair_id": one.direction.pair_id,
                "direction_id": one.direction.id,
                "connection_id": one.direction.target.id,
                "calendar_name": one.direction.target.name,
                "event_id": one.event_id,
                "title": one.title,
                "starts_at": moment(one.starts_at),
                "edited": one.found.edited,
                "undoable": one.undoable,
                "stays_event_id": one.found.stays.id,
            }
            for one in found
        ]
    }
