"""Alerts: what needs the person while they look elsewhere, as values. When one is spoken is `app.services`' policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about, the weightiest first."""

    HOLD = "hold"
    STANDSTILL = "standstill"
    RESTORED = "restored"
    SIGN_IN_NEEDED = "sign_in_needed"
    SIGN_IN_EXPIRES = "sign_in_expires"
    PAIR_FAILING = "pair_failing"
    CHANGES_COPIED = "changes_copied"


class Wish(StrEnum):
    """What a person wants to be told of. A deletion that waits for them is told of whatever they chose."""

    PROBLEMS_ONLY = "problems_only"
    PROBLEMS_AND_CHANGES = "problems_and_changes"
    NOTHING = "nothing"


class AlertAction(StrEnum):
    """What the buttons of a notification do. What repairs something has the word of `Problem.action`."""

    RECONNECT = "reconnect"
    REVIEW_HOLD = "review_hold"
    SHOW_RUN = "show_run"
    OPEN = "open"
    REMIND_TOMORROW = "remind_tomorrow"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that needs the person, or that they want to know of.

    Args:
        key: names this occasion: an alert that is over and comes again under the same key is a new one.
        subject: names what it is about, for a person: an account's address, a pair's two calendars. Never a title of an
            event.
        sentence: what is the case; no title of an event in it.
    """

    key: str
    kind: AlertKind
    subject: str
    sentence: str
    account_id: str | None = None
    pair_id: str | None = None
    run_id: str | None = None
