"""`/local/v1`: what our own command line needs beyond the pairs family. No part of the public API (`contract/cli.md`).

Opened by the token of this start alone, never by an API key; keys are made, listed and revoked here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from app.api import serialise, waiting
from app.api.context import Context, Given
from app.api.identifiers import known_form
from app.api.models.connections import AccountAttempt, AccountList, AttemptBegun, OneAccount
from app.api.models.requests import NewConnectionBody, NewKeyBody, NothingBody, StopBody, SyncBody
from app.api.models.runs import SyncAnswer
from app.api.models.state import Done, KeyAnswer, KeyList, NewKeyAnswer
from app.api.pairs.sync_pairs import LONGEST_WAIT_SECONDS
from app.api.routes import CheckedRoute
from app.domain.errors import ConflictError, NotFoundError
from app.services.views import Attempt

router = APIRouter(route_class=CheckedRoute)

Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)]

_ACCOUNT = "acct"


# --- keys -----------------------------------------------------------------------------------------------------------


@router.get("/keys")
async def list_keys(given: Given) -> KeyList:
    """All keys, revoked ones too."""
    return KeyList(keys=[serialise.key(key) for key in given.core.keys.list()])


@router.post("/keys", status_code=201)
async def create_key(given: Given, body: NewKeyBody) -> NewKeyAnswer:
    """Make a key; the only time its text is shown."""
    return serialise.new_key(given.core.keys.create(body.label, body.scopes, body.kind, body.expires_at))


@router.delete("/keys/{key_id}")
async def revoke_key(given: Given, key_id: str) -> KeyAnswer:
    """End a key."""
    return serialise.key(given.core.keys.revoke(known_form(key_id, "key")))


# --- accounts -------------------------------------------------------------------------------------------------------


@router.get("/accounts")
async def list_accounts(given: Given) -> AccountList:
    """Accounts with their calendars."""
    views = given.core.connections.list()
    return AccountList(accounts=[serialise.account(one, views) for one in given.core.connections.accounts()])


@router.post("/accounts", status_code=202)
async def add_account(given: Given, body: NewConnectionBody, response: Response) -> AttemptBegun:
    """Begin a sign-in."""
    return _begun(given, await given.core.connections.begin(body.provider, calendar=body.calendar), response)


@router.get("/accounts/attempts/{attempt_id}")
async def show_attempt(given: Given, attempt_id: str, wait: Wait = 0) -> AccountAttempt:
    """How a sign-in stands, once it has ended or after `wait` seconds."""
    attempt = await waiting.for_attempt(given, known_form(attempt_id, "attempt"), wait)
    accounts = {one.id: one for one in given.core.connections.accounts()}
    account = accounts.get(attempt.account_id or "")
    return AccountAttempt(
        status=attempt.status,
        connection_ids=list(attempt.connection_ids),
        error=serialise.attempt_error(attempt),
        account=None if account is None else serialise.account(account, given.core.connections.list()),
    )


@router.delete("/accounts/attempts/{attempt_id}", status_code=204)
async def cancel_attempt(given: Given, attempt_id: str) -> None:
    """Give a sign-in up."""
    await given.core.connections.cancel(known_form(attempt_id, "attempt"))


@router.post("/accounts/{account_id}/reconnect", status_code=202)
async def reconnect_account(given: Given, account_id: str, body: NothingBody, response: Response) -> AttemptBegun:
    """Begin to sign in again."""
    return _begun(given, await given.core.connections.reconnect(known_form(account_id, _ACCOUNT)), response)


@router.post("/accounts/{account_id}/test")
async def try_account(given: Given, account_id: str, body: NothingBody) -> OneAccount:
    """Ask the service whether the sign-in still works."""
    account = await given.core.connections.test(known_form(account_id, _ACCOUNT))
    return OneAccount(account=serialise.account(account, given.core.connections.list()))


@router.delete("/accounts/{account_id}", status_code=204)
async def remove_account(given: Given, account_id: str) -> None:
    """Sign out and forget an account that no pair uses."""
    known = known_form(account_id, _ACCOUNT)
    if not any(one.id == known for one in given.core.connections.accounts()):
        raise NotFoundError("There is no such account.")
    await given.core.connections.remove_account(known)


def _begun(given: Context, attempt: Attempt, response: Response) -> AttemptBegun:
    response.headers["Location"] = given.address("accounts", "attempts", attempt.id)
    return serialise.attempt_begun(attempt)


# --- syncing and the app itself -------------------------------------------------------------------------------------


@router.post("/sync", response_model_exclude_unset=True)
async def sync(given: Given, body: SyncBody, wait: Wait = 60) -> SyncAnswer:
    """Sync some pairs, or all active ones, and wait for all of them together."""
    trigger = given.principal.trigger
    if body.pair_ids is None:
        runs = given.core.sync.request_all(trigger, full=body.full)
    else:
        known = [given.core.pairs.get(known_form(pair_id, "pair")).pair.id for pair_id in body.pair_ids]
        runs = tuple(given.core.sync.request(pair_id, trigger, full=body.full) for pair_id in known)
    views = await waiting.for_runs(given, [run.id for run in runs], wait)
    return SyncAnswer(runs=[serialise.pair_trigger(view) for view in views])


@router.post("/sync/stop", response_model_exclude_unset=True)
async def stop_sync(given: Given, body: StopBody, wait: Wait = 60) -> SyncAnswer:
    """Stop the runs of some pairs, or all that are under way, and wait for their end. No run: nothing is stopped."""
    sync = given.core.sync
    if body.pair_ids is None:
        runs = sync.interrupt_all()
    else:
        asked = [sync.interrupt(given.core.pairs.get(known_form(one, "pair")).pair.id) for one in body.pair_ids]
        runs = tuple(run for run in asked if run is not None)
    views = await waiting.for_runs(given, [run.id for run in runs], wait)
    return SyncAnswer(runs=[serialise.pair_trigger(view) for view in views])


@router.post("/show", status_code=202)
async def show(given: Given, body: NothingBody, after: BackgroundTasks) -> Done:
    """Bring the window to the front."""
    return _later(given.surroundings.on_show, after, "This Kalends runs without windows.", "no_window")


@router.post("/quit", status_code=202)
async def leave(given: Given, body: NothingBody, after: BackgroundTasks) -> Done:
    """End the app, once this is answered."""
    return _later(given.surroundings.on_quit, after, "This Kalends cannot be ended from here.", "not_ours")


def _later(callback: Callable[[], None] | None, after: BackgroundTasks, refusal: str, code: str) -> Done:
    if callback is None:
        raise ConflictError(refusal, code=code)

    async def call() -> None:
        # A coroutine, as a plain function would be called in another thread.
        callback()

    after.add_task(call)
    return Done(ok=True)
