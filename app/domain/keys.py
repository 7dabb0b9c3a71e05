"""API keys: kinds and scopes (`contract/api.md` §1, Keys). The key itself is never kept, only its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KeyKind(StrEnum):
    """Prefix family of a key. `test` keys see sandbox accounts only."""

    LIVE = "live"
    TEST = "test"
    WBK = "wbk"

    @property
    def prefix(self) -> str:
        """How a key of this kind begins."""
        return {"live": "cs_live_", "test": "cs_test_", "wbk": "wbk_"}[self.value]


SCOPES = (
    "read:connections",
    "write:connections",
    "read:calendar",
    "write:calendar",
    "read:email",
    "write:email",
    "read:pairs",
    "write:pairs",
    "read:logs",
    "manage:webhooks",
    "approve:deletions",
)
ENDING_LENGTH = 4
"""How many of its last characters are kept of a key, to know it again. They are of its checksum, and open nothing."""
WILDCARDS = ("read:*", "write:*", "*")
DEFAULT_SCOPES = ("read:*", "write:*")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as we remember it. `digest` is the hex SHA-256 of the whole key. Empty limits mean "everything"."""

    id: str
    kind: KeyKind
    label: str
    scopes: tuple[str, ...]
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    connection_ids: tuple[str, ...] = ()
    pair_ids: tuple[str, ...] = ()
    ending: str = ""
    """Its last characters, to tell it from others; empty for keys that were made before these were kept."""

    def grants(self, scope: str) -> bool:
        """Whether one of its scopes opens `scope`; `read:*` covers every `read:…`, `*` everything."""
        family = scope.split(":", 1)[0] + ":*"
        return any(own in (scope, family, "*") for own in self.scopes)
