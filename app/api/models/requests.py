"""What callers of the pairs family send. Values are taken as they are: `"300"` is no number, `1` is no `true`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictBool, StrictInt, StrictStr, Tag

from app.api.models.base import Input, MomentIn, left_out
from app.domain import title_patterns
from app.domain.accounts import Provider
from app.domain.keys import KeyKind
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
    PairStatus,
    PrivateOriginals,
    Reminders,
    Weekday,
    Within,
)
from app.services.filter_rules import LONGEST_WORD, LONGEST_ZONE, MOST_RULES, MOST_WORDS
from app.services.look_rules import LONGEST_PREFIX, LONGEST_TITLE

LARGEST_NUMBER = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact (RFC 8259 §6)."""

PAIRS_AT_ONCE = 100
_LONGEST_REASON = 200
_LONGEST_ID = 100

Number = Annotated[StrictInt, Field(ge=0, le=LARGEST_NUMBER)]
Id = Annotated[StrictStr, Field(max_length=_LONGEST_ID)]
TimeOfDay = Annotated[StrictStr, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]
Reason = Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST_REASON)]


class NothingBody(Input):
    """A route that takes no fields."""


class WordFilterBody(Input):
    """Leaves out originals by words; upper and lower case are the same."""

    words: Annotated[
        tuple[Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_WORD)], ...],
        Field(min_length=1, max_length=MOST_WORDS),
    ]
    within: Within = Within.EITHER
    whole_words: StrictBool = False
    only: StrictBool = Field(default=False, description="Leave out what has none of the words, instead.")


class HoursFilterBody(Input):
    """Leaves out originals by when they are: an event is at these hours if any part of it is."""

    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)]
    start: TimeOfDay
    end: TimeOfDay = Field(description="Not later than the start: on the next day.")
    zone: Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_ZONE)] = Field(description="IANA time zone.")
    only: StrictBool = Field(default=True, description="Leave out what is not at these hours; false: what is.")


class FiltersBody(Input):
    """Originals that get no copy, by what they are; true leaves them out."""

    declined: StrictBool = left_out()
    cancelled: StrictBool = left_out()
    working_location: StrictBool = left_out()
    birthdays: StrictBool = left_out()
    free: StrictBool | None = Field(default=None, description="null: left out in blockers, copied in the other modes")
    tentative: StrictBool = left_out()
    all_day: StrictBool = left_out()
    shorter_than_seconds: Number = left_out()
    already_there: StrictBool = left_out()
    words: Annotated[tuple[WordFilterBody, ...], Field(max_length=MOST_RULES)] = left_out()
    hours: HoursFilterBody | None = Field(default=None, description="null: at any time")


class ReplacementBody(Input):
    """Something in titles that copies show otherwise; upper and lower case are the same."""

    find: Annotated[StrictStr, Field(min_length=1, max_length=title_patterns.LONGEST)]
    by: Annotated[StrictStr, Field(max_length=title_patterns.LONGEST)] = ""
    pattern: StrictBool = Field(
        default=False,
        description="`find` is a small regular expression: no repeated groups, no references back, "
        "no looking around, `*`, `+` or `{1,9}` once at most.",
    )


class SettingsBody(Input):
    """Settings of a pair; what is left out stays, or takes its default in a new pair."""

    title: Annotated[StrictStr, Field(max_length=LONGEST_TITLE)] = left_out()
    title_prefix: Annotated[StrictStr, Field(max_length=LONGEST_PREFIX)] = left_out(
        description="Stands before each copy's title."
    )
    title_replacements: Annotated[tuple[ReplacementBody, ...], Field(max_length=title_patterns.MOST_REPLACEMENTS)] = (
        left_out(description="Carried out in the original's title, in this order.")
    )
    detail_fields: tuple[DetailField, ...] = left_out(
        description="What copies in `details` mode show beside title and time."
    )
    guests_in_text: StrictBool = left_out(
        description="Copies that show the text list the names of the original's guests below it. Nobody is invited."
    )
    availability: CopyAvailability = left_out()
    visibility: CopyVisibility | None = Field(
        default=None, description="null: private in blockers, as the original in the other modes"
    )
    colour: CopyColour | None = Field(default=None, description="null: as the original in `full`, none else")
    private_originals: PrivateOriginals = left_out()
    filters: FiltersBody = left_out()
    reminders: Reminders = left_out()
    reminder_minutes: Number = left_out(description="Before the start, for `fixed` reminders.")
    copy_edited: CopyEdited = left_out()
    copy_deleted: CopyDeleted = left_out()
    conflict: Conflict = left_out()
    write_back_fields: tuple[CopyField, ...] = left_out()
    filtered_later: FilteredLater = left_out()
    window_back_days: Number = left_out()
    window_ahead_days: Number = left_out()
    buffer_before_minutes: Number = left_out(description="Blockers begin so much earlier; 0 to 1440.")
    buffer_after_minutes: Number = left_out(description="Blockers end so much later; 0 to 1440.")
    merge_touching: StrictBool = left_out(description="One blocker for timed events that touch each other.")
    minimum_minutes: Number = left_out(description="No blocker is shorter; 0 to 1440.")


