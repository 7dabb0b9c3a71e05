"""The names Gmail's parameters, bodies and answers have (discovery document `gmail.v1`), and refusing others.

Unlike Calendar, Gmail refuses a parameter it does not know. Tests hold these tables against the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams

from app.sandbox.google.mail.errors import GmailError, bad_parameter, invalid
from app.sandbox.google.scopes import PREFIX

_READ: Final = frozenset(
    {"https://mail.google.com/"} | {f"{PREFIX}gmail.{name}" for name in ("metadata", "modify", "readonly")}
)
_BODIES: Final = _READ - {f"{PREFIX}gmail.metadata"}
_CHANGE: Final = frozenset({"https://mail.google.com/", f"{PREFIX}gmail.modify"})
SCOPES: Final[Mapping[str, frozenset[str]]] = {
    "getProfile": _READ,
    "watch": _READ,
    "stop": _READ,
    "labels.list": _READ | {f"{PREFIX}gmail.labels"},
    "labels.get": _READ | {f"{PREFIX}gmail.labels"},
    "messages.list": _READ,
    "messages.get": _READ,
    "messages.attachments.get": _BODIES,
    "messages.modify": _CHANGE,
    "messages.batchModify": _CHANGE,
    "messages.trash": _CHANGE,
    "messages.untrash": _CHANGE,
    "messages.delete": frozenset({"https://mail.google.com/"}),
    "threads.list": _READ,
    "threads.get": _READ,
    "history.list": _READ,
}
"""Any one of the scopes opens the method."""

_LISTING: Final = {"q": "string", "labelIds": "strings", "includeSpamTrash": "boolean"}
_PAGED: Final = {"maxResults": "uint32", "pageToken": "string"}
_FORMAT: Final = {"format": "minimal full raw metadata", "metadataHeaders": "strings"}
PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    **{method: {} for method in SCOPES},
    "messages.list": {**_LISTING, **_PAGED},
    "messages.get": _FORMAT,
    "threads.list": {**_LISTING, **_PAGED},
    "threads.get": {**_FORMAT, "format": "full metadata minimal"},
    "history.list": {
        **_PAGED,
        "startHistoryId": "uint64",
        "historyTypes": "messageAdded messageDeleted labelAdded labelRemoved",
        "labelId": "string",
    },
}
"""The query parameters of each method with their kinds; several words are the values allowed."""

REPEATED: Final = frozenset({"labelIds", "metadataHeaders", "historyTypes"})
GLOBAL: Final[Mapping[str, str]] = {
    "$.xgafv": "1 2",
    "access_token": "string",
    "alt": "json media proto",
    "callback": "string",
    "fields": "string",
    "key": "string",
    "oauth_token": "string",
    "prettyPrint": "boolean",
    "quotaUser": "string",
    "uploadType": "string",
    "upload_protocol": "string",
}

Names = dict[str, "Names | None"]
"""The fields of an answer; None for one without fields of its own."""


def _names(text: str, **below: Names) -> Names:
    return {**dict.fromkeys(text.split()), **below}


_VALUES: Final = _names("labelId", fields=_names("fieldId selection"))
_BODY: Final = _names("attachmentId data size")
_PART: Final = _names("filename mimeType partId", body=_BODY, headers=_names("name value"))
_PART["parts"] = _PART
MESSAGE: Final = _names(
    "historyId id internalDate labelIds raw sizeEstimate snippet threadId",
    classificationLabelValues=_VALUES,
    payload=_PART,
)
_CHANGED: Final = _names("labelIds", message=MESSAGE)
LABEL: Final = _names(
    "id labelListVisibility messageListVisibility messagesTotal messagesUnread name threadsTotal threadsUnread type",
    color=_names("backgroundColor textColor"),
)
_THREAD: Final = _names("historyId id snippet", messages=MESSAGE)
ANSWERS: Final[Mapping[str, Names]] = {
    "getProfile": _names("emailAddress historyId messagesTotal threadsTotal"),
    "watch": _names("expiration historyId"),
    "stop": {},
    "labels.list": _names("", labels=LABEL),
    "labels.get": LABEL,
    "messages.list": _names("nextPageToken resultSizeEstimate", messages=MESSAGE),
    "messages.get": MESSAGE,
    "messages.attachments.get": _BODY,
    "messages.modify": MESSAGE,
    "messages.batchModify": {},
    "messages.trash": MESSAGE,
    "messages.untrash": MESSAGE,
    "messages.delete": {},
    "threads.list": _names("nextPageToken resultSizeEstimate", threads=_THREAD),
    "threads.get": _THREAD,
    "history.list": _names(
        "historyId nextPageToken",
        history=_names(
            "id",
            messages=MESSAGE,
            messagesAdded=_names("", message=MESSAGE),
            messagesDeleted=_names("", message=MESSAGE),
            labelsAdded=_CHANGED,
            labelsRemoved=_CHANGED,
        ),
    ),
}

_CHANGES: Final = {"addLabelIds": "strings", "removeLabelIds": "strings"}
_UNUSED: Final = {"addClassificationLabels": "unused", "removeClassificationLabelIds": "unused"}
BODIES: Final[Mapping[str, Mapping[str, str]]] = {
    "messages.modify": {**_CHANGES, **_UNUSED},
    "messages.batchModify": {**_CHANGES, **_UNUSED, "ids": "strings"},
    "watch": {
        "topicName": "string",
        "labelIds": "strings",
        "labelFilterBehavior": "include exclude",
        "labelFilterAction": "include exclude",
    },
}
"""The fields that a method's body may have."""


