"""Who calls Gmail, and what the token's scopes let them do; what all methods' answers have in common."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.google.errors import GoogleError
from app.sandbox.google.fields import parse, select
from app.sandbox.google.mail.errors import GmailError, forbidden, insufficient_scope, invalid, unauthenticated
from app.sandbox.google.mail.quota import Units
from app.sandbox.google.mail.store import Mailbox, MailStore
from app.sandbox.google.mail.vocabulary import ANSWERS, BODIES, SCOPES, check_fields, check_parameters, read_body
from app.sandbox.google.oauth import OAuth
from app.sandbox.google.scopes import PREFIX
from app.sandbox.world import World

_METADATA: Final = f"{PREFIX}gmail.metadata"
_HEADERS: Final = {
    "Content-Type": "application/json; charset=UTF-8",
    "Cache-Control": "private",
    "Vary": "Origin, X-Origin, Referer",
    "Server": "ESF",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A checked call."""

    request: Request
    method: str
    box: Mailbox
    body: dict[str, Any]
    metadata_only: bool
    """Whether the token sees headers and labels and nothing else."""
    metadata_alone: bool
    """Whether no other scope of the token opens the method."""


Handler = Callable[[Call], dict[str, Any] | None]


class GmailAccess:
    """Checks every call and words every answer.

    Args:
        world: accounts and switches.
        oauth: which access tokens live.
        store: the mailboxes.
        units: the quota.
    """

    def __init__(self, world: World, oauth: OAuth, store: MailStore, units: Units) -> None:
        self._world = world
        self._oauth = oauth
        self._store = store
        self._units = units

    def endpoint(self, method: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A method of the discovery document as Starlette wants it, e.g. `messages.get`."""

        async def answer(request: Request) -> Response:
            try:
                return self._answered(request, method, handler(await self._call(request, method)))
            except GoogleError as error:
                return error_response(error)

        return answer

    async def _call(self, request: Request, method: str) -> Call:
        token = self._oauth.bearer(request)
        if token is None:
            raise unauthenticated()
        opening = SCOPES[method] & set(token.scopes)
        if not opening:
            raise insufficient_scope(method.rpartition(".")[2][:1].upper() + method.rpartition(".")[2][1:])
        user = str(request.path_params["user"])
        if user != "me" and user.lower() != token.email.lower():
            raise forbidden(f"Delegation denied for {token.email}")
        self._units.charge(token.email, method)
        check_parameters(method, request.query_params)
        if request.query_params.get("alt", "json") != "json":
            raise GmailError(501, "notImplemented", "The sandbox serves alt=json only.")
        raw = await request.body()
        if raw and method not in BODIES:
            raise invalid("Request contains an invalid argument.")
        alone = opening == {_METADATA}
        restricts = self._world.behaviour["google.gmail_metadata_scope"] == "restricts"
        return Call(
            request=request,
            method=method,
            box=self._store.box(token.email),
            body=read_body(method, raw, request.headers.get("content-type", "")) if raw else {},
            metadata_only=alone or (restricts and _METADATA in token.scopes),
            metadata_alone=alone,
        )

    def _answered(self, request: Request, method: str, body: dict[str, Any] | None) -> Response:
        if body is None:
            return Response(status_code=204, headers={name: _HEADERS[name] for name in ("Vary", "Server")})
        text = request.query_params.get("fields")
        if text:
            try:
                selector = parse(text)
            except GoogleError as error:
                raise invalid(f"Request contains an invalid argument. {error.message}") from error
            check_fields(selector, ANSWERS[method])
            body = select(body, selector)
        return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), 200, _HEADERS)


def error_response(error: GoogleError) -> Response:
    """An error in Gmail's envelope."""
    headers = dict(_HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return Response(json.dumps(error.body()).encode(), error.status, headers)
