"""Emulated Microsoft Graph calendar and Entra identity platform (``/v1.0/…`` and ``/{tenant}/oauth2/v2.0/…``)."""

from __future__ import annotations

from app.sandbox.microsoft.identity import CLIENT_ID
from app.sandbox.microsoft.service import Microsoft

__all__ = ["CLIENT_ID", "Microsoft"]
