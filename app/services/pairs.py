"""Sync pairs: make, change, pause, delete (`engine.md` §2, `contract/api.md` §6). Says what is wrong by field."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.accounts import AccountStatus
from app.domain.errors import ConflictError, FieldError, InputError, KalendsError, NotFoundError
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.notices import Notice, Topic
from app.domain.pairs import CopiesOnDelete, Direction, DirectionSettings, PairState, PairStatus, SyncPair
from app.domain.ports import Clock
from app.domain.runs import HoldCause, Run, RunStatus, Trigger
from app.engine.commands import living_copies
from app.services.metered import CODE as METERED
from app.services.narrowing import Loss, Narrowing
from app.services.notices import Notices
from app.services.pair_rules import applied, wishes, wrong_settings
from app.services.schedule import Schedule
from app.services.sync import Sync
from app.services.views import (
    EVERYTHING,
    PROVIDER_NAMES,
    ConnectionView,
    NewPair,
    PairChange,
    PairView,
    Viewer,
)
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.runs import RunRepository


class Pairs:
    """Keeps sync pairs, and tells scheduler and listeners what changed."""

    def __init__(
        self,
        *,
        repository: PairRepository,
        narrowing: Narrowing,
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
        self._narrowing = narrowing
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

    def former(self) -> Mapping[str, tuple[str, Direction, str]]:
        """Removed pairs, whose runs are still told: by id the names of their calendars, and which way they went."""
        return self._repository.former()

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
            progress=self._sync.progress(pair.id),
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
            return PairState.HELD, held_sentence(pair.held)
        for side in (a, b):
            if side.account.status is not AccountStatus.CONNECTED:
                return PairState.NEEDS_SIGN_IN, side.account.problem or f"{side.label} needs you to sign in again."
            if side.connection.problem:
                return PairState.ATTENTION, side.connection.problem
        waiting = next((side for side in (a, b) if self._sync.waits_until([side.account.id]) is not None), None)
        if waiting is not None:
            name = PROVIDER_NAMES[waiting.connection.provider]
            return PairState.WAITING, f"{name} asked us to slow down. Syncing goes on by itself."
        return _state_after(pair, last)

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
        except KalendsError:
            for pair in made:
                self._repository.remove(pair.id)
            raise
        for pair in made:
            self._changed(pair)
            self.run_if_active(pair.id, Trigger.CREATED)
        return self._views(made)

    async def update(
        self, pair_id: str, change: PairChange, viewer: Viewer = EVERYTHING, *, expected: int | None = None
    ) -> PairView:
        """Change a pair. Pausing returns once no write is under way and none can start; resuming runs at once.

        Args:
            expected: how many originals lose their copies by other settings, as the person was told: with the right
                number the next run does not ask. None leaves that to the guard.

        Raises:
            NotFoundError, InputError by field, ConflictError `direction_taken`, `count_changed` with the number, or
            its copies are being taken away.
        """
        was = self._visibility.require_pair(pair_id, viewer)
        self._require_no_command(pair_id)
        self._require_future(change.paused_until)
        changed = applied(was, change)
        if wishes(changed) != wishes(was):
            # Only then: a pair whose calendar became view-only can still be paused.
            ends = [self._visibility.require_connection(i, viewer) for i in (was.connection_a_id, was.connection_b_id)]
            details = wrong_settings(changed, ends[0], ends[1])
            if details:
                raise InputError(details[0].message, details=details)
        losses: tuple[Loss, ...] = ()
        if expected is not None and wishes(changed) != wishes(was):
            losses = await self._narrowing.losses(changed, self._repository.directions(pair_id))
            self._narrowing.require(losses, expected)
            # Others had their chance meanwhile.
            changed = applied(self._visibility.require_pair(pair_id, viewer), change)
            self._require_no_command(pair_id)
        leading = self._repository.directions(pair_id)
        if wishes(changed) != wishes(was):
            self._narrowing.withdraw(leading)
        pair = self._repository.update(changed)
        self._narrowing.confirm(losses)
        self._changed(pair)
        if pair.status is PairStatus.PAUSED or pair.settings_no != was.settings_no:
            await self._sync.settle(pair_id)
        self._close_holds(direction for direction in leading if not self._leads(pair_id, direction.id))
        if was.status is PairStatus.PAUSED or pair != was:
            resumed = was.status is PairStatus.PAUSED
            self.run_if_active(pair_id, Trigger.RESUMED if resumed else Trigger.CHANGED)
        return self.get(pair_id, viewer)

    async def pause_all(
        self, viewer: Viewer = EVERYTHING, *, until: datetime | None = None, reason: str | None = None
    ) -> tuple[PairView, ...]:
        """Pause every pair the viewer sees; returns once no write of any is under way and none can start."""
        self._require_future(until)
        change = PairChange(status=PairStatus.PAUSED, paused_until=until, pause_reason=reason)
        paused = [
            self._repository.update(applied(pair, change))
            for pair in self._repository.list(PairStatus.ACTIVE)
            if self._visibility.sees_pair(pair, viewer)
        ]
        for pair in paused:
            self._changed(pair)
        await asyncio.gather(*(self._sync.settle(pair.id) for pair in paused))
        ids = {pair.id for pair in paused}
        return self._views([pair for pair in self._repository.list() if pair.id in ids])

    def resume_all(self, viewer: Viewer = EVERYTHING, *, reason: str | None = None) -> tuple[PairView, ...]:
        """Resume paused pairs; with a reason only those that were paused for it."""
        resumed = []
        for pair in self._repository.list(PairStatus.PAUSED):
            wanted = reason is None or pair.pause_reason == reason
            if wanted and self._visibility.sees_pair(pair, viewer) and self._sync.command(pair.id) is None:
                resumed.append(self._repository.update(applied(pair, PairChange.resume())))
        for pair in resumed:
            self._changed(pair)
            self.run_if_active(pair.id, Trigger.RESUMED)
        return self._views(resumed)

    async def delete(
        self,
        pair_id: str,
        copies: CopiesOnDelete = CopiesOnDelete.KEEP,
        expected: int | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> Run | None:
        """Delete a pair. Where its copies are to go with it, the pair is paused and goes once they are away: after a
        failure or a stop it is still there, to be deleted again.

        Args:
            copies: keep the marked copies, release them as ordinary events, or remove them.
            expected: with `remove`, how many copies the caller believes there are.

        Returns:
            The run that releases or removes the copies, None where they are kept. Asked twice, the same run.

        Raises:
            NotFoundError.
            ConflictError: `count_changed`, with the number; or the copies are being taken away in another way.
        """
        was = self._visibility.require_pair(pair_id, viewer)
        going = self._sync.command(pair_id)
        if going is not None and going[0] == str(copies):
            return going[1]
        self._require_no_command(pair_id)
        if copies is CopiesOnDelete.REMOVE:
            self._require_count(self._repository.directions(pair_id), expected)
        reason = was.pause_reason if was.status is PairStatus.PAUSED else "Being deleted."
        pair = self._repository.update(applied(was, PairChange(status=PairStatus.PAUSED, pause_reason=reason)))
        self._changed(pair)
        await self._sync.settle(pair_id, dry=True)
        # Others had their chance meanwhile: the same deletion, or a run that still made copies.
        self._visibility.require_pair(pair_id, viewer)
        going = self._sync.command(pair_id)
        if going is not None and going[0] == str(copies):
            return going[1]
        self._require_no_command(pair_id)
        directions = tuple(self._repository.directions(pair_id))
        if copies is CopiesOnDelete.KEEP:
            self._remove(pair_id)
            return None
        if copies is CopiesOnDelete.REMOVE:
            try:
                self._require_count(directions, expected)
            except ConflictError:
                self._changed(self._repository.update(was))
                self.run_if_active(pair_id, Trigger.RESUMED)
                raise
        release = copies is CopiesOnDelete.RELEASE
        return self._sync.take_away(pair, directions, release=release, when_done=lambda: self._remove(pair_id))

    def run_waiting(self, account_id: str) -> None:
        """An account was signed in anew: the active pairs that use it run at once."""
        for view in self.list(status=PairStatus.ACTIVE):
            if account_id in (view.a.account.id, view.b.account.id):
                self.run_if_active(view.pair.id, Trigger.RECONNECTED)

    def run_if_active(self, pair_id: str, trigger: Trigger) -> None:
        """Run a pair at once if it is there and is to run; what a change or an answer brings about."""
        if any(pair.id == pair_id for pair in self._repository.list(PairStatus.ACTIVE)) and not self._sync.stopping:
            self._sync.request(pair_id, trigger)

    def follow_all(self) -> None:
        """At start: a timer for every pair; a pause that ended meanwhile is over."""
        for pair in self._repository.list():
            over = pair.paused_until is not None and pair.paused_until <= self._clock.now()
            if pair.status is PairStatus.PAUSED and over:
                pair = self._repository.update(applied(pair, PairChange.resume()))
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

    def _require_no_command(self, pair_id: str) -> None:
        if self._sync.command(pair_id) is not None:
            raise ConflictError("This pair is being deleted: its copies are being taken away.")

    def _require_future(self, until: datetime | None) -> None:
        if until is not None and until <= self._clock.now():
            message = "Choose a moment that lies ahead."
            raise InputError(message, details=[FieldError("until", message)])

    def _leads(self, pair_id: str, direction_id: str) -> bool:
        """Whether a pair is there and leads this way."""
        try:
            return any(direction.id == direction_id for direction in self._repository.directions(pair_id))
        except NotFoundError:
            return False

    def _close_holds(self, directions: Iterable[DirectionRecord]) -> None:
        """Nothing waits for the user in a direction that a pair no longer has."""
        for direction in directions:
            for cause in HoldCause:
                hold = self._ledger.hold(direction.id, cause)
                if hold is not None:
                    self._ledger.close_hold(hold.id)
                    self._notices.announce(Notice(Topic.HOLD_CLOSED, self._clock.now(), pair_id=direction.pair_id))

    def _remove(self, pair_id: str) -> None:
        self._schedule.forget(pair_id)
        self._repository.remove(pair_id)
        self._notices.announce(Notice(Topic.PAIR_REMOVED, self._clock.now(), pair_id=pair_id))

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
        return wrong_settings(self._pair(new), ends["connection_a_id"], ends["connection_b_id"])


def held_sentence(count: int) -> str:
    """What a pair with so many held originals says."""
    events = "1 event waits" if count == 1 else f"{count} events wait"
    return f"{events} for your decision. Nothing was done yet."


def _state_after(pair: SyncPair, last: Run | None) -> tuple[PairState, str | None]:
    """How a pair does by its last run; one that was skipped tells nothing new."""
    before = PairState.NEVER_SYNCED if pair.last_synced_at is None else PairState.UP_TO_DATE
    if last is None:
        return before, None
    problem = last.errors[0].message if last.errors else None
    offline = last.reason == "offline" or (bool(last.errors) and all(e.code == "offline" for e in last.errors))
    if offline and last.status in (RunStatus.SKIPPED, RunStatus.FAILED):
        return PairState.OFFLINE, "You're offline. Syncing resumes by itself."
    if last.status is RunStatus.SKIPPED and last.reason == METERED:
        return PairState.WAITING, "The connection is metered. Syncing goes on by itself when it is not."
    if last.status is RunStatus.FAILED:
        return PairState.FAILED, problem
    if last.status is RunStatus.PARTIAL:
        return PairState.ATTENTION, problem or _not_copied(last.counts.failed)
    if last.status is RunStatus.INTERRUPTED and before is PairState.UP_TO_DATE:
        return PairState.WAITING, "The last sync was stopped before its end. The next one finishes its work."
    if last.status in (RunStatus.SKIPPED, RunStatus.INTERRUPTED):
        return before, None
    return PairState.UP_TO_DATE, None


def _not_copied(count: int) -> str:
    events = "1 event" if count == 1 else f"{count} events"
    return f"{events} couldn't be copied. The rest is in sync."
