"""Emulated Gmail (Gmail API v1): messages, labels, threads, history, batches, and what a person does to a mailbox.

Not emulated, and answered with 501: drafts, settings, sending and inserting, changes of labels and whole threads.
"""

from __future__ import annotations

from app.sandbox.google.mail.service import Gmail

__all__ = ["Gmail"]
