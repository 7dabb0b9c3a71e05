"""Request bodies before anything is made of them: small, plain `application/json`, and JSON without tricks.

RFC 8259 leaves duplicate names, deep nesting and lone surrogates to the reader; here they are refused, as two readers
that disagree about a body are a way around checks (`contract/api.md` §1).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from email.message import Message
from typing import Any, Final, NoReturn

from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.errors import Refusal

LARGEST_BODY_BYTES: Final = 256 * 1024
DEEPEST_NESTING: Final = 32

# Strings are skipped as a whole; one that does not end takes the rest with it, so that no text is scanned twice.
_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


async def read_body(request: Request) -> Any:
    """The parsed body of a request; no body is an empty object, whatever its content type.

    Raises:
        Refusal: 413, 415 or 400, in this order.
    """
    raw = await _limited(request)
    if not raw:
        return {}
    _require_json(request.headers)
    return parse(raw)


def parse(raw: bytes) -> Any:
    """A JSON text (RFC 8259) as Python values. Raises Refusal 400."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("The body is not UTF-8.") from None
    _require_shallow(text)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float)
    except ValueError:
        raise _bad("The body is not valid JSON.") from None
    if "\\u" in text:
        _require_whole_characters(value)
    return value


async def _limited(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > LARGEST_BODY_BYTES:
        raise _too_large()
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST_BODY_BYTES:
            raise _too_large()
    return bytes(received)


def _require_json(headers: Headers) -> None:
    encodings = headers.getlist("content-encoding")
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        raise _unsupported("Send the body uncompressed.")
    types = headers.getlist("content-type")
    if len(types) != 1 or not _is_json(types[0]):
        raise _unsupported("Send the body as application/json.")


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    parameters = message.get_params(failobj=[])[1:]
    plain = all(name.lower() == "charset" and value.lower() == "utf-8" for name, value in parameters)
    return message.get_content_type() == "application/json" and plain


def _require_shallow(text: str) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        if match[1]:
            depth += 1
            if depth > DEEPEST_NESTING:
                raise _bad(f"The body is nested more than {DEEPEST_NESTING} deep.")
        elif match[2]:
            depth -= 1


def _require_whole_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise _bad("The body holds half of a surrogate pair.") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _bad("The body names a field twice.")
    return found


def _no_constant(text: str) -> NoReturn:
    raise _bad(f"{text} is no JSON number.")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _bad("The body holds a number that is too large.")
    return number


def _bad(message: str) -> Refusal:
    return Refusal(400, "bad_request", message)


def _too_large() -> Refusal:
    # The rest of the body is not waited for, so the connection cannot be used again.
    message = f"The body is larger than {LARGEST_BODY_BYTES // 1024} KiB."
    return Refusal(413, "payload_too_large", message, headers={"Connection": "close"})


def _unsupported(message: str) -> Refusal:
    return Refusal(415, "unsupported_media_type", message)
