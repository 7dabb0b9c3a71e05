"""`/connections`: list, connect, reconnect, disconnect. Whoever may not see an account cannot sign in to one either."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.api import serialise
from app.api.context import Context, Given
from app.api.errors import forbidden, not_found
from app.api.identifiers import known_connection, known_form
from app.api.models.connections import AttemptAnswer, AttemptBegun, ConnectionAnswer, ConnectionList
from app.api.models.requests import NewConnectionBody, NothingBody
from app.api.paging import ListPage, cut
from app.api.routes import CheckedRoute, errors, requires

router = APIRouter(route_class=CheckedRoute, tags=["connections"])


@router.get(
    "/connections",
    response_model_exclude_unset=True,
    openapi_extra=requires("read:connections"),
    responses=errors(),
)
async def list_connections(given: Given, page: ListPage) -> ConnectionList:
    """List the connected calendars."""
    shown, about = cut(given.core.connections.list(given.principal.viewer), page)
    return ConnectionList(connections=[serialise.connection(view) for view in shown], **about)


@router.post("/connections", status_code=202, openapi_extra=requires("write:connections"), responses=errors(409))
async def connect(given: Given, body: NewConnectionBody, response: Response) -> AttemptBegun:
    """Begin to connect an account; open the answered address in a browser."""
    if not _may_sign_in(given):
        raise forbidden()
    attempt = await given.core.connections.begin(body.provider, calendar=body.calendar, viewer=given.principal.viewer)
    response.headers["Location"] = given.address("connections", "attempts", attempt.id)
    return serialise.attempt_begun(attempt)


@router.get(
    "/connections/attempts/{attempt_id}",
    openapi_extra=requires("read:connections", "write:connections"),
    responses=errors(404),
)
async def show_attempt(given: Given, attempt_id: str) -> AttemptAnswer:
    """How a sign-in stands."""
    known_form(attempt_id, "attempt")
    if not _may_sign_in(given):
        raise not_found()
    return serialise.attempt(given.core.connections.attempt(attempt_id))


@router.get("/connections/{connection_id}", openapi_extra=requires("read:connections"), responses=errors(404))
async def show_connection(given: Given, connection_id: str) -> ConnectionAnswer:
    """One connected calendar."""
    known = known_connection(connection_id)
    return serialise.connection(given.core.connections.get(known, given.principal.viewer))


@router.post(
    "/connections/{connection_id}/reconnect",
    status_code=202,
    openapi_extra=requires("write:connections"),
    responses=errors(404, 409),
)
async def reconnect(given: Given, connection_id: str, body: NothingBody, response: Response) -> AttemptBegun:
    """Begin to sign in again to a connection's account."""
    known = known_connection(connection_id)
    attempt = await given.core.connections.reconnect(known, given.principal.viewer)
    response.headers["Location"] = given.address("connections", "attempts", attempt.id)
    return serialise.attempt_begun(attempt)


@router.delete(
    "/connections/{connection_id}",
    status_code=204,
    openapi_extra=requires("write:connections"),
    responses=errors(404, 409),
)
async def disconnect(given: Given, connection_id: str) -> None:
    """Disconnect a calendar that no pair uses; with its last calendar the account's sign-in goes too."""
    await given.core.connections.disconnect(known_connection(connection_id), given.principal.viewer)


def _may_sign_in(given: Context) -> bool:
    """A sign-in brings accounts that a limited key would not see, and outside the demo real ones."""
    if given.principal.limited:
        return False
    return given.core.info.sandbox or not given.principal.viewer.sandbox_only
