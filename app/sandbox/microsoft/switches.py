"""The switches of the Microsoft side: one for every point where the real service's behaviour is not known or varies.

Defaults are the stricter or more awkward of the believed behaviours. Reference: provider reference, sections 12, 13.
"""

from __future__ import annotations

from typing import Any

from app.sandbox.microsoft.policy import ADMIN_NUMBERS, REFRESH_NUMBERS
from app.sandbox.world import Behaviour

_YES_NO = (True, False)
_SWITCHES: tuple[tuple[str, Any, tuple[Any, ...], str], ...] = (
    (
        "transaction_repeat",
        "error_400",
        ("error_400", "error_409", "created_201"),
        "What a repeated transactionId is answered with; created_201 gives the first event, unless it is deleted or"
        " lies in another calendar.",
    ),
    ("transaction_memory_seconds", 0, (), "How long a transactionId is remembered; 0: for ever."),
    ("change_key_bump_seconds", 0, (), "Exchange rewrites the change key by itself this long after a write; 0: never."),
    ("if_match_on_delete", True, _YES_NO, "Whether DELETE heeds If-Match."),
    (
        "master_edit_exceptions",
        "reset",
        ("reset", "keep"),
        "What a new pattern or time of a master does to exceptions.",
    ),
    ("month_end_clamped", True, _YES_NO, "Whether day 29 to 31 means the last day in a shorter month."),
    (
        "day_set_index",
        "position",
        ("position", "each"),
        "Several days with an index: n-th of all, or first of each n-th.",
    ),
    ("accept_any_iana_zone", False, _YES_NO, "Accept IANA names beyond the documented list."),
    ("unknown_zone_code", "TimeZoneNotSupportedException", (), "error.code for an unknown time zone."),
    ("original_zone_names", "windows", ("windows", "tzone"), "originalStartTimeZone as Windows name or tzone:// name."),
    ("default_page_size", 10, (), "Rows of a page when nothing is asked for."),
    ("requests_per_ten_minutes", 10_000, (), "Requests of a mailbox in ten minutes before 429; 0: no limit."),
    ("batch_throttled_share", 0.0, (), "Share of a batch's parts that are answered 429 (0 to 1)."),
    ("filter_lag_seconds", 0, (), "How long a new marker stays invisible to $filter."),
    ("delta_lag_seconds", 0, (), "How long a change stays invisible to delta."),
    ("delta_token_lifetime_seconds", 0, (), "Age at which a delta token dies; 0: never."),
    (
        "sync_state_code",
        "SyncStateNotFound",
        ("SyncStateNotFound", "syncStateNotFound", "resyncRequired"),
        "error.code of a dead delta token.",
    ),
    ("resync_location", False, _YES_NO, "Send a Location header with an empty $deltatoken along with 410."),
    ("delta_query_options", "refused", ("refused", "ignored"), "$select and the like on delta."),
    ("delta_row_order", "changed", ("changed", "shuffled"), "Order of rows in a page."),
    ("delta_duplicate_share", 0.0, (), "Share of rows that come twice (0 to 1)."),
    ("delta_series", "whole", ("whole", "part"), "A change in a series is told with all of it, or with what changed."),
    ("delta_master_rows", True, _YES_NO, "Whether masters are told; without, clients must fetch them."),
    ("delta_series_split", False, _YES_NO, "Whether a series may be cut by the end of a page."),
    (
        "delta_replay_share",
        0.0,
        (),
        "Share of what was told before that comes once more at the begin of a later round (0 to 1).",
    ),
    (
        "delta_spurious_share",
        0.0,
        (),
        "Share of changed single events inside the window that are told as @removed though they live (0 to 1).",
    ),
    ("events_delta", "refused", ("refused", "served"), "Whether v1.0 answers events/delta, with both dates given."),
    ("reminder_default", True, _YES_NO, "isReminderOn of a new event that says nothing of it."),
    (
        "seconds",
        "cut",
        ("cut", "rounded", "kept"),
        "Seconds of a single event's times: cut to whole minutes, rounded to them, or kept.",
    ),
    (
        "numbered_range",
        "all",
        ("all", "living"),
        "numberOfOccurrences counts deleted occurrences too, or goes on until so many live.",
    ),
    (
        "recurrence_null",
        "single",
        ("single", "refused", "ignored"),
        "PATCH with recurrence null: makes a single event, is refused with 400, or changes nothing.",
    ),
    ("read_basic", "bare", ("bare", "full"), "Whether Calendars.ReadBasic shows bodies and extended properties."),
    (
        "expired_token_text",
        "expired",
        ("expired", "lifetime"),
        "Message of the 401 for an old token: 'has expired or is not yet valid', or 'Lifetime validation failed'.",
    ),
    (
        "revoked_token_answer",
        "claims",
        ("claims", "plain"),
        "A revoked token of a client that can answer challenges: 401 with claims, or like any other bad token.",
    ),
    (
        "unknown_client",
        700016,
        (700016, 700011, 700038),
        "AADSTS number for a client id that is not registered.",
    ),
    (
        "secret_expected",
        0,
        (0, 7000218, 7000215),
        "AADSTS number when the registration does not allow public client flows; 0: it does.",
    ),
    ("admin_consent", 0, ADMIN_NUMBERS, "AADSTS number when only an administrator may consent; 0: people may."),
    ("consent_left_out", "", (), "A scope that is not granted although the person accepts; empty: all are."),
    ("refresh_refusal", 0, REFRESH_NUMBERS, "AADSTS number that every refresh is refused with; 0: refreshing works."),
    ("delta_occurrence_tombstones", False, _YES_NO, "Whether a deleted occurrence is told as @removed."),
)


def declare(behaviour: Behaviour) -> None:
    """Add every switch as ``microsoft.<name>``; values set before stay."""
    for name, default, allowed, meaning in _SWITCHES:
        behaviour.declare(f"microsoft.{name}", default, allowed, meaning)
