"""Holds: what waits for the user, and the user's answer (`engine.md` §10). The engine carries answers out."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.errors import NotFoundError
from app.domain.notices import Notice, Topic
from app.domain.ports import Clock
from app.domain.runs import Hold, HoldAnswer
from app.services.notices import Notices
from app.services.views import EVERYTHING, Viewer
from app.services.visibility import Visibility
from app.store.holds import HoldRepository


class Holds:
    """Lists holds and takes answers.

    Args:
        run_again: has a pair run once its hold is answered, if it runs at all: an answer given to a paused pair waits.
    """

    def __init__(
        self,
        repository: HoldRepository,
        visibility: Visibility,
        notices: Notices,
        clock: Clock,
        run_again: Callable[[str], object],
    ) -> None:
        self._repository = repository
        self._visibility = visibility
        self._notices = notices
        self._clock = clock
        self._run_again = run_again

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[Hold, ...]:
        """Holds that wait for an answer, the oldest first."""
        found = self._repository.list(self._visibility.pair_ids(viewer))
        return tuple(hold for hold in found if hold.answer is None)

    def approve(self, hold_id: str, expected: int, viewer: Viewer = EVERYTHING) -> Hold:
        """Go on with what is held, if it is still so many originals. Each is proved again when it is done.

        Raises:
            NotFoundError: no such hold.
            ConflictError: `count_changed`.
        """
        return self._answer(hold_id, HoldAnswer.APPROVED, expected, viewer)

    def reject(self, hold_id: str, viewer: Viewer = EVERYTHING) -> Hold:
        """Keep the copies. They are followed again should their originals return. Raises NotFoundError."""
        return self._answer(hold_id, HoldAnswer.KEPT, None, viewer)

    def _answer(self, hold_id: str, answer: HoldAnswer, expected: int | None, viewer: Viewer) -> Hold:
        hold = self._repository.get(hold_id)
        if not self._visibility.sees_history(hold.pair_id, viewer):
            raise NotFoundError("There is no such hold.")
        answered = self._repository.answer(
            hold_id, answer, expected=hold.expected if expected is None else expected, at=self._clock.now()
        )
        self._notices.announce(Notice(Topic.HOLD_CLOSED, self._clock.now(), pair_id=hold.pair_id))
        self._run_again(hold.pair_id)
        return answered
