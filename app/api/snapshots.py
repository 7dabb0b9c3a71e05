"""`/local/v1`: snapshots and what is brought back from them; second copies and their removal."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, StrictInt

from app.api import waiting
from app.api.context import Context, Given
from app.api.errors import not_found
from app.api.identifiers import known_connection
from app.api.models.base import Input
from app.api.models.requests import EventId, Id
from app.api.pairs.sync_pairs import LONGEST_WAIT_SECONDS
from app.api.routes import CheckedRoute
from app.domain.runs import Run
from app.services import shapes, snapshot_shapes

router = APIRouter(route_class=CheckedRoute)

Json = dict[str, Any]
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)]

_SNAPSHOT = re.compile(r"snap_[0-9a-f]{16}_\d{8}T\d{6}Z_[a-z]+")


class TakeBody(Input):
    """Which calendar to keep."""

    connection_id: Id


class ChosenBody(Input):
    """How many events a command is about, so that it does to no more than was looked at; and which."""

    expected: Annotated[StrictInt, Field(ge=0)]
    events: Annotated[list[EventId], Field(min_length=1, max_length=500)] | None = None


class RemoveBody(ChosenBody):
    """Which second copies to remove."""

    connection_id: Id | None = None


@router.get("/snapshots")
async def list_snapshots(given: Given, connection_id: str | None = None) -> Json:
    """Snapshots, newest first."""
    known = None if connection_id is None else known_connection(connection_id)
    return snapshot_shapes.snapshots(given.core.snapshots.list(connection_id=known))


@router.post("/snapshots", status_code=201)
async def take_snapshot(given: Given, body: TakeBody) -> Json:
    """Keep a calendar as it was last read."""
    return snapshot_shapes.snapshot(await given.core.snapshots.take(known_connection(body.connection_id)))


@router.get("/snapshots/{snapshot_id}/restore")
async def look_at_restore(given: Given, snapshot_id: str) -> Json:
    """What restoring would do; writes nothing."""
    return snapshot_shapes.look(await given.core.restores.look(_known(snapshot_id)))


@router.post("/snapshots/{snapshot_id}/restore")
async def restore(given: Given, snapshot_id: str, body: ChosenBody, wait: Wait = 60) -> Json:
    """Bring back what is missing, and wait for it."""
    run = await given.core.restores.start(_known(snapshot_id), expected=body.expected, events=body.events)
    return (await _ended(given, [run], wait))[0]


@router.get("/duplicates/removable")
async def removable(given: Given, connection_id: str | None = None) -> Json:
    """Second copies that are proved to be ours; writes nothing."""
    known = None if connection_id is None else known_connection(connection_id)
    return snapshot_shapes.second_copies(await given.core.second_copies.find(connection_id=known))


@router.post("/duplicates/remove")
async def remove(given: Given, body: RemoveBody, wait: Wait = 60) -> Json:
    """Remove second copies, and wait for it."""
    known = None if body.connection_id is None else known_connection(body.connection_id)
    runs = await given.core.second_copies.remove(expected=body.expected, events=body.events, connection_id=known)
    return {"runs": await _ended(given, runs, wait)}


async def _ended(given: Context, runs: list[Run] | tuple[Run, ...], wait: float) -> list[Json]:
    views = await waiting.for_runs(given, [run.id for run in runs], wait)
    return [shapes.run_story(view) for view in views]


def _known(snapshot_id: str) -> str:
    """An id that may exist. Raises Refusal 404 for anything else."""
    if _SNAPSHOT.fullmatch(snapshot_id) is None:
        raise not_found()
    return snapshot_id
