"""Settings that let less through: what they would cost, and the person's word that this is meant (`engine.md` §10).

By what was last read; no service is asked. What is found gone or changed at the next run is that run's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.domain.errors import ConflictError, FieldError
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.pairs import Direction, SyncPair
from app.domain.ports import Clock
from app.domain.runs import Hold, HoldAnswer, HoldCause
from app.services.stored_plan import StoredPlans

_NAMED = 3
"""So many events are named to the person who is asked."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What would lose its copy in one direction: ids of originals, and their titles in the same order."""

    direction: DirectionRecord
    originals: tuple[str, ...]
    titles: tuple[str, ...]


class Narrowing:
    """Counts what a change of settings would take away, and keeps the person's word for it."""

    def __init__(self, *, ledger: Ledger, plans: StoredPlans, clock: Clock, new_id: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._plans = plans
        self._clock = clock
        self._new_id = new_id

    async def losses(self, changed: SyncPair, directions: Sequence[DirectionRecord]) -> tuple[Loss, ...]:
        """What the directions that a changed pair keeps would lose by its settings.

        Args:
            changed: the pair as it would be.
            directions: as they are.
        """
        found = []
        for direction in directions:
            if changed.direction not in (_way(direction), Direction.BIDIRECTIONAL):
                continue
            losing = await self._plans.of(_with_settings(direction, changed)).losing()
            if losing:
                found.append(Loss(direction, tuple(losing), tuple(losing.values())))
        return tuple(found)

    @staticmethod
    def require(losses: Sequence[Loss], expected: int) -> None:
        """Refuse a number that is not that of the losses. Raises ConflictError `count_changed`, with the right one."""
        number = sum(len(loss.originals) for loss in losses)
        if number == expected:
            return
        titles = [title for loss in losses for title in loss.titles]
        named = ", ".join(f"“{title}”" for title in titles[:_NAMED])
        more = f" and {number - _NAMED} more" if number > _NAMED else ""
        events = "1 copy goes" if number == 1 else f"{number} copies go"
        raise ConflictError(
            f"By this change {events}: {named}{more}." if number else "By this change no copy goes.",
            code="count_changed",
            details=[FieldError("expected", str(number))],
            fix=f"Say expected={number} if that is what you want.",
        )

    def withdraw(self, directions: Sequence[DirectionRecord]) -> None:
        """Other settings come: a yes to what the present ones take away is none to what those will. Call it before the
        change is kept. A no stays, since it costs no copy."""
        for direction in directions:
            hold = self._ledger.hold(direction.id, HoldCause.FILTERS_NARROWED)
            if hold is not None and hold.answer is HoldAnswer.APPROVED:
                self._ledger.close_hold(hold.id)

    def confirm(self, losses: Sequence[Loss]) -> None:
        """The person named the right number: the next run does not ask again. Call it once the change is kept."""
        now = self._clock.now()
        for loss in losses:
            hold = Hold(
                id=self._new_id("hold"),
                pair_id=loss.direction.pair_id,
                direction_id=loss.direction.id,
                cause=HoldCause.FILTERS_NARROWED,
                opened_at=now,
                expected=len(loss.originals),
                answer=HoldAnswer.APPROVED,
                answered_at=now,
            )
            self._ledger.save_hold(hold, loss.originals)


def _way(direction: DirectionRecord) -> Direction:
    return Direction.A_TO_B if direction.source_is_a else Direction.B_TO_A


def _with_settings(direction: DirectionRecord, changed: SyncPair) -> DirectionRecord:
    """A direction as it would be."""
    own = changed.settings_b_to_a if not direction.source_is_a else None
    return replace(
        direction,
        settings=own or changed.settings,
        settings_no=direction.settings_no + 1,
        both_ways=changed.direction is Direction.BIDIRECTIONAL,
    )
