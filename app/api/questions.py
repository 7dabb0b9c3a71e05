"""`/local/v1`: a person's questions about their calendars. All but the leak check answer from what was
last read; none syncs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.context import Given
from app.api.identifiers import known_connection, known_form
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


@router.get("/leaks")
async def leaks(given: Given, pair_id: str | None = None) -> Json:
    """Read every copy that may only block time, and look at what it tells."""
    pair = None if pair_id is None else known_form(pair_id, "pair")
    return question_shapes.checked(await given.core.questions.leaks.check(pair_id=pair))


@router.get("/duplicates")
async def duplicates(given: Given, connection_id: str | None = None) -> Json:
    """What is in a calendar more than once, and who made each."""
    named = [] if connection_id is None else [known_connection(connection_id)]
    return question_shapes.duplicates(*await given.core.questions.duplicates.find(connection_ids=named))
