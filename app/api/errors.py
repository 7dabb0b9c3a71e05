"""Failures as HTTP answers: one body shape a family, one table from domain errors to statuses (`contract/api.md` §2).

No body shows a stack trace, a path, a token or a key. A fault of ours is a bare 500; its story is in the log, under the
request id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InputError,
    KalendsError,
    NotFoundError,
    ProviderError,
    SignInError,
    StorageError,
    ThrottledError,
    VaultError,
)

# What the documents that this API matches say, word for word.
_MESSAGES: Final[Mapping[int, str]] = {
    401: "Missing or invalid API key",
    403: "API key doesn't have permission for this resource",
    404: "The requested resource doesn't exist",
    422: "Request body failed validation",
    429: "Too many requests — back off and retry",
    500: "Something went wrong on our end",
}
_UNAVAILABLE_RETRY_SECONDS: Final = 5


class Refusal(Exception):
    """A request that is refused, as every family can tell it.

    Args:
        status: the HTTP status.
        code: stable word of the pairs family; other families have their own words for some.
        message: one sentence; None takes the documented one of the status.
        details: what is wrong, by field.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str | None = None,
        *,
        details: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message or _MESSAGES[status]
        self.details = tuple(details)
        self.headers = dict(headers or {})
        super().__init__(self.message)


def unauthorized() -> Refusal:
    """401: no key, or none that is good."""
    return Refusal(401, "unauthorized", headers={"WWW-Authenticate": "Bearer"})


def forbidden(*scopes: str) -> Refusal:
    """403: a good key that lacks a scope; any of the named ones would do."""
    details = [FieldError("scope", f"This key needs {' or '.join(scopes)}.")] if scopes else []
    return Refusal(403, "forbidden", details=details)


def not_found() -> Refusal:
    """404: unknown, ill-formed, or not for this caller's eyes."""
    return Refusal(404, "not_found")


def invalid(*details: FieldError) -> Refusal:
    """422: what the caller sent cannot be used, by field."""
    return Refusal(422, "validation_error", details=details)


def server_error() -> Refusal:
    """500: a fault of ours."""
    return Refusal(500, "server_error")


def unavailable(message: str, retry_seconds: float = _UNAVAILABLE_RETRY_SECONDS) -> Refusal:
    """503: not now, but waiting helps."""
    return Refusal(503, "unavailable", message, headers={"Retry-After": str(max(1, math.ceil(retry_seconds)))})


# --- from the domain ------------------------------------------------------------------------------------------------


def refusal_of(error: KalendsError) -> Refusal:
    """The answer to a failure that a service raised."""
    for kind, translate in _TRANSLATIONS:
        if isinstance(error, kind):
            return translate(error)
    if error.code == "unavailable":
        return unavailable(_sentence(error))
    return server_error()


def _sentence(error: KalendsError) -> str:
    return f"{error.message} {error.fix}" if error.fix else error.message


def _conflict(error: KalendsError) -> Refusal:
    details = error.details if isinstance(error, InputError) else ()
    return Refusal(409, error.code, _sentence(error), details=details)


def _input(error: KalendsError) -> Refusal:
    details = error.details if isinstance(error, InputError) else ()
    return Refusal(422, "validation_error", None if details else _sentence(error), details=details)


def _provider(error: KalendsError) -> Refusal:
    wait = error.retry_after_seconds if isinstance(error, ThrottledError) else None
    return unavailable(_sentence(error), wait or _UNAVAILABLE_RETRY_SECONDS)


# A state that only the person can change is a conflict with a code of its own; what passes by itself is unavailable.
_TRANSLATIONS: Final[tuple[tuple[type[KalendsError], Callable[[KalendsError], Refusal]], ...]] = (
    (ConflictError, _conflict),
    (InputError, _input),
    (NotFoundError, lambda error: not_found()),
    (ForbiddenError, lambda error: forbidden()),
    (SignInError, _conflict),
    (VaultError, _conflict),
    (AuthExpiredError, _conflict),
    (AccessError, _conflict),
    (ProviderError, _provider),
    (StorageError, lambda error: unavailable(_sentence(error))),
)


# --- from the framework ---------------------------------------------------------------------------------------------


def refusal_of_validation(error: RequestValidationError) -> Refusal:
    """422 with one detail a bad field, saying what to send instead."""
    return invalid(*(FieldError(_field(found["loc"]), _fix(found)) for found in error.errors()))


def refusal_of_http(error: HTTPException, allowed: Sequence[str]) -> Refusal:
    """What the router itself refuses: an unknown route, or a method that the route does not have.

    Args:
        allowed: the methods that the path does have.
    """
    if error.status_code == 405:
        return Refusal(
            405, "method_not_allowed", "This route does not know this method.", headers={"Allow": ", ".join(allowed)}
        )
    if error.status_code == 404:
        return not_found()
    return server_error()


def _field(location: Sequence[str | int]) -> str:
    """`("body", "(many)", 3, "filters", "free")` as `[3].filters.free`; names in parentheses are of our models."""
    path = ""
    for part in location[1:]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("("):
            path += f".{part}" if path else part
    return path or str(location[0])


def _fix(found: Mapping[str, Any]) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "missing":
            return "Send this field."
        case "extra_forbidden":
            return "There is no such field; leave it out."
        case "enum" | "literal_error":
            return f"Send {context['expected']}."
        case "greater_than_equal":
            return f"Send {context['ge']} or more."
        case "less_than_equal":
            return f"Send {context['le']} or less."
        case "string_too_long":
            return f"Send at most {context['max_length']} characters."
        case "too_long":
            return f"Send at most {context['max_length']}."
        case "too_short" | "string_too_short":
            return f"Send at least {context['min_length']}."
        case "value_error":
            return str(context["error"])
        case "model_attributes_type" | "model_type" | "dict_type":
            return "Send an object."
        case kind:
            return _KINDS.get(kind, "Send a value of the documented form.")


_KINDS: Final[Mapping[str, str]] = {
    "string_type": "Send text.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "int_parsing_size": "Send a smaller number.",
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "float_type": "Send a number.",
    "float_parsing": "Send a number.",
    "finite_number": "Send a number.",
    "list_type": "Send a list.",
}


# --- bodies, by family ----------------------------------------------------------------------------------------------

Body = Callable[[Refusal, str], Mapping[str, Any]]


def _pairs_body(refusal: Refusal, request_id: str) -> Mapping[str, Any]:
    return {
        "error": {
            "code": refusal.code,
            "message": refusal.message,
            "details": [{"field": detail.field, "message": detail.message} for detail in refusal.details],
            "request_id": request_id,
        }
    }


# Families by the start of the path, the longest first. What no row names is answered as the pairs family does.
_FAMILIES: Final[tuple[tuple[str, Body], ...]] = (("/api/v1", _pairs_body),)


def _body_of(path: str) -> Body:
    for start, body in _FAMILIES:
        if path == start or path.startswith(f"{start}/"):
            return body
    return _pairs_body


def answer(refusal: Refusal, path: str, request_id: str) -> Response:
    """A refusal as the answer of the family that a path belongs to."""
    return JSONResponse(_body_of(path)(refusal, request_id), refusal.status, refusal.headers)
