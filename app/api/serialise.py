"""Views and domain records as answers: the objects that `services.shapes` makes, held to the API's models. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.api.models import responses as r
from app.domain.accounts import Account
from app.domain.keys import ApiKey
from app.domain.runs import Hold, Run
from app.services import shapes
from app.services.views import Attempt, ConnectionView, NewKey, PairView, RunView, StatusView, UndoView


def connection(view: ConnectionView) -> r.ConnectionAnswer:
    """A connection."""
    return r.ConnectionAnswer.model_validate(shapes.connection(view))


def account(one: Account, views: Sequence[ConnectionView]) -> r.AccountAnswer:
    """An account with those of the given connections that are its own."""
    return r.AccountAnswer.model_validate(shapes.account(one, views))


def attempt_begun(attempt: Attempt) -> r.AttemptBegun:
    """A sign-in just begun."""
    return r.AttemptBegun.model_validate(shapes.attempt_begun(attempt))


def attempt_error(attempt: Attempt) -> r.AttemptError | None:
    """Why a sign-in failed, None when it did not."""
    error = shapes.attempt(attempt)["error"]
    return None if error is None else r.AttemptError.model_validate(error)


def attempt(one: Attempt) -> r.AttemptAnswer:
    """How a sign-in stands."""
    return r.AttemptAnswer.model_validate(shapes.attempt(one))


def pair(view: PairView) -> r.PairAnswer:
    """A sync pair."""
    return r.PairAnswer.model_validate(shapes.pair(view))


def trigger(view: RunView) -> r.TriggerAnswer:
    """A run as its trigger answers it; `plan` for dry ones."""
    return r.TriggerAnswer.model_validate(shapes.trigger_answer(view))


def pair_trigger(view: RunView) -> r.PairTriggerAnswer:
    """The same, naming the pair."""
    return r.PairTriggerAnswer.model_validate(shapes.pair_trigger_answer(view))


def undo(view: UndoView) -> r.UndoAnswer:
    """What of a run can be undone."""
    return r.UndoAnswer.model_validate(shapes.undo(view))


def run(view: RunView, *, story: bool = False) -> r.RunAnswer:
    """A run of the history, with its actions where its story is asked for."""
    return r.RunAnswer.model_validate(shapes.run_story(view) if story else shapes.run(view.run))


def log(one: Run) -> r.LogAnswer:
    """An ended run as a log row: the same ULID behind another prefix."""
    return r.LogAnswer.model_validate(shapes.log(one))


def hold(one: Hold) -> r.HoldAnswerBody:
    """A hold."""
    return r.HoldAnswerBody.model_validate(shapes.hold(one))


def status(view: StatusView) -> r.StatusAnswer:
    """How everything is doing."""
    return r.StatusAnswer.model_validate(shapes.status(view))


def key(one: ApiKey) -> r.KeyAnswer:
    """A key without its text."""
    return r.KeyAnswer.model_validate(shapes.key(one))


def new_key(new: NewKey) -> r.NewKeyAnswer:
    """A key just made, with its text."""
    return r.NewKeyAnswer.model_validate(shapes.new_key(new))
