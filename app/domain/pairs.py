"""Sync pairs: two calendars, one or two directions, each with its own settings (`engine.md` §2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum


class Mode(StrEnum):
    """What of an original its copy shows."""

    BLOCKER = "blocker"
    DETAILS = "details"
    FULL = "full"


class Direction(StrEnum):
    """Which way a pair copies."""

    BIDIRECTIONAL = "bidirectional"
    A_TO_B = "a_to_b"
    B_TO_A = "b_to_a"


class PairStatus(StrEnum):
    """What the user wants of a pair."""

    ACTIVE = "active"
    PAUSED = "paused"


class PairState(StrEnum):
    """How a pair is doing (`ux.md` B1): one enum for tray, rows, API and metrics."""

    NEVER_SYNCED = "never_synced"
    UP_TO_DATE = "up_to_date"
    QUEUED = "queued"
    SYNCING = "syncing"
    WAITING = "waiting"
    HELD = "held"
    PAUSED = "paused"
    NEEDS_SIGN_IN = "needs_signin"
    ATTENTION = "attention"
    FAILED = "failed"
    OFFLINE = "offline"


class PrivateOriginals(StrEnum):
    """What to do with originals their owner marked private or confidential."""

    AS_BLOCKER = "as_blocker"
    SKIP = "skip"
    LIKE_OTHERS = "like_others"


class CopyField(StrEnum):
    """What of an event can be copied, field by field; time is one field with zone and rule (`engine.md` §7)."""

    WHEN = "when"
    TITLE = "title"
    TEXT = "text"
    PLACE = "place"
    AVAILABILITY = "availability"
    VISIBILITY = "visibility"
    REMINDERS = "reminders"
    COLOUR = "colour"


class CopyEdited(StrEnum):
    """A person changed a copy by hand."""

    RESTORE = "restore"
    KEEP = "keep"
    WRITE_BACK = "write_back"
    """Carried to the original, where the pair goes both ways."""


class CopyDeleted(StrEnum):
    """A person deleted a copy by hand."""

    STAY_AWAY = "stay_away"
    RESTORE = "restore"
    DELETE_ORIGINAL = "delete_original"
    """The original is deleted too, where the pair goes both ways and shows everything."""


class Conflict(StrEnum):
    """Original and copy were both changed, each its own way, and edits of copies are carried back."""

    NEWEST = "newest"
    A_WINS = "a_wins"
    B_WINS = "b_wins"
    KEEP_BOTH = "keep_both"


class FilteredLater(StrEnum):
    """An original that was copied no longer passes the filters."""

    REMOVE = "remove"
    LEAVE = "leave"


class Reminders(StrEnum):
    """Reminders of copies."""

    NONE = "none"
    COPY = "copy"
    """Those of the original; a blocker has none then."""
    FIXED = "fixed"
    """One, `reminder_minutes` before the start."""


class DetailField(StrEnum):
    """What copies in details mode can show beside title and time."""

    TEXT = "text"
    PLACE = "place"
    LINK = "link"
    """The address of an online meeting, below the text."""


class CopyAvailability(StrEnum):
    """What copies do to free/busy time."""

    AS_ORIGINAL = "as_original"
    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "oof"


class CopyVisibility(StrEnum):
    """Who may see the details of copies."""

    AS_ORIGINAL = "as_original"
    DEFAULT = "default"
    """As the target calendar has it."""
    PRIVATE = "private"


class CopyColour(StrEnum):
    """Colour of copies: none, the original's, or one of Google's eleven (`engine.md` §14)."""

    NONE = "none"
    AS_ORIGINAL = "as_original"
    LAVENDER = "lavender"
    SAGE = "sage"
    GRAPE = "grape"
    FLAMINGO = "flamingo"
    BANANA = "banana"
    TANGERINE = "tangerine"
    PEACOCK = "peacock"
    GRAPHITE = "graphite"
    BLUEBERRY = "blueberry"
    BASIL = "basil"
    TOMATO = "tomato"


@dataclass(frozen=True, slots=True)
class Replacement:
    """Something in titles that copies show otherwise. Upper and lower case are the same.

    Args:
        find: the text, or a small pattern (`app.domain.title_patterns`).
        by: what stands there instead, as it is.
        pattern: whether `find` is a pattern.
    """

    find: str
    by: str = ""
    pattern: bool = False


class Weekday(StrEnum):
    """Days of the week (RFC 5545 §3.3.10)."""

    MONDAY = "MO"
    TUESDAY = "TU"
    WEDNESDAY = "WE"
    THURSDAY = "TH"
    FRIDAY = "FR"
    SATURDAY = "SA"
    SUNDAY = "SU"


class Within(StrEnum):
    """Where words are looked for."""

    TITLE = "title"
    CATEGORY = "category"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class WordFilter:
    """Leaves out originals by words in their titles or categories. Upper and lower case are the same.

    Args:
        words: any of them counts; plain text.
        within: where they are looked for.
        whole_words: “art” is not found in “party”.
        only: leave out all that have none of the words, instead of those that have one.
    """

    words: tuple[str, ...]
    within: Within = Within.EITHER
    whole_words: bool = False
    only: bool = False


@dataclass(frozen=True, slots=True)
class HoursFilter:
    """Leaves out originals by when they are: an event is at these hours if any part of it is.

    Args:
        weekdays: on which the hours begin. All-day events count by their dates.
        start, end: wall clock in `zone`; an end that is not later is one on the next day.
        zone: IANA name. It stays with the pair, wherever the computer or its calendars go.
        only: leave out what is not at these hours, instead of what is.
    """

    weekdays: tuple[Weekday, ...]
    start: time
    end: time
    zone: str
    only: bool = True


@dataclass(frozen=True, slots=True)
class Filters:
    """Originals that get no copy, by what they are. True means "leave these out"."""

    declined: bool = True
    cancelled: bool = True
    working_location: bool = True
    birthdays: bool = True
    free: bool | None = None
    """None: the mode's default (left out in blockers, copied in full)."""
    tentative: bool = False
    all_day: bool = False
    shorter_than_seconds: int = 0
    already_there: bool = True
    """Leave out originals whose iCalUID lives unmarked in the target (the same meeting on both calendars)."""
    words: tuple[WordFilter, ...] = ()
    hours: HoursFilter | None = None


