"""API keys: made once, shown once, kept as a hash (`contract/api.md` §1, Keys).

A key is 256 random bits in base62 behind its kind's prefix, with a checksum that tells a typo from a revoked key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.errors import FieldError, InputError
from app.domain.keys import DEFAULT_SCOPES, ENDING_LENGTH, SCOPES, WILDCARDS, ApiKey, KeyKind
from app.domain.ports import Clock
from app.services.views import NewKey
from app.store.keys import KeyRepository

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43
_CHECK_LENGTH = 6
_LABEL_LENGTH = 100
_USE_NOTED_EVERY = timedelta(minutes=1)


class Keys:
    """Makes, lists, revokes and recognises API keys.

    Args:
        sandbox_only: the profile is the demo's: keys are `cs_test_` unless asked otherwise.
    """

    def __init__(
        self, repository: KeyRepository, clock: Clock, new_id: Callable[[str], str], *, sandbox_only: bool
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._new_id = new_id
        self._default_kind = KeyKind.TEST if sandbox_only else KeyKind.LIVE

    def create(
        self,
        label: str,
        scopes: Sequence[str] | None = None,
        kind: KeyKind | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key. Its text is in the answer and nowhere else.

        Raises:
            InputError: a bad label, scope or date, by field.
        """
        chosen = DEFAULT_SCOPES if scopes is None else tuple(dict.fromkeys(scopes))
        self._check(label, chosen, expires_at)
        kind = kind or self._default_kind
        secret = _base62(secrets.randbits(256), _SECRET_LENGTH)
        text = kind.prefix + secret + _checksum(kind.prefix + secret)
        key = ApiKey(
            id=self._new_id("key"),
            kind=kind,
            label=label.strip(),
            scopes=chosen,
            digest=_digest(text),
            created_at=self._clock.now(),
            expires_at=expires_at,
            ending=text[-ENDING_LENGTH:],
        )
        self._repository.add(key)
        return NewKey(text, key)

    def list(self) -> tuple[ApiKey, ...]:
        """All keys, revoked ones too, the oldest first."""
        return tuple(self._repository.list())

    def revoke(self, key_id: str) -> ApiKey:
        """End a key. Raises NotFoundError."""
        self._repository.revoke(key_id, self._clock.now())
        return self._repository.get(key_id)

    def authenticate(self, text: str) -> ApiKey | None:
        """The key behind a text; None when it is mistyped, unknown, expired or revoked. Notes that it was used."""
        if not well_formed(text):
            return None
        digest = _digest(text)
        key = self._repository.by_digest(digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        now = self._clock.now()
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            return None
        if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
            self._repository.used(key.id, now)
            key = replace(key, last_used_at=now)
        return key

    def _check(self, label: str, scopes: Sequence[str], expires_at: datetime | None) -> None:
        details = []
        if not label.strip() or len(label) > _LABEL_LENGTH:
            details.append(FieldError("label", f"Give the key a name of 1 to {_LABEL_LENGTH} characters."))
        if not scopes:
            details.append(FieldError("scopes", "Name what it may do, or leave scopes out for reading and writing."))
        for scope in scopes:
            if scope not in SCOPES and scope not in WILDCARDS:
                known = ", ".join((*SCOPES, *WILDCARDS))
                details.append(FieldError("scopes", f"'{scope}' is no scope. Use one of: {known}."))
        if expires_at is not None and expires_at.tzinfo is None:
            details.append(FieldError("expires_at", "Give the moment with its offset from UTC."))
        elif expires_at is not None and expires_at <= self._clock.now():
            details.append(FieldError("expires_at", "Choose a moment that lies ahead."))
        if details:
            raise InputError(details[0].message, details=details)


def well_formed(text: str) -> bool:
    """Whether a text has a kind's prefix, the right length and a fitting checksum."""
    prefix = next((kind.prefix for kind in KeyKind if text.startswith(kind.prefix)), None)
    if prefix is None or len(text) != len(prefix) + _SECRET_LENGTH + _CHECK_LENGTH or not text.isascii():
        return False
    return hmac.compare_digest(_checksum(text[:-_CHECK_LENGTH]), text[-_CHECK_LENGTH:])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
