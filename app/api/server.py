"""Serves the API on loopback: the sockets, and uvicorn between them and the application (`desktop.md` §3).

Takes no signal, starts no thread and no loop: whoever starts it owns all three, and writes the files that tell others
where it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from app.api.application import build_api
from app.api.rate_limits import REQUESTS_PER_HOUR
from app.domain.errors import FieldError, InputError, KalendsError

if TYPE_CHECKING:
    from app.services.core import Core

DEFAULT_PORT: Final = 5545

_IPV4: Final = "127.0.0.1"
_IPV6: Final = "::1"
_PORTS_TRIED: Final = 100
_LAST_PORT: Final = 65_535
_BACKLOG: Final = 128
_IDLE_SECONDS: Final = 75
_POLITE_STOP_SECONDS: Final = 0.4
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """Where the API listens.

    Args:
        wanted: the port that was asked for, 0 for any.
    """

    url: str
    port: int
    wanted: int

    @property
    def moved(self) -> bool:
        """Whether the wanted port was taken."""
        return self.wanted not in (0, self.port)


class ApiServer:
    """The API of one core, on 127.0.0.1 and, where there is one, on ::1.

    Args:
        core: the services; the server runs on their loop.
        port: the wanted port; the next free one is used when it is taken. 0 takes any.
        allowed_hosts, allowed_origins: as in the settings.
        control_token: opens `/local/v1`; instance_secret: key of the proof that `/healthz` gives.
        on_show: shows the window, None where there is none; on_quit: ends the app. Both are called on the loop.
        requests_per_hour: what one key may do.
        exactly: that very port is meant, and no other will do.
    """

    def __init__(
        self,
        core: Core,
        *,
        port: int,
        allowed_hosts: Collection[str],
        allowed_origins: Collection[str],
        control_token: str,
        instance_secret: str,
        on_show: Callable[[], None] | None,
        on_quit: Callable[[], None] | None,
        requests_per_hour: int = REQUESTS_PER_HOUR,
        exactly: bool = False,
    ) -> None:
        self._wanted = port
        self._exactly = exactly
        self._stopping = asyncio.Event()
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._bound: Bound | None = None
        self._application = build_api(
            core,
            control_token=control_token,
            instance_secret=instance_secret,
            allowed_hosts=allowed_hosts,
            allowed_origins=allowed_origins,
            requests_per_hour=requests_per_hour,
            on_show=on_show,
            on_quit=on_quit,
            stopping=self._stopping,
            connections=self._connections,
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._where.port

    @property
    def url(self) -> str:
        """The base address, `http://127.0.0.1:5545`."""
        return self._where.url

    async def start(self) -> Bound:
        """Listen and serve. A stopped server is not started again.

        Returns:
            Where it listens; `moved` when the wanted port was taken.

        Raises:
            KalendsError: `no_free_port`, `no_loopback`.
            InputError: by the key `api_port`, when exactly this port was meant and is taken.
        """
        sockets = listen(self._wanted, exactly=self._exactly)
        port = int(sockets[0].getsockname()[1])
        self._server = _Server(self._application)
        self._task = asyncio.create_task(self._server.serve(sockets=list(sockets)), name="api")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({listening, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._task
            raise KalendsError("The local API could not start.", code="api_failed")
        self._bound = Bound(f"http://{_IPV4}:{port}", port, self._wanted)
        if self._bound.moved:
            _log.warning("api.port_taken", wanted=self._wanted, port=port)
        _log.info("api.started", url=self._bound.url, addresses=len(sockets))
        return self._bound

    async def stop(self) -> None:
        """Stop within a second: waiting requests are answered at once, slow ones are cut off."""
        if self._server is None or self._task is None:
            return
        self._stopping.set()
        self._server.leave()
        done, _ = await asyncio.wait({self._task}, timeout=_POLITE_STOP_SECONDS)
        if not done:
            self._server.cut_off()
        await self._task
        self._server = None
        _log.info("api.stopped")

    @property
    def _where(self) -> Bound:
        if self._bound is None:
            raise RuntimeError("the server has not been started")
        return self._bound

    def _connections(self) -> int:
        return 0 if self._server is None else len(self._server.server_state.connections)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, and with a moment at which it is known to listen."""

    def __init__(self, application: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=1,
            )
        )
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End serving now."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """Wait for the end. uvicorn's own loop wakes the machine ten times a second, to keep a Date header fresh that
        every answer of ours gets as it is made."""
        await self.on_tick(0)
        await self._leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the owner of the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        self.listening.set()

    def cut_off(self) -> None:
        """End what did not end by itself."""
        self.force_exit = True
        for task in tuple(self.server_state.tasks):
            task.cancel()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()


# --- sockets --------------------------------------------------------------------------------------------------------


def listen(wanted: int, *, exactly: bool = False) -> Sequence[socket.socket]:
    """Sockets that listen on one port of every loopback address there is, the wanted one or the next free.

    A port is taken when either address has it taken.

    Raises:
        KalendsError: `no_free_port`, `no_loopback`.
        InputError: by the key `api_port`, when exactly this port was meant and is taken.
    """
    try:
        return _this_one(wanted) if exactly and wanted else _first_free(wanted)
    except OSError as error:
        _log.warning("api.no_loopback", error=error.strerror)
        raise KalendsError("The local API cannot listen on this computer's loopback.", code="no_loopback") from error


def _this_one(wanted: int) -> Sequence[socket.socket]:
    sockets = _on_all(wanted)
    if sockets is None:
        message = f"Port {wanted} is used by another program. Choose another one."
        raise InputError(message, details=[FieldError("api_port", message)])
    return sockets


def _first_free(wanted: int) -> Sequence[socket.socket]:
    for port in (wanted,) * _PORTS_TRIED if wanted == 0 else range(wanted, min(wanted + _PORTS_TRIED, _LAST_PORT) + 1):
        sockets = _on_all(port)
        if sockets is not None:
            return sockets
    raise KalendsError(
        f"Port {wanted} and those after it are taken, so the local API cannot start.",
        code="no_free_port",
        fix="Choose another port in the settings.",
    )


def _on_all(port: int) -> Sequence[socket.socket] | None:
    """Sockets on a port of both addresses; None when one of them has it taken."""
    first = _on(socket.AF_INET, _IPV4, port)
    if first is None:
        return None
    try:
        second = _on(socket.AF_INET6, _IPV6, int(first.getsockname()[1]))
    except OSError as error:
        if error.errno in _NO_SUCH_ADDRESS:
            return [first]
        first.close()
        raise
    if second is None:
        first.close()
        return None
    return [first, second]


def _on(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """A socket that listens, alone; None when the port is taken there."""
    # With IPPROTO_TCP given asyncio sets TCP_NODELAY; without, each answer waits 40 ms for an acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Allows to follow closely upon an earlier start; a port that is listened on stays taken.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return made
