"""``$filter``, ``$orderby`` and ``$search`` of messages, as far as Outlook answers them; what it does not is refused.

It works on rendered messages. Reference: "Use query parameters", "List messages" (sorting beside a filter),
"Use the $search query parameter".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.odata import instant
from app.sandbox.mime import words

Rendered = Mapping[str, Any]
Predicate = Callable[[Rendered], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<word>[A-Za-z_][\w./]*)|(?P<number>-?\d+)|(?P<mark>[():,]))"
)
_TEXTS: Final = {
    "subject": "subject",
    "internetmessageid": "internetMessageId",
    "conversationid": "conversationId",
    "parentfolderid": "parentFolderId",
    "importance": "importance",
    "inferenceclassification": "inferenceClassification",
    "from/emailaddress/address": "from",
    "from/emailaddress/name": "from",
    "sender/emailaddress/address": "sender",
    "sender/emailaddress/name": "sender",
    "flag/flagstatus": "flag",
}
_FLAGS: Final = {"isread": "isRead", "isdraft": "isDraft", "hasattachments": "hasAttachments"}
_MOMENTS: Final = {
    "receiveddatetime": "receivedDateTime",
    "sentdatetime": "sentDateTime",
    "createddatetime": "createdDateTime",
    "lastmodifieddatetime": "lastModifiedDateTime",
}
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "ge": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "le": lambda left, right: bool(left <= right),
}
_DEPTH: Final = 30


def _bad_filter() -> GraphError:
    return GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")


def _value(message: Rendered, field: str) -> Any:
    if field in _TEXTS:
        found = message[_TEXTS[field]]
        for step in field.split("/")[1:]:
            name = {"emailaddress": "emailAddress", "flagstatus": "flagStatus"}.get(step, step)
            found = (found or {}).get(name)
        return str(found or "")
    if field in _MOMENTS:
        return instant(message[_MOMENTS[field]], field)
    return message[_FLAGS[field]]


class Filter:
    """A compiled ``$filter``.

    Args:
        text: as sent.

    Raises:
        GraphError: 400 for what Outlook does not answer.
    """

    def __init__(self, text: str) -> None:
        self.fields: list[str] = []
        """The properties it names, in order, in lower case."""
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise _bad_filter()
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._at = 0
        self._depth = 0
        self._found = self._either()
        if self._at != len(self._tokens):
            raise _bad_filter()

    def takes(self, message: Rendered) -> bool:
        """Whether a message passes."""
        return self._found(message)

    def _peek(self) -> str:
        return self._tokens[self._at][1].lower() if self._at < len(self._tokens) else ""

    def _next(self, kind: str | None = None, text: str | None = None) -> str:
        if self._at >= len(self._tokens):
            raise _bad_filter()
        found, value = self._tokens[self._at]
        if (kind and found != kind) or (text and value.lower() != text):
            raise _bad_filter()
        self._at += 1
        return value

    def _either(self) -> Predicate:
        options = [self._both()]
        while self._peek() == "or":
            self._next()
            options.append(self._both())
        return lambda message: any(one(message) for one in options)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._peek() == "and":
            self._next()
            parts.append(self._one())
        return lambda message: all(one(message) for one in parts)

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _bad_filter()
        try:
            if self._peek() == "(":
                self._next()
                inner = self._either()
                self._next("mark", ")")
                return inner
            if self._peek() == "not":
                self._next()
                denied = self._one()
                return lambda message: not denied(message)
            name = self._next("word").lower()
            if name in ("startswith", "contains"):
                return self._function(name)
            if name == "categories/any":
                return self._category()
            return self._comparison(name)
        finally:
            self._depth -= 1

    def _function(self, name: str) -> Predicate:
        self._next("mark", "(")
        field = self._named(self._next("word").lower(), _TEXTS)
        self._next("mark", ",")
        wanted = _string(self._next("string")).lower()
        self._next("mark", ")")
        if name == "startswith":
            return lambda message: str(_value(message, field)).lower().startswith(wanted)
        return lambda message: wanted in str(_value(message, field)).lower()

    def _category(self) -> Predicate:
        self._next("mark", "(")
        variable = self._next("word").lower()
        self._next("mark", ":")
        self._next("word", variable)
        self._next("word", "eq")
        wanted = _string(self._next("string"))
        self._next("mark", ")")
        self.fields.append("categories")
        return lambda message: wanted in message["categories"]

    def _comparison(self, field: str) -> Predicate:
        compare = _ORDER.get(self._next("word").lower())
        if compare is None or self._at >= len(self._tokens):
            raise _bad_filter()
        kind, value = self._tokens[self._at]
        self._at += 1
        if kind == "moment" and field in _MOMENTS:
            limit = instant(value, field)
            self._named(field, _MOMENTS)
            return lambda message: compare(_value(message, field), limit)
        if kind == "string" and field in _TEXTS:
            # Outlook compares texts without regard to case.
            wanted = _string(value).lower()
            self._named(field, _TEXTS)
            return lambda message: compare(str(_value(message, field)).lower(), wanted)
        if kind == "word" and field in _FLAGS and value.lower() in ("true", "false"):
            self._named(field, _FLAGS)
            return lambda message: compare(_value(message, field), value.lower() == "true")
        raise _bad_filter()

    def _named(self, field: str, known: Mapping[str, str]) -> str:
        if field not in known:
            raise _bad_filter()
        self.fields.append(field)
        return field


def ordering(text: str, filtered: Filter | None) -> list[tuple[Callable[[Rendered], Any], bool]]:
    """What ``$orderby`` sorts by, with whether it is downwards.

    Raises:
        GraphError: 400 for a property that cannot be sorted by, or one that the filter does not begin with.
    """
    found: list[tuple[str, bool]] = []
    for item in text.split(","):
        name, _, direction = item.strip().partition(" ")
        if name.lower() not in {**_TEXTS, **_FLAGS, **_MOMENTS} or direction.strip().lower() not in ("", "asc", "desc"):
            raise GraphError(400, "ErrorInvalidUrlQuery", f"Messages cannot be ordered by '{item.strip()}'.")
        found.append((name.lower(), direction.strip().lower() == "desc"))
    if filtered is not None:
        named = list(dict.fromkeys(filtered.fields))
        if [name for name, _ in found] != named[: len(found)]:
            raise GraphError(
                400, "InefficientFilter", "The restriction or sort order is too complex for this operation."
            )

    def key(name: str) -> Callable[[Rendered], Any]:
        return lambda message: _sortable(_value(message, name))

    return [(key(name), down) for name, down in found]


def _sortable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Search:
    """A compiled ``$search`` (KQL): words and ``property:value`` pairs, all of which must be found; ``OR``, ``NOT``.

    Args:
        text: with the double quotes it must stand in.

    Raises:
        GraphError: 400 when it does not stand in quotes or holds nothing.
    """

    _FIELDS: Final[Mapping[str, Sequence[str]]] = {
        "from": ("from",),
        "to": ("toRecipients",),
        "cc": ("ccRecipients",),
        "bcc": ("bccRecipients",),
        "recipients": ("toRecipients", "ccRecipients", "bccRecipients"),
        "participants": ("from", "toRecipients", "ccRecipients", "bccRecipients"),
    }

    def __init__(self, text: str) -> None:
        stripped = text.strip()
        if len(stripped) < 2 or not stripped.startswith('"') or not stripped.endswith('"'):
            stripped = f'"{stripped}"' if re.fullmatch(r"\w+", stripped) else ""
        inner = stripped[1:-1].replace('\\"', '"').strip()
        if not inner:
            raise GraphError(
                400, "BadRequest", f"Syntax error: character ':' is not valid at position 0 in '{text[:80]}'."
            )
        groups: list[list[Predicate]] = [[]]
        denied = False
        for token in re.findall(r'(?:[\w-]+:)?(?:[<>]=?|=)?"[^"]*"|\S+', inner):
            if token in ("AND", "OR", "NOT"):
                if token == "OR":
                    groups.append([])
                denied = token == "NOT"
                continue
            groups[-1].append(self._term(token, denied=denied))
            denied = False
        self._groups = groups

    def takes(self, message: Rendered) -> bool:
        """Whether a message is found."""
        return any(all(one(message) for one in group) for group in self._groups)

    def _term(self, token: str, *, denied: bool) -> Predicate:
        name, colon, value = token.partition(":")
        value = value.strip('"')
        found = self._pair(name.lower(), value) if colon else None
        if found is None:
            wanted = words(token.strip('"'))
            found = lambda message: _holds(  # noqa: E731 - one of several ways to the same thing
                f"{message['subject']} {message['bodyPreview']} {message['body']['content']} "
                f"{_names([message['from'], *message['toRecipients'], *message['ccRecipients']])}",
                wanted,
            )
        taken = found
        return (lambda message: not taken(message)) if denied else taken

    def _pair(self, name: str, value: str) -> Predicate | None:
        wanted = words(value)
        if name in self._FIELDS:
            fields = self._FIELDS[name]
            return lambda message: any(_holds(_names(_list(message[field])), wanted) for field in fields)
        if name == "subject":
            return lambda message: _holds(message["subject"], wanted)
        if name == "body":
            return lambda message: _holds(message["body"]["content"], wanted)
        if name in ("hasattachment", "hasattachments", "isread"):
            field = "isRead" if name == "isread" else "hasAttachments"
            return lambda message: bool(message[field]) == (value.lower() in ("true", "yes"))
        if name in ("received", "sent"):
            return _dated(value)
        return None


def _dated(value: str) -> Predicate | None:
    match = re.fullmatch(r"([<>]=?|=)?(\d{4}-\d\d-\d\d)", value)
    if match is None:
        return None
    try:
        limit = date.fromisoformat(match[2])
    except ValueError:
        return None
    compare = _ORDER[{"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}.get(match[1] or "", "eq")]
    return lambda message: compare(datetime.fromisoformat(message["receivedDateTime"]).astimezone(UTC).date(), limit)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(people: Sequence[Any]) -> str:
    return " ".join(f"{one['emailAddress']['name']} {one['emailAddress']['address']}" for one in people if one)


def _holds(text: str, wanted: Sequence[str]) -> bool:
    """Whether a text has the wanted words one after the other; the last may be the begin of one."""
    found = words(text)
    size = len(wanted)
    if not size:
        return True
    return any(
        found[at : at + size - 1] == list(wanted[:-1]) and found[at + size - 1].startswith(wanted[-1])
        for at in range(len(found) - size + 1)
    )


def _string(token: str) -> str:
    return token[1:-1].replace("''", "'")
