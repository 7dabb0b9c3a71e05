"""What every call of the control API has in common: its token, the shape of a refusal, commit before the answer.

A refusal is always a `Problem`: 401 without the token, 404 for what is not there, 422 with the field for bad input.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.sandbox.faults import SandboxInputError
from app.sandbox.middleware import header_values
from app.sandbox.world import EmulatedProvider, World

Json = dict[str, Any]

_NO_JSON: Final = "Send JSON, with the header Content-Type: application/json."


class Controlled(Protocol):
    """What the control API needs of the sandbox."""

    world: World
    control_token: str

    @property
    def providers(self) -> tuple[EmulatedProvider, ...]:
        """Both services."""
        ...

    def provider(self, name: str) -> EmulatedProvider:
        """The service of that name."""
        ...

    def provider_of(self, calendar_id: str) -> EmulatedProvider:
        """The service that has this calendar."""
        ...

    @property
    def online(self) -> bool:
        """Whether the services can be reached."""
        ...

    async def set_online(self, online: bool) -> None:
        """Take both services off the network, or bring them back."""
        ...

    def reset(self, seed: Json | None = None, random_seed: int | None = None) -> None:
        """Back to the start."""
        ...


class UnknownError(Exception):
    """There is no such calendar, event, account or fault. Answered with 404."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is no {what} {name!r}.")


class FieldProblem(BaseModel):
    """One field that cannot be used, and why."""

    field: str = Field(description="Its path in what was sent, e.g. `exceptions.0.start`.")
    message: str


class Problem(BaseModel):
    """Why a call was refused."""

    error: str = Field(description="One sentence for a person.")
    field: str | None = Field(description="The first field to blame; null when none is.")
    details: list[FieldProblem] = Field(description="Every field to blame.")


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "The token is missing or wrong."},
    422: {"model": Problem, "description": "What was sent cannot be used; names the field."},
}
"""For routes that take input; `NOT_FOUND` beside it for those that name something."""

NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "There is no such thing."}}


class Answer(JSONResponse):
    """JSON as ASCII: titles may hold what UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def refusal(
    status: int, error: str, details: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """A `Problem` as an answer.

    Args:
        details: fields and what is wrong with each.
    """
    rows = [{"field": field, "message": message} for field, message in details]
    content = {"error": error, "field": rows[0]["field"] if rows else None, "details": rows}
    return Answer(content, status, headers)


class Guard:
    """Checks the token, and makes what was done durable before it is answered."""

    def __init__(self, app: ASGIApp, sandbox: Controlled) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 401, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = (header_values(scope, "authorization") or [""])[0]
        scheme, _, token = sent.partition(" ")
        known = scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), self._sandbox.control_token.encode()
        )
        if not known and scope["path"] != "/openapi.json":
            refused = refusal(401, "The control API needs its token.", headers={"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
            return

        async def committed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._sandbox.world.commit()
            await send(message)

        await self._app(scope, receive, committed)


def refuse_well(app: FastAPI) -> None:
    """Let every refusal of this application be a `Problem`."""

    @app.exception_handler(RequestValidationError)
    async def _bad_fields(_: Request, error: RequestValidationError) -> Answer:
        if isinstance(error.body, bytes) and error.body:
            return refusal(422, _NO_JSON, [("body", _NO_JSON)])
        details = [problem_of(one, error.body) for one in error.errors()]
        return refusal(422, f"{details[0][0]}: {details[0][1]}", details)

    @app.exception_handler(SandboxInputError)
    async def _bad_input(_: Request, error: SandboxInputError) -> Answer:
        return refusal(422, str(error), [(error.field or "body", str(error))])

    @app.exception_handler(UnknownError)
    async def _not_found(_: Request, error: UnknownError) -> Answer:
        return refusal(404, str(error))

    @app.exception_handler(HTTPException)
    async def _plain(_: Request, error: HTTPException) -> Answer:
        if error.status_code == 400:
            return refusal(422, "The body cannot be read.", [("body", "It is no JSON in UTF-8.")])
        texts = {404: "There is no such call; /openapi.json lists all.", 405: "This call has another method."}
        return refusal(error.status_code, texts.get(error.status_code, str(error.detail)), headers=error.headers)


def problem_of(problem: Mapping[str, Any], body: Any) -> tuple[str, str]:
    """Field and sentence of one of pydantic's errors.

    Args:
        problem: its location begins with `body`, `query` or `path`.
        body: what was sent.
    """
    field = _path(problem["loc"], body, is_missing=problem["type"] == "missing")
    if problem["type"] == "refused":
        own = str(problem["ctx"]["field"])
        field = own if field == "body" else f"{field}.{own}"
    return field, _sentence(problem)


def _path(location: Sequence[int | str], body: Any, *, is_missing: bool) -> str:
    """The path of a field as its sender knows it: without the names of union members that pydantic puts in."""
    source, *rest = location
    if source != "body":
        return str(rest[0]) if rest else str(source)
    path: list[str] = []
    for number, part in enumerate(rest):
        if isinstance(body, list) and isinstance(part, int):
            path.append(str(part))
            body = body[part] if part < len(body) else None
        elif isinstance(body, dict) and part in body:
            path.append(str(part))
            body = body[part]
        elif is_missing and isinstance(body, dict) and number == len(rest) - 1:
            path.append(str(part))
    return ".".join(path).encode("utf-8", "replace").decode() or "body"


def _sentence(problem: Mapping[str, Any]) -> str:
    kind, text = str(problem["type"]), str(problem["msg"])
    known = {
        "missing": "It is missing.",
        "extra_forbidden": "There is no such field.",
        "json_invalid": "It is no JSON.",
    }
    text = known.get(kind, text.removeprefix("Value error, "))
    return text.encode("utf-8", "replace").decode() + ("" if text.endswith(".") else ".")
