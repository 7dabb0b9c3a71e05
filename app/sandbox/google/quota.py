"""Quota units in sliding windows (Calendar API guide "Manage quotas"), and the reasons of 403 that follow from them.

Counts only; who calls and what for is told. It counts unless a switch turns it off: what measures the sandbox itself
does that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from app.sandbox.google.errors import GoogleError
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `units` in any `seconds`."""

    units: int
    seconds: float


@dataclass(slots=True)
class Window:
    """Units used within a sliding window."""

    used: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def has_room(self, limit: Limit, now: float, units: int) -> bool:
        """Whether `units` more fit; forgets what lies further back than the limit looks."""
        while self.used and self.used[0][0] <= now - limit.seconds:
            self.total -= self.used.popleft()[1]
        return self.total + units <= limit.units

    def add(self, now: float, units: int) -> None:
        """Count units as used."""
        self.used.append((now, units))
        self.total += units


_MINUTE: Final = 60.0
_DAY: Final = 86_400.0
LIMITS: Final[dict[str, tuple[tuple[str, Limit], ...]]] = {
    "off": (),
    "current": (
        ("userRateLimitExceeded", Limit(600, _MINUTE)),
        ("rateLimitExceeded", Limit(10_000, _MINUTE)),
    ),
    "earlier": (
        ("userRateLimitExceeded", Limit(500, 100.0)),
        ("dailyLimitExceeded", Limit(1_000_000, _DAY)),
    ),
}
"""By the value of `google.quota`: the reason given when a limit is reached; one of a user, then of the project."""

_TEXTS: Final = {
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "dailyLimitExceeded": "Daily Limit Exceeded",
}
_WRITES: Final = frozenset({"insert", "patch", "update", "delete", "move", "import", "quickAdd"})


class Quota:
    """Counts what is asked of the Calendar API.

    Args:
        world: its clock moves the windows, its switches say which limits apply.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._windows: dict[tuple[str, str], Window] = {}

    def charge(self, email: str, method: str) -> None:
        """Count one call; a refused call costs nothing.

        Args:
            email: whose call it is.
            method: as in the discovery document, e.g. `events.patch`.

        Raises:
            GoogleError: 403 `accessNotConfigured`, `userRateLimitExceeded`, `rateLimitExceeded` (or 429), or
                `dailyLimitExceeded`.
        """
        behaviour = self._world.behaviour
        if behaviour["google.calendar_api"] == "disabled":
            raise not_configured()
        limits = LIMITS[behaviour["google.quota"]]
        if not limits:
            return
        units = int(behaviour["google.patch_cost"]) if method == "events.patch" else 1
        now = self._world.clock.now().timestamp()
        windows = [
            self._windows.setdefault((reason, email if reason.startswith("user") else ""), Window())
            for reason, _ in limits
        ]
        for (reason, limit), window in zip(limits, windows, strict=True):
            if not window.has_room(limit, now, units):
                status = int(behaviour["google.rate_limit_status"]) if reason == "rateLimitExceeded" else 403
                raise GoogleError(status, reason, _TEXTS[reason], domain="usageLimits")
        for window in windows:
            window.add(now, units)

    def charge_write(self, calendar_id: str, method: str) -> None:
        """Count a write to a calendar against what one calendar bears.

        Raises:
            GoogleError: 403 `quotaExceeded` or `calendarUsageLimitsExceeded`.
        """
        most = int(self._world.behaviour["google.writes_per_calendar_hour"])
        if most <= 0 or method.partition(".")[2] not in _WRITES:
            return
        now = self._world.clock.now().timestamp()
        window = self._windows.setdefault(("writes", calendar_id), Window())
        if not window.has_room(Limit(most, 3600.0), now, 1):
            reason = str(self._world.behaviour["google.usage_limit_reason"])
            raise GoogleError(403, reason, "Calendar usage limits exceeded.", domain="usageLimits")
        window.add(now, 1)


def not_configured() -> GoogleError:
    """403 `accessNotConfigured`: the project of the client does not have the API switched on."""
    return GoogleError(
        403,
        "accessNotConfigured",
        "Google Calendar API has not been used in project 407408718192 before or it is disabled.",
        domain="usageLimits",
    )
