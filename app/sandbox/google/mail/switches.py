"""The switches of the emulated Gmail: one for every point where the real one's behaviour is not known or varies.

Defaults are the stricter or more awkward of the believed behaviours. Reference: provider reference, sections 3, 12, 13.
"""

from __future__ import annotations

from typing import Any, Final

from app.sandbox.world import Behaviour

_YES_NO: Final = (True, False)
_SWITCHES: Final[tuple[tuple[str, Any, tuple[Any, ...], str], ...]] = (
    ("quota", "current", ("off", "current", "earlier"), "Units a user has in a minute, and what a method costs."),
    ("rate_limit_status", 403, (403, 429), "Status when the units are used up."),
    (
        "rate_limit_reason",
        "userRateLimitExceeded",
        ("userRateLimitExceeded", "rateLimitExceeded"),
        "Reason when the units are used up.",
    ),
    ("watch_lifetime_seconds", 604_800, (604_800, 86_400), "How long a watch lasts."),
    ("attachment_ids", "fresh", ("fresh", "stable"), "Whether every reading names an attachment anew."),
    ("base64_padding", False, _YES_NO, "Whether base64url is padded."),
    (
        "metadata_scope",
        "restricts",
        ("restricts", "adds"),
        "Whether gmail.metadata takes away from a token what its other scopes allow.",
    ),
    ("metadata_snippet", False, _YES_NO, "Whether a token with gmail.metadata alone sees snippets."),
    ("history_lifetime_seconds", 604_800, (), "How long a history id is kept; 0: for ever."),
    ("history_pages", "may_be_empty", ("may_be_empty", "full"), "Whether filters may leave a page without history."),
    ("future_history_id", "not_found", ("not_found", "empty"), "A startHistoryId that was never given out."),
    ("max_results_over_limit", "clamp", ("clamp", "refuse"), "maxResults above 500."),
)


def declare(behaviour: Behaviour) -> None:
    """Declare all of them, as `google.gmail_<name>`; a value set earlier stays."""
    for name, default, allowed, meaning in _SWITCHES:
        behaviour.declare(f"google.gmail_{name}", default, allowed, meaning)
