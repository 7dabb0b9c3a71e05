"""What the identity platform hands out and remembers: authorization requests, codes, device codes, access and refresh
tokens, and since when a person's older tokens are void.

State only: the HTTP side is ``signin.py`` and ``token_endpoint.py``. Everything is written through, as a killed
service must still know the tokens it answered with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.sandbox.world import World

REFRESH_LIFETIME = timedelta(days=90)
CODE_LIFETIME = timedelta(minutes=10)
DEVICE_LIFETIME = timedelta(minutes=15)
_COLLECTION = "microsoft.{}"


@dataclass(frozen=True, slots=True)
class Grant:
    """One code, device code, token or pending request.

    ``kind`` is ``request``, ``code``, ``device``, ``access`` or ``refresh``; ``details`` holds what only that kind
    needs (PKCE challenge, nonce, redirect address, user code, …).
    """

    id: str
    kind: str
    email: str
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    details: dict[str, Any]


class Tokens:
    """The memory of the identity platform.

    Args:
        world: clock, storage and randomness; an existing storage is continued.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._grants: dict[str, Grant] = {}
        for _, row in world.storage.items(_COLLECTION.format("grants")):
            moments = {name: datetime.fromisoformat(row[name]) for name in ("issued_at", "expires_at")}
            self._put(Grant(**{**row, **moments, "scopes": tuple(row["scopes"])}))
        # Address -> (tokens issued before this moment are void, why: "revoked" or "password").
        self._void: dict[str, tuple[datetime, str]] = {
            email: (datetime.fromisoformat(row["before"]), row["why"])
            for email, row in world.storage.items(_COLLECTION.format("void"))
        }
        # Address -> since when (seconds since 1970) tokens must be made for a claims challenge to be taken.
        self._challenges: dict[str, int] = {
            email: int(row["not_before"]) for email, row in world.storage.items(_COLLECTION.format("challenges"))
        }
        self._consents: dict[str, set[str]] = {
            email: set(row["scopes"]) for email, row in world.storage.items(_COLLECTION.format("consents"))
        }

    def issue(
        self, kind: str, email: str, scopes: tuple[str, ...], lifetime: timedelta, prefix: str = "", **details: Any
    ) -> Grant:
        """Make and remember a grant with a secret id."""
        now = self._world.clock.now()
        self._forget_old(now)
        grant = Grant(self._world.secret(prefix), kind, email.lower(), scopes, now, now + lifetime, details)
        self._put(grant)
        self._save(grant)
        return grant

    def find(self, kind: str, secret: str) -> Grant | None:
        """The grant of that kind and secret, expired ones too; None when there is none."""
        grant = self._grants.get(secret)
        return grant if grant is not None and grant.kind == kind else None

    def device_by_user_code(self, user_code: str) -> Grant | None:
        """The device authorization that shows this code."""
        wanted = user_code.strip().upper()
        devices = (grant for grant in self._grants.values() if grant.kind == "device")
        return next((grant for grant in devices if grant.details["user_code"] == wanted), None)

    def update(
        self, grant: Grant, scopes: tuple[str, ...] | None = None, *, email: str | None = None, **details: Any
    ) -> None:
        """Change what is remembered of a grant: its scopes, whose it is, and details."""
        changed = replace(
            grant,
            scopes=grant.scopes if scopes is None else scopes,
            email=(email or grant.email).lower(),
            details={**grant.details, **details},
        )
        self._put(changed)
        self._save(changed)

    def drop(self, grant: Grant) -> None:
        """Forget a grant."""
        self._grants.pop(grant.id, None)
        self._world.storage.delete(_COLLECTION.format("grants"), grant.id)

    def is_expired(self, grant: Grant) -> bool:
        """Whether its time is over by the services' clock."""
        return grant.expires_at <= self._world.clock.now()

    def void_reason(self, grant: Grant) -> str | None:
        """``revoked`` or ``password`` when the person's older tokens were made void after this was issued."""
        entry = self._void.get(grant.email)
        return entry[1] if entry is not None and grant.issued_at < entry[0] else None

    def valid_from(self, grant: Grant) -> datetime:
        """Since when tokens of this grant's person count; the grant's own time when they were never made void."""
        entry = self._void.get(grant.email)
        return entry[0] if entry else grant.issued_at

    def make_void(self, email: str, why: str) -> None:
        """Every grant of this person made so far is void from now on."""
        # A grant of the same microsecond counts as older.
        before = self._world.clock.now() + timedelta(microseconds=1)
        self._void[email.lower()] = (before, why)
        self._world.storage.put(_COLLECTION.format("void"), email.lower(), {"before": before.isoformat(), "why": why})
        if why == "revoked":
            self._consents.pop(email.lower(), None)
            self._world.storage.delete(_COLLECTION.format("consents"), email.lower())

    def challenge(self, email: str) -> None:
        """Something critical happened to this person: Graph wants tokens that were asked for with its claims."""
        now = int(self._world.clock.now().timestamp())
        self._challenges[email.lower()] = now
        self._world.storage.put(_COLLECTION.format("challenges"), email.lower(), {"not_before": now})

    def unmet_challenge(self, grant: Grant) -> int | None:
        """The ``nbf`` an access token fails to meet, None when it is good.

        Only clients that said they can answer are challenged; to others nothing happens until their token ends.
        """
        wanted = self._challenges.get(grant.email)
        if wanted is None or not grant.details.get("cae") or grant.details.get("not_before", 0) >= wanted:
            return None
        return wanted

    def expire_access(self, email: str) -> None:
        """Let every access token of this person end now."""
        now = self._world.clock.now()
        for grant in list(self._grants.values()):
            if grant.kind == "access" and grant.email == email.lower() and grant.expires_at > now:
                ended = replace(grant, expires_at=now)
                self._put(ended)
                self._save(ended)

    def forget_account(self, email: str) -> None:
        """Drop everything of an account."""
        for grant in [grant for grant in self._grants.values() if grant.email == email.lower()]:
            self.drop(grant)
        for name, memory in (
            ("void", self._void),
            ("challenges", self._challenges),
            ("consents", self._consents),
        ):
            memory.pop(email.lower(), None)
            self._world.storage.delete(_COLLECTION.format(name), email.lower())

    def consent(self, email: str, scopes: tuple[str, ...]) -> None:
        """Remember that the person allowed these scopes."""
        allowed = self._consents.setdefault(email.lower(), set())
        allowed.update(scopes)
        self._world.storage.put(_COLLECTION.format("consents"), email.lower(), {"scopes": sorted(allowed)})

    def consented(self, email: str) -> frozenset[str]:
        """The scopes the person allowed so far."""
        return frozenset(self._consents.get(email.lower(), set()))

    def _put(self, grant: Grant) -> None:
        self._grants[grant.id] = grant

    def _save(self, grant: Grant) -> None:
        row = asdict(grant)
        row["issued_at"], row["expires_at"] = grant.issued_at.isoformat(), grant.expires_at.isoformat()
        self._world.storage.put(_COLLECTION.format("grants"), grant.id, row)

    def _forget_old(self, now: datetime) -> None:
        # Long-expired ones are kept for a while, so that their owner is told what they died of.
        limit = now - 2 * REFRESH_LIFETIME
        while self._grants:
            oldest = next(iter(self._grants.values()))
            if oldest.expires_at > limit:
                return
            self.drop(oldest)
