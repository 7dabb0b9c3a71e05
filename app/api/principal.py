"""Who asks: an API key, or our own command line with the token of this start. Decided once, before any route."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.keys import ApiKey, KeyKind
from app.domain.runs import Trigger
from app.services.views import EVERYTHING, Viewer

PUBLIC_PREFIX = "/api/v1"
LOCAL_PREFIX = "/local/v1"


@dataclass(frozen=True, slots=True)
class Principal:
    """A known caller.

    Args:
        name: whose requests are counted together.
        viewer: what it sees.
        trigger: what its runs are recorded as.
        prefix: under which its routes lie, for addresses in answers.
        key: None for our own command line, which may do everything.
    """

    name: str
    viewer: Viewer
    trigger: Trigger
    prefix: str
    key: ApiKey | None = None

    def may(self, scope: str) -> bool:
        """Whether a scope is open to it."""
        return self.key is None or self.key.grants(scope)

    @property
    def limited(self) -> bool:
        """Whether it sees named connections or pairs only."""
        return bool(self.viewer.connection_ids or self.viewer.pair_ids)


LOCAL = Principal("local", EVERYTHING, Trigger.MANUAL, LOCAL_PREFIX)


def principal_of(key: ApiKey) -> Principal:
    """The caller behind a good key: test keys see the sandbox only, limits hold as they are."""
    viewer = Viewer(
        sandbox_only=key.kind is KeyKind.TEST,
        connection_ids=frozenset(key.connection_ids),
        pair_ids=frozenset(key.pair_ids),
    )
    return Principal(key.id, viewer, Trigger.API, PUBLIC_PREFIX, key)
