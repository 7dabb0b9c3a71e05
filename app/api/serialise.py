"""Views and domain records as answers: the objects that `services.shapes` makes, held to the API's models. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.api.models.connections import AccountAnswer, AttemptAnswer, AttemptBegun, AttemptError, ConnectionAnswer
from app.api.models.runs import HoldAnswerBody, LogAnswer, PairTriggerAnswer, RunAnswer, TriggerAnswer, UndoAnswer
from app.api.models.state import KeyAnswer, NewKeyAnswer, StatusAnswer
from app.api.models.sync_pairs import PairAnswer
from app.domain.accounts import Account
from app.domain.keys import ApiKey
from app.domain.runs import Hold, Run
from app.services import shapes
from app.services.views import Attempt, ConnectionView, NewKey, PairView, RunView, StatusView, UndoView


def connection(view: ConnectionView) -> ConnectionAnswer:
    """A connection."""
    return ConnectionAnswer.model_validate(shapes.connection(view))


def account(one: Account, views: Sequence[ConnectionView]) -> AccountAnswer:
    """An account with those of the given connections that are its own."""
    return AccountAnswer.model_validate(shapes.account(one, views))


def attempt_begun(attempt: Attempt) -> AttemptBegun:
    """A sign-in just begun."""
    return AttemptBegun.model_validate(shapes.attempt_begun(attempt))


def attempt_error(attempt: Attempt) -> AttemptError | None:
    """Why a sign-in failed, None when it did not."""
    error = shapes.attempt(attempt)["error"]
    return None if error is None else AttemptError.model_validate(error)


def attempt(one: Attempt) -> AttemptAnswer:
    """How a sign-in stands."""
    return AttemptAnswer.model_validate(shapes.attempt(one))


def pair(view: PairView) -> PairAnswer:
    """A sync pair."""
    return PairAnswer.model_validate(shapes.pair(view))


def trigger(view: RunView) -> TriggerAnswer:
    """A run as its trigger answers it; `plan` for dry ones."""
    return TriggerAnswer.model_validate(shapes.trigger_answer(view))


def pair_trigger(view: RunView) -> PairTriggerAnswer:
    """The same, naming the pair."""
    return PairTriggerAnswer.model_validate(shapes.pair_trigger_answer(view))


def undo(view: UndoView) -> UndoAnswer:
    """What of a run can be undone."""
    return UndoAnswer.model_validate(shapes.undo(view))


def run(view: RunView, *, story: bool = False) -> RunAnswer:
    """A run of the history, with its actions where its story is asked for."""
    return RunAnswer.model_validate(shapes.run_story(view) if story else shapes.run(view.run))


def log(one: Run) -> LogAnswer:
    """An ended run as a log row: the same ULID behind another prefix."""
    return LogAnswer.model_validate(shapes.log(one))


def hold(one: Hold) -> HoldAnswerBody:
    """A hold."""
    return HoldAnswerBody.model_validate(shapes.hold(one))


def status(view: StatusView) -> StatusAnswer:
    """How everything is doing."""
    return StatusAnswer.model_validate(shapes.status(view))


def key(one: ApiKey) -> KeyAnswer:
    """A key without its text."""
    return KeyAnswer.model_validate(shapes.key(one))


def new_key(new: NewKey) -> NewKeyAnswer:
    """A key just made, with its text."""
    return NewKeyAnswer.model_validate(shapes.new_key(new))
