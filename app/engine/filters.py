"""Which originals are wanted in a direction, and why others are not (`engine.md` §2). Pure."""

from __future__ import annotations

from app.domain.events import Availability, Event, Response, Special, Visibility
from app.domain.pairs import DirectionSettings, Mode, PrivateOriginals
from app.engine.proof import looks_like_ours

PRIVATE = (Visibility.PRIVATE, Visibility.CONFIDENTIAL)


def unwanted(event: Event, settings: DirectionSettings) -> str | None:
    """Reason code for leaving an original out, None when it is wanted.

    What only the view can tell (window, twins, copies of ours by id) is decided by the plan.
    """
    return "is_copy" if event.fields is not None and looks_like_ours(event) else left_out(event, settings)


def left_out(event: Event, settings: DirectionSettings) -> str | None:
    """Reason code for leaving out what is an original for sure, like an occurrence whose series is one."""
    fields = event.fields
    if fields is None:
        return "cancelled_original"
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
    return next((code for code, applies in rules if applies), None)
