"""The judge of the emulated Graph: every exchange against a schema derived from Microsoft's own types.

The schema and its recipe are in `tests/data/graph`. A request of Kalends itself must fit whatever is answered; one of
anybody else must fit when it is granted. Sign-in is not Graph's; msal judges it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from app.sandbox.observing import Exchange
from tests.judges.google import is_ours
from tests.judges.schemas import Schema, read

SCHEMA_FILE: Final = Path(__file__).parents[1] / "data" / "graph" / "schema.json"
_BASE: Final = "/v1.0/"
_ANNOTATIONS: Final[dict[str, Any]] = {"^[A-Za-z]*@odata\\.": True}
_TEXT: Final = {"type": "string"}
# "Microsoft Graph error responses and resource types"; annotations such as @event.existingEventId tell more.
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "additionalProperties": False,
            "patternProperties": {"^@": True},
            "properties": {
                "code": {"type": "string", "minLength": 1},
                "message": _TEXT,
                "target": {"type": ["string", "null"]},
                "details": {"type": "array"},
                "innerError": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        **dict.fromkeys(("code", "message", "date", "request-id", "client-request-id"), _TEXT),
                        "innerError": {"type": "object"},
                    },
                },
            },
        }
    },
}
# "event: delta": what was removed has its id and the reason.
_REMOVED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "@removed"],
    "additionalProperties": False,
    "patternProperties": _ANNOTATIONS,
    "properties": {
        "id": _TEXT,
        "@removed": {
            "type": "object",
            "required": ["reason"],
            "additionalProperties": False,
            "properties": {"reason": {"enum": ["changed", "deleted"]}},
        },
    },
}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["value"],
        "additionalProperties": False,
        "patternProperties": _ANNOTATIONS,
        "properties": {"value": {"type": "array", "items": item}},
    }


_EVENT: Final = _ref("Event")
_CHANGES: Final = {"if": {"required": ["@removed"]}, "then": _REMOVED, "else": _EVENT}
_MESSAGE: Final = _ref("Message")
_FOLDER: Final = _ref("MailFolder")
_MESSAGE_CHANGES: Final = {"if": {"required": ["@removed"]}, "then": _REMOVED, "else": _MESSAGE}
_FOLDER_CHANGES: Final = {"if": {"required": ["@removed"]}, "then": _REMOVED, "else": _FOLDER}
_CONTENT: Final[dict[str, Any]] = {"$comment": "the bytes of a message or a file, and no JSON"}
# What "@odata.type" says a resource is beside its base type; who answers a derived one must say so.
_DERIVED: Final = {
    "Attachment": ("FileAttachment", "ItemAttachment"),
    "Message": ("EventMessage", "EventMessageRequest", "EventMessageResponse"),
}
# Known resources that no answer of these types brings along: only an $expand that is not emulated would.
_NEVER_EXPANDED: Final = {
    "Event": ("attachments",),
    "User": ("mailFolders", "messages"),
    "MailFolder": ("childFolders", "messages"),
}
_ZONE_NAME: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["value"],
    "additionalProperties": False,
    "patternProperties": _ANNOTATIONS,
    "properties": {"value": _TEXT},
}
_TRANSLATION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["inputIds", "targetIdType"],
    "additionalProperties": False,
    "properties": {
        "inputIds": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 1000},
        "sourceIdType": _ref("ExchangeIdFormat"),
        "targetIdType": _ref("ExchangeIdFormat"),
    },
}
# "Combine multiple HTTP requests using JSON batching".
_BATCH_SENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["requests"],
    "additionalProperties": False,
    "properties": {
        "requests": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "required": ["id", "method", "url"],
                "additionalProperties": False,
                "properties": {
                    "id": _TEXT,
                    "method": {"enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
                    "url": _TEXT,
                    "headers": {"type": "object", "additionalProperties": _TEXT},
                    "body": True,
                    "dependsOn": {"type": "array", "items": _TEXT},
                },
            },
        }
    },
}
_BATCH_ANSWERED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["responses"],
    "additionalProperties": False,
    "patternProperties": _ANNOTATIONS,
    "properties": {
        "responses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "status"],
                "additionalProperties": False,
                "properties": {
                    "id": _TEXT,
                    "status": {"type": "integer"},
                    "headers": {"type": "object", "additionalProperties": _TEXT},
                    "body": True,
                    "atomicityGroup": _TEXT,
                },
            },
        }
    },
}


class _Route(NamedTuple):
    """A method of Graph: what is sent and what a success answers; None for no body."""

    method: str
    pattern: re.Pattern[str]
    sent: dict[str, Any] | None
    answered: dict[str, Any] | None


def _route(method: str, path: str, sent: dict[str, Any] | None, answered: dict[str, Any] | None) -> _Route:
    return _Route(method, re.compile(path, re.IGNORECASE), sent, answered)


_EVENTS: Final = r"me/(?:calendar/|calendars/[^/]+/)?events"
_MESSAGES: Final = r"me/(?:mailFolders/[^/]+/)?messages"
_VIEW: Final = r"me/(?:calendar/|calendars/[^/]+/)?calendarView"
_ROUTES: Final = (
    _route("POST", r"\$batch", _BATCH_SENT, _BATCH_ANSWERED),
    _route("GET", r"me", None, _ref("User")),
    _route("GET", r"me/(?:calendar|calendars/[^/]+)", None, _ref("Calendar")),
    _route("GET", r"me/calendars", None, _many(_ref("Calendar"))),
    _route("POST", r"me/calendars", _ref("Calendar"), _ref("Calendar")),
    _route("GET", r"me/mailboxSettings", None, _ref("MailboxSettings")),
    _route("GET", r"me/mailboxSettings/timeZone", None, _ZONE_NAME),
    _route("GET", r"me/outlook/supportedTimeZones(?:\(.*\))?", None, _many(_ref("TimeZoneInformation"))),
    _route("POST", r"me/translateExchangeIds", _TRANSLATION, _many(_ref("ConvertIdResult"))),
    _route("GET", _VIEW, None, _many(_EVENT)),
    _route("GET", _VIEW + r"/(?:microsoft\.graph\.)?delta(?:\(\))?", None, _many(_CHANGES)),
    _route("GET", _EVENTS + r"/(?:microsoft\.graph\.)?delta(?:\(\))?", None, _many(_CHANGES)),
    _route("GET", _EVENTS, None, _many(_EVENT)),
    _route("POST", _EVENTS, _EVENT, _EVENT),
    _route("GET", _EVENTS + r"/[^/]+", None, _EVENT),
    _route("PATCH", _EVENTS + r"/[^/]+", _EVENT, _EVENT),
    _route("DELETE", _EVENTS + r"/[^/]+", None, None),
    _route("GET", _EVENTS + r"/[^/]+/instances", None, _many(_EVENT)),
    _route("GET", r"me/mailFolders", None, _many(_FOLDER)),
    _route("GET", r"me/mailFolders/delta(?:\(\))?", None, _many(_FOLDER_CHANGES)),
    _route("GET", r"me/mailFolders/[^/]+", None, _FOLDER),
    _route("GET", r"me/mailFolders/[^/]+/childFolders", None, _many(_FOLDER)),
    _route(
        "GET", r"me/mailFolders/[^/]+/messages/(?:microsoft\.graph\.)?delta(?:\(\))?", None, _many(_MESSAGE_CHANGES)
    ),
    _route("GET", _MESSAGES, None, _many(_MESSAGE)),
    _route("GET", _MESSAGES + r"/[^/]+", None, _MESSAGE),
    _route("GET", _MESSAGES + r"/[^/]+/\$value", None, _CONTENT),
    _route("GET", _MESSAGES + r"/[^/]+/attachments", None, _many(_ref("Attachment"))),
    _route("GET", _MESSAGES + r"/[^/]+/attachments/[^/]+", None, _ref("Attachment")),
    _route("GET", _MESSAGES + r"/[^/]+/attachments/[^/]+/\$value", None, _CONTENT),
)


def findings(exchange: Exchange) -> list[str]:
    """What is wrong with an exchange, in sentences; empty when nothing is, or when it is none with Graph."""
    if not exchange.path.startswith(_BASE):
        return []
    path = unquote(exchange.path).removeprefix(_BASE).rstrip("/")
    # An id may hold an escaped slash: the pattern sees the path as it was sent, but for its function's parentheses.
    raw = re.sub(r"%28|%29|%27|%3D|%24", lambda found: unquote(found[0]), exchange.path, flags=re.IGNORECASE)
    raw = raw.removeprefix(_BASE).rstrip("/")
    route = next((one for one in _ROUTES if one.method == exchange.method and one.pattern.fullmatch(raw)), None)
    granted = exchange.status is None or exchange.status < 400
    found: list[str] = []
    if granted or is_ours(exchange):
        found += _request_findings(exchange, route)
    # 501 is the sandbox's own word for what it does not emulate.
    if exchange.answer is not None and not exchange.planted and exchange.status != 501:
        found += [f"answered {text}" for text in _answer_findings(exchange, route)]
    return [f"{exchange.method} {path}: {text}" for text in found]


def _request_findings(exchange: Exchange, route: _Route | None) -> list[str]:
    if route is None:
        return ["the judge knows no such method of Graph"]
    if exchange.body is None:  # the connection broke before it was read
        return []
    if not exchange.body:
        return [] if route.sent is None else ["sent no body"]
    if route.sent is None:
        return ["sent a body, and the method takes none"]
    value, wrong = read(exchange.body)
    return [f"sent {text}" for text in (wrong or _schema(route.sent).findings(value))]


def _answer_findings(exchange: Exchange, route: _Route | None) -> list[str]:
    status, answer = exchange.status or 0, exchange.answer or b""
    if status >= 400:
        return _json_findings(exchange, answer, _ERROR)
    if route is None or route.answered is None:
        return [f"{status} with a body where none is due"] if answer else []
    due = 201 if route.method == "POST" and route.sent in (_EVENT, _ref("Calendar")) else 200
    if status != due:
        return [f"{status} instead of {due}"]
    if route.answered is _CONTENT:
        return []
    return _json_findings(exchange, answer, route.answered)


def _json_findings(exchange: Exchange, answer: bytes, schema: dict[str, Any]) -> list[str]:
    kind = exchange.answer_headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        return [f"{exchange.status} as {kind!r}"]
    value, wrong = read(answer)
    return wrong or _schema(schema).findings(value)


def _schema(content: dict[str, Any]) -> Schema:
    """A schema of this module, compiled once."""
    known = _compiled()
    if id(content) not in known:
        known[id(content)] = Schema({**content, "definitions": _definitions()})
    return known[id(content)]


@cache
def _compiled() -> dict[int, Schema]:
    return {}


@cache
def _definitions() -> dict[str, Any]:
    definitions: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))["definitions"]
    for name, properties in _NEVER_EXPANDED.items():
        definitions[name]["properties"].update({key: {"not": {}} for key in properties})
    for base, derived in _DERIVED.items():
        schema = definitions[base]
        for name in derived:
            kind = {"const": f"#microsoft.graph.{name[0].lower()}{name[1:]}"}
            told = {"required": ["@odata.type"], "properties": {"@odata.type": kind}}
            schema = {"if": told, "then": _ref(name), "else": schema}
        definitions[base] = schema
    return definitions
