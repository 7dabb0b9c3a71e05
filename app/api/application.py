"""Puts the API together: routers behind one gate, the public set and the local one. Opens no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp

from app.api import health, local, pairs, questions, snapshots
from app.api.context import Surroundings, context_of
from app.api.description import describe
from app.api.documents import documents_router
from app.api.errors import Refusal, answer, refusal_of, refusal_of_http, refusal_of_validation, server_error
from app.api.gate import Applications, Gate
from app.api.principal import LOCAL_PREFIX, PUBLIC_PREFIX
from app.api.rate_limits import REQUESTS_PER_HOUR, RateLimits
from app.api.reach import Reach
from app.domain.errors import KalendsError

if TYPE_CHECKING:
    from app.services.core import Core

_IMPLIED: Final = {"GET": "HEAD"}
_OUR_FAULT: Final = 500

_log = structlog.get_logger(__name__)

Mounted = Sequence[tuple[str, APIRouter]]
"""Routers, each with the prefix it lies under."""


def build_api(
    core: Core,
    *,
    control_token: str,
    instance_secret: str,
    allowed_hosts: Collection[str] = (),
    allowed_origins: Collection[str] = (),
    requests_per_hour: int = REQUESTS_PER_HOUR,
    on_show: Callable[[], None] | None = None,
    on_quit: Callable[[], None] | None = None,
    stopping: asyncio.Event | None = None,
    connections: Callable[[], int] = lambda: 0,
) -> ASGIApp:
    """The whole API as one application.

    Args:
        core: the services; every call is made on the loop that serves the request.
        control_token: opens `/local/v1`; instance_secret: key of the proof that `/healthz` gives.
        allowed_hosts: further values of `Host`; allowed_origins: origins of pages that may call.
        requests_per_hour: what one key may do.
        on_show: shows the window, None where there is none; on_quit: ends the app.
        stopping: set when the server stops.
        connections: how many connections are open now.
    """
    surroundings = Surroundings(core, instance_secret, stopping or asyncio.Event(), on_show, on_quit)
    public = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    documents = documents_router(partial(describe, public, core.info.version))
    _mount(public, [("", health.router), ("", documents), *((PUBLIC_PREFIX, router) for router in pairs.ROUTERS)])
    own = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    beside = (local.router, questions.router, snapshots.router)
    _mount(own, [(LOCAL_PREFIX, router) for router in (*pairs.ROUTERS, *beside)])
    return Gate(
        Applications(public, own),
        surroundings,
        Reach(frozenset(allowed_hosts), frozenset(allowed_origins)),
        RateLimits(requests_per_hour),
        control_token,
        connections,
    )


def _mount(application: FastAPI, mounted: Mounted) -> None:
    for prefix, router in mounted:
        application.include_router(router, prefix=prefix)

    async def refused(request: Request, error: Exception) -> Response:
        context = await context_of(request)
        refusal = _refusal(error, request, mounted)
        if isinstance(error, KalendsError) and refusal.status >= _OUR_FAULT:
            _log.error("api.failed", request_id=context.request_id, path=request.scope["path"], exc_info=error)
        return answer(refusal, request.scope["path"], context.request_id)

    for kind in (Refusal, KalendsError, RequestValidationError, HTTPException, Exception):
        application.add_exception_handler(kind, refused)


def _refusal(error: Exception, request: Request, mounted: Mounted) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, KalendsError):
        return refusal_of(error)
    if isinstance(error, RequestValidationError):
        return refusal_of_validation(error)
    if isinstance(error, HTTPException):
        return refusal_of_http(error, allowed_methods(request.scope["path"], mounted))
    # The framework raises it once more, and the gate writes its story down.
    return server_error()


def allowed_methods(path: str, mounted: Mounted) -> list[str]:
    """The methods that a path has, over all routes that match it; the framework tells of the first one only."""
    found: set[str] = set()
    for prefix, route in routes_of(mounted):
        if compile_path(prefix + route.path)[0].fullmatch(path):
            found |= route.methods or set()
    return sorted(found | {_IMPLIED[method] for method in found if method in _IMPLIED})


def routes_of(mounted: Mounted) -> Iterable[tuple[str, APIRoute]]:
    """Every route of some routers, with its prefix."""
    for prefix, router in mounted:
        yield from ((prefix, route) for route in router.routes if isinstance(route, APIRoute))
