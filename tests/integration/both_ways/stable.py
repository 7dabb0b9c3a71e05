"""Many starts of the app from one warm process, each a process of its own that may be killed like any other.

Run as `python -m tests.integration.both_ways.stable` with the addresses of a sandbox in the environment. It reads one
JSON object a line, and for each forks a start of the app as it is, by its composition root. Interpreter and modules are
loaded once; nothing of the app has run in the process that forks, no loop, no thread, no open file. Planted are at most
the moment of an own death, or a bug that the test's oracle has to find.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings
from typing import Any

import app.wiring
from app.domain.links import Op
from app.domain.pairs import PairStatus
from app.domain.runs import Trigger
from app.engine import closing, filters
from app.engine import run as engine_run
from app.engine.asking import Asker
from app.main import LocalHost
from app.services.core import Core
from app.services.views import PairChange
from app.store.ledger import SqliteLedger
from tests.integration.app_process import SECONDS, plant, tell

PRELOADED = (app.wiring,)
ROUNDS_AT_MOST = 3


def copies_are_sources() -> None:
    """Planted: what we wrote is not told from what people made."""
    setattr(filters, "looks_like_ours", lambda event: False)  # noqa: B010 - not an assignment mypy would allow
    setattr(SqliteLedger, "known_copies", lambda *asked: {})  # noqa: B010 - likewise


def forgets_what_was_under_way() -> None:
    """Planted: a create whose answer was lost is made again under another id, an update or delete is forgotten."""

    async def careless(direction: Any, client: Any, ledger: Any, writer: Any, clock: Any, **_side: Any) -> int:
        now = clock.now()
        links = {(link.original_id, link.occ): link for link in ledger.links(direction.id, None)}
        ledger.close_intents(
            [
                closing.burned(one, links.get((one.original_id, one.occ)), None, now)
                if one.op is Op.CREATE
                else closing.dropped(one, links.get((one.original_id, one.occ)), now)
                for one in ledger.pending_intents(direction.id)
            ],
            now,
        )
        return 0

    async def sees_nothing(*_asked: Any) -> list[str]:
        return []

    setattr(engine_run, "recover", careless)  # noqa: B010 - not an assignment mypy would allow
    # Looking for a living copy of another name before a create would make up for it.
    setattr(Asker, "find_living", sees_nothing)  # noqa: B010 - likewise


BUGS = {bug.__name__: bug for bug in (copies_are_sources, forgets_what_was_under_way)}


async def sync(core: Core, *, full: bool) -> None:
    """One run of each pair, side by side; what waits for a yes gets it."""
    for view in core.pairs.list():
        if view.pair.status is PairStatus.PAUSED:
            await core.pairs.update(view.pair.id, PairChange.resume())
    for _ in range(ROUNDS_AT_MOST):
        asked = core.sync.request_all(Trigger.MANUAL, full=full)
        for run in asked:
            ended = await core.sync.wait(run.id, SECONDS)
            tell(pid=os.getpid(), run=str(ended.run.status), errors=[error.code for error in ended.run.errors])
        holds = core.holds.list()
        if not holds:
            return
        for hold in holds:
            core.holds.approve(hold.id, hold.expected)


async def main(wish: dict[str, Any]) -> None:
    """One start of the app: it does its runs and stops."""
    handle = await LocalHost(os.environ).open("default", serve=False)
    try:
        await sync(handle.core, full=wish["full"])
    finally:
        await handle.stop()


def start(wish: dict[str, Any]) -> None:
    """In the forked process: be the app."""
    if wish["bug"]:
        BUGS[wish["bug"]]()
    if wish["die"]:
        plant(**wish["die"])
    asyncio.run(main(wish))


def serve() -> None:
    """Start one app for each line, and tell its id and how it ended."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                start(json.loads(line))
                code = 0
            except BaseException as error:  # noqa: BLE001 - nothing may get back into the loop that forks
                sys.excepthook(type(error), error, error.__traceback__)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        tell(started=pid)
        _, status = os.waitpid(pid, 0)
        tell(ended=pid, code=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    warnings.simplefilter("error")
    serve()
