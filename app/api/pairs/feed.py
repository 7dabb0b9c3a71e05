"""`/feed.ics`: all calendars as one iCalendar feed (RFC 5545), from what was last read. The key is in a header, like
everywhere: whoever knows an address alone learns nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from app.api.context import Given
from app.api.identifiers import known_connection
from app.api.routes import CheckedRoute, errors, requires
from app.domain.snapshots import Detail
from app.services.feed import matches

router = APIRouter(route_class=CheckedRoute, tags=["availability"])

_MEDIA_TYPE = "text/calendar"


class FeedDetail(StrEnum):
    """How much the feed tells."""

    BUSY = "busy"
    FULL = "full"


@router.get(
    "/feed.ics",
    openapi_extra=requires("read:calendar"),
    response_class=StreamingResponse,
    responses={
        200: {"description": "The feed.", "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}}},
        304: {"description": "It is as `If-None-Match` says."},
        **errors(404),
    },
)
async def feed(
    given: Given,
    request: Request,
    details: FeedDetail = FeedDetail.BUSY,
    connection_ids: Annotated[str | None, Query(max_length=2000, description="Ids with commas between.")] = None,
) -> Response:
    """All calendars, or some, as one feed: `busy` tells times only, `full` titles, texts and places too."""
    named = [part.strip() for part in (connection_ids or "").split(",") if part.strip()]
    making = given.core.feed
    selection = making.select(
        Detail(details), connection_ids=[known_connection(one) for one in named], viewer=given.principal.viewer
    )
    headers = {"ETag": f'W/"{selection.version}"'}
    if matches(selection.version, request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    disposition = {"Content-Disposition": 'inline; filename="kalends.ics"'}
    return StreamingResponse(
        making.text(selection), media_type=f"{_MEDIA_TYPE}; charset=utf-8", headers={**headers, **disposition}
    )
