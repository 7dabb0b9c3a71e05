"""Google Calendar v3 as an implementation of the calendar ports (`providers.md` §2)."""

from __future__ import annotations

from app.providers.google.client import GoogleCalendar, GoogleService

__all__ = ["GoogleCalendar", "GoogleService"]
