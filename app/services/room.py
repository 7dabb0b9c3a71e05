"""Whether the disk has room for what a run may journal: before the last of it is used, runs wait (`reliability.md` B2).

A full disk refuses an intent and so no write is sent without one; but it would also end runs half-way, and other
programs suffer. Asks the disk each time: somebody may have freed some.
"""

from __future__ import annotations

from collections.abc import Callable

from app.services.views import Problem

NEEDED_BYTES = 50 * 1024 * 1024
CODE = "disk_full"


def room_problem(free_bytes: Callable[[], int | None]) -> Problem | None:
    """Why nothing may be written, None where there is room.

    Args:
        free_bytes: what is free on the disk of the database, None where nobody knows.
    """
    free = free_bytes()
    if free is None or free >= NEEDED_BYTES:
        return None
    sentence = (
        f"Only {free // (1024 * 1024)} MB are free on the disk. Kalends waits until there are "
        f"{NEEDED_BYTES // (1024 * 1024)} MB, since it notes every change before it makes it."
    )
    return Problem(CODE, sentence)
