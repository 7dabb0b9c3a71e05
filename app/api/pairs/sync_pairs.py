"""`/sync-pairs`: make, list, change, pause, delete and trigger pairs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api import changes, serialise, waiting
from app.api.context import Context, Given
from app.api.errors import forbidden, invalid
from app.api.identifiers import known_form
from app.api.models.requests import LARGEST_NUMBER, AllPairsPatch, NewPairs, PairPatch, TriggerBody
from app.api.models.runs import TriggerAnswer
from app.api.models.sync_pairs import PairAnswer, PairList, Removal
from app.api.paging import ListPage, cut
from app.api.routes import CheckedRoute, errors, requires
from app.domain.errors import FieldError, InputError
from app.domain.pairs import CopiesOnDelete, PairStatus
from app.services.views import PairView

LONGEST_WAIT_SECONDS = 240
_DEFAULT_WAIT_SECONDS = 60

Copies = Annotated[CopiesOnDelete, Query(description="What becomes of the copies.")]
Expected = Annotated[
    int | None, Query(ge=0, le=LARGEST_NUMBER, description="With `remove`: how many copies there are.")
]
Going = Annotated[
    int | None,
    Query(
        ge=0,
        le=LARGEST_NUMBER,
        description="How many copies go by narrower filters: another number than the right one is answered with that "
        "(409 `count_changed`) and changes nothing, so that 0 asks first; the right one is not held. Without it many "
        "are held.",
    ),
]

router = APIRouter(route_class=CheckedRoute, tags=["sync pairs"])


@router.get("/sync-pairs", response_model_exclude_unset=True, openapi_extra=requires("read:pairs"), responses=errors())
async def list_pairs(given: Given, page: ListPage, status: PairStatus | None = None) -> PairList:
    """List sync pairs."""
    shown, about = cut(given.core.pairs.list(given.principal.viewer, status), page)
    return PairList(pairs=[_shown(given, view) for view in shown], **about)


@router.post(
    "/sync-pairs",
    status_code=201,
    response_model=PairAnswer | PairList,
    response_model_exclude_unset=True,
    openapi_extra=requires("write:pairs"),
    responses=errors(409),
)
async def create_pairs(given: Given, body: NewPairs, response: Response) -> PairAnswer | PairList:
    """Make a sync pair, or many at once: all or nothing. Active ones run at once."""
    viewer = given.principal.viewer
    if not isinstance(body, list):
        made = given.core.pairs.create([changes.new_pair(body)], viewer)[0]
        response.headers["Location"] = given.address("sync-pairs", made.pair.id)
        return _shown(given, made)
    try:
        many = given.core.pairs.create([changes.new_pair(one) for one in body], viewer)
    except InputError as error:
        if len(body) == 1 and error.details and not error.details[0].field.startswith("["):
            error.details = tuple(FieldError(f"[0].{d.field}", d.message) for d in error.details)
        raise
    return PairList(pairs=[_shown(given, view) for view in many])


@router.patch(
    "/sync-pairs", response_model_exclude_unset=True, openapi_extra=requires("write:pairs"), responses=errors()
)
async def change_all_pairs(given: Given, body: AllPairsPatch) -> PairList:
    """Pause or resume all pairs that the key sees."""
    viewer = given.principal.viewer
    if body.status is PairStatus.PAUSED:
        await given.core.pairs.pause_all(viewer, until=body.until, reason=body.reason)
    else:
        if body.until is not None:
            raise invalid(FieldError("until", "Send it with status `paused` only."))
        given.core.pairs.resume_all(viewer, reason=body.reason)
    return PairList(pairs=[_shown(given, view) for view in given.core.pairs.list(viewer)])


@router.get("/sync-pairs/{pair_id}", openapi_extra=requires("read:pairs"), responses=errors(404))
async def show_pair(given: Given, pair_id: str) -> PairAnswer:
    """One sync pair."""
    return _shown(given, given.core.pairs.get(known_form(pair_id, "pair"), given.principal.viewer))


@router.patch("/sync-pairs/{pair_id}", openapi_extra=requires("write:pairs"), responses=errors(404, 409))
async def change_pair(
    given: Given,
    pair_id: str,
    body: PairPatch,
    copies: Copies = CopiesOnDelete.KEEP,
    expected: Going = None,
) -> PairAnswer:
    """Change a sync pair. Pausing answers once no write is under way and none can start."""
    if expected and not given.principal.may("approve:deletions"):
        raise forbidden("approve:deletions")
    viewer = given.principal.viewer
    view = given.core.pairs.get(known_form(pair_id, "pair"), viewer)
    change = changes.pair_change(view, body, given.surroundings.shown)
    if change is None:
        return _shown(given, view)
    if change.direction is not None and copies is not CopiesOnDelete.KEEP:
        raise invalid(FieldError("copies", "A dropped direction's copies can only be kept for now; send `keep`."))
    return _shown(given, await given.core.pairs.update(view.pair.id, change, viewer, expected=expected))


@router.delete(
    "/sync-pairs/{pair_id}",
    status_code=204,
    response_model=None,
    openapi_extra=requires("write:pairs"),
    responses={**errors(404, 409), 202: {"model": Removal, "description": "The run that takes the copies away."}},
)
async def delete_pair(
    given: Given,
    pair_id: str,
    copies: Copies = CopiesOnDelete.KEEP,
    expected: Expected = None,
) -> Response | None:
    """Delete a sync pair: keep its copies for a later pair, release them as ordinary events, or remove them."""
    known = known_form(pair_id, "pair")
    if copies is CopiesOnDelete.REMOVE and not given.principal.may("approve:deletions"):
        raise forbidden("approve:deletions")
    run = await given.core.pairs.delete(known, copies, expected, given.principal.viewer)
    if run is None:
        return None
    answer = Removal(sync_id=run.id).model_dump_json()
    headers = {"Location": given.address("runs", run.id)}
    return Response(answer, 202, headers, media_type="application/json")


@router.post(
    "/sync-pairs/{pair_id}/trigger",
    response_model_exclude_unset=True,
    openapi_extra=requires("write:pairs", "read:pairs"),
    responses={
        **errors(404, 409),
        202: {"model": TriggerAnswer, "description": "Not done in time; `Location` is the run."},
    },
)
async def trigger_pair(
    given: Given,
    pair_id: str,
    body: TriggerBody,
    response: Response,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)] = _DEFAULT_WAIT_SECONDS,
) -> TriggerAnswer:
    """Sync a pair now and wait for it. A run that is going on is joined, and covers what happened before this call."""
    known = known_form(pair_id, "pair")
    scope = "read:pairs" if body.dry_run else "write:pairs"
    if not given.principal.may(scope):
        raise forbidden(scope)
    run = given.core.sync.request(
        known, given.principal.trigger, dry=body.dry_run, full=body.full, viewer=given.principal.viewer
    )
    view = await waiting.for_run(given, run.id, wait)
    if not view.run.status.ended:
        response.status_code = 202
        response.headers["Location"] = given.address("runs", run.id)
    return serialise.trigger(view)


def _shown(given: Context, view: PairView) -> PairAnswer:
    return given.surroundings.shown.note(serialise.pair(view))
