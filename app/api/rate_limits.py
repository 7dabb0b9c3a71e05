"""How many requests each caller may make: sliding windows, kept in memory (`contract/api.md` §1, Limits).

Good keys have a window each; all requests without one share another, so that a stranger cannot use up a key's.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.api.principal import LOCAL, Principal

REQUESTS_PER_HOUR: Final = 2_000
STRANGERS_PER_MINUTE: Final = 60
LOCAL_PER_HOUR: Final = 36_000
_STRANGERS: Final = "strangers"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands after a request was counted, or refused.

    Args:
        resets_at: Unix seconds when the oldest counted request leaves the window.
        allowed: whether this request may go on.
    """

    limit: int
    remaining: int
    resets_at: float
    allowed: bool

    def headers(self) -> dict[str, str]:
        """The three headers of every answer."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.resets_at)),
        }

    def retry_after_seconds(self) -> int:
        """Whole seconds until another request fits, at least one."""
        return max(1, math.ceil(self.resets_at - time.time()))


class RateLimits:
    """Counts requests.

    Args:
        requests_per_hour: what one key may do.
    """

    def __init__(self, requests_per_hour: int = REQUESTS_PER_HOUR) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._of_keys = RateLimitItemPerHour(requests_per_hour)
        self._of_local = RateLimitItemPerHour(LOCAL_PER_HOUR)
        self._of_strangers = RateLimitItemPerMinute(STRANGERS_PER_MINUTE)

    def count(self, principal: Principal | None) -> Standing:
        """Count a request of a caller, None for one without a good key. A refused one is not counted."""
        item, name = self._window(principal)
        return self._standing(item, name, allowed=self._limiter.hit(item, name))

    def look(self, principal: Principal | None) -> Standing:
        """How a caller stands, counting nothing."""
        item, name = self._window(principal)
        return self._standing(item, name, allowed=True)

    def _window(self, principal: Principal | None) -> tuple[RateLimitItem, str]:
        if principal is None:
            return self._of_strangers, _STRANGERS
        return (self._of_local if principal.name == LOCAL.name else self._of_keys), principal.name

    def _standing(self, item: RateLimitItem, name: str, *, allowed: bool) -> Standing:
        stats = self._limiter.get_window_stats(item, name)
        return Standing(item.amount, max(0, stats.remaining), stats.reset_time, allowed)
