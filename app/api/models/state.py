"""What the API answers about the app itself: how it is doing, and its keys."""

from __future__ import annotations

from app.api.models.base import Moment, Output
from app.domain.keys import KeyKind
from app.domain.runs import Phase
from app.services.views import RollUp


class ProblemAnswer(Output):
    """One thing that needs the person."""

    code: str
    sentence: str
    action: str | None
    account_id: str | None
    pair_id: str | None
    run_id: str | None


class ProgressAnswer(Output):
    """How far the run of a pair is: `phase` is null while it waits for its turn, `total` 0 where nobody knows it."""

    pair_id: str
    sync_id: str
    phase: Phase | None
    done: int
    total: int
    stopping: bool
    sentence: str


class StatusAnswer(Output):
    """How everything is doing."""

    state: RollUp
    sentence: str
    accounts: int
    connections: int
    pairs: int
    last_synced_at: Moment | None
    next_run_at: Moment | None
    problems: list[ProblemAnswer]
    profile: str
    version: str
    api_url: str | None
    started_at: Moment
    syncing: list[ProgressAnswer]


class HealthAnswer(Output):
    """Alive. `proof` answers a challenge: hex HMAC-SHA256 of `challenge:port`."""

    status: str
    version: str
    proof: str | None = None


class KeyAnswer(Output):
    """A key, without its text (local only)."""

    id: str
    kind: KeyKind
    scopes: list[str]
    label: str
    expires_at: Moment | None
    created_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None
    connection_ids: list[str]
    pair_ids: list[str]
    ending: str


class NewKeyAnswer(Output):
    """A key just made: the only time its text is shown (local only)."""

    id: str
    key: str
    kind: KeyKind
    scopes: list[str]
    label: str
    expires_at: Moment | None


class KeyList(Output):
    """Keys (local only)."""

    keys: list[KeyAnswer]


class Done(Output):
    """It is being done (local only)."""

    ok: bool
