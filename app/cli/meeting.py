"""Whom a command talks to: the running app of the chosen profile, else the services here (`contract/cli.md`)."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from app.cli.host import ProfileName
from app.cli.remote import Remote, Unreachable
from app.cli.session import Session
from app.domain.errors import StorageError

START_SECONDS = 5.0
"""How long a start may take until the app can be asked."""
_LOOK_AGAIN_SECONDS = 0.1


class Kalends(Protocol):
    """Kalends as commands ask it, wherever it runs: the requests of `/local/v1`, and those that wait."""

    @property
    def in_process(self) -> bool:
        """Whether it runs in this process, and ends with it."""
        ...

    @property
    def profile(self) -> str:
        """Whose data it keeps."""
        ...

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        wait_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """One request; its JSON answer. Raises KalendsError."""
        ...

    def sync(self, pair_ids: list[str] | None, *, full: bool, wait_seconds: float) -> dict[str, Any]:
        """Sync some pairs, or all active ones (None)."""
        ...

    def trigger(self, pair_id: str, *, dry_run: bool, full: bool, wait_seconds: float) -> dict[str, Any]:
        """Sync or preview a pair."""
        ...

    def undo(self, run_id: str, events: list[str], *, wait_seconds: float) -> dict[str, Any]:
        """Undo a run, or some events of it; the run that does it."""
        ...

    def attempt(self, attempt_id: str, *, wait_seconds: float) -> dict[str, Any]:
        """How a sign-in stands."""
        ...


def running(session: Session) -> Remote | None:
    """The running app: of the chosen profile, else the default one, else the demo."""
    profiles = [session.profile] if session.profile is not None else list(ProfileName)
    for profile in profiles:
        found = session.host.running(profile)
        if found is not None:
            return Remote(found)
    return None


def require_running(session: Session) -> Remote:
    """The running app. Raises Unreachable when there is none."""
    found = running(session)
    if found is None:
        raise Unreachable("Kalends is not running.", fix="Start it with `kalends run` or `kalends serve`.")
    return found


@contextmanager
def meet(session: Session) -> Generator[Kalends]:
    """Kalends, for one command. One that is just starting holds its database before it can be asked: it is waited for.

    Raises:
        StorageError: `database_locked` and the other ways in which the services cannot be started here.
    """
    found = running(session)
    if found is not None:
        yield found
        return
    from app.cli.inside import Inside  # services and store are many imports, which asking the running app does not need

    profile = session.profile or ProfileName.DEFAULT
    with ExitStack() as opened:
        try:
            inside = opened.enter_context(Inside(session.host, profile, session.out.say))
        except StorageError as error:
            found = _once_started(session, profile) if error.code == "database_locked" else None
            if found is None:
                raise
            yield found
            return
        session.out.say(f"Kalends is not running; working in this process (profile {profile}).")
        yield inside


def _once_started(session: Session, profile: str) -> Remote | None:
    """The running app, as soon as it can be asked; None when it cannot be in time."""
    end = time.monotonic() + START_SECONDS
    while (found := session.host.running(profile)) is None:
        if time.monotonic() >= end:
            return None
        time.sleep(_LOOK_AGAIN_SECONDS)
    return Remote(found)
