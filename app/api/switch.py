"""The API of a running core on and off, and from one port to another, as soon as a person prefers it so.

Makes no server itself and writes no file: it is given how to do both. What it opens it closes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from app.domain.preferences import PreferenceValues

if TYPE_CHECKING:
    from app.api.server import ApiServer  # FastAPI is imported when there is something to serve

NEXT_FREE: Final = False
EXACTLY: Final = True


class ApiSwitch:
    """At most one API server at a time.

    Args:
        make: a new server for a port; told whether that very port is meant (`EXACTLY`) or the next free one will do.
        tell: tells others where the API is now, None for nowhere. Called on the core loop.
        port: wished for this start only, in place of the preferred one; None for that.
    """

    def __init__(
        self, make: Callable[[int, bool], ApiServer], tell: Callable[[str | None], None], port: int | None = None
    ) -> None:
        self._make = make
        self._tell = tell
        self._port = port
        self._server: ApiServer | None = None

    @property
    def url(self) -> str | None:
        """Where the API answers, None while it does not."""
        return None if self._server is None else self._server.url

    async def open(self, port: int) -> None:
        """Serve at the preferred port, or the next free one. Raises KalendsError `no_free_port`, `no_loopback`."""
        await self._begin(port if self._port is None else self._port, NEXT_FREE)

    async def close(self) -> None:
        """Answer nobody any more."""
        server, self._server = self._server, None
        if server is not None:
            self._tell(None)
            await server.stop()

    async def follow(self, before: PreferenceValues, now: PreferenceValues) -> None:
        """Do what a person prefers now; the old server goes on when the new one cannot start.

        Raises:
            InputError: by the key `api_port`, when another program has the port.
            KalendsError: `no_free_port`, `no_loopback`.
        """
        if now.api_port != before.api_port:
            self._port = None
        if not now.api_enabled:
            await self.close()
        elif self._server is None:
            moved = now.api_port != before.api_port
            await self._begin(now.api_port if self._port is None else self._port, EXACTLY if moved else NEXT_FREE)
        elif now.api_port != before.api_port and now.api_port != self._server.port:
            await self._begin(now.api_port, EXACTLY)

    async def _begin(self, port: int, exactly: bool) -> None:
        server = self._make(port, exactly)
        await server.start()
        before, self._server = self._server, server
        self._tell(server.url)
        if before is not None:
            await before.stop()
