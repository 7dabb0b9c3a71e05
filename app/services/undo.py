"""Undoing runs: what of a run can be taken back, and the run that does it (`engine.md` §12).

The engine judges each change and writes; here it is asked for, by a person, once and in time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from app.domain.errors import ConflictError, FieldError, InputError, NotFoundError
from app.domain.ledger import Ledger
from app.domain.links import Intent, IntentState
from app.domain.ports import Clock
from app.domain.runs import Run
from app.engine.undo_run import KEPT_FOR
from app.services.sync import Sync
from app.services.views import EVERYTHING, UndoChange, UndoView, Viewer
from app.services.visibility import Visibility
from app.store.runs import RunRepository


class Undo:
    """Looks at what a run did, and takes it back."""

    def __init__(
        self, *, runs: RunRepository, ledger: Ledger, sync: Sync, visibility: Visibility, clock: Clock
    ) -> None:
        self._runs = runs
        self._ledger = ledger
        self._sync = sync
        self._visibility = visibility
        self._clock = clock

    async def look(
        self, run_id: str, *, events: Collection[str] | None = None, viewer: Viewer = EVERYTHING
    ) -> UndoView:
        """What of a run can be undone, the newest change first. Reads the events concerned, and writes nothing.

        Args:
            events: only changes of these originals, by their ids in the source; None for all.

        Raises:
            NotFoundError: no such run.
            InputError: it did nothing to one of the events.
            ConflictError: `undo_expired`, `run_not_ended`, `calendar_gone`.
        """
        run = self._known(run_id, viewer)
        rows = self._rows(run, events)
        found = await self._sync.look_at_undo(run, events) if rows else ()
        changes = tuple(
            UndoChange(one.original_id, one.occ, one.verb, one.state, one.title, one.starts_at, one.all_day)
            for one in found
        )
        return UndoView(run, changes, self._expires(run))

    def start(self, run_id: str, *, events: Collection[str] | None = None, viewer: Viewer = EVERYTHING) -> Run:
        """Undo a run, or some events of it, as a run of its own. Returns it while it goes on.

        Raises:
            NotFoundError: no such run.
            InputError: it did nothing to one of the events.
            ConflictError: `already_undone`, `nothing_to_undo`, `undo_expired`, `run_not_ended`, `calendar_gone`.
        """
        run = self._known(run_id, viewer)
        rows = self._rows(run, events)
        if not rows:
            raise ConflictError("This run changed nothing, so there is nothing to undo.", code="nothing_to_undo")
        if all(row.state is IntentState.UNDONE for row in rows):
            raise ConflictError("This is undone already.", code="already_undone")
        return self._sync.undo(run, events)

    def _known(self, run_id: str, viewer: Viewer) -> Run:
        """A run that can be undone at all."""
        run = self._runs.get(run_id)
        if not self._visibility.sees_history(run.pair_id, viewer):
            raise NotFoundError("There is no such run.")
        if not run.status.ended:
            raise ConflictError(
                "This run is still at work.", code="run_not_ended", fix="Stop it or wait for its end, then undo it."
            )
        if self._expires(run) <= self._clock.now():
            raise ConflictError("A run can be undone for 30 days; these are over.", code="undo_expired")
        try:
            self._visibility.require_past_pair(run.pair_id, viewer)
        except NotFoundError:
            raise ConflictError(
                "A calendar of this run is no longer connected, so nothing can be put back there.", code="calendar_gone"
            ) from None
        return run

    def _rows(self, run: Run, events: Collection[str] | None) -> Sequence[Intent]:
        rows = self._ledger.journaled(run.id)
        if events is None:
            return rows
        known = {row.original_id for row in rows}
        strange = [FieldError("events", f"This run did nothing to {event}.") for event in events if event not in known]
        if strange:
            raise InputError(strange[0].message, details=strange)
        return [row for row in rows if row.original_id in events]

    @staticmethod
    def _expires(run: Run) -> datetime:
        return (run.finished_at or run.created_at) + KEPT_FOR
