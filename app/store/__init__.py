"""The local database: everything Kalends remembers. Takes and returns domain values; peewee never leaves it."""

from __future__ import annotations

from app.store.store import Store

__all__ = ["Store"]
