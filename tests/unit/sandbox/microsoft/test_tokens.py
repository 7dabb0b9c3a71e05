"""The identity platform's memory: what it still knows after the sandbox was started again."""

from __future__ import annotations

from datetime import timedelta

from app.sandbox.microsoft.tokens import Tokens
from app.sandbox.world import World

HOUR = timedelta(hours=1)


def test_grants_and_what_became_of_them_survive_a_restart() -> None:
    world = World()
    tokens = Tokens(world)
    code = tokens.issue("code", "Mia@outlook.com", ("User.Read",), HOUR, used=False)
    tokens.update(code, used=True)
    dropped = tokens.issue("request", "", ("User.Read",), HOUR)
    tokens.drop(dropped)
    again = Tokens(world)
    found = again.find("code", code.id)
    assert found is not None
    assert (found.email, found.scopes, found.details) == ("mia@outlook.com", ("User.Read",), {"used": True})
    assert again.find("request", dropped.id) is None
    assert again.find("access", code.id) is None, "a code is no token"


def test_revoking_voids_what_was_issued_before_and_forgets_the_consent_for_good() -> None:
    world = World()
    tokens = Tokens(world)
    tokens.consent("mia@outlook.com", ("User.Read",))
    old = tokens.issue("refresh", "mia@outlook.com", ("User.Read",), HOUR)
    other = tokens.issue("refresh", "kim@example.net", ("User.Read",), HOUR)
    tokens.make_void("Mia@outlook.com", "revoked")
    world.clock.advance(1)
    new = tokens.issue("refresh", "mia@outlook.com", ("User.Read",), HOUR)
    for memory in (tokens, Tokens(world)):
        assert [memory.void_reason(grant) for grant in (old, other, new)] == ["revoked", None, None]
        assert memory.consented("mia@outlook.com") == frozenset()


def test_a_new_password_voids_tokens_and_keeps_the_consent() -> None:
    tokens = Tokens(World())
    tokens.consent("mia@outlook.com", ("User.Read",))
    old = tokens.issue("refresh", "mia@outlook.com", ("User.Read",), HOUR)
    tokens.make_void("mia@outlook.com", "password")
    assert tokens.void_reason(old) == "password"
    assert tokens.consented("mia@outlook.com") == {"User.Read"}


def test_an_access_token_can_be_ended_before_its_time() -> None:
    tokens = Tokens(World())
    access = tokens.issue("access", "mia@outlook.com", ("User.Read",), HOUR)
    tokens.expire_access("mia@outlook.com")
    ended = tokens.find("access", access.id)
    assert ended is not None
    assert tokens.is_expired(ended)
    assert not tokens.is_expired(access)


def test_long_expired_grants_are_forgotten() -> None:
    world = World()
    tokens = Tokens(world)
    old = tokens.issue("access", "mia@outlook.com", ("User.Read",), HOUR)
    world.clock.advance(200 * 86400)
    tokens.issue("access", "mia@outlook.com", ("User.Read",), HOUR)
    assert tokens.find("access", old.id) is None
