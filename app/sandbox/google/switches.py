"""The switches of the emulated Google: every point where the real service's behaviour is unverified, and every state of
a project or an organisation that a test may want.

The default is the value that asks more of a client, unless a source says otherwise. Declared here, acted on elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

from app.sandbox.world import Behaviour

_SWITCHES: Final[tuple[tuple[str, Any, tuple[Any, ...], str], ...]] = (
    # Reading
    ("deleted_in_lists", "bare", ("bare", "full"), "Whether lists show a deleted event's details."),
    ("deleted_series_lists_exceptions", False, (False, True), "Whether they follow a deleted series."),
    ("changed_sync_parameters", "refuse", ("refuse", "ignore"), "Parameters unlike the first listing's."),
    ("sync_token_lifetime_days", 28, (), "Days after which a sync token is answered 410."),
    (
        "window_kept_by_sync_token",
        "no",
        ("no", "leaves_out", "as_cancelled"),
        "What an incremental page says of a change outside the first listing's window.",
    ),
    (
        "last_page",
        "with_sync_token",
        ("with_sync_token", "without"),
        "Whether the last page of a listing without filters bears a sync token.",
    ),
    (
        "pages",
        "full",
        ("full", "ragged"),
        "Whether pages hold as many items as asked for, or fewer, and none at first.",
    ),
    ("max_results_over_limit", "clamp", ("clamp", "refuse"), "maxResults above the limit."),
    ("repeated_property_filter", "and", ("and", "or"), "How repeated property constraints combine."),
    ("all_day_instance_id", "date", ("date", "midnight"), "How occurrences of all-day series are named."),
    (
        "split_series_id",
        "suffixed",
        ("suffixed", "fresh"),
        "How the second part of a split series is named: by the first and `_R` with its start, or anew.",
    ),
    # Writing
    ("restore_by_patch", "allow", ("allow", "refuse"), "PATCH of a cancelled event to confirmed."),
    ("exceptions_after_master_change", "keep", ("keep", "drop"), "Fate of exceptions when start or rule change."),
    ("oversized_property", "refuse", ("refuse", "cut"), "Extended property values over 1024 characters."),
    ("reminders_change_etag", True, (True, False), "Whether a change of the reminders alone brings a new etag."),
    (
        "from_gmail_edits",
        "some",
        ("some", "none"),
        "Whether colour, reminders, visibility, transparency, status and properties of a fromGmail event can change.",
    ),
    ("text", "trimmed", ("trimmed", "as_sent"), "Blanks at both ends of title, place and description."),
    ("weak_role_reason", "forbidden", ("forbidden", "requiredAccessLevel"), "Reason of 403 for a role too weak."),
    ("batch_answers", "shuffled", ("shuffled", "as_sent"), "Order of the answers of a batch."),
    # Quotas, and the state of the project
    ("quota", "current", ("off", "current", "earlier"), "Which limits of requests apply."),
    ("patch_cost", 1, (1, 3), "Quota units of a PATCH."),
    ("rate_limit_status", 403, (403, 429), "Status of rateLimitExceeded."),
    ("writes_per_calendar_hour", 0, (), "Writes to one calendar after which its use is limited; 0 for no limit."),
    (
        "usage_limit_reason",
        "quotaExceeded",
        ("quotaExceeded", "calendarUsageLimitsExceeded"),
        "Reason of 403 when the use of a calendar is limited.",
    ),
    ("calendar_api", "enabled", ("enabled", "disabled"), "Whether the client's project has the Calendar API on."),
    # Sign-in
    (
        "session_control",
        "off",
        ("off", "rapt_required", "invalid_rapt"),
        "Whether the organisation asks for a new sign-in, and how a refresh is told so.",
    ),
    (
        "sign_in_policy",
        "open",
        ("open", "admin_policy_enforced", "org_internal", "not_a_test_user"),
        "Whether the organisation or the consent screen keeps the account from signing in.",
    ),
    ("grant_lifetime_days", 0, (), "Days a person grants access for; 0 for ever."),
)


def declare(behaviour: Behaviour) -> None:
    """Declare all of them, as `google.<name>`; a value set earlier stays."""
    for name, default, allowed, meaning in _SWITCHES:
        behaviour.declare(f"google.{name}", default, allowed, meaning)
