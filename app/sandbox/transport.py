"""An httpx transport into an emulated service without sockets, for tests in the same loop.

A connection that the sandbox drops on purpose arrives as `httpx.ReadError`, as it would over a socket.
"""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp

from app.sandbox.middleware import ConnectionDropped


class InProcess(httpx.AsyncBaseTransport):
    """Carries requests for `http://127.0.0.1` (any path) into an ASGI application.

    Args:
        app: e.g. `sandbox.google.app`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ReadError: a planted failure dropped the connection.
        """
        try:
            return await self._inner.handle_async_request(request)
        except ConnectionDropped as error:
            raise httpx.ReadError(str(error), request=request) from error
