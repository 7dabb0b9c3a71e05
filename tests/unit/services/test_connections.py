"""Connecting, reconnecting and letting go: a sign-in that failed leaves nothing, one that repeats loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.accounts import Access, AccountStatus, CalendarInfo, ConnectionStatus, Provider
from app.domain.errors import (
    AuthExpiredError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    OfflineError,
    SignInError,
    VaultError,
)
from app.domain.pairs import Direction, PairStatus
from app.services.connections import ATTEMPTS_KEPT, WAITING_AT_MOST
from app.services.views import Attempt, AttemptStatus, NewPair, Viewer
from tests.fakes.core_world import CoreWorld, granted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def test_a_sign_in_connects_every_calendar_and_seals_its_secret(world: CoreWorld) -> None:
    await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    assert (account.email, account.status) == ("ana@example.com", AccountStatus.CONNECTED)
    assert world.google.kept == {account.id: b"secret"}
    assert [view.connection.name for view in world.core.connections.list()] == ["Work", "Work, read only"]


async def test_signing_in_twice_is_one_account_with_the_same_connections(world: CoreWorld) -> None:
    first = await world.connect(Provider.GOOGLE)
    second = await world.connect(Provider.GOOGLE)
    assert first == second
    assert len(world.core.connections.accounts()) == 1


async def test_reconnecting_as_somebody_else_changes_nothing(world: CoreWorld) -> None:
    connection_id = await world.connect(Provider.GOOGLE)
    attempt = await world.core.connections.reconnect(connection_id)
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "bob"))
    ended = await world.core.connections.finish(attempt.id, 5)
    assert (ended.status, ended.error_code) == (AttemptStatus.FAILED, "wrong_account")
    assert [account.email for account in world.core.connections.accounts()] == ["ana@example.com"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SignInError("You chose not to allow access.", code="denied"), AttemptStatus.FAILED),
        (SignInError("Nobody came.", code="timed_out"), AttemptStatus.EXPIRED),
        (OfflineError("No connection."), AttemptStatus.FAILED),
    ],
)
async def test_a_sign_in_that_fails_says_why_and_leaves_no_account(
    world: CoreWorld, error: Exception, status: AttemptStatus
) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    world.google.sign_ins[-1].answer.set_exception(error)
    ended = await world.core.connections.finish(attempt.id, 5)
    assert ended.status is status
    assert ended.error == str(error)
    assert world.core.connections.accounts() == ()


async def test_an_account_whose_calendars_cannot_be_listed_is_not_kept(world: CoreWorld) -> None:
    world.work.broken = OfflineError("No connection.")
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "ana"))
    ended = await world.core.connections.finish(attempt.id, 5)
    assert (ended.status, ended.error_code) == (AttemptStatus.FAILED, "offline")
    assert world.core.connections.accounts() == ()
    assert world.google.kept == {}


async def test_a_cancelled_attempt_is_over_at_once(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    await world.core.connections.cancel(attempt.id)
    assert world.core.connections.attempt(attempt.id).error_code == "cancelled"


async def test_an_attempt_that_is_waited_for_briefly_is_still_pending(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    still = await world.core.connections.finish(attempt.id, 0.01)
    assert still.status is AttemptStatus.PENDING


async def test_one_calendar_can_be_connected_alone_and_an_unknown_one_is_named(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE, calendar="read-work@example.com")
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "ana"))
    await world.core.connections.finish(attempt.id, 5)
    assert [view.connection.name for view in world.core.connections.list()] == ["Work, read only"]
    attempt = await world.core.connections.begin(Provider.MICROSOFT, calendar="nowhere")
    world.microsoft.sign_ins[-1].answer.set_result(granted(Provider.MICROSOFT, "ana"))
    ended = await world.core.connections.finish(attempt.id, 5)
    assert (ended.status, ended.error) == (AttemptStatus.FAILED, "This account has no such calendar.")


async def test_a_provider_without_a_sign_in_is_refused_by_field(world: CoreWorld) -> None:
    with pytest.raises(InputError) as refused:
        await world.core.connections.begin(Provider.CALDAV)
    assert refused.value.details[0].field == "provider"


async def test_a_connection_in_use_stays_and_a_free_one_goes(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    new = NewPair(work, home, direction=Direction.A_TO_B, status=PairStatus.PAUSED)
    (view,) = world.core.pairs.create([new])
    with pytest.raises(ConflictError) as refused:
        await world.core.connections.disconnect(work)
    assert refused.value.code == "connection_in_use"
    await world.core.pairs.delete(view.pair.id)
    await world.core.connections.disconnect(work)
    with pytest.raises(NotFoundError):
        world.core.connections.get(work)


async def test_letting_the_last_calendar_go_forgets_the_sign_in(world: CoreWorld) -> None:
    await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    for view in world.core.connections.list():
        await world.core.connections.disconnect(view.connection.id)
    assert world.google.forgotten == [account.id]
    assert world.core.connections.accounts() == ()


async def test_testing_an_account_notes_an_ended_sign_in_and_its_repair(world: CoreWorld) -> None:
    await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    world.work.broken = AuthExpiredError("Google ended the sign-in.")
    assert (await world.core.connections.test(account.id)).status is AccountStatus.NEEDS_SIGN_IN
    world.work.broken = None
    assert (await world.core.connections.test(account.id)).status is AccountStatus.CONNECTED


async def test_a_key_limited_to_a_connection_sees_no_other(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    viewer = Viewer(connection_ids=frozenset({work}))
    assert [view.connection.id for view in world.core.connections.list(viewer)] == [work]
    with pytest.raises(NotFoundError):
        world.core.connections.get(home, viewer)
    assert world.core.connections.list(Viewer(sandbox_only=True)) == ()


async def reconnected(world: CoreWorld, connection_id: str) -> Attempt:
    attempt = await world.core.connections.reconnect(connection_id)
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "ana"))
    return await world.core.connections.finish(attempt.id, 5)


def names(world: CoreWorld) -> list[str]:
    return [view.connection.name for view in world.core.connections.list()]


async def test_new_calendars_are_taken_up_by_a_test_and_a_new_sign_in_and_gone_ones_are_marked(
    world: CoreWorld,
) -> None:
    work = await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    world.more = [CalendarInfo("team@example.com", "Team", Access.WRITER, "Europe/Berlin")]
    await world.core.connections.test(account.id)
    assert names(world) == ["Work", "Team", "Work, read only"]
    world.more = [CalendarInfo("club@example.com", "Club", Access.WRITER, "Europe/Berlin")]
    assert (await reconnected(world, work)).status is AttemptStatus.DONE
    assert names(world) == ["Work", "Club", "Team", "Work, read only"]
    (team,) = [view for view in world.core.connections.list() if view.connection.name == "Team"]
    assert team.status is ConnectionStatus.ERROR
    assert team.connection.problem == "“Team” no longer exists at Google. Copies were left in place."


async def test_a_calendar_that_was_let_go_comes_back_only_when_it_is_connected_again(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    (other,) = [view.connection for view in world.core.connections.list() if view.connection.id != work]
    await world.core.connections.disconnect(other.id)
    await world.core.connections.test(account.id)
    await reconnected(world, work)
    assert names(world) == ["Work"]
    await world.connect(Provider.GOOGLE)
    assert names(world) == ["Work", "Work, read only"]


async def test_a_sign_in_that_is_good_counts_though_the_calendars_cannot_be_listed_just_now(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    world.store.accounts.update(replace(account, status=AccountStatus.NEEDS_SIGN_IN))
    world.work.broken = OfflineError("No connection.")
    ended = await reconnected(world, work)
    assert (ended.status, work in ended.connection_ids) == (AttemptStatus.DONE, True)
    assert [one.status for one in world.core.connections.accounts()] == [AccountStatus.CONNECTED]


async def test_a_secret_that_cannot_be_sealed_leaves_everything_as_it_was(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(account_id: str, secret: bytes) -> None:
        raise VaultError("Your password store is locked.", code="vault_locked")

    work = await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    expired = replace(account, status=AccountStatus.NEEDS_SIGN_IN, problem="ended")
    world.store.accounts.update(expired)
    monkeypatch.setattr(world.google, "keep", locked)
    monkeypatch.setattr(world.microsoft, "keep", locked)
    assert (await reconnected(world, work)).error_code == "vault_locked"
    assert world.core.connections.accounts() == (expired,)
    attempt = await world.core.connections.begin(Provider.MICROSOFT)
    world.microsoft.sign_ins[-1].answer.set_result(granted(Provider.MICROSOFT, "ana"))
    assert (await world.core.connections.finish(attempt.id, 5)).error_code == "vault_locked"
    assert world.core.connections.accounts() == (expired,)


async def test_a_fault_of_ours_during_a_sign_in_wakes_who_waits_and_shows_no_detail(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    world.google.sign_ins[-1].answer.set_exception(ValueError("a bug with a secret in it"))
    ended = await asyncio.wait_for(world.core.connections.finish(attempt.id), 5)
    assert ended.status is AttemptStatus.FAILED
    assert "secret" not in (ended.error or "")


async def test_a_sign_in_that_is_stopped_while_calendars_are_listed_leaves_no_account(world: CoreWorld) -> None:
    world.listing = asyncio.Event()
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    world.google.sign_ins[-1].answer.set_result(granted(Provider.GOOGLE, "ana"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(world.core.connections.accounts()) == 1
    await world.core.connections.stop()
    assert world.core.connections.attempt(attempt.id).error_code == "cancelled"
    assert world.core.connections.accounts() == ()


async def test_sign_ins_that_wait_are_bounded_and_none_is_left_behind(world: CoreWorld) -> None:
    attempts = [await world.core.connections.begin(Provider.GOOGLE) for _ in range(ATTEMPTS_KEPT + WAITING_AT_MOST)]
    await asyncio.sleep(0)
    waiting = [sign_in for sign_in in world.google.sign_ins if not sign_in.answer.cancelled()]
    assert len(waiting) == WAITING_AT_MOST
    assert world.core.connections.attempt(attempts[-1].id).status is AttemptStatus.PENDING
    with pytest.raises(NotFoundError):
        world.core.connections.attempt(attempts[0].id)


async def test_a_test_key_cannot_connect_a_real_account(world: CoreWorld) -> None:
    with pytest.raises(ForbiddenError):
        await world.core.connections.begin(Provider.GOOGLE, viewer=Viewer(sandbox_only=True))
    assert world.google.sign_ins == []


async def test_a_test_of_an_account_behind_a_locked_vault_says_so(world: CoreWorld) -> None:
    await world.connect(Provider.GOOGLE)
    (account,) = world.core.connections.accounts()
    world.work.broken = VaultError("Your password store is locked.", code="vault_locked")
    tested = await world.core.connections.test(account.id)
    assert (tested.status, tested.problem) == (AccountStatus.VAULT_LOCKED, "Your password store is locked.")


async def test_the_address_of_a_sign_in_is_in_no_repr(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    assert attempt.authorization_url not in repr(attempt)
    key = world.core.keys.create("mine")
    assert key.text not in repr(key)


async def test_stopping_gives_up_attempts_that_wait(world: CoreWorld) -> None:
    attempt = await world.core.connections.begin(Provider.GOOGLE)
    await asyncio.wait_for(world.core.connections.stop(), 5)
    assert world.core.connections.attempt(attempt.id).status is AttemptStatus.FAILED
