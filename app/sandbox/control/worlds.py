"""The world as a whole: back to the start, the services' clock and network, everything there is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from app.sandbox.control.answers import REFUSALS, Answer, Controlled, Json
from app.sandbox.control.seeds import Seed
from app.sandbox.control.shapes import Strict, absent
from app.sandbox.faults import SandboxInputError

_A_CENTURY = 100 * 366 * 86_400
_MOMENT = "A moment with an offset, e.g. 2026-03-09T12:00:00Z."


class Reset(Strict):
    """How to begin anew; what is left out stays as it was."""

    seed: Seed = absent()
    random_seed: int = absent(ge=-(2**63), lt=2**63, description="Ids and seeded chance follow from it.")


class Begun(BaseModel):
    """What was begun with."""

    random_seed: int


class ClockChange(Strict):
    """How the clock is turned: set first, then moved."""

    now: str = absent(description=_MOMENT, examples=["2026-03-09T12:00:00Z"])
    advance_seconds: float = absent(ge=-_A_CENTURY, le=_A_CENTURY)


class ClockFace(BaseModel):
    """What the services' clock shows."""

    now: str = Field(description="RFC 3339, UTC.")


class Network(Strict):
    """Whether the services can be reached at their addresses; the control API always can."""

    online: bool


class State(BaseModel):
    """Everything, each service in its own wire shape."""

    google: dict[str, Any]
    microsoft: dict[str, Any]
    mail: dict[str, Any] = Field(description="Each account's mailbox, by its address.")
    change: int = Field(description="The number of the last change.")
    now: str


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses=REFUSALS)

    @routes.post("/reset", response_model=Begun)
    async def reset(body: Annotated[Reset | None, Body()] = None) -> Json:
        """Back to the start: state, faults, switches, log and clock, seeded anew."""
        sent = body or Reset()
        seed = sent.seed.given() if "seed" in sent.model_fields_set else None
        sandbox.reset(seed, sent.random_seed if "random_seed" in sent.model_fields_set else None)
        if not sandbox.online:
            await sandbox.set_online(True)
        return {"random_seed": sandbox.world.random_seed}

    @routes.get("/clock", response_model=ClockFace)
    async def clock() -> Json:
        """What time it is for the services."""
        return {"now": sandbox.world.clock.now().isoformat()}

    @routes.put("/clock", response_model=ClockFace)
    async def turn_clock(body: ClockChange) -> Json:
        """Set the clock, move it, or both."""
        clock = sandbox.world.clock
        before = clock.offset
        try:
            if "now" in body.model_fields_set:
                clock.set(_moment(body.now))
            if "advance_seconds" in body.model_fields_set:
                clock.advance(body.advance_seconds)
            if not 1970 <= clock.now().year <= 2200:
                raise SandboxInputError("The clock goes from 1970 to 2200.", "advance_seconds")
        except (SandboxInputError, OverflowError) as error:
            clock.offset = before
            if isinstance(error, SandboxInputError):
                raise
            raise SandboxInputError("The clock goes from 1970 to 2200.", "now") from error
        sandbox.world.save_clock()
        return {"now": clock.now().isoformat()}

    @routes.get("/network", response_model=Network)
    async def network() -> Json:
        """Whether the services can be reached."""
        return {"online": sandbox.online}

    @routes.put("/network", response_model=Network)
    async def turn_network(body: Network) -> Json:
        """Pull the cable of both services, or put it back."""
        await sandbox.set_online(body.online)
        return {"online": sandbox.online}

    @routes.get("/state", response_model=State)
    async def state() -> Answer:
        """Everything, for oracles."""
        answer: Json = {provider.name: provider.state() for provider in sandbox.providers}
        answer["mail"] = {email: box for provider in sandbox.providers for email, box in provider.mail.state().items()}
        return Answer({**answer, "change": sandbox.world.last_change, "now": sandbox.world.clock.now().isoformat()})

    return routes


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SandboxInputError(f"{text!r} is no moment. {_MOMENT}", "now") from error
    if moment.tzinfo is None:
        raise SandboxInputError(f"{text!r} has no offset. {_MOMENT}", "now")
    return moment
