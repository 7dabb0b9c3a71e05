"""What a person prefers, as values. Where it is kept is `app.system`'s, how it is changed `app.services`'."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreferenceValues:
    """Preferences in force.

    Args:
        theme: `system`, `light` or `dark`.
        api_enabled, api_port: of the local API.
        interval_seconds: for new pairs.
        sync_on_start: whether every active pair runs when the app starts.
        notifications: a word of `domain.alerts.Wish`.
        quiet_on_metered: whether runs that nobody asked for wait while the connection is metered.
    """

    theme: str
    api_enabled: bool
    api_port: int
    interval_seconds: int
    sync_on_start: bool
    notifications: str = "problems_only"
    quiet_on_metered: bool = False
