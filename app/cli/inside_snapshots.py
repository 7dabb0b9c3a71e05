"""Snapshots and second copies without a running app: answered in this process, as `/local/v1` answers them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from app.domain.runs import Run
from app.services import shapes, snapshot_shapes
from app.services.core import Core

Json = dict[str, Any]
Asked = Mapping[str, Any]

_FINISH_SECONDS = 120.0


async def _snapshots(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return snapshot_shapes.snapshots(core.snapshots.list(connection_id=asked.get("connection_id")))


async def _take(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return snapshot_shapes.snapshot(await core.snapshots.take(asked["connection_id"]))


async def _look(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return snapshot_shapes.look(await core.restores.look(ids[0]))


async def _restore(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    run = await core.restores.start(ids[0], expected=asked["expected"], events=asked.get("events"))
    return (await _ended(core, [run]))[0]


async def _removable(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return snapshot_shapes.second_copies(await core.second_copies.find(connection_id=asked.get("connection_id")))


async def _remove(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    runs = await core.second_copies.remove(
        expected=asked["expected"], events=asked.get("events"), connection_id=asked.get("connection_id")
    )
    return {"runs": await _ended(core, runs)}


async def _ended(core: Core, runs: Sequence[Run]) -> list[Json]:
    return [shapes.run_story(await core.sync.wait(run.id, _FINISH_SECONDS)) for run in runs]


SNAPSHOTS: Mapping[tuple[str, str], Callable[[Core, Sequence[str], Asked], Coroutine[Any, Any, Json]]] = {
    ("GET", "snapshots"): _snapshots,
    ("POST", "snapshots"): _take,
    ("GET", "snapshots/*/restore"): _look,
    ("POST", "snapshots/*/restore"): _restore,
    ("GET", "duplicates/*"): _removable,
    ("POST", "duplicates/*"): _remove,
}