@dataclass(frozen=True, slots=True)
class DirectionSettings:
    """Settings of one direction; the pair's settings unless a direction has its own."""

    mode: Mode = Mode.BLOCKER
    title: str = ""
    """Template of the copy's title; empty: `Busy` for blockers, `{title}` else. Also `{calendar}`, `{account}`."""
    private_originals: PrivateOriginals = PrivateOriginals.AS_BLOCKER
    filters: Filters = field(default_factory=Filters)
    reminders: Reminders = Reminders.NONE
    reminder_minutes: int = 10
    """Before the start, for fixed reminders."""
    detail_fields: tuple[DetailField, ...] = ()
    """What details show beside title and time."""
    guests_in_text: bool = False
    """Copies that show the text list the names of the original's guests below it. Nobody is ever put on a copy."""
    title_prefix: str = ""
    """Stands before each copy's title, a blocker's too."""
    title_replacements: tuple[Replacement, ...] = ()
    """Carried out in the original's title, one after the other, before it is put into the template."""
    availability: CopyAvailability = CopyAvailability.AS_ORIGINAL
    visibility: CopyVisibility | None = None
    """None: the mode's default (private for blockers, as the original else)."""
    colour: CopyColour | None = None
    """None: the mode's default (as the original in full, none else). A blocker never has the original's."""
    copy_edited: CopyEdited = CopyEdited.RESTORE
    copy_deleted: CopyDeleted = CopyDeleted.STAY_AWAY
    conflict: Conflict = Conflict.NEWEST
    write_back_fields: tuple[CopyField, ...] = (CopyField.WHEN, CopyField.TITLE, CopyField.PLACE)
    """Which edits of a copy are carried to its original; the others are put back."""
    filtered_later: FilteredLater = FilteredLater.REMOVE
    window_back_days: int = 30
    window_ahead_days: int = 365
    buffer_before_minutes: int = 0
    """Blockers of timed originals begin so much earlier, by the wall clock."""
    buffer_after_minutes: int = 0
    merge_touching: bool = False
    """One blocker for timed originals that touch each other, buffers included, where their availability is equal."""
    minimum_minutes: int = 0
    """No blocker of a timed original, and no merged one, is shorter: it ends later instead."""


@dataclass(frozen=True, slots=True)
class SyncPair:
    """Two connections kept in step.

    `settings` counts for both directions unless `settings_b_to_a` is given. `settings_no` rises with each change of
    settings, so that every direction is planned whole once. `held` is the number of originals that wait for the user.
    """

    id: str
    connection_a_id: str
    connection_b_id: str
    mode: Mode
    direction: Direction
    status: PairStatus = PairStatus.ACTIVE
    settings: DirectionSettings = field(default_factory=DirectionSettings)
    settings_b_to_a: DirectionSettings | None = None
    settings_no: int = 1
    interval_seconds: int = 300
    paused_until: datetime | None = None
    pause_reason: str | None = None
    created_at: datetime | None = None
    last_synced_at: datetime | None = None
    state: PairState = PairState.NEVER_SYNCED
    problem: str | None = None
    held: int = 0


class CopiesOnDelete(StrEnum):
    """What becomes of a pair's copies when it, or a direction of it, goes."""

    KEEP = "keep"
    RELEASE = "release"
    REMOVE = "remove"
