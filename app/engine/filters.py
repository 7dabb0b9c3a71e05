"""Which originals are wanted in a direction, and why others are not (`engine.md` §2). Pure."""

from __future__ import annotations

from app.domain.events import Availability, Event, Response, Special, Visibility
from app.domain.pairs import DirectionSettings, Mode, PrivateOriginals

PRIVATE = (Visibility.PRIVATE, Visibility.CONFIDENTIAL)


def unwanted(event: Event, settings: DirectionSettings) -> str | None:
    """Reason code for leaving an original (or one occurrence) out, None when it is wanted.

    What only the view can tell (window, twins, copies of ours by id) is decided by the plan.
    """
    fields = event.fields
    if fields is None:
        return "cancelled_original"
    if event.marker is not None and not event.marker.released:
        return "is_copy"
    filters = settings.filters
    free_left_out = filters.free if filters.free is not None else settings.mode is Mode.BLOCKER
    length = fields.when.duration.total_seconds()
    rules = (
        ("declined", filters.declined and event.response is Response.DECLINED),
        ("working_location", filters.working_location and event.special is Special.WORKING_LOCATION),
        ("birthday", filters.birthdays and event.special is Special.BIRTHDAY),
        ("free", free_left_out and fields.availability is Availability.FREE),
        ("tentative", filters.tentative and fields.availability is Availability.TENTATIVE),
        ("all_day", filters.all_day and fields.when.all_day),
        ("too_short", not fields.when.all_day and length < filters.shorter_than_seconds),
        ("private", fields.visibility in PRIVATE and settings.private_originals is PrivateOriginals.SKIP),
    )
    return next((code for code, left_out in rules if left_out), None)
