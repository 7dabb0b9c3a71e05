"""Page tokens and sync tokens: what they say, how they are signed, which parameters they stand for.

To a client they are opaque text. Signed, so that a malformed one is known from one of an earlier life of the calendar.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, fields
from typing import Final

from starlette.datastructures import QueryParams

FORBIDDEN_WITH_SYNC: Final = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
"""Parameters that an incremental listing refuses."""

_FREE: Final = frozenset({"pageToken", "maxResults", "alt", "prettyPrint", "fields", "key", "quotaUser", "userIp"})


@dataclass(frozen=True, slots=True)
class Position:
    """What a page token or sync token says.

    `up_to` is the change number the listing is frozen at; `since` that of the sync token it began with, None for a full
    listing; `at` how far the pages have come; `issued` seconds since 1970; `frozen` names a listing that is kept whole.
    `window` is `timeMin` and `timeMax` of the first listing; `begun` whether a ragged listing gave its empty page.
    """

    kind: str
    calendar: str
    parameters: str
    generation: int
    up_to: int
    since: int | None
    at: int
    issued: float
    frozen: str | None = None
    window: list[str | None] | None = None
    begun: bool = False


class Signer:
    """Makes tokens of positions and reads them back.

    Args:
        random_seed: the world's; its key follows from it, so that tokens outlive the process.
    """

    def __init__(self, random_seed: int) -> None:
        self._key = hashlib.sha256(f"google tokens {random_seed}".encode()).digest()

    def sign(self, position: Position) -> str:
        """The opaque token of a position."""
        raw = json.dumps([getattr(position, item.name) for item in fields(position)], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mark(raw) + raw).decode()

    def open(self, token: str, kind: str) -> Position | None:
        """The position of a token of that kind (`page` or `sync`), or None when it is not one of ours."""
        try:
            data = base64.urlsafe_b64decode(token.encode())
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(data[:8], self._mark(data[8:])):
            return None
        position = Position(*json.loads(data[8:]))
        return position if position.kind == kind else None

    def _mark(self, raw: bytes) -> bytes:
        return hmac.new(self._key, raw, hashlib.sha256).digest()[:8]


def all_parameters(params: QueryParams) -> str:
    """A digest of everything that must be repeated from page to page."""
    return _digest([(name, value) for name, value in params.multi_items() if name not in _FREE])


def lasting_parameters(params: QueryParams) -> str:
    """A digest of what must be repeated with a sync token: not the bounds and showDeleted of the first listing."""
    dropped = _FREE | {"syncToken", "showDeleted", *FORBIDDEN_WITH_SYNC}
    return _digest([(name, value) for name, value in params.multi_items() if name not in dropped])


def _digest(pairs: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(sorted(pairs)).encode()).hexdigest()[:12]
