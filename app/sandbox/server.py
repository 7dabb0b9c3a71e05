"""The sandbox as a whole: the shared world, both services, the control API, and their three sockets on loopback.

It takes no signal, starts no thread and no loop: whoever starts it owns all three. Tests call the ASGI applications
directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.control import control_app
from app.sandbox.faults import SandboxInputError
from app.sandbox.google import BASE_PATH, CLIENT_ID, CLIENT_SECRET, Google
from app.sandbox.microsoft import CLIENT_ID as MICROSOFT_CLIENT_ID
from app.sandbox.microsoft import Microsoft
from app.sandbox.middleware import Loopback
from app.sandbox.packing import packed
from app.sandbox.seed import demo_seed
from app.sandbox.world import DEFAULT_RANDOM_SEED, Clock, EmulatedProvider, Storage, World

_STOP_SECONDS: Final = 5.0
_HOST: Final = "127.0.0.1"
_SERVICES: Final = ("google", "microsoft")


class Sandbox:
    """Google and Microsoft on this computer.

    Args:
        storage_path: where the state is kept; a file that exists is continued and not seeded again. None: in memory.
        random_seed: ids and seeded chance follow from it.
        seed: `{"accounts": [{"provider": "google"|"microsoft", …see `EmulatedProvider.seed_account`…}]}`; None: the
        demo's.
        clock: the services' clock; None: the real one.
        hosts: names beside loopback's under which the services may be asked for, e.g. `graph.microsoft.com` where a
        hosts file leads it to this machine.

    Raises:
        SandboxInputError: the file is not a sandbox's, or the seed cannot be made.
    """

    def __init__(
        self,
        storage_path: Path | None = None,
        random_seed: int = DEFAULT_RANDOM_SEED,
        seed: dict[str, Any] | None = None,
        clock: Clock | None = None,
        hosts: Iterable[str] = (),
    ) -> None:
        self._seed = None if seed is None else packed(seed)
        self._hosts = tuple(hosts)
        self._storage = Storage(storage_path)
        try:
            self._build(random_seed, clock)
        except BaseException:
            self._storage.close()
            raise
        self.control_token = secrets.token_urlsafe(32)
        self.control_app: ASGIApp = Loopback(control_app(self))
        self._servers: dict[str, tuple[_Server, asyncio.Task[None]]] = {}
        self._ports: dict[str, int] = {}

    def _build(self, random_seed: int, clock: Clock | None, *, clear: bool = False) -> None:
        # At once or not at all: a half-made seed must not be taken for a world the next time.
        with self._storage.held():
            if clear:
                self._storage.clear()
            world = self.world = World(self._storage, random_seed, clock)
            self.google = Google(world, self._hosts)
            self.microsoft = Microsoft(world, self._hosts)
            if world.is_new:
                seed = self._seed if self._seed is not None else demo_seed(world.clock.now(), world.random_seed)
                for account in seed.get("accounts", []):
                    self.provider(str(account.get("provider"))).seed_account(account)

    @property
    def providers(self) -> tuple[EmulatedProvider, ...]:
        """Both services."""
        return (self.google, self.microsoft)

    def provider(self, name: str) -> EmulatedProvider:
        """The service of that name.

        Raises:
            SandboxInputError: there is none.
        """
        for provider in self.providers:
            if provider.name == name:
                return provider
        raise SandboxInputError(f"The provider must be google or microsoft, not {name!r}.")

    def provider_of(self, calendar_id: str) -> EmulatedProvider:
        """The service that has this calendar.

        Raises:
            KeyError: none has it.
        """
        for provider in self.providers:
            if provider.has_calendar(calendar_id):
                return provider
        raise KeyError(calendar_id)

    def reset(self, seed: dict[str, Any] | None = None, random_seed: int | None = None) -> None:
        """Back to the start: state, faults, switches, log and clock, seeded anew."""
        before = (self._seed, self.world, self.google, self.microsoft)
        if seed is not None:
            self._seed = packed(seed)
        clock = self.world.clock
        offset, clock.offset = clock.offset, timedelta()
        try:
            self._build(self.world.random_seed if random_seed is None else random_seed, clock, clear=True)
        except BaseException:
            # A seed that cannot be made leaves everything as it was.
            self._seed, self.world, self.google, self.microsoft = before
            clock.offset = offset
            raise

    async def start(self, google_port: int = 0, microsoft_port: int = 0, control_port: int = 0) -> None:
        """Serve on 127.0.0.1; port 0 takes a free one. Returns when all three listen.

        Raises:
            SandboxInputError: a port is taken.
        """
        await self._serve({"google": google_port, "microsoft": microsoft_port, "control": control_port})

    async def stop(self) -> None:
        """Stop serving, within seconds, and close the file. A stopped sandbox is not started again."""
        await self._end(list(self._servers))
        self.close()

    @property
    def online(self) -> bool:
        """Whether the services can be reached over their sockets."""
        return not self._ports or "google" in self._servers

    async def set_online(self, online: bool) -> None:
        """Take both services off the network, as when a cable is pulled, or bring them back at the same addresses.

        Raises:
            SandboxInputError: they have no sockets, or a port was taken meanwhile.
        """
        if not self._ports:
            raise SandboxInputError("A sandbox without sockets is on no network.", "online")
        if online == self.online:
            return
        if online:
            await self._serve({name: self._ports[name] for name in _SERVICES})
        else:
            await self._end(_SERVICES)

    async def _serve(self, ports: Mapping[str, int]) -> None:
        fronts: dict[str, ASGIApp] = {
            "google": _Front(lambda: self.google.app),
            "microsoft": _Front(lambda: self.microsoft.app),
            "control": _Front(lambda: self.control_app),
        }
        sockets: dict[str, socket.socket] = {}
        try:
            for name, port in ports.items():
                sockets[name] = _listen(port)
        except SandboxInputError:
            for listening in sockets.values():
                listening.close()
            raise
        for name, listening in sockets.items():
            self._ports[name] = int(listening.getsockname()[1])
            server = _Server(fronts[name])
            task = asyncio.create_task(server.serve(sockets=[listening]), name=f"sandbox {name}")
            self._servers[name] = (server, task)
        for name in sockets:
            await _until_started(*self._servers[name])

    async def _end(self, names: Iterable[str]) -> None:
        ending = [self._servers.pop(name) for name in names if name in self._servers]
        for server, _ in ending:
            server.leave()
        tasks = [task for _, task in ending]
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """Close the file of a sandbox that was used without sockets; `stop` does it too."""
        self._storage.close()

    def description(self) -> dict[str, Any]:
        """What `kalends sandbox --json` prints: addresses, client ids, accounts with their calendars.

        Raises:
            SandboxInputError: it does not listen.
        """
        if not self._ports:
            raise SandboxInputError("The sandbox is not started.")
        google, microsoft, control = (
            f"http://{_HOST}:{self._ports[name]}" for name in ("google", "microsoft", "control")
        )
        answer: dict[str, Any] = {
            "google": {
                "calendar_api": f"{google}{BASE_PATH}",
                "gmail_api": f"{google}/gmail/v1",
                "auth_uri": f"{google}/o/oauth2/v2/auth",
                "token_uri": f"{google}/token",
                "revoke_uri": f"{google}/revoke",
                "userinfo_uri": f"{google}/oauth2/v2/userinfo",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            },
            "microsoft": {
                "graph_api": f"{microsoft}/v1.0",
                "authority": f"{microsoft}/common",
                "client_id": MICROSOFT_CLIENT_ID,
            },
            "control": {"url": control, "token": self.control_token},
        }
        answer["env"] = {
            "KALENDS_GOOGLE_API": answer["google"]["calendar_api"],
            "KALENDS_GMAIL_API": answer["google"]["gmail_api"],
            "KALENDS_GOOGLE_AUTH_URI": answer["google"]["auth_uri"],
            "KALENDS_GOOGLE_TOKEN_URI": answer["google"]["token_uri"],
            "KALENDS_GOOGLE_REVOKE_URI": answer["google"]["revoke_uri"],
            "KALENDS_GRAPH_API": answer["microsoft"]["graph_api"],
            "KALENDS_MICROSOFT_AUTHORITY": answer["microsoft"]["authority"],
            "KALENDS_GOOGLE_CLIENT_ID": CLIENT_ID,
            "KALENDS_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "KALENDS_MICROSOFT_CLIENT_ID": MICROSOFT_CLIENT_ID,
        }
        answer["accounts"] = [
            {
                "email": account.email,
                "provider": account.provider,
                "calendars": [
                    {"id": row["id"], "name": row["name"]}
                    for row in self.provider(account.provider).calendars(account.email)
                ],
            }
            for account in self.world.accounts.values()
        ]
        return answer


class _Front:
    """Finds the present application at each request (a reset makes new ones) and lets it cut the connection."""

    def __init__(self, app: Callable[[], ASGIApp]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn has no public way to cut a connection; its send is a method of the object that holds the transport.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope.setdefault("extensions", {})["sandbox.abort"] = lambda: _cut(transport)
        await self._app()(scope, receive, send)


def _cut(transport: asyncio.Transport) -> None:
    if transport.is_closing():  # the client went first
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, and with a moment at which it is known to listen."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                # The services date their answers by their own clock.
                date_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End serving now, and not at the next tick."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """uvicorn's ticks, once a second instead of ten times: an idle sandbox sleeps."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 1.0)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process's owner."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        self.listening.set()


async def _until_started(server: _Server, task: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(server.listening.wait())
    done, _ = await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if waiting not in done:
        waiting.cancel()
        await task
        raise SandboxInputError("The sandbox could not start to listen.")


def _listen(port: int) -> socket.socket:
    # With IPPROTO_TCP given asyncio sets TCP_NODELAY; without, each answer waits 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen(128)
        listening.setblocking(False)
    except (OSError, OverflowError) as error:
        listening.close()
        raise SandboxInputError(f"The sandbox cannot listen on port {port}: {error}.") from error
    return listening
