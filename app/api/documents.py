"""`/openapi.json` and `/docs`: the description of the API, and pages that show it. Static, and nothing from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import FileResponse, JSONResponse, Response

from app.api.errors import not_found
from app.api.routes import CheckedRoute, errors

_APP: Final = Path(__file__).resolve().parents[1]
_FILES: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
_HTML: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


def documents_router(describe: Callable[[], dict[str, Any]]) -> APIRouter:
    """The routes.

    Args:
        describe: makes the OpenAPI description; called once, in a thread, when it is first asked for.
    """
    router = APIRouter(route_class=CheckedRoute, tags=["documents"])
    description: list[dict[str, Any]] = []

    @router.get("/openapi.json", response_class=JSONResponse, responses=errors(key=False))
    async def show_description() -> Response:
        """This description, OpenAPI 3.1."""
        if not description:
            description.append(await asyncio.to_thread(describe))
        return JSONResponse(description[0])

    @router.get("/docs", response_class=FileResponse, responses={**errors(key=False), **_HTML})
    async def show_page() -> Response:
        """This description, to read and to try."""
        return FileResponse(_resource("index.html"), media_type="text/html")

    @router.get("/docs/{name}", response_class=FileResponse, responses=errors(404, key=False))
    async def show_file(name: str) -> Response:
        """A file of that page."""
        if name not in _FILES:
            raise not_found()
        return FileResponse(_resource(name), media_type=_FILES[name])

    return router


def _resource(name: str) -> Path:
    """A file of `resources/swagger`: beside `app/` in a checkout, inside it when installed."""
    places = [root / "resources" / "swagger" / name for root in (_APP, _APP.parent)]
    return next((place for place in places if place.exists()), places[-1])
