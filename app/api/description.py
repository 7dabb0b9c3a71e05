"""The OpenAPI description (3.1): every public route, every error, how to show a key, which scopes open what. Pure."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.routes import SCOPES

_TITLE: Final = "Kalends"
_ABOUT: Final = (
    "The local API of Kalends: connections, sync pairs and their history, on this computer only. "
    "Make a key in the window or with `kalends keys create`."
)
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def _header(kind: str, about: str) -> dict[str, Any]:
    return {"description": about, "schema": {"type": kind}}


_HEADERS: Final = {
    "X-Request-ID": _header("string", "The caller's id of the request, or one of ours."),
    "X-RateLimit-Limit": _header("integer", "How many requests fit into the window."),
    "X-RateLimit-Remaining": _header("integer", "How many are left."),
    "X-RateLimit-Reset": _header("integer", "Unix seconds when the oldest counted request leaves the window."),
}
_MORE_HEADERS: Final = {
    "202": {"Location": _header("string", "Where to look on.")},
    "401": {"WWW-Authenticate": _header("string", "`Bearer`")},
    "429": {"Retry-After": _header("integer", "Seconds to wait, at least 1.")},
    "503": {"Retry-After": _header("integer", "Seconds to wait, at least 1.")},
}


def describe(app: FastAPI, version: str) -> dict[str, Any]:
    """The description of an application's routes."""
    description = get_openapi(
        title=_TITLE, version=version, description=_ABOUT, openapi_version="3.1.0", routes=app.routes
    )
    description["servers"] = [{"url": "/"}]
    components = description.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    components["headers"] = {
        **_HEADERS,
        **{name: header for more in _MORE_HEADERS.values() for name, header in more.items()},
    }
    for operations in description["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return description


def _complete(operation: dict[str, Any]) -> None:
    scopes = operation.pop(SCOPES, [])
    # OpenAPI 3.1 §4.8.30: for schemes that know no scopes of their own the list names the roles that are needed.
    operation["security"] = [{scheme: [scope]} for scope in scopes for scheme in _SECURITY]
    for status, answer in operation["responses"].items():
        names = (*_HEADERS, *_MORE_HEADERS.get(status, {}))
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
