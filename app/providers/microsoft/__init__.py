"""Microsoft Graph v1.0 calendars (`providers.md` §4, §5)."""

from __future__ import annotations

from app.providers.microsoft.client import MicrosoftService

__all__ = ["MicrosoftService"]
