"""Grants, authorization codes, access and refresh tokens of the Google accounts, with their lifetimes.

State only: the HTTP side is `oauth.py`. Everything is written through, so that a restart forgets no token it gave out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.sandbox.google.scopes import GMAIL, IDENTITY
from app.sandbox.world import World

ACCESS_SECONDS: Final = 3599
CODE_SECONDS: Final = 600
TESTING_SECONDS: Final = 7 * 24 * 3600
UNUSED_SECONDS: Final = 182 * 24 * 3600
MAX_REFRESH_TOKENS: Final = 100


@dataclass(frozen=True, slots=True)
class Pending:
    """An authorization request that waits for the person's answer on the consent page."""

    id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None
    code_challenge_method: str
    offline: bool
    force_consent: bool
    include_granted: bool
    login_hint: str | None
    expires_at: str


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that was handed out and not yet redeemed."""

    code: str
    email: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None
    code_challenge_method: str
    with_refresh: bool
    expires_at: str


@dataclass(frozen=True, slots=True)
class Token:
    """An access or a refresh token. `expires_at` is ISO, or None for a refresh token that does not run out."""

    value: str
    email: str
    scopes: tuple[str, ...]
    expires_at: str | None
    issued_at: str
    used_at: str


class Tokens:
    """Every code and token of this service, keyed by its value."""

    def __init__(self, world: World) -> None:
        self._world = world
        storage = world.storage
        self._pending = {key: Pending(**_tupled(row)) for key, row in storage.items("google.pending")}
        self._codes = {key: Code(**_tupled(row)) for key, row in storage.items("google.codes")}
        self._access = {key: Token(**_tupled(row)) for key, row in storage.items("google.access")}
        self._refresh = {key: Token(**_tupled(row)) for key, row in storage.items("google.refresh")}
        self._granted = {key: frozenset(row["scopes"]) for key, row in storage.items("google.grants")}

    def open_request(self, **fields: Any) -> Pending:
        """Keep an authorization request until it is answered; it lapses after ten minutes."""
        pending = Pending(id=self._world.secret(), expires_at=self._in(CODE_SECONDS), **fields)
        self._pending[pending.id] = pending
        self._world.storage.put("google.pending", pending.id, asdict(pending))
        return pending

    def take_request(self, request_id: str) -> Pending | None:
        """The request of that id, once; None when it is unknown, answered or lapsed."""
        pending = self._pending.pop(request_id, None)
        self._world.storage.delete("google.pending", request_id)
        return pending if pending is not None and not self._is_over(pending.expires_at) else None

    def grant(self, email: str, pending: Pending, scopes: list[str]) -> Code:
        """The person agreed to `scopes`; the code for it. With `include_granted` earlier scopes are added."""
        earlier = self._granted.get(email, frozenset())
        given = list(dict.fromkeys([*scopes, *sorted(earlier)])) if pending.include_granted else scopes
        code = Code(
            code=self._world.secret("4/0A", 48),
            email=email,
            redirect_uri=pending.redirect_uri,
            scopes=tuple(given),
            code_challenge=pending.code_challenge,
            code_challenge_method=pending.code_challenge_method,
            # Only the first consent, or one that was asked for expressly, comes with a refresh token.
            with_refresh=pending.offline and (pending.force_consent or not set(given) <= earlier),
            expires_at=self._in(CODE_SECONDS),
        )
        self._remember_grant(email, given)
        self._codes[code.code] = code
        self._world.storage.put("google.codes", code.code, asdict(code))
        return code

    def take_code(self, value: str) -> Code | None:
        """The code of that value, once; None when it is unknown, redeemed or lapsed."""
        code = self._codes.pop(value, None)
        self._world.storage.delete("google.codes", value)
        return code if code is not None and not self._is_over(code.expires_at) else None

    def issue(
        self, email: str, scopes: tuple[str, ...], with_refresh: bool, lifetime_seconds: int = ACCESS_SECONDS
    ) -> dict[str, Any]:
        """A token answer: `access_token`, `expires_in`, `scope`, `token_type`, and `refresh_token` when wanted."""
        self._forget_old_access(email)
        now = self._world.clock.now().isoformat()
        access = Token(
            self._world.secret("ya29.", 96), email, scopes, self._in(lifetime_seconds), issued_at=now, used_at=now
        )
        self._put("google.access", self._access, access)
        answer: dict[str, Any] = {
            "access_token": access.value,
            "expires_in": lifetime_seconds,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
        if with_refresh:
            self._remember_grant(email, list(scopes))
            lasts = int(float(self._world.behaviour["google.grant_lifetime_days"]) * 86_400)
            ends = self._in(lasts) if lasts > 0 else None
            refresh = Token(self._world.secret("1//0", 64), email, scopes, ends, issued_at=now, used_at=now)
            self._put("google.refresh", self._refresh, refresh)
            self._evict(email)
            answer["refresh_token"] = refresh.value
            if self._is_limited(refresh):
                lasts = min(lasts, TESTING_SECONDS) if lasts > 0 else TESTING_SECONDS
            if lasts > 0:
                answer["refresh_token_expires_in"] = lasts
        return answer

    def refresh(self, value: str) -> Token | None:
        """The refresh token of that value if it still works, marked as used now."""
        token = self._refresh.get(value)
        if token is None or self._is_dead(token):
            return None
        token = replace(token, used_at=self._world.clock.now().isoformat())
        self._put("google.refresh", self._refresh, token)
        return token

    def access(self, value: str) -> Token | None:
        """The access token of that value if it still works."""
        token = self._access.get(value)
        if token is None or (token.expires_at is not None and self._is_over(token.expires_at)):
            return None
        return token

    def revoke_token(self, value: str) -> bool:
        """Revoke the whole grant that an access or refresh token belongs to; False when the token is not valid."""
        token = self.access(value) or self._refresh.get(value)
        if token is None:
            return False
        self.revoke(token.email)
        return True

    def revoke(self, email: str) -> None:
        """Every token and the remembered consent of an account die."""
        self._drop(email, access=True)
        self._granted.pop(email, None)
        self._world.storage.delete("google.grants", email)

    def change_password(self, email: str) -> None:
        """Refresh tokens with a Gmail scope die, and all access tokens; others live on (Google's OAuth guide)."""
        for token in [token for token in self._refresh.values() if token.email == email]:
            if GMAIL & set(token.scopes):
                self._remove("google.refresh", self._refresh, token.value)
                self._drop(email, access=True, refresh=False)

    def expire_access(self, email: str) -> None:
        """Access tokens of an account count as expired from now on."""
        for token in [token for token in self._access.values() if token.email == email]:
            self._put("google.access", self._access, replace(token, expires_at=self._world.clock.now().isoformat()))

    def counts(self) -> dict[str, dict[str, int]]:
        """Live tokens by account, for oracles; never the tokens themselves."""
        result: dict[str, dict[str, int]] = {}
        for kind, tokens in (("access", self._access), ("refresh", self._refresh)):
            for token in tokens.values():
                entry = result.setdefault(token.email, {"access": 0, "refresh": 0})
                live = self.access(token.value) is not None if kind == "access" else not self._is_dead(token)
                entry[kind] += int(live)
        return result

    def _remember_grant(self, email: str, scopes: list[str]) -> None:
        self._granted[email] = self._granted.get(email, frozenset()) | set(scopes)
        self._world.storage.put("google.grants", email, {"scopes": sorted(self._granted[email])})

    def _put(self, collection: str, tokens: dict[str, Token], token: Token) -> None:
        tokens[token.value] = token
        self._world.storage.put(collection, token.value, asdict(token))

    def _remove(self, collection: str, tokens: dict[str, Token], value: str) -> None:
        tokens.pop(value, None)
        self._world.storage.delete(collection, value)

    def _drop(self, email: str, *, access: bool, refresh: bool = True) -> None:
        for wanted, collection, tokens in (
            (access, "google.access", self._access),
            (refresh, "google.refresh", self._refresh),
        ):
            if wanted:
                for value in [token.value for token in tokens.values() if token.email == email]:
                    self._remove(collection, tokens, value)

    def _evict(self, email: str) -> None:
        # More than a hundred live refresh tokens for one account and client: the oldest dies without a word.
        mine = sorted((t for t in self._refresh.values() if t.email == email), key=lambda token: token.issued_at)
        for token in mine[: max(0, len(mine) - MAX_REFRESH_TOKENS)]:
            self._remove("google.refresh", self._refresh, token.value)

    def _forget_old_access(self, email: str) -> None:
        limit = (self._world.clock.now() - timedelta(hours=1)).isoformat()
        for token in [t for t in self._access.values() if t.email == email and t.expires_at and t.expires_at < limit]:
            self._remove("google.access", self._access, token.value)

    def _is_limited(self, token: Token) -> bool:
        account = self._world.account(token.email)
        return account is not None and account.testing_mode and not set(token.scopes) <= IDENTITY

    def _is_dead(self, token: Token) -> bool:
        now = self._world.clock.now()
        if token.expires_at is not None and self._is_over(token.expires_at):
            return True
        if self._is_limited(token) and now >= datetime.fromisoformat(token.issued_at) + timedelta(
            seconds=TESTING_SECONDS
        ):
            return True
        return now >= datetime.fromisoformat(token.used_at) + timedelta(seconds=UNUSED_SECONDS)

    def _in(self, seconds: int) -> str:
        return (self._world.clock.now() + timedelta(seconds=seconds)).isoformat()

    def _is_over(self, moment: str) -> bool:
        return self._world.clock.now() >= datetime.fromisoformat(moment)


def _tupled(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "scopes": tuple(row["scopes"])}
