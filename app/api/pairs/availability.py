"""`/availability`: when a person is free, from what was last read."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Query

from app.api.context import Given
from app.api.identifiers import known_connection
from app.api.models.availability import AvailabilityAnswer
from app.api.models.base import MomentIn, UpperMomentIn
from app.api.routes import CheckedRoute, errors, requires
from app.services import question_shapes

router = APIRouter(route_class=CheckedRoute, tags=["availability"])


@router.get("/availability", openapi_extra=requires("read:calendar"), responses=errors(404))
async def availability(
    given: Given,
    from_: Annotated[MomentIn | None, Query(alias="from")] = None,
    to: UpperMomentIn | None = None,
    connection_ids: Annotated[str | None, Query(max_length=2000, description="Ids with commas between.")] = None,
    min_seconds: Annotated[int, Query(ge=0, le=31_622_400)] = 0,
    opens: Annotated[time | None, Query(description="Only from this hour of a day on is free; with `closes`.")] = None,
    closes: time | None = None,
) -> AvailabilityAnswer:
    """Busy and free times of calendars laid over each other; no titles. Without `from` and `to`: the next week."""
    named = [part.strip() for part in (connection_ids or "").split(",") if part.strip()]
    found = await given.core.questions.free.find(
        from_,
        to,
        connection_ids=[known_connection(one) for one in named],
        min_seconds=min_seconds,
        between=(opens or time(0), closes or time.max) if opens is not None or closes is not None else None,
        viewer=given.principal.viewer,
    )
    return AvailabilityAnswer.model_validate(question_shapes.free_busy(found))