class DirectionSettingsBody(SettingsBody):
    """Settings of one direction of its own, the mode too."""

    sync_mode: Mode = left_out()


class NewPairBody(Input):
    """A pair to be made."""

    connection_a_id: Id
    connection_b_id: Id
    sync_mode: Mode = Mode.BLOCKER
    direction: Direction = Direction.BIDIRECTIONAL
    status: PairStatus = PairStatus.ACTIVE
    interval_seconds: Number = 300
    settings: SettingsBody = left_out()
    settings_b_to_a: DirectionSettingsBody | None = Field(
        default=None, description="Settings of its own for the direction from b to a; null: those of the pair."
    )


def _one_or_many(value: object) -> str:
    return "(many)" if isinstance(value, list) else "(one)"


NewPairs = Annotated[
    Annotated[NewPairBody, Tag("(one)")]
    | Annotated[list[NewPairBody], Field(min_length=1, max_length=PAIRS_AT_ONCE), Tag("(many)")],
    Discriminator(_one_or_many),
]
"""One pair, or a list of them: all or nothing."""


class PairPatch(Input):
    """What to change. A pair as it was given passes: fields that cannot be changed may be sent as they are."""

    status: PairStatus = left_out()
    until: MomentIn | None = Field(default=None, description="With `paused`: when to resume.")
    reason: Reason | None = Field(
        default=None, description="Why it is paused; with `active`: resume only if paused so."
    )
    sync_mode: Mode = left_out()
    direction: Direction = left_out()
    interval_seconds: Number = left_out()
    settings: SettingsBody = left_out()
    settings_b_to_a: DirectionSettingsBody | None = Field(default=None)

    id: Any = left_out(description="Read-only.")
    connection_a_id: Any = left_out(description="Read-only.")
    connection_b_id: Any = left_out(description="Read-only.")
    last_synced_at: Any = left_out(description="Read-only.")
    state: Any = left_out(description="Read-only.")
    problem: Any = left_out(description="Read-only.")
    next_run_at: Any = left_out(description="Read-only.")
    paused_until: Any = left_out(description="Read-only; send `until`.")
    pause_reason: Any = left_out(description="Read-only; send `reason`.")
    held: Any = left_out(description="Read-only.")
    created_at: Any = left_out(description="Read-only.")


class AllPairsPatch(Input):
    """Pause or resume everything the key sees."""

    status: PairStatus
    until: MomentIn | None = Field(default=None, description="With `paused`: when to resume.")
    reason: Reason | None = Field(default=None, description="Why; with `active`: only those paused for it.")


class TriggerBody(Input):
    """How to run."""

    dry_run: StrictBool = Field(default=False, description="Plan only: nothing is written, `plan` is answered.")
    full: StrictBool = Field(default=False, description="Read both calendars whole instead of what changed.")


class NewConnectionBody(Input):
    """Which account to connect."""

    provider: Provider
    calendar: Annotated[StrictStr, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="The provider's id of one calendar; all that the account can read when left out."
    )


class ApprovalBody(Input):
    """Approving a hold names how many originals it concerns."""

    expected: Number


EventId = Annotated[StrictStr, Field(min_length=1, max_length=1024)]


class UndoBody(Input):
    """What of a run to undo: changes of these events, by their ids in the source; all where none are named."""

    events: Annotated[list[EventId], Field(min_length=1, max_length=500)] | None = None


class NewKeyBody(Input):
    """A key to be made (local only)."""

    label: StrictStr
    scopes: list[StrictStr] | None = None
    kind: KeyKind | None = None
    expires_at: MomentIn | None = None


class StopBody(Input):
    """Whose runs to stop (local only)."""

    pair_ids: list[Id] | None = Field(default=None, description="All that are under way when left out.")


class SyncBody(Input):
    """Which pairs to sync (local only)."""

    pair_ids: list[Id] | None = Field(default=None, description="All active ones when left out.")
    full: StrictBool = False
