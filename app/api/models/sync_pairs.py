"""What the API answers about sync pairs and their settings: the documented examples, with all their fields."""

from __future__ import annotations

from app.api.models.base import Listed, Moment, Output
from app.domain.pairs import (
    Conflict,
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyField,
    CopyVisibility,
    DetailField,
    Direction,
    FilteredLater,
    Mode,
    PairState,
    PairStatus,
    PrivateOriginals,
    Reminders,
    Weekday,
    Within,
)


class WordFilterAnswer(Output):
    """Leaves out originals by words."""

    words: list[str]
    within: Within
    whole_words: bool
    only: bool


class HoursFilterAnswer(Output):
    """Leaves out originals by when they are."""

    weekdays: list[Weekday]
    start: str
    end: str
    zone: str
    only: bool


class FiltersAnswer(Output):
    """Originals that get no copy."""

    declined: bool
    cancelled: bool
    working_location: bool
    birthdays: bool
    free: bool | None
    tentative: bool
    all_day: bool
    shorter_than_seconds: int
    already_there: bool
    words: list[WordFilterAnswer]
    hours: HoursFilterAnswer | None


class ReplacementAnswer(Output):
    """Something in titles that copies show otherwise."""

    find: str
    by: str
    pattern: bool


class SettingsAnswer(Output):
    """Settings of a pair."""

    title: str
    title_prefix: str
    title_replacements: list[ReplacementAnswer]
    detail_fields: tuple[DetailField, ...]
    guests_in_text: bool
    availability: CopyAvailability
    visibility: CopyVisibility | None
    colour: CopyColour | None
    private_originals: PrivateOriginals
    filters: FiltersAnswer
    reminders: Reminders
    reminder_minutes: int
    copy_edited: CopyEdited
    copy_deleted: CopyDeleted
    conflict: Conflict
    write_back_fields: tuple[CopyField, ...]
    filtered_later: FilteredLater
    window_back_days: int
    window_ahead_days: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    merge_touching: bool
    minimum_minutes: int


class DirectionSettingsAnswer(SettingsAnswer):
    """Settings of one direction."""

    sync_mode: Mode


class PairAnswer(Output):
    """A sync pair."""

    id: str
    connection_a_id: str
    connection_b_id: str
    sync_mode: Mode
    direction: Direction
    status: PairStatus
    last_synced_at: Moment | None
    state: PairState
    problem: str | None
    next_run_at: Moment | None
    paused_until: Moment | None
    pause_reason: str | None
    held: int
    interval_seconds: int
    settings: SettingsAnswer
    settings_b_to_a: DirectionSettingsAnswer | None
    created_at: Moment | None


class PairList(Listed):
    """Sync pairs."""

    pairs: list[PairAnswer]


class Removal(Output):
    """The run that takes a deleted pair's copies away."""

    sync_id: str
