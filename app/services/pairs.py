"""Sync pairs: make, change, pause, delete (`engine.md` §2, `contract/api.md` §6). Says what is wrong by field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.accounts import Access, AccountStatus
from app.domain.errors import ConflictError, FieldError, InputError, NotFoundError
from app.domain.links import DirectionRecord
from app.domain.notices import Notice, Topic
from app.domain.pairs import CopiesOnDelete, Direction, DirectionSettings, PairState, PairStatus, SyncPair
from app.domain.ports import Clock, Ledger
from app.domain.runs import Run, RunStatus, Trigger
from app.engine.commands import living_copies
from app.services.notices import Notices
from app.services.schedule import Schedule
from app.services.sync import Sync
from app.services.views import EVERYTHING, ConnectionView, NewPair, PairChange, PairView, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.runs import RunRepository

INTERVAL_SECONDS = (300, 86_400)
WINDOW_DAYS = (0, 1_825)
_WRITTEN = {
    Direction.A_TO_B: ("connection_b_id",),
    Direction.B_TO_A: ("connection_a_id",),
    Direction.BIDIRECTIONAL: ("connection_a_id", "connection_b_id"),
}


class Pairs:
    """Keeps sync pairs, and tells scheduler and listeners what changed."""

    def __init__(
        self,
        *,
        repository: PairRepository,
        runs: RunRepository,
        ledger: Ledger,
        sync: Sync,
        schedule: Schedule,
        visibility: Visibility,
        notices: Notices,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._repository = repository
        self._runs = runs
        self._ledger = ledger
        self._sync = sync
        self._schedule = schedule
        self._visibility = visibility
        self._notices = notices
        self._clock = clock
        self._new_id = new_id

    # -- looking ---------------------------------------------------------------------------------------------------

    def list(self, viewer: Viewer = EVERYTHING, status: PairStatus | None = None) -> tuple[PairView, ...]:
        """Pairs a viewer sees, the oldest first."""
        pairs = [pair for pair in self._repository.list(status) if self._visibility.sees_pair(pair, viewer)]
        return self._views(pairs)

    def get(self, pair_id: str, viewer: Viewer = EVERYTHING) -> PairView:
        """One pair. Raises NotFoundError."""
        return self._views([self._visibility.require_pair(pair_id, viewer)])[0]

    def _views(self, pairs: Sequence[SyncPair]) -> tuple[PairView, ...]:
        ends = {view.connection.id: view for view in self._visibility.connections(EVERYTHING)}
        last = self._runs.last([pair.id for pair in pairs])
        return tuple(
            self._view(pair, ends[pair.connection_a_id], ends[pair.connection_b_id], last.get(pair.id))
            for pair in pairs
            if pair.connection_a_id in ends and pair.connection_b_id in ends
        )

    def _view(self, pair: SyncPair, a: ConnectionView, b: ConnectionView, last: Run | None) -> PairView:
        state, problem = self._state(pair, a, b, last)
        return PairView(
            pair=replace(pair, state=state, problem=problem),
            a=a,
            b=b,
            state=state,
            problem=problem,
            next_run_at=self._schedule.next_run_at(pair.id) if pair.status is PairStatus.ACTIVE else None,
            last_run=last,
            held=pair.held,
        )

    def _state(
        self, pair: SyncPair, a: ConnectionView, b: ConnectionView, last: Run | None
    ) -> tuple[PairState, str | None]:
        job = self._sync.job_state(pair.id)
        if job is not None:
            return (PairState.SYNCING if job is RunStatus.RUNNING else PairState.QUEUED), None
        if pair.status is PairStatus.PAUSED:
            return PairState.PAUSED, pair.pause_reason
        if pair.held:
            return PairState.HELD, f"{pair.held} events wait for your decision; nothing was done to them."
        for side in (a, b):
            if side.account.status is not AccountStatus.CONNECTED:
                return PairState.NEEDS_SIGN_IN, side.account.problem or f"{side.label} needs you to sign in again."
            if side.connection.problem:
                return PairState.ATTENTION, side.connection.problem
        if self._sync.waits_until(pair.id) is not None:
            return PairState.WAITING, "The calendar service asked us to slow down."
        return _state_after(last)

    # -- making and changing ---------------------------------------------------------------------------------------

    def create(self, new: Sequence[NewPair], viewer: Viewer = EVERYTHING) -> tuple[PairView, ...]:
        """Make pairs, all or none; active ones run at once.

        Raises:
            InputError: by field; `[i].field` when several are made.
            ConflictError: `direction_taken`, with the other pair's id in its details.
        """
        details: list[FieldError] = []
        for number, one in enumerate(new):
            prefix = f"[{number}]." if len(new) > 1 else ""
            details.extend(FieldError(prefix + d.field, d.message) for d in self._wrong(one, viewer))
        if details:
            raise InputError(details[0].message, details=details)
        made: list[SyncPair] = []
        try:
            made.extend(self._repository.add(self._pair(one)) for one in new)
        except ConflictError:
            for pair in made:
                self._repository.remove(pair.id)
            raise
        for pair in made:
            self._changed(pair)
            if pair.status is PairStatus.ACTIVE:
                self._sync.request(pair.id, Trigger.STARTUP)
        return self._views(made)

    async def update(self, pair_id: str, change: PairChange, viewer: Viewer = EVERYTHING) -> PairView:
        """Change a pair. Pausing returns once no write is under way and none can start; resuming runs at once.

        Raises:
            NotFoundError, InputError by field, ConflictError `direction_taken`.
        """
        was = self._visibility.require_pair(pair_id, viewer)
        changed = _applied(was, change)
        ends = [self._visibility.require_connection(i, viewer) for i in (was.connection_a_id, was.connection_b_id)]
        details = self._wrong_settings(changed, ends[0], ends[1])
        if details:
            raise InputError(details[0].message, details=details)
        pair = self._repository.update(changed)
        self._changed(pair)
        if was.status is PairStatus.ACTIVE and (
            pair.status is PairStatus.PAUSED or pair.settings_no != was.settings_no
        ):
            await self._sync.settle(pair_id)
        if pair.status is PairStatus.ACTIVE and (was.status is PairStatus.PAUSED or pair != was):
            self._sync.request(pair_id, Trigger.STARTUP)
        return self.get(pair_id, viewer)

    async def pause_all(
        self, viewer: Viewer = EVERYTHING, *, until: datetime | None = None, reason: str | None = None
    ) -> tuple[PairView, ...]:
        """Pause every pair the viewer sees."""
        change = PairChange(status=PairStatus.PAUSED, paused_until=until, pause_reason=reason)
        active = [view.pair.id for view in self.list(viewer, PairStatus.ACTIVE)]
        return tuple([await self.update(pair_id, change, viewer) for pair_id in active])

    def resume_all(self, viewer: Viewer = EVERYTHING, *, reason: str | None = None) -> tuple[PairView, ...]:
        """Resume paused pairs; with a reason only those that were paused for it."""
        resumed = []
        for view in self.list(viewer, PairStatus.PAUSED):
            if reason is None or view.pair.pause_reason == reason:
                pair = self._repository.update(_applied(view.pair, PairChange.resume()))
                self._changed(pair)
                self._sync.request(pair.id, Trigger.STARTUP)
                resumed.append(pair)
        return self._views(resumed)

    async def delete(
        self,
        pair_id: str,
        copies: CopiesOnDelete = CopiesOnDelete.KEEP,
        expected: int | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> Run | None:
        """Delete a pair.

        Args:
            copies: keep the marked copies, release them as ordinary events, or remove them.
            expected: with `remove`, how many copies the caller believes there are.

        Returns:
            The run that releases or removes the copies, None where they are kept.

        Raises:
            NotFoundError.
            ConflictError: `count_changed`, with the number.
        """
        pair = self._visibility.require_pair(pair_id, viewer)
        directions = tuple(self._repository.directions(pair_id))
        if copies is CopiesOnDelete.REMOVE:
            self._require_count(directions, expected)
        self._repository.update(_applied(pair, PairChange(status=PairStatus.PAUSED)))
        self._schedule.forget(pair_id)
        await self._sync.settle(pair_id)
        run = None
        if copies is not CopiesOnDelete.KEEP:
            run = await self._sync.take_away(pair, directions, release=copies is CopiesOnDelete.RELEASE)
        self._repository.remove(pair_id)
        self._notices.announce(Notice(Topic.PAIR_REMOVED, self._clock.now(), pair_id=pair_id))
        return run

    def run_waiting(self, account_id: str) -> None:
        """An account was signed in anew: the active pairs that use it run at once."""
        for view in self.list(status=PairStatus.ACTIVE):
            if account_id in (view.a.account.id, view.b.account.id):
                self._sync.request(view.pair.id, Trigger.STARTUP)

    def follow_all(self) -> None:
        """At start: a timer for every pair; a pause that ended meanwhile is over."""
        for pair in self._repository.list():
            over = pair.paused_until is not None and pair.paused_until <= self._clock.now()
            if pair.status is PairStatus.PAUSED and over:
                pair = self._repository.update(_applied(pair, PairChange.resume()))
            self._schedule.follow(pair)

    def copies(self, pair_id: str, viewer: Viewer = EVERYTHING) -> int:
        """How many copies a pair has: the number that removing them must name. Raises NotFoundError."""
        self._visibility.require_pair(pair_id, viewer)
        return sum(living_copies(self._ledger, direction.id) for direction in self._repository.directions(pair_id))

    # -- inside ------------------------------------------------------------------------------------------------------

    def _require_count(self, directions: Sequence[DirectionRecord], expected: int | None) -> None:
        number = sum(living_copies(self._ledger, direction.id) for direction in directions)
        if expected != number:
            raise ConflictError(
                f"This pair has {number} copies; say expected={number} to remove them.",
                code="count_changed",
                details=[FieldError("expected", str(number))],
            )

    def _changed(self, pair: SyncPair) -> None:
        self._schedule.follow(pair)
        self._notices.announce(Notice(Topic.PAIR_CHANGED, self._clock.now(), pair_id=pair.id))

    def _pair(self, new: NewPair) -> SyncPair:
        settings = replace(new.settings or DirectionSettings(), mode=new.mode)
        return SyncPair(
            id=self._new_id("pair"),
            connection_a_id=new.connection_a_id,
            connection_b_id=new.connection_b_id,
            mode=new.mode,
            direction=new.direction,
            status=new.status,
            settings=settings,
            settings_b_to_a=new.settings_b_to_a,
            interval_seconds=new.interval_seconds,
        )

    def _wrong(self, new: NewPair, viewer: Viewer) -> Sequence[FieldError]:
        details = []
        ends: dict[str, ConnectionView] = {}
        for name in ("connection_a_id", "connection_b_id"):
            try:
                ends[name] = self._visibility.require_connection(getattr(new, name), viewer)
            except NotFoundError:
                details.append(FieldError(name, "There is no such connection. Choose one of your calendars."))
        if len(ends) < len(("a", "b")):
            return details
        return self._wrong_settings(self._pair(new), ends["connection_a_id"], ends["connection_b_id"])

    @staticmethod
    def _wrong_settings(pair: SyncPair, a: ConnectionView, b: ConnectionView) -> Sequence[FieldError]:
        details = []
        if a.connection.calendar_key == b.connection.calendar_key:
            details.append(FieldError("connection_b_id", "Both sides are the same calendar. Choose another one."))
        if a.account.sandbox != b.account.sandbox:
            details.append(FieldError("connection_b_id", "A pair never mixes sandbox and real calendars."))
        for name, side in (("connection_a_id", a), ("connection_b_id", b)):
            if name in _WRITTEN[pair.direction] and side.connection.access is Access.READER:
                message = f"“{side.connection.name}” is shared as view-only. Choose another calendar or direction."
                details.append(FieldError(name, message))
        low, high = INTERVAL_SECONDS
        if not low <= pair.interval_seconds <= high:
            details.append(FieldError("interval_seconds", f"Choose {low} to {high} seconds."))
        for name, settings in (("settings", pair.settings), ("settings_b_to_a", pair.settings_b_to_a)):
            if settings is None:
                continue
            for part in ("window_back_days", "window_ahead_days"):
                if not WINDOW_DAYS[0] <= getattr(settings, part) <= WINDOW_DAYS[1]:
                    details.append(FieldError(part, f"Choose {WINDOW_DAYS[0]} to {WINDOW_DAYS[1]} days."))
            if settings.window_back_days + settings.window_ahead_days > WINDOW_DAYS[1] - 240:
                details.append(FieldError("window_ahead_days", "The window is too wide; choose fewer days."))
            if name == "settings_b_to_a" and pair.direction is not Direction.BIDIRECTIONAL:
                details.append(FieldError(name, "Only a bidirectional pair has settings of its own for this way."))
        return details


def _applied(pair: SyncPair, change: PairChange) -> SyncPair:
    """A pair with a change carried out; what the change leaves open stays."""
    mode = change.mode or pair.mode
    settings = replace(change.settings or pair.settings, mode=mode)
    paused = change.status is PairStatus.PAUSED
    resumed = change.status is PairStatus.ACTIVE
    return replace(
        pair,
        mode=mode,
        direction=change.direction or pair.direction,
        status=change.status or pair.status,
        interval_seconds=change.interval_seconds if change.interval_seconds is not None else pair.interval_seconds,
        settings=settings,
        settings_b_to_a=change.settings_b_to_a or pair.settings_b_to_a,
        paused_until=change.paused_until if paused else None if resumed else pair.paused_until,
        pause_reason=change.pause_reason if paused else None if resumed else pair.pause_reason,
    )


def _state_after(last: Run | None) -> tuple[PairState, str | None]:
    if last is None:
        return PairState.NEVER_SYNCED, None
    problem = last.errors[0].message if last.errors else None
    if last.status is RunStatus.SKIPPED and last.reason == "offline":
        return PairState.OFFLINE, "You're offline. Syncing resumes by itself."
    if last.status is RunStatus.FAILED:
        offline = bool(last.errors) and all(error.code == "offline" for error in last.errors)
        return (PairState.OFFLINE if offline else PairState.FAILED), problem
    if last.status is RunStatus.PARTIAL:
        return PairState.ATTENTION, problem
    return PairState.UP_TO_DATE, None
