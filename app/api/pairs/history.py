"""`/logs`, `/runs` and `/status`: what happened, and how everything is doing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api import serialise
from app.api.context import Given
from app.api.errors import invalid
from app.api.identifiers import known_connection, known_form
from app.api.models.base import MomentIn, UpperMomentIn
from app.api.models.requests import UndoBody
from app.api.models.runs import LogList, RunAnswer, RunPage, RunStarted, UndoAnswer
from app.api.models.state import StatusAnswer
from app.api.paging import HistoryPage
from app.api.routes import CheckedRoute, errors, requires
from app.domain.errors import FieldError
from app.domain.runs import RunStatus
from app.services.views import RunView

_LOGGED = (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.HELD, RunStatus.SKIPPED)

router = APIRouter(route_class=CheckedRoute, tags=["history"])


@router.get("/logs", openapi_extra=requires("read:logs"), responses=errors(404))
async def list_logs(
    given: Given,
    page: HistoryPage,
    pair_id: str | None = None,
    connection_id: str | None = None,
    status: Annotated[RunStatus | None, Query(json_schema_extra={"enum": [str(one) for one in _LOGGED]})] = None,
    since: MomentIn | None = None,
    until: UpperMomentIn | None = None,
) -> LogList:
    """Ended runs, newest first; those of deleted pairs too."""
    if status is not None and status not in _LOGGED:
        raise invalid(FieldError("status", f"Send one of: {', '.join(_LOGGED)}."))
    found = given.core.history.logs(
        pair_id=None if pair_id is None else known_form(pair_id, "pair"),
        connection_id=None if connection_id is None else known_connection(connection_id),
        status=status,
        since=since,
        until=until,
        page=page.reachable,
        per_page=page.per_page,
        viewer=given.principal.viewer,
    )
    logs = [serialise.log(run) for run in found.runs]
    return LogList(logs=logs, total=found.total, page=page.number, per_page=page.per_page)


@router.get("/runs", response_model_exclude_unset=True, openapi_extra=requires("read:pairs"), responses=errors(404))
async def list_runs(given: Given, page: HistoryPage, pair_id: str | None = None) -> RunPage:
    """Runs of every kind, going on and dry ones too, newest first."""
    found = given.core.history.runs(
        pair_id=None if pair_id is None else known_form(pair_id, "pair"),
        page=page.reachable,
        per_page=page.per_page,
        viewer=given.principal.viewer,
    )
    runs = [serialise.run(RunView(run)) for run in found.runs]
    return RunPage(runs=runs, total=found.total, page=page.number, per_page=page.per_page)


@router.get(
    "/runs/{run_id}",
    response_model_exclude_unset=True,
    openapi_extra=requires("read:pairs"),
    responses=errors(404),
)
async def show_run(given: Given, run_id: str) -> RunAnswer:
    """One run with its story: what was done to which event, and why."""
    view = given.core.history.run(known_form(run_id, "sync_run"), given.principal.viewer)
    return serialise.run(view, story=True)


@router.get("/runs/{run_id}/undo", openapi_extra=requires("read:pairs"), responses=errors(404, 409))
async def look_at_undo(given: Given, run_id: str) -> UndoAnswer:
    """What of a run can be undone: its events are read as they are now, nothing is written."""
    return serialise.undo(await given.core.undo.look(known_form(run_id, "sync_run"), viewer=given.principal.viewer))


@router.post(
    "/runs/{run_id}/undo", status_code=202, openapi_extra=requires("approve:deletions"), responses=errors(404, 409)
)
async def undo(given: Given, run_id: str, body: UndoBody, response: Response) -> RunStarted:
    """Undo a run, or some events of it, as a run of its own. What changed since is left alone."""
    events = None if body.events is None else frozenset(body.events)
    run = given.core.undo.start(known_form(run_id, "sync_run"), events=events, viewer=given.principal.viewer)
    response.headers["Location"] = given.address("runs", run.id)
    return RunStarted(sync_id=run.id)


@router.get("/status", openapi_extra=requires("read:logs"), responses=errors())
async def show_status(given: Given) -> StatusAnswer:
    """How everything that the key sees is doing."""
    return serialise.status(given.core.status.overall(given.principal.viewer))
