"""What a sync pair can be, and what a change makes of it (`engine.md` §2). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain import settings_data
from app.domain.accounts import Access, Provider
from app.domain.errors import FieldError
from app.domain.pairs import CopyDeleted, CopyEdited, Direction, DirectionSettings, Mode, PairStatus, SyncPair
from app.services.filter_rules import wrong_filters
from app.services.look_rules import wrong_looks
from app.services.views import ConnectionView, PairChange

INTERVAL_SECONDS = (300, 86_400)
WINDOW_DAYS = (0, 1_825)
SHAPE_MINUTES = ("buffer_before_minutes", "buffer_after_minutes", "minimum_minutes")
LONGEST_SHAPE_MINUTES = 1_440
_WRITTEN = {
    Direction.A_TO_B: ("connection_b_id",),
    Direction.B_TO_A: ("connection_a_id",),
    Direction.BIDIRECTIONAL: ("connection_a_id", "connection_b_id"),
}


def wrong_settings(pair: SyncPair, a: ConnectionView, b: ConnectionView) -> Sequence[FieldError]:
    """What of a pair between these two cannot be, by field; empty when all can."""
    details = []
    if a.connection.calendar_key == b.connection.calendar_key:
        details.append(FieldError("connection_b_id", "Both sides are the same calendar. Choose another one."))
    if a.account.sandbox != b.account.sandbox:
        details.append(FieldError("connection_b_id", "A pair never mixes sandbox and real calendars."))
    for name, side in (("connection_a_id", a), ("connection_b_id", b)):
        if name in _WRITTEN[pair.direction] and side.connection.access is Access.READER:
            message = f"“{side.connection.name}” is shared as view-only. Choose another calendar or direction."
            details.append(FieldError(name, message))
    low, high = INTERVAL_SECONDS
    if not low <= pair.interval_seconds <= high:
        details.append(FieldError("interval_seconds", f"Choose {low} to {high} seconds."))
    for name, settings in (("settings", pair.settings), ("settings_b_to_a", pair.settings_b_to_a)):
        if settings is None:
            continue
        for part in ("window_back_days", "window_ahead_days"):
            if not WINDOW_DAYS[0] <= getattr(settings, part) <= WINDOW_DAYS[1]:
                details.append(FieldError(part, f"Choose {WINDOW_DAYS[0]} to {WINDOW_DAYS[1]} days."))
        if settings.window_back_days + settings.window_ahead_days > WINDOW_DAYS[1] - 240:
            details.append(FieldError("window_ahead_days", "The window is too wide; choose fewer days."))
        for part in SHAPE_MINUTES:
            if not 0 <= getattr(settings, part) <= LONGEST_SHAPE_MINUTES:
                details.append(FieldError(part, f"Choose 0 to {LONGEST_SHAPE_MINUTES} minutes."))
        details.extend(_wrong_ways_back(settings, pair.direction))
        details.extend(wrong_looks(settings))
        details.extend(wrong_filters(settings.filters, _sources(pair, name, a, b)))
        if name == "settings_b_to_a" and pair.direction is not Direction.BIDIRECTIONAL:
            details.append(FieldError(name, "Only a bidirectional pair has settings of its own for this way."))
    return details


def _sources(pair: SyncPair, name: str, a: ConnectionView, b: ConnectionView) -> Sequence[Provider]:
    """The services from which copies are made by the pair's settings, or by those of the way back."""
    ways = {
        Direction.A_TO_B: ("settings",),
        Direction.B_TO_A: ("", "settings"),
        Direction.BIDIRECTIONAL: ("settings", "settings" if pair.settings_b_to_a is None else "settings_b_to_a"),
    }[pair.direction]
    return [side.connection.provider for way, side in zip(ways, (a, b), strict=False) if way == name]


def _wrong_ways_back(settings: DirectionSettings, direction: Direction) -> Sequence[FieldError]:
    """Originals are written only by pairs that go both ways, and only where a copy shows what would be written."""
    details = []
    one_way = direction is not Direction.BIDIRECTIONAL
    if settings.copy_edited is CopyEdited.WRITE_BACK and (one_way or settings.mode is Mode.BLOCKER):
        message = "Edits are carried back only by pairs that go both ways and show details. Choose restore or keep."
        details.append(FieldError("copy_edited", message))
    if settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL and (one_way or settings.mode is not Mode.FULL):
        message = "Originals are deleted only by full pairs that go both ways. Choose stay_away or restore."
        details.append(FieldError("copy_deleted", message))
    return details


def applied(pair: SyncPair, change: PairChange) -> SyncPair:
    """A pair with a change carried out; what the change leaves open stays."""
    mode = change.mode or pair.mode
    direction = change.direction or pair.direction
    settings = replace(change.settings or pair.settings, mode=mode)
    own = change.settings_b_to_a or pair.settings_b_to_a
    given_up = direction is not Direction.BIDIRECTIONAL and own == pair.settings_b_to_a
    if given_up or own == settings:
        # The settings of a way that is given up go with it; those that are the pair's follow the pair's from now on.
        own = None
    paused = change.status is PairStatus.PAUSED
    resumed = change.status is PairStatus.ACTIVE
    return replace(
        pair,
        mode=mode,
        direction=direction,
        status=change.status or pair.status,
        interval_seconds=change.interval_seconds if change.interval_seconds is not None else pair.interval_seconds,
        settings=settings,
        settings_b_to_a=own,
        paused_until=change.paused_until if paused else None if resumed else pair.paused_until,
        pause_reason=change.pause_reason if paused else None if resumed else pair.pause_reason,
    )


def settings_of_way_back(base: DirectionSettings, asked: Mapping[str, Any]) -> DirectionSettings:
    """Settings of its own for the way from b to a, as callers write them: what is left out is as in `base`."""
    named = {"mode" if name == "sync_mode" else name: value for name, value in asked.items()}
    return settings_data.changed(base, named)


def wishes(pair: SyncPair) -> tuple[object, ...]:
    """What of a pair can be wrong."""
    return (pair.mode, pair.direction, pair.settings, pair.settings_b_to_a, pair.interval_seconds)
