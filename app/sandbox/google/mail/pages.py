"""Gmail's page tokens: where a listing goes on, for which parameters. Opaque to clients and signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Final

from starlette.datastructures import QueryParams

from app.sandbox.google.mail.errors import invalid

_FREE: Final = frozenset({"pageToken", "maxResults", "fields", "prettyPrint", "quotaUser", "key", "alt"})


class Pages:
    """Makes page tokens and reads them back.

    Args:
        random_seed: the world's; tokens outlive the process.
    """

    def __init__(self, random_seed: int) -> None:
        self._key = hashlib.sha256(f"gmail pages {random_seed}".encode()).digest()

    def token(self, email: str, method: str, params: QueryParams, place: list[Any]) -> str:
        """The token of a place in this listing."""
        raw = json.dumps([email, method, _digest(params), place], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mark(raw) + raw).decode().rstrip("=")

    def place(self, email: str, method: str, params: QueryParams) -> list[Any] | None:
        """The place a request's token names, None when it has none.

        Raises:
            GmailError: 400 for a token that is not one of this listing.
        """
        token = params.get("pageToken")
        if not token:
            return None
        try:
            data = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise invalid("Invalid pageToken") from None
        if not hmac.compare_digest(data[:8], self._mark(data[8:])):
            raise invalid("Invalid pageToken")
        owner, asked, parameters, place = json.loads(data[8:])
        if [owner, asked, parameters] != [email, method, _digest(params)]:
            raise invalid("Invalid pageToken")
        return list(place)

    def _mark(self, raw: bytes) -> bytes:
        return hmac.new(self._key, raw, hashlib.sha256).digest()[:8]


def _digest(params: QueryParams) -> str:
    pairs = sorted((name, value) for name, value in params.multi_items() if name not in _FREE)
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:12]
