"""Planted failures, and the switches for what is not known of the real services."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, JsonValue, model_validator

from app.sandbox.control.answers import NOT_FOUND, REFUSALS, Answer, Controlled, UnknownError
from app.sandbox.control.shapes import Strict, absent, refused
from app.sandbox.faults import SandboxInputError, route_pattern

Kind = Literal[
    "latency",
    "reset_before",
    "reset_after_commit",
    "truncate",
    "status",
    "captive_portal",
    "gzip",
    "clock_skew",
    "stale",
    "empty",
    "token_dead",
    "duplicate",
    "reorder",
]
_MEANINGS: Final = """\
`latency`: the answer takes `seconds`. `reset_before`: the connection is cut before the request is looked at.
`reset_after_commit`: it is cut after the work was done, before the answer. `truncate`: it is cut half-way through the
answer. `status`: answered with `status`, `headers` and `body` (JSON, or HTML when it is a text). `captive_portal`: a
network's log-in page answers with 200 and HTML. `gzip`: the answer is compressed. `clock_skew`: the Date header is
`seconds` off. `stale`: a listing knows nothing of the last `seconds`. `empty`: it is empty. `token_dead`: sync and
page tokens are dead. `duplicate`: items come twice. `reorder`: in another order."""

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=100)]
HeaderValue = Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", max_length=4000)]


def _route(text: str) -> str:
    try:
        route_pattern(text)
    except SandboxInputError as error:
        raise ValueError(str(error)) from error
    return text


class NewFault(Strict):
    """One failure to plant. Without `nth` and `rate` it hits every matching request."""

    route: Annotated[str, AfterValidator(_route)] = Field(
        description="`METHOD path`, after `google:` or `microsoft:` if wished; `*` is one segment, `**` any rest.",
        examples=["google:GET /calendar/v3/calendars/*/events"],
        max_length=2000,
    )
    kind: Kind = Field(description=_MEANINGS)
    nth: int = absent(ge=1, le=2**31, description="Only the n-th matching request from now on.")
    rate: float = absent(ge=0, le=1, description="This share of the matching requests, seeded.")
    times: int = absent(ge=1, le=2**31, description="Spent after so many hits: 1 for once, 3 for a burst.")
    seconds: float = Field(default=0.0, ge=-31_536_000, le=31_536_000, description="For latency at most 600.")
    status: int = Field(default=503, ge=200, le=599)
    body: JsonValue = None
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    retry_after: float = absent(ge=0, le=31_536_000, description="Adds Retry-After to a `status`.")
    retry_after_as: Literal["seconds", "date"] = "seconds"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kind == "latency" and not 0 <= self.seconds <= 600:
            raise refused("seconds", "A latency lasts at most 600 seconds.")
        if self.kind == "stale" and self.seconds < 0:
            raise refused("seconds", "A listing is stale by a positive number of seconds.")
        if self.kind == "status" and self.status in (204, 205, 304) and self.body is not None:
            raise refused("body", f"An answer with {self.status} has no body.")
        return self


class FaultRow(BaseModel):
    """A planted failure."""

    id: str
    route: str
    kind: Kind
    nth: int | None
    rate: float | None
    times: int | None
    seconds: float
    status: int
    body: Any
    headers: dict[str, str]
    retry_after: float | None
    retry_after_as: Literal["seconds", "date"]
    seen: int = Field(description="Matching requests so far.")
    hits: int = Field(description="Requests it failed so far.")


class FaultRows(BaseModel):
    """All planted failures, spent ones too."""

    faults: list[FaultRow]


class SwitchRow(BaseModel):
    """A switch: one point where the real service's behaviour is not known for certain."""

    value: Any
    allowed: list[Any] = Field(description="Empty: any value of the same type.")
    meaning: str


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses=REFUSALS)

    @routes.get("/faults", response_model=FaultRows)
    async def faults() -> Answer:
        """Every planted failure, with how often it was met."""
        return Answer({"faults": [fault.as_dict() for fault in sandbox.world.faults.all()]})

    @routes.post("/faults", status_code=201, response_model=FaultRow)
    async def add_fault(body: NewFault) -> Answer:
        """Plant a failure."""
        return Answer(sandbox.world.faults.add(body.given()).as_dict(), 201)

    @routes.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        """Take every failure away."""
        sandbox.world.faults.clear()

    @routes.delete("/faults/{fault_id}", status_code=204, responses=NOT_FOUND)
    async def remove_fault(fault_id: str) -> None:
        """Take one failure away."""
        if not sandbox.world.faults.remove(fault_id):
            raise UnknownError("fault", fault_id)

    @routes.get("/behaviour", response_model=dict[str, SwitchRow])
    async def behaviour() -> Answer:
        """Every switch."""
        return Answer(sandbox.world.behaviour.as_dict())

    @routes.patch("/behaviour", response_model=dict[str, SwitchRow])
    async def set_behaviour(body: dict[str, JsonValue]) -> Answer:
        """Turn switches: all of them, or none where one cannot be."""
        switches = sandbox.world.behaviour
        for name, value in body.items():
            try:
                switches.check(name, value)
            except SandboxInputError as error:
                raise SandboxInputError(str(error), name) from error
        for name, value in body.items():
            switches.set(name, value)
        return Answer(switches.as_dict())

    return routes
