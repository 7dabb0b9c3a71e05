"""`/healthz`: alive, and proof to our own clients that it is us before they show a key (`contract/api.md` §1)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.api.context import Given
from app.api.models.state import HealthAnswer
from app.api.routes import CheckedRoute, errors

router = APIRouter(route_class=CheckedRoute, tags=["health"])


def proof(instance_secret: str, challenge: str, port: int) -> str:
    """Hex HMAC-SHA256 of `challenge:port`, keyed with the secret in the runtime folder (RFC 2104)."""
    return hmac.new(instance_secret.encode(), f"{challenge}:{port}".encode(), hashlib.sha256).hexdigest()


@router.get("/healthz", response_model_exclude_unset=True, responses=errors(key=False))
async def show_health(
    given: Given,
    request: Request,
    challenge: Annotated[
        str | None, Query(min_length=16, max_length=128, description="Random text of the caller; answered by `proof`.")
    ] = None,
) -> HealthAnswer:
    """Alive, and of this version."""
    version = given.core.info.version
    if challenge is None:
        return HealthAnswer(status="ok", version=version)
    server = request.scope["server"]
    shown = proof(given.surroundings.instance_secret, challenge, server[1])
    return HealthAnswer(status="ok", version=version, proof=shown)
