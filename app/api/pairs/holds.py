"""`/holds`: what waits for a decision, and the decision."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import serialise
from app.api.context import Given
from app.api.identifiers import known_form
from app.api.models.requests import ApprovalBody, NothingBody
from app.api.models.runs import HoldAnswerBody, HoldList
from app.api.paging import ListPage, cut
from app.api.routes import CheckedRoute, errors, requires

router = APIRouter(route_class=CheckedRoute, tags=["holds"])


@router.get("/holds", response_model_exclude_unset=True, openapi_extra=requires("read:pairs"), responses=errors())
async def list_holds(given: Given, page: ListPage) -> HoldList:
    """What waits for a decision, the oldest first."""
    shown, about = cut(given.core.holds.list(given.principal.viewer), page)
    return HoldList(holds=[serialise.hold(hold) for hold in shown], **about)


@router.post("/holds/{hold_id}/approve", openapi_extra=requires("approve:deletions"), responses=errors(404, 409))
async def approve(given: Given, hold_id: str, body: ApprovalBody) -> HoldAnswerBody:
    """Go on with what is held, if it still concerns so many originals. Each is proved again when it is done."""
    known = known_form(hold_id, "hold")
    return serialise.hold(given.core.holds.approve(known, body.expected, given.principal.viewer))


@router.post("/holds/{hold_id}/reject", openapi_extra=requires("write:pairs"), responses=errors(404, 409))
async def reject(given: Given, hold_id: str, body: NothingBody) -> HoldAnswerBody:
    """Decline what is held; `reject_label` says what that does."""
    return serialise.hold(given.core.holds.reject(known_form(hold_id, "hold"), given.principal.viewer))
