"""Routes that check in the order of `contract/api.md` §1: scope, then size, type and form of the body, then its fields.

The framework alone would read and judge a body first, whoever sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_body
from app.api.context import context_of
from app.api.errors import forbidden
from app.api.models.errors import ErrorAnswer

SCOPES: Final = "x-scopes"

_DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "The request is malformed: no or two hosts, or a body that is no strict JSON.",
    401: "Missing or invalid API key.",
    403: "The key lacks the scope, or the request comes from a page of another origin.",
    404: "No such thing, or none that this key may see.",
    409: "It collides with the present state; `code` says how.",
    413: "The body is larger than 256 KiB.",
    415: "The body is not plain `application/json`.",
    421: "The request was sent to a host name that is not ours, or through a proxy.",
    422: "A field or parameter cannot be used; `details` names each and the fix.",
    429: "Too many requests; `Retry-After` says how long to wait.",
    500: "Something went wrong on our end; the log has it under the request id.",
    503: "Not possible now; `Retry-After` says when to try again.",
}
_ANYWHERE: Final = (400, 413, 415, 421, 422, 429, 500, 503)


def errors(*statuses: int, key: bool = True) -> dict[int | str, dict[str, Any]]:
    """What may go wrong on a route, for its description.

    Args:
        statuses: those that not every route has.
        key: whether the route asks for a key.
    """
    every = {*_ANYWHERE, 403, *statuses, *((401,) if key else ())}
    return {status: {"model": ErrorAnswer, "description": _DESCRIPTIONS[status]} for status in sorted(every)}


def requires(*scopes: str) -> dict[str, Any]:
    """Marks a route: any one of these scopes opens it. For `openapi_extra`."""
    return {SCOPES: list(scopes)}


class CheckedRoute(APIRoute):
    """A route that looks at the caller's scopes before the body, and at the body before its fields."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind our checks."""
        handle = super().get_route_handler()
        scopes: tuple[str, ...] = tuple((self.openapi_extra or {}).get(SCOPES, ()))

        async def checked(request: Request) -> Response:
            context = await context_of(request)
            if scopes and not any(context.principal.may(scope) for scope in scopes):
                raise forbidden(*scopes)
            return await handle(_Parsed(request, await read_body(request)))

        return checked


class _Parsed(Request):
    """A request whose body was read and parsed strictly, for a framework that would do both again, leniently."""

    def __init__(self, request: Request, value: Any) -> None:
        scope = dict(request.scope)
        headers = MutableHeaders(raw=list(scope["headers"]))
        headers["content-type"] = "application/json"
        scope["headers"] = headers.raw
        super().__init__(scope, request.receive)
        self._value = value

    async def body(self) -> bytes:
        """Not empty, so that the framework asks for the value."""
        return b"{}"

    async def json(self) -> Any:
        """The parsed body."""
        return self._value
