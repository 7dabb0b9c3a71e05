"""The same requests without a running app: answered by the services in this process, under the single-writer lock.

It answers what `/local/v1` answers, with the same serialiser; it knows the requests that the commands make.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar

from app.cli.host import Host
from app.cli.inside_questions import QUESTIONS
from app.cli.inside_snapshots import SNAPSHOTS
from app.domain import settings_data
from app.domain.accounts import Provider
from app.domain.errors import NotFoundError
from app.domain.keys import KeyKind
from app.domain.pairs import CopiesOnDelete, Direction, DirectionSettings, Mode, PairStatus
from app.domain.runs import RunStatus, Trigger
from app.services import shapes
from app.services.core import Core, CoreHandle
from app.services.moments import from_text
from app.services.pair_rules import settings_of_way_back
from app.services.views import EVERYTHING, NewPair, PairChange, RunView

Json = dict[str, Any]
Asked = Mapping[str, Any]
T = TypeVar("T")

FINISH_SECONDS = 120.0
"""How long a command waits at its end for a run it set off."""


class Inside:
    """A core in this process, for the length of one command.

    Args:
        say: tells the person what goes on.
    """

    in_process = True

    def __init__(self, host: Host, profile: str, say: Callable[[str], None]) -> None:
        self.profile = profile
        self._host = host
        self._say = say
        self._runner = asyncio.Runner()
        self._handle: CoreHandle | None = None

    def __enter__(self) -> Inside:
        try:
            self._handle = self._runner.run(self._host.open(self.profile, serve=False))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                if error is None:
                    self._runner.run(self._let_finish(handle.core))
                self._runner.run(_awaited(handle.stop()))
        finally:
            self._runner.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Asked | None = None,
        body: Asked | None = None,
        wait_seconds: float = 0.0,
    ) -> Json:
        """One request, as `Remote.ask` makes it; nothing here waits longer than it takes.

        Raises:
            KalendsError: what the services raised.
        """
        parts = path.strip("/").split("/")
        pattern = "/".join(part if number % 2 == 0 else "*" for number, part in enumerate(parts))
        return self._run(_ROUTES[method, pattern](self._core, parts[1:2], {**(query or {}), **(body or {})}))

    def sync(self, pair_ids: list[str] | None, *, full: bool, wait_seconds: float) -> Json:
        """Sync some pairs or all active ones, and wait."""

        async def work() -> Json:
            sync = self._core.sync
            if pair_ids is None:
                runs = sync.request_all(Trigger.MANUAL, full=full)
            else:
                known = [self._core.pairs.get(pair_id).pair.id for pair_id in pair_ids]
                runs = tuple(sync.request(pair_id, Trigger.MANUAL, full=full) for pair_id in known)
            end = time.monotonic() + wait_seconds
            return shapes.sync_answer([await sync.wait(run.id, max(0.0, end - time.monotonic())) for run in runs])

        return self._run(work())

    def trigger(self, pair_id: str, *, dry_run: bool, full: bool, wait_seconds: float) -> Json:
        """Sync or preview a pair, and wait."""

        async def work() -> Json:
            run = self._core.sync.request(pair_id, Trigger.MANUAL, dry=dry_run, full=full)
            return shapes.trigger_answer(await self._core.sync.wait(run.id, wait_seconds))

        return self._run(work())

    def undo(self, run_id: str, events: list[str], *, wait_seconds: float) -> Json:
        """Undo a run, or some events of it, and wait."""

        async def work() -> Json:
            run = self._core.undo.start(run_id, events=frozenset(events) if events else None)
            return shapes.run_story(await self._core.sync.wait(run.id, wait_seconds))

        return self._run(work())

    def attempt(self, attempt_id: str, *, wait_seconds: float) -> Json:
        """How a sign-in stands, once it ended or time is up."""

        async def work() -> Json:
            attempt = await self._core.connections.finish(attempt_id, wait_seconds)
            accounts = {one.id: one for one in self._core.connections.accounts()}
            account = accounts.get(attempt.account_id or "")
            shown = None if account is None else shapes.account(account, self._core.connections.list())
            return {**shapes.attempt(attempt), "account": shown}

        return self._run(work())

    @property
    def _core(self) -> Core:
        if self._handle is None:
            raise RuntimeError("asked before it was entered")
        return self._handle.core

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _let_finish(self, core: Core) -> None:
        """A run that this command set off ends before the process does."""
        going = [run for run in core.history.runs(per_page=200).runs if not run.status.ended]
        if going:
            self._say("Finishing the sync that this set off …")
        end = time.monotonic() + FINISH_SECONDS
        for run in going:
            await core.sync.wait(run.id, max(0.0, end - time.monotonic()))


async def _awaited(work: Awaitable[None]) -> None:
    await work


# -- requests ----------------------------------------------------------------------------------------------------------


async def _status(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.status(core.status.overall())


async def _connections(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return {"connections": [shapes.connection(view) for view in core.connections.list()]}


async def _accounts(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    views = core.connections.list()
    return {"accounts": [shapes.account(one, views) for one in core.connections.accounts()]}


async def _add_account(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.attempt_begun(
        await core.connections.begin(Provider(asked["provider"]), calendar=asked.get("calendar"))
    )


async def _reconnect(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.attempt_begun(await core.connections.reconnect(ids[0]))


async def _test(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    account = await core.connections.test(ids[0])
    return {"account": shapes.account(account, core.connections.list())}


async def _remove_account(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    if not any(account.id == ids[0] for account in core.connections.accounts()):
        raise NotFoundError("There is no such account.")
    await core.connections.remove_account(ids[0])
    return {}


async def _pairs(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    status = asked.get("status")
    found = core.pairs.list(EVERYTHING, None if status is None else PairStatus(status))
    return {"pairs": [shapes.pair(view) for view in found]}


async def _add_pair(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    mode = Mode(asked["sync_mode"])
    settings = settings_data.changed(DirectionSettings(mode=mode), asked.get("settings", {}))
    own = asked.get("settings_b_to_a")
    new = NewPair(
        connection_a_id=asked["connection_a_id"],
        connection_b_id=asked["connection_b_id"],
        mode=mode,
        direction=Direction(asked["direction"]),
        status=PairStatus(asked["status"]),
        interval_seconds=asked["interval_seconds"],
        settings=settings,
        settings_b_to_a=settings_of_way_back(settings, own) if own is not None else None,
    )
    return shapes.pair(core.pairs.create([new])[0])


async def _change_pair(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    view = core.pairs.get(ids[0])
    pair = view.pair
    status = PairStatus(asked["status"]) if "status" in asked else None
    settings = settings_data.changed(pair.settings, asked.get("settings", {}))
    own = pair.settings_b_to_a
    if "settings_b_to_a" in asked:
        shared = replace(settings, mode=Mode(asked.get("sync_mode", pair.mode)))
        given = asked["settings_b_to_a"]
        own = settings_of_way_back(own or shared, given) if given is not None else own and shared
    change = PairChange(
        mode=Mode(asked["sync_mode"]) if "sync_mode" in asked else None,
        direction=Direction(asked["direction"]) if "direction" in asked else None,
        status=None if status is view.pair.status and status is PairStatus.ACTIVE else status,
        interval_seconds=asked.get("interval_seconds"),
        settings=settings if settings != pair.settings else None,
        settings_b_to_a=own if own != pair.settings_b_to_a else None,
        paused_until=_moment(asked.get("until")),
        pause_reason=asked.get("reason"),
    )
    if change == PairChange():
        return shapes.pair(view)
    return shapes.pair(await core.pairs.update(ids[0], change, expected=asked.get("expected")))


async def _change_all_pairs(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    if PairStatus(asked["status"]) is PairStatus.PAUSED:
        await core.pairs.pause_all(EVERYTHING, until=_moment(asked.get("until")), reason=asked.get("reason"))
    else:
        core.pairs.resume_all(EVERYTHING, reason=asked.get("reason"))
    return await _pairs(core, ids, {})


async def _remove_pair(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    run = await core.pairs.delete(ids[0], CopiesOnDelete(asked.get("copies", "keep")), asked.get("expected"))
    if run is None:
        return {}
    ended: RunView = await core.sync.wait(run.id, FINISH_SECONDS)
    return {"sync_id": ended.run.id}


async def _runs(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.runs_page(
        core.history.runs(page=asked["page"], per_page=asked["per_page"], pair_id=asked.get("pair_id"))
    )


async def _run(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.run_story(core.history.run(ids[0]))


async def _look_at_undo(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.undo(await core.undo.look(ids[0]))


async def _logs(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    status = asked.get("status")
    found = core.history.logs(
        pair_id=asked.get("pair_id"),
        connection_id=asked.get("connection_id"),
        status=None if status is None else RunStatus(status),
        since=_moment(asked.get("since")),
        until=_moment(asked.get("until")),
        page=asked["page"],
        per_page=asked["per_page"],
    )
    return shapes.logs_page(found)


async def _holds(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return {"holds": [shapes.hold(hold) for hold in core.holds.list()]}


async def _approve(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.hold(core.holds.approve(ids[0], asked["expected"]))


async def _reject(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.hold(core.holds.reject(ids[0]))


async def _keys(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return {"keys": [shapes.key(key) for key in core.keys.list()]}


async def _add_key(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    kind = asked.get("kind")
    return shapes.new_key(
        core.keys.create(
            asked["label"],
            asked.get("scopes"),
            None if kind is None else KeyKind(kind),
            _moment(asked.get("expires_at")),
        )
    )


async def _revoke_key(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return shapes.key(core.keys.revoke(ids[0]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


async def _stop(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    for pair_id in asked.get("pair_ids") or ():
        core.pairs.get(pair_id)
    # Runs belong to the process that makes them: here there was none before this command.
    return {"runs": []}


Answerer = Callable[[Core, Sequence[str], Asked], Coroutine[Any, Any, Json]]

_ROUTES: Mapping[tuple[str, str], Answerer] = {
    ("GET", "status"): _status,
    ("GET", "connections"): _connections,
    ("GET", "accounts"): _accounts,
    ("POST", "accounts"): _add_account,
    ("POST", "accounts/*/reconnect"): _reconnect,
    ("POST", "accounts/*/test"): _test,
    ("DELETE", "accounts/*"): _remove_account,
    ("GET", "sync-pairs"): _pairs,
    ("POST", "sync-pairs"): _add_pair,
    ("PATCH", "sync-pairs"): _change_all_pairs,
    ("PATCH", "sync-pairs/*"): _change_pair,
    ("DELETE", "sync-pairs/*"): _remove_pair,
    ("POST", "sync/*"): _stop,
    ("GET", "runs"): _runs,
    ("GET", "runs/*"): _run,
    ("GET", "runs/*/undo"): _look_at_undo,
    ("GET", "logs"): _logs,
    ("GET", "holds"): _holds,
    ("POST", "holds/*/approve"): _approve,
    ("POST", "holds/*/reject"): _reject,
    ("GET", "keys"): _keys,
    ("POST", "keys"): _add_key,
    ("DELETE", "keys/*"): _revoke_key,
    **QUESTIONS,
    **SNAPSHOTS,
}
