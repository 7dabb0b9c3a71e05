"""Bodies and errors as HTTP responses, with the headers and the `fields` selector that every method shares."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.sandbox.google.errors import GoogleError, not_emulated, not_found
from app.sandbox.google.fields import check, parse, select
from app.sandbox.google.rows import compact
from app.sandbox.google.vocabulary import ANSWERS

Handler = Callable[[Request], Awaitable[Response]]

_HEADERS: Final = {
    "Content-Type": "application/json; charset=UTF-8",
    "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
    "Vary": "Origin, X-Origin, Referer",
    "Server": "ESF",
}


class Endpoint(Route):
    """A route that answers another verb as it does an unknown path, in the service's own words."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or 404."""
        if self.methods and scope["method"] not in self.methods:
            await error_response(not_found())(scope, receive, send)
            return
        await super().handle(scope, receive, send)


class Answers:
    """Makes responses."""

    def wrap(self, handler: Handler) -> Handler:
        """A handler that answers a `GoogleError` as the service does."""

        async def answer(request: Request) -> Response:
            try:
                if request.query_params.get("alt", "json") != "json":
                    raise GoogleError(400, "invalidParameter", "Only alt=json is served.", location="alt")
                if "maxAttendees" in request.query_params:
                    raise not_emulated("maxAttendees")
                return await handler(request)
            except GoogleError as error:
                return error_response(error)

        return answer

    def body(self, request: Request, body: Mapping[str, Any], etag: str | None = None) -> Response:
        """200 with a JSON body, cut down by `fields`."""
        text = request.query_params.get("fields")
        shown: Any = body
        if text:
            selector = parse(text)
            check(selector, ANSWERS.get(str(body.get("kind"))), text)
            shown = select(dict(body), selector)
        headers = {**_HEADERS, "ETag": etag} if etag else _HEADERS
        return Response(compact(shown).encode(), 200, headers)

    def page(self, body: Mapping[str, Any], rows: Sequence[str]) -> Response:
        """200 with a JSON body whose `items` are JSON text already: nothing is to be cut down."""
        names = list(body)
        at = names.index("items")
        before = "".join(f"{compact(name)}:{compact(body[name])}," for name in names[:at])
        after = "".join(f",{compact(name)}:{compact(body[name])}" for name in names[at + 1 :])
        return Response(f'{{{before}"items":[{",".join(rows)}]{after}}}'.encode(), 200, _HEADERS)

    def empty(self) -> Response:
        """204."""
        return Response(status_code=204, headers={key: _HEADERS[key] for key in ("Cache-Control", "Vary", "Server")})

    def not_modified(self, etag: str) -> Response:
        """304."""
        return Response(status_code=304, headers={"ETag": etag, "Server": "ESF"})


def error_response(error: GoogleError) -> Response:
    """An error in Google's envelope."""
    headers = dict(_HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return Response(json.dumps(error.body()).encode(), error.status, headers)


def not_emulated_route(what: str) -> Handler:
    """A handler for what the real service does and this one does not."""

    async def refuse(_: Request) -> Response:
        return error_response(not_emulated(what))

    return refuse
