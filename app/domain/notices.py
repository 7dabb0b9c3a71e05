"""Notices: what the app announces. Calendar items are events; this is never called one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Topic(StrEnum):
    """What a notice is about; the value is its type in streams and logs."""

    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    RUN_PROGRESS = "run.progress"
    RUN_FINISHED = "run.finished"
    PAIR_CHANGED = "pair.changed"
    PAIR_REMOVED = "pair.removed"
    CONNECTION_CHANGED = "connection.changed"
    ACCOUNT_CHANGED = "account.changed"
    HOLD_OPENED = "hold.opened"
    HOLD_CLOSED = "hold.closed"
    ALERT_ACTION = "alert.action"
    """A person pressed a button of a notification; `data["action"]` is an `AlertAction`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One announcement. `data` holds ids and counts, never titles or secrets."""

    topic: Topic
    at: datetime
    pair_id: str | None = None
    run_id: str | None = None
    account_id: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
