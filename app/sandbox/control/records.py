"""What was asked of the services, and what mail they would have sent."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.sandbox.control.answers import REFUSALS, Answer, Controlled


class RequestRow(BaseModel):
    """One request as it was answered."""

    at: str
    provider: Literal["google", "microsoft"]
    method: str
    route: str = Field(description="The path's template.")
    path: str
    query: str
    status: int | None = Field(description="Null when the connection was dropped unanswered.")
    part: bool = Field(description="Whether it came inside a batch; the batch is a request of its own.")
    faults: list[str]


class RequestRows(BaseModel):
    """The last 10 000 requests, and how often each route was asked since the last clearing."""

    counts: dict[str, int]
    requests: list[RequestRow]


class InvitationRow(BaseModel):
    """A mail that would have been sent; `placed` is an entry in a guest's calendar without one."""

    at: str
    provider: str
    kind: str
    calendar_id: str
    event_id: str
    title: str
    recipients: list[str]


class Mails(BaseModel):
    """Every mail that would have been sent."""

    invitations: list[InvitationRow]


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses=REFUSALS)

    @routes.get("/requests", response_model=RequestRows)
    async def requests(provider: Annotated[Literal["google", "microsoft"] | None, Query()] = None) -> Answer:
        """What clients asked, parts of batches too; of one service or of both."""
        log = sandbox.world.requests
        prefix = "" if provider is None else f"{provider}:"
        counts = {route: count for route, count in log.counts.items() if route.startswith(prefix)}
        return Answer({"counts": counts, "requests": [entry.as_dict() for entry in log.entries(provider)]})

    @routes.delete("/requests", status_code=204)
    async def clear_requests() -> None:
        """Forget what was asked."""
        sandbox.world.requests.clear()

    @routes.get("/outbox", response_model=Mails)
    async def outbox() -> Answer:
        """Every invitation or notice that would have been sent."""
        return Answer({"invitations": [item.as_dict() for item in sandbox.world.outbox.all()]})

    return routes