def check_parameters(method: str, params: QueryParams) -> None:
    """Refuse parameters that the method does not have, and values that are none of their kind.

    Raises:
        GmailError: 400.
    """
    known = {**GLOBAL, **PARAMETERS[method]}
    given: set[str] = set()
    for name, value in params.multi_items():
        kind = known.get(name)
        if kind is None:
            raise bad_parameter(
                name,
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message.",
            )
        if name in given and name not in REPEATED:
            raise bad_parameter(
                name,
                f'Invalid value at \'{name}\' (oneof), oneof field "{name}" is already set. Cannot set "{name}"',
            )
        given.add(name)
        if not _fits(value, kind):
            shown = {"boolean": "TYPE_BOOL", "uint32": "TYPE_UINT32", "uint64": "TYPE_UINT64"}.get(kind, "TYPE_ENUM")
            raise bad_parameter(name, f"Invalid value at '{name}' ({shown}), \"{value}\"")


def _fits(value: str, kind: str) -> bool:
    if kind in ("string", "strings"):
        return True
    if kind == "boolean":
        return value in ("true", "false")
    if kind in ("uint32", "uint64"):
        return bool(re.fullmatch(r"[0-9]{1,20}", value)) and int(value) < 2 ** int(kind[4:])
    return value in kind.split()


def read_body(method: str, raw: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        GmailError: 400 for no JSON, an unknown field or a value of a wrong kind.
    """
    if not raw.strip():
        return {}
    if not content_type.lower().startswith("application/json"):
        raise GmailError(400, "badContent", f"Content type {content_type!r} is not supported here.")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise GmailError(400, "parseError", "Invalid JSON payload received. Parser terminated.") from error
    if not isinstance(value, dict):
        raise GmailError(
            400, "parseError", "Invalid JSON payload received. Unknown name: Root element must be a message."
        )
    known = BODIES[method]
    for name, item in value.items():
        kind = known.get(name)
        if kind is None:
            raise bad_parameter(name, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        if kind == "unused":
            raise GmailError(501, "notImplemented", f"The sandbox does not emulate {name}.")
        if item is None:
            continue
        if kind == "strings":
            fits = isinstance(item, list) and all(isinstance(one, str) for one in item)
        else:
            fits = isinstance(item, str) and _fits(item, kind)
        if not fits:
            raise bad_parameter(name, f"Invalid value at '{name}' (TYPE_STRING), {json.dumps(item)[:80]}")
    return value


def check_fields(selector: Mapping[str, Any], names: Names, path: str = "") -> None:
    """Refuse a `fields` selector that names what the answer does not have.

    Raises:
        GmailError: 400.
    """
    for name, below in selector.items():
        whole = f"{path}.{name}" if path else name
        if name != "*" and name not in names:
            raise invalid(f"Request contains an invalid argument. Cannot find matching fields for path '{whole}'.")
        if below is not None:
            inner = names.get(name)
            if inner is None:
                raise invalid(f"Request contains an invalid argument. '{whole}' has no fields.")
            check_fields(below, inner, whole)
