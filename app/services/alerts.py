"""Alerts: what needs the person, spoken through the desktop while they look elsewhere, and taken back when it is over.

Listens to notices, looks at accounts, holds and runs, and lets `alert_policy` decide. What was announced is kept in the
database, so that a restart does not repeat it. Repairs nothing: a button only tells whoever has the windows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from app.domain.alerts import Alert, AlertAction, AlertKind, Wish
from app.domain.errors import KalendsError, NotFoundError, StorageError
from app.domain.notices import Notice, Topic
from app.domain.ports import Clock, Notifier
from app.domain.runs import Run, RunStatus
from app.services import alert_policy, alert_sources
from app.services.alert_policy import Announcement, Memory, Told
from app.services.alert_sources import Failing
from app.services.alert_words import subjects, text_of
from app.services.connections import Connections
from app.services.holds import Holds
from app.services.notices import Notices
from app.services.pairs import Pairs
from app.services.preferences import Preferences
from app.services.views import Problem
from app.store.runs import RunRepository
from app.store.state import StateRepository

LOOK_EVERY_SECONDS = 3600.0
"""The longest sleep of the timer: it does not count while the machine sleeps, and the clock may be set."""

_KEPT = "alerts"
_TOLD_BY = frozenset(
    {Topic.ACCOUNT_CHANGED, Topic.RUN_FINISHED, Topic.PAIR_CHANGED, Topic.PAIR_REMOVED}
    | {Topic.HOLD_OPENED, Topic.HOLD_CLOSED}
)
_WORKED = (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.HELD)
_PASSES = frozenset({"offline", "throttled", "needs_sign_in", "scope_missing"})
"""Reasons to fail that go by themselves, or have an alert of their own."""

_log = structlog.get_logger(__name__)


class Alerts:
    """Knows what needs the person, and speaks of it.

    Args:
        connections, pairs, holds, runs: what is looked at.
        state: where it is kept what was announced.
        standstill, told: why every run waits, and what else happened that a person has to know.
        notices: what it listens to, and where a pressed button is announced (`alert.action`).
    """

    def __init__(
        self,
        *,
        connections: Connections,
        pairs: Pairs,
        holds: Holds,
        runs: RunRepository,
        state: StateRepository,
        notices: Notices,
        preferences: Preferences,
        clock: Clock,
        standstill: Callable[[], Problem | None] = lambda: None,
        told: Callable[[], Problem | None] = lambda: None,
    ) -> None:
        self._standstill = standstill
        self._told = told
        self._connections = connections
        self._pairs = pairs
        self._holds = holds
        self._runs = runs
        self._state = state
        self._notices = notices
        self._preferences = preferences
        self._clock = clock
        self._memory, self._failing = self._load()
        self._changes: dict[str, Run] = {}
        self._wish = Wish.PROBLEMS_ONLY
        self._notifier: Notifier | None = None
        self._can_open = False
        self._leave: list[Callable[[], None]] = []
        self._to_say: asyncio.Queue[Announcement | AlertKind] = asyncio.Queue()
        self._speaking: asyncio.Task[None] | None = None
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None

    def list(self) -> tuple[Alert, ...]:
        """What needs the person now, the weightiest first, whatever was announced of it."""
        return self._open(self._clock.now())[0]

    # -- life --------------------------------------------------------------------------------------------------------

    def start(self, notifier: Notifier | None, *, can_open: bool) -> None:
        """Begin to listen; call on the core loop.

        Args:
            notifier: speaks to the person; None where nothing can.
            can_open: there is a window, which the buttons of a notification can open.
        """
        self._notifier, self._can_open = notifier, can_open
        if notifier is not None:
            notifier.on_action(self._act)
            self._speaking = asyncio.create_task(self._speak(notifier), name="alerts")
        self._leave = [
            self._notices.listen(self._heard),
            self._preferences.listen(lambda _: self._look_soon()),
        ]
        self._look_soon()

    async def stop(self) -> None:
        """End, and take back what is shown: a button that nobody answers must not stay."""
        for leave in self._leave:
            leave()
        self._leave = []
        for timer in (self._soon, self._later):
            if timer is not None:
                timer.cancel()
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        if self._notifier is not None:
            await self._notifier.aclose()

    # -- listening ---------------------------------------------------------------------------------------------------

    def _heard(self, notice: Notice) -> None:
        if notice.topic is Topic.RUN_FINISHED and notice.run_id is not None:
            self._note(notice.run_id)
        if notice.topic in _TOLD_BY:
            self._look_soon()

    def _note(self, run_id: str) -> None:
        """What a run says of how long its pair fails, and what it copied."""
        try:
            run = self._runs.get(run_id)
        except NotFoundError:
            return  # its pair went with its history
        if run.dry:
            return
        if run.status in _WORKED:
            self._failing.pop(run.pair_id, None)
        elif run.status is RunStatus.FAILED and any(error.code not in _PASSES for error in run.errors):
            before = self._failing.get(run.pair_id)
            since = before.since if before is not None else self._clock.now()
            self._failing[run.pair_id] = Failing(since, before.runs + 1 if before is not None else 1)
        if run.status in _WORKED and alert_sources.copied(run):
            self._changes[run.pair_id] = run
        elif run.status is not RunStatus.SKIPPED:
            self._changes.pop(run.pair_id, None)

    def _look_soon(self) -> None:
        """Look once the notices of this moment were all heard."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._soon = None
        now = self._clock.now()
        alerts, next_at = self._open(now, changes=True)
        decision = alert_policy.decide(alerts, self._memory, self._wanted(), now)
        self._remember(decision.memory)
        for kind in decision.withdraw:
            self._to_say.put_nowait(kind)
        for announcement in decision.show:
            self._to_say.put_nowait(announcement)
        self._look_at(min((at for at in (decision.look_again_at, next_at) if at is not None), default=None), now)

    def _look_at(self, moment: datetime | None, now: datetime) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if moment is not None:
            seconds = min(max((moment - now).total_seconds(), 0.0), LOOK_EVERY_SECONDS)
            self._later = asyncio.get_running_loop().call_later(seconds, self._look_soon)

    def _wanted(self) -> Wish:
        try:
            self._wish = Wish(self._preferences.get().notifications)
        except KalendsError as error:
            _log.warning("alerts.preference_unreadable", error=error.code)
        return self._wish

    # -- what is open ------------------------------------------------------------------------------------------------

    def _open(self, now: datetime, *, changes: bool = False) -> tuple[tuple[Alert, ...], datetime | None]:
        """All that is open, and when something opens only because time goes by."""
        pairs = {view.pair.id: view for view in self._pairs.list()}
        accounts = self._connections.accounts()
        self._failing = {pair_id: failing for pair_id, failing in self._failing.items() if pair_id in pairs}
        expiring, expires_at = alert_sources.expiring(accounts, now)
        failing, fails_at = alert_sources.failing(self._failing, pairs, now)
        found = (
            *alert_sources.held(self._holds.list(), pairs),
            *alert_sources.standing(self._standstill(), self._told()),
            *alert_sources.sign_ins(accounts, pairs),
            *expiring,
            *failing,
            *(alert_sources.changed(self._changes.values(), pairs) if changes else ()),
        )
        return found, min((at for at in (expires_at, fails_at) if at is not None), default=None)

    # -- speaking ----------------------------------------------------------------------------------------------------

    async def _speak(self, notifier: Notifier) -> None:
        while True:
            said = await self._to_say.get()
            try:
                if isinstance(said, AlertKind):
                    await notifier.withdraw(str(said))
                    continue
                text = text_of(said, can_open=self._can_open)
                quiet = said.quiet or said.kind is AlertKind.CHANGES_COPIED
                await notifier.show(str(said.kind), text.title, text.body, text.actions, quiet=quiet)
            except Exception:  # noqa: BLE001 - the last border of a task: what comes next must still be said
                _log.exception("alert.not_spoken")

    def _act(self, tag: str, action: str) -> None:
        """A person pressed a button."""
        kind, now = AlertKind(tag), self._clock.now()
        if action == AlertAction.REMIND_TOMORROW:
            self._remember(alert_policy.remind_tomorrow(self._memory, kind, now))
            self._to_say.put_nowait(kind)
            self._look_soon()
            return
        shown = self._memory.shown.get(kind, ())
        about = subjects([alert for alert in self._open(now, changes=True)[0] if alert.key in shown])
        # What it was about may be over, or more by now: then the window tells what is the case.
        one = about[0] if len(about) == 1 and action != AlertAction.OPEN else None
        self._notices.announce(
            Notice(
                Topic.ALERT_ACTION,
                now,
                pair_id=one.pair_id if one is not None else None,
                run_id=one.run_id if one is not None else None,
                account_id=one.account_id if one is not None else None,
                data={"action": action if one is not None else str(AlertAction.OPEN)},
            )
        )

    # -- remembering -------------------------------------------------------------------------------------------------

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        told = {key: [one.times, _text(one.due_at)] for key, one in memory.told.items()}
        failing = {pair_id: [_text(one.since), one.runs] for pair_id, one in self._failing.items()}
        spoken = [_text(at) for at in memory.spoken]
        kept = json.dumps({"told": told, "spoken": spoken, "failing": failing}, sort_keys=True)
        try:
            if kept != self._state.get(_KEPT):
                self._state.put(_KEPT, kept)
        except StorageError as error:
            _log.warning("alerts.not_kept", error=error.code)

    def _load(self) -> tuple[Memory, dict[str, Failing]]:
        kept = self._state.get(_KEPT)
        if kept is None:
            return Memory(), {}
        try:
            known: Mapping[str, Any] = json.loads(kept)
            told = {key: Told(int(times), _moment(due)) for key, (times, due) in known["told"].items()}
            spoken = tuple(datetime.fromisoformat(at) for at in known["spoken"])
            failing = {
                pair_id: Failing(datetime.fromisoformat(since), int(runs))
                for pair_id, (since, runs) in known["failing"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            # Worst, something is announced twice.
            _log.warning("alerts.kept_unreadable")
            return Memory(), {}
        return Memory(told, {}, spoken), failing


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
