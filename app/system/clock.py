"""The machine's clock behind `domain.ports.Clock`. Nothing else in Kalends may ask the system for the time of day."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """`domain.ports.Clock` on the system's time."""

    def now(self) -> datetime:
        """Now, aware in UTC."""
        return datetime.now(UTC)
