"""The control API: what a test or a person does to the emulated services beside them (`contract/cli.md`).

Every call but `/openapi.json` needs the bearer token that `kalends sandbox --json` printed. Acting as the user never
checks scopes. Events are in domain shape (see `EmulatedProvider`). A family of calls is a module here.
"""

from __future__ import annotations

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp

from app.sandbox.control import accounts, events, failures, mail, records, worlds
from app.sandbox.control.answers import Answer, Controlled, Guard, refuse_well

__all__ = ["Controlled", "control_app"]

_FAMILIES = (worlds, accounts, events, mail, failures, records)


def control_app(sandbox: Controlled) -> ASGIApp:
    """The control API as an ASGI application.

    Args:
        sandbox: what it controls; asked anew at each call, since a reset makes a new world.
    """
    # The token is checked around the application; this lets the description tell of it.
    token = Security(HTTPBearer(auto_error=False, description="The token that `kalends sandbox --json` printed."))
    app = FastAPI(
        title="Kalends sandbox control",
        version="1",
        description="What a test or a person does to the emulated services beside them.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Answer,
        dependencies=[token],
        separate_input_output_schemas=False,
    )
    refuse_well(app)
    for family in _FAMILIES:
        app.include_router(family.router(sandbox))
    return Guard(app, sandbox)
