"""The judge of the emulated Google: every exchange against Google's own discovery documents.

A request of Kalends itself must fit whatever is answered. A request of anybody else must fit when it is granted: one
that the document forbids has to be refused. Sign-in (`/token` …) is in no document; Google's libraries judge it.
"""

from __future__ import annotations

import re
from email.parser import BytesHeaderParser
from typing import Any, Final

from app.providers.http import USER_AGENT
from app.sandbox.observing import Exchange
from tests.judges.discovery import Method, document
from tests.judges.schemas import Schema, read

_TEXT: Final = {"type": "string"}
_ERROR_FIELDS: Final = ("domain", "reason", "message", "location", "locationType", "extendedHelp")
# Guide "Handle API errors": the envelope is in no discovery document.
_ERROR: Final = Schema(
    {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "additionalProperties": False,
                "properties": {
                    "code": {"type": "integer"},
                    "message": _TEXT,
                    "status": {"type": "string", "pattern": "^[A-Z_]+$"},
                    "details": {"type": "array", "items": {"type": "object", "required": ["@type"]}},
                    "errors": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["domain", "reason", "message"],
                            "additionalProperties": False,
                            "properties": dict.fromkeys(_ERROR_FIELDS, _TEXT),
                        },
                    },
                },
            }
        },
    }
)
_DOCUMENTS: Final = {
    "/calendar/v3/": "calendar.v3",
    "/gmail/v1/": "gmail.v1",
    "/oauth2/v2/userinfo": "oauth2.v2",
}
# Guides "Batching requests"; Gmail's names a path of its own beside that of the discovery document.
_BATCH_LIMITS: Final = {"/batch/calendar/v3": 50, "/batch": 100, "/batch/gmail/v1": 100}


def findings(exchange: Exchange) -> list[str]:
    """What is wrong with an exchange, in sentences; empty when nothing is, or when no document speaks of it."""
    if exchange.path in _BATCH_LIMITS:
        return _batch_findings(exchange)
    name = next((known for start, known in _DOCUMENTS.items() if exchange.path.startswith(start)), None)
    if name is None:
        return []
    method = document(name).method(exchange.method, exchange.path)
    granted = exchange.status is None or exchange.status < 400
    found: list[str] = []
    if granted or is_ours(exchange):
        found += _request_findings(exchange, method)
    # 501 is the sandbox's own word for what it does not emulate.
    if exchange.answer is not None and not exchange.planted and exchange.status != 501:
        found += [f"answered {text}" for text in _answer_findings(exchange, method)]
    called = method.id if method else "no method"
    return [f"{exchange.method} {exchange.path} ({called}): {text}" for text in found]


def is_ours(exchange: Exchange) -> bool:
    """Whether Kalends itself sent this, or the batch that it came in."""
    return exchange.headers.get("user-agent", "").startswith(USER_AGENT)


def _request_findings(exchange: Exchange, method: Method | None) -> list[str]:
    if method is None:
        return ["the discovery document has no such method"]
    found = method.parameters(exchange.query)
    schema = method.schema("request")
    if not exchange.body:  # or it was not read: the connection broke, or nothing was asked that needs it
        return found
    if schema is None:
        return [*found, "sent a body, and the method takes none"]
    if not re.match(r"application/json\s*(;|$)", exchange.headers.get("content-type", "").lower()):
        found.append(f"sent a body as {exchange.headers.get('content-type')!r}")
    value, wrong = read(exchange.body)
    return found + [f"sent {text}" for text in (wrong or schema.findings(value))]


def _answer_findings(exchange: Exchange, method: Method | None) -> list[str]:
    status, answer = exchange.status or 0, exchange.answer or b""
    if status == 304:
        return ["a body with 304"] if answer else []
    if status >= 400:
        return _error_findings(exchange, answer)
    schema = method.schema("response") if method else None
    if schema is None:
        return [f"{status} with a body where none is due"] if answer else []
    if status != 200:
        return [f"{status}, and the method answers a body"]
    return _json_findings(exchange, answer, schema)


def _error_findings(exchange: Exchange, answer: bytes) -> list[str]:
    found = _json_findings(exchange, answer, _ERROR)
    if not found:
        code = read(answer)[0]["error"]["code"]
        if code != exchange.status:
            found.append(f"{exchange.status} with the code {code}")
    return found


def _json_findings(exchange: Exchange, answer: bytes, schema: Schema) -> list[str]:
    kind = exchange.answer_headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        return [f"{exchange.status} as {kind!r}"]
    value, wrong = read(answer)
    return wrong or schema.findings(value)


def _batch_findings(exchange: Exchange) -> list[str]:
    """The envelope only: each part comes by as an exchange of its own."""
    found: list[str] = []
    if exchange.body is None:
        return []
    ids = _content_ids(exchange.headers, exchange.body)
    granted = exchange.status is None or exchange.status < 400
    if granted or is_ours(exchange):
        if exchange.method != "POST":
            found.append(f"sent by {exchange.method}")
        if not ids:
            found.append("sent no multipart/mixed with parts")
        if len(ids) > _BATCH_LIMITS[exchange.path]:
            found.append(f"sent {len(ids)} parts, and {_BATCH_LIMITS[exchange.path]} are allowed")
        if len(set(filter(None, ids))) != len(list(filter(None, ids))):
            found.append("sent two parts of one Content-ID")
    if exchange.answer is not None and not exchange.planted:
        if granted:
            answered = _content_ids(exchange.answer_headers, exchange.answer)
            wanted = [f"<response-{one.removeprefix('<')}" if one else "" for one in ids]
            if sorted(answered) != sorted(wanted):
                found.append(f"answered the parts {answered}, asked were {ids}")
        else:
            found += [f"answered {text}" for text in _error_findings(exchange, exchange.answer)]
    return [f"{exchange.method} {exchange.path}: {text}" for text in found]


def _content_ids(headers: Any, body: bytes) -> list[str]:
    """The Content-ID of every part of a multipart body, empty for a part without."""
    kind = re.search(r'^multipart/mixed\s*;.*?boundary="?([^";]+)', headers.get("content-type", ""), re.IGNORECASE)
    if kind is None:
        return []
    parts = re.split(rb"(?:^|\r?\n)--" + re.escape(kind[1].encode()) + rb"(?:--)?[ \t]*(?:\r?\n|$)", body)
    ids = []
    for part in parts[1:]:
        if not part.strip():
            continue
        head = BytesHeaderParser().parsebytes(part.lstrip(b"\r\n"))
        if head.get_content_type() == "application/http":
            ids.append(str(head.get("Content-ID") or ""))
    return ids
