"""Emulated Outlook mail (Graph v1.0): folders, messages, attachments, delta rounds, and what a person does to them.

Writing by an app (`Mail.ReadWrite`, `Mail.Send`) is not emulated: those scopes are never granted here.
"""

from __future__ import annotations

from app.sandbox.microsoft.mail.service import OutlookMail

__all__ = ["OutlookMail"]
