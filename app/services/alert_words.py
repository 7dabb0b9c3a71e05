"""What a notification says and offers. Never a title of an event: a screen that is locked shows it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.alerts import Alert, AlertAction, AlertKind
from app.services.alert_policy import Announcement

_NAMED_AT_MOST = 3

_TITLES = {
    AlertKind.HOLD: ("A sync pair waits for your decision", "{} sync pairs wait for your decision"),
    AlertKind.STANDSTILL: ("Kalends is not syncing", "Kalends is not syncing"),
    AlertKind.RESTORED: ("Kalends put a backup in place", "Kalends put a backup in place"),
    AlertKind.SIGN_IN_NEEDED: ("An account needs you to sign in again", "{} accounts need you to sign in again"),
    AlertKind.SIGN_IN_EXPIRES: ("A sign-in ends soon", "{} sign-ins end soon"),
    AlertKind.PAIR_FAILING: ("A sync pair keeps failing", "{} sync pairs keep failing"),
    AlertKind.CHANGES_COPIED: ("Calendars brought in step", "{} sync pairs brought in step"),
}
_OPENING = {
    AlertKind.HOLD: (AlertAction.REVIEW_HOLD, "Review"),
    AlertKind.STANDSTILL: (AlertAction.OPEN, "Show"),
    AlertKind.RESTORED: (AlertAction.OPEN, "Show"),
    AlertKind.SIGN_IN_NEEDED: (AlertAction.RECONNECT, "Reconnect"),
    AlertKind.SIGN_IN_EXPIRES: (AlertAction.RECONNECT, "Reconnect"),
    AlertKind.PAIR_FAILING: (AlertAction.SHOW_RUN, "Show details"),
    AlertKind.CHANGES_COPIED: (AlertAction.SHOW_RUN, "Show"),
}
_MAY_WAIT = (AlertKind.SIGN_IN_NEEDED,)


@dataclass(frozen=True, slots=True)
class Text:
    """A notification as plain text. `actions` are pairs of action and label."""

    title: str
    body: str
    actions: tuple[tuple[str, str], ...]


def text_of(announcement: Announcement, *, can_open: bool) -> Text:
    """Put an announcement in words.

    Args:
        can_open: there is a window, which buttons can open.
    """
    kind, about = announcement.kind, subjects(announcement.alerts)
    one, many = _TITLES[kind]
    if len(about) == 1:
        title, body, opening = one, about[0].sentence, _OPENING[kind]
    else:
        title, body = many.format(len(about)), _listed([alert.subject for alert in about])
        opening = (AlertAction.OPEN, "Show")
    if not can_open:
        return Text(title, body, ())
    actions = [(str(opening[0]), opening[1])]
    if kind in _MAY_WAIT:
        actions.append((str(AlertAction.REMIND_TOMORROW), "Remind me tomorrow"))
    return Text(title, body, tuple(actions))


def subjects(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """One alert, the newest, of each account or pair."""
    return tuple({alert.account_id or alert.pair_id: alert for alert in alerts}.values())


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED_AT_MOST])
    if len(names) > len(shown):
        shown.append(f"and {len(names) - len(shown)} more")
    return ", ".join(shown)
