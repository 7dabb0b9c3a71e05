"""The app against the providers' own host names, run where nothing but this machine can be reached.

A program: `python -m tests.integration.production.inside FOLDER`, as root in a network and mount namespace of its own
(`unshare -m -n`). It leads the names to loopback, serves the sandbox there with certificates of an authority made for
this run, starts the app as shipped, signs in at both providers, makes a pair, syncs, and prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import socket
import ssl
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trustme
import uvicorn
from starlette.types import Receive, Scope, Send

from app.sandbox.google import CLIENT_ID, CLIENT_SECRET
from app.sandbox.microsoft import CLIENT_ID as MICROSOFT_CLIENT_ID
from app.sandbox.middleware import header_values
from app.sandbox.observing import OBSERVERS
from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL
from app.sandbox.server import Sandbox
from tests.contract.auth.browser import Person
from tests.integration.cli.program import Program, Service
from tests.judges.fixture import Judges

GOOGLE: Final = ("accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com")
MICROSOFT: Final = ("graph.microsoft.com", "login.microsoftonline.com")
_EMAILS: Final = {"google": GOOGLE_EMAIL, "microsoft": MICROSOFT_EMAIL}
_PASSPHRASE: Final = "a passphrase of this run"
_DEADLINE_SECONDS: Final = 60.0
_SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS, netdevice(7)
_UP: Final = 0x1 | 0x40  # IFF_UP, IFF_RUNNING


def raise_loopback() -> None:
    """Bring `lo` up, without the `ip` command, which may be missing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))


def lead_names_here(folder: Path) -> None:
    """Let the providers' names be this machine's, for this namespace alone."""
    hosts = folder / "hosts"
    names = " ".join((*GOOGLE, *MICROSOFT))
    hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {names}\n", "utf-8")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)  # noqa: S607 - the system's own


def way_out() -> str:
    """What stands in the way of a packet that leaves this machine; raises when nothing does."""
    with socket.socket() as outward:
        outward.settimeout(2)
        try:
            outward.connect(("192.0.2.1", 443))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    raise RuntimeError("this is no namespace of its own: it has a way out")


class Front:
    """Finds the service by the name that was asked for, and counts the names."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.asked: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        host = header_values(scope, "host")[0]
        self.asked[host] += 1
        service = self._sandbox.google if host in GOOGLE else self._sandbox.microsoft
        await service.app(scope, receive, send)


class Served:
    """The sandbox behind TLS on port 443."""

    def __init__(self, front: Front, authority: trustme.CA, folder: Path) -> None:
        certificate = authority.issue_cert(*GOOGLE, *MICROSOFT)
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(str(key))
        self._server = uvicorn.Server(
            uvicorn.Config(
                front,
                ssl_certfile=str(chain),
                ssl_keyfile=str(key),
                lifespan="off",
                ws="none",
                log_config=None,
                proxy_headers=False,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Served:
        # It listens from here on: whoever comes before the server is ready waits.
        listening = socket.create_server(("127.0.0.1", 443))
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class Story:
    """What a person does with the app as shipped.

    Args:
        program: starts it.
        environ: what it is started with beside its home.
        trust: whose certificates the person's browser takes.
    """

    def __init__(self, program: Program, environ: dict[str, str], trust: ssl.SSLContext) -> None:
        self._program = program
        self._environ = environ
        self._trust = trust
        self.seen: dict[str, Any] = {"pages": []}

    async def tell(self) -> None:
        """Start the app, sign in twice, pair, sync twice, and stop it."""
        service = await self._start("serve")
        await asyncio.to_thread(service.line, "API")
        for provider in _EMAILS:
            await self._sign_in(provider)
        accounts = (await self._run("accounts", "list"))["accounts"]
        self.seen["accounts"] = [[one["provider"], one["email"], one["status"]] for one in accounts]
        ends = {one["provider"]: one["calendars"][0]["connection_id"] for one in accounts}
        added = await self._run("pairs", "add", ends["google"], ends["microsoft"], "--direction", "a_to_b")
        self.seen["pair"] = added
        self.seen["runs"] = [(await self._run("sync", "--wait"))["runs"][0] for _ in range(2)]
        self.seen["exit"] = (await asyncio.to_thread(service.stop))[0]
        self.seen["said"] = service.said["err"]

    async def _start(self, *argv: str) -> Service:
        return await asyncio.to_thread(lambda: self._program.start(*argv, environ=self._environ))

    async def _run(self, *argv: str) -> dict[str, Any]:
        ended = await asyncio.to_thread(lambda: self._program(*argv, "--json", environ=self._environ))
        if ended.code:
            raise RuntimeError(f"{argv} ended with {ended.code}: {ended.out}{ended.err}")
        return ended.json

    async def _sign_in(self, provider: str) -> None:
        waiting = await self._start("accounts", "add", provider, "--no-browser", "--jsonl")
        line = await asyncio.to_thread(lambda: waiting.line("authorization_url", stream="out"))
        page = json.loads(line)["authorization_url"]
        self.seen["pages"].append(urlsplit(page).hostname)
        await Person(_EMAILS[provider], trust=self._trust).visit(page)
        await asyncio.to_thread(lambda: waiting.line('"account"', stream="out"))
        await asyncio.to_thread(lambda: waiting.process.wait(_DEADLINE_SECONDS))


async def main(folder: Path) -> dict[str, Any]:
    """Everything; what was seen."""
    raise_loopback()
    stopped_by = way_out()
    lead_names_here(folder)
    judges = Judges()
    OBSERVERS.append(judges.look)
    authority = trustme.CA()
    bundle, passphrase = folder / "authority.pem", folder / "passphrase"
    authority.cert_pem.write_to_path(str(bundle))
    passphrase.write_text(_PASSPHRASE, "utf-8")
    environ = {
        "SSL_CERT_FILE": str(bundle),
        "REQUESTS_CA_BUNDLE": str(bundle),
        "KALENDS_GOOGLE_CLIENT_ID": CLIENT_ID,
        "KALENDS_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "KALENDS_MICROSOFT_CLIENT_ID": MICROSOFT_CLIENT_ID,
        "KALENDS_VAULT": "passphrase",
        "KALENDS_VAULT_PASSPHRASE_FILE": str(passphrase),
    }
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    sandbox = Sandbox(hosts=(*GOOGLE, *MICROSOFT))
    front, program = Front(sandbox), Program(folder / "home")
    story = Story(program, environ, trust)
    try:
        async with Served(front, authority, folder):
            await story.tell()
    finally:
        program.close()
        sandbox.close()
    titles = Counter(
        row["title"]
        for account in sandbox.world.accounts.values()
        if account.provider == "microsoft"
        for row in sandbox.microsoft.list_events(sandbox.microsoft.calendars(account.email)[0]["id"])
    )
    return {
        **story.seen,
        "way_out": stopped_by,
        "hosts": dict(front.asked),
        "titles": dict(titles),
        "exchanges": judges.exchanges,
        "findings": judges.verdict(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1])))) + "\n")
