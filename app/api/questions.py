"""`/local/v1`: a person's questions about their calendars. Each answers from what was last read; none syncs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.context import Given
from app.api.identifiers import known_form
from app.api.routes import CheckedRoute
from app.services import question_shapes

router = APIRouter(route_class=CheckedRoute)

Json = dict[str, Any]


@router.get("/why")
async def why(
    given: Given,
    event: Annotated[str, Query(max_length=1024)] = "",
    pair_id: str | None = None,
    on: date | None = None,
) -> Json:
    """Why an event is there, or is not."""
    pair = None if pair_id is None else known_form(pair_id, "pair")
    return question_shapes.answered(await given.core.questions.why.explain(event, pair_id=pair, on=on))
