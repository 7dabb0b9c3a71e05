"""One start of the app for a test that may kill it: opens the core, signs in, makes the pair, syncs, tells by lines.

Run as `python -m tests.integration.app_process '{…}'` with the addresses of a sandbox in the environment. What it
starts is the app as it is, by its composition root; only the moment of an own death may be planted at a commit. Every
line on stdout is one JSON object: `sign_in` asks for a person at a browser, `run` tells how a run ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from app.domain.accounts import Provider
from app.domain.errors import KalendsError
from app.domain.pairs import Direction, Mode
from app.domain.runs import Trigger
from app.main import LocalHost
from app.services.core import Core
from app.services.views import AttemptStatus, NewPair
from app.store.database import Database
from app.store.ledger import SqliteLedger

SECONDS = 90.0


def tell(**what: Any) -> None:
    """Print one line for the test."""
    sys.stdout.write(json.dumps(what, default=str) + "\n")
    sys.stdout.flush()


def die() -> NoReturn:
    """End as a power cut does: no handler, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlived SIGKILL")


def plant(at: str, nth: int, side: str) -> None:
    """Die at the nth call of a method of the ledger.

    Args:
        at: the method's name.
        side: `before` or `after` its transaction, or `inside`: one of its statements done, nothing committed.
    """
    plain: Callable[..., Any] = getattr(SqliteLedger, at)
    calls = 0

    def watched(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and side == "before":
            die()
        if calls == nth and side == "inside":
            _die_at_first_change()
        answer = plain(*args, **more)
        if calls == nth:
            die()
        return answer

    setattr(SqliteLedger, at, watched)


def _die_at_first_change() -> None:
    plain = Database.change_many

    def change_many(*args: Any) -> NoReturn:
        plain(*args)
        die()

    setattr(Database, "change_many", change_many)  # noqa: B010 - not an assignment mypy would allow


async def sign_in(core: Core, provider: Provider) -> str:
    """The id of the account's primary connection; signs in where needed, again where the sign-in has ended."""
    for view in core.connections.list():
        if view.connection.provider is provider and view.connection.primary:
            return view.connection.id
    begun = await core.connections.begin(provider)
    tell(sign_in=begun.authorization_url, provider=str(provider))
    ended = await core.connections.finish(begun.id, SECONDS)
    if ended.status is not AttemptStatus.DONE:
        raise SystemExit(f"sign-in at {provider}: {ended.status}, {ended.error}")
    return await sign_in(core, provider)


async def pair_of(core: Core, wish: dict[str, Any]) -> str:
    """The id of the one pair; makes it where needed."""
    source = Provider(wish["source"])
    target = Provider.MICROSOFT if source is Provider.GOOGLE else Provider.GOOGLE
    ends = (await sign_in(core, source), await sign_in(core, target))
    for view in core.pairs.list():
        return view.pair.id
    made = core.pairs.create([NewPair(*ends, mode=Mode(wish["mode"]), direction=Direction.A_TO_B)])
    return made[0].pair.id


async def main(wish: dict[str, Any]) -> None:
    """Do what the test wishes for, and tell it."""
    handle = await LocalHost(os.environ).open("default", serve=False)
    try:
        pair_id = await pair_of(handle.core, wish)
        for _ in range(wish["runs"]):
            try:
                asked = handle.core.sync.request(pair_id, Trigger(wish["trigger"]), full=wish["full"])
            except KalendsError as error:
                tell(error=error.code, message=error.message)
                continue
            ended = await handle.core.sync.wait(asked.id, SECONDS)
            status = str(ended.run.status)
            tell(
                run={
                    "status": status,
                    "reason": ended.run.reason,
                    "counts": asdict(ended.run.counts),
                    "errors": [asdict(error) for error in ended.run.errors],
                },
                accounts={str(one.provider): str(one.status) for one in handle.core.connections.accounts()},
            )
            await asyncio.sleep(wish.get("pause_seconds", 0))
    finally:
        await handle.stop()


if __name__ == "__main__":
    WISH: dict[str, Any] = json.loads(sys.argv[1])
    if WISH.get("die"):
        plant(**WISH["die"])
    asyncio.run(main(WISH))
