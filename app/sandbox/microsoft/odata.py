"""OData as Outlook's part of Graph speaks it: query options, Prefer headers, and the small part of $filter it answers.

What is not understood is refused with Graph's own codes, never ignored. It knows no records: a filter is compiled to a
predicate over rendered events. Reference: "Use query parameters", "extended properties overview".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from app.sandbox.microsoft.errors import GraphError

Predicate = Callable[[Mapping[str, Any], Mapping[str, str]], bool]
"""Takes a rendered event (times in UTC) and its extended properties."""


@dataclass(frozen=True, slots=True)
class Query:
    """The query string of a request: system options with their dollar sign in lower case, others as they came."""

    values: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Query:
        """Read a raw query string.

        Raises:
            GraphError: 400 when an option comes twice.
        """
        values: dict[str, str] = {}
        for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
            key = name.lower()
            if key in values:
                raise GraphError(400, "BadRequest", f"Query option '{name}' was specified more than once.")
            values[key] = value
        return cls(values)

    def get(self, name: str) -> str | None:
        """One option, by its name in lower case."""
        return self.values.get(name)

    def allow(self, *names: str) -> None:
        """Refuse every option but these.

        Raises:
            GraphError: 400 ``ErrorInvalidUrlQuery``, or ``BadRequest`` for an unknown system option.
        """
        for name in self.values:
            if name not in names:
                if name.startswith("$") and name not in _SYSTEM:
                    raise GraphError(400, "BadRequest", f"The query parameter '{name}' is not supported.")
                raise GraphError(400, "ErrorInvalidUrlQuery", f"The query option '{name}' is not supported here.")

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A number option within bounds.

        Raises:
            GraphError: 400 when it is no number or out of bounds.
        """
        text = self.values.get(name)
        if text is None:
            return default
        if not text.isdigit() or not lowest <= int(text) <= highest:
            raise GraphError(
                400,
                "ErrorInvalidUrlQuery",
                f"Invalid value '{text}' for {name} query option. Use {lowest} to {highest}.",
            )
        return int(text)

    def select(self) -> frozenset[str] | None:
        """The names of ``$select``, None when it is absent."""
        text = self.values.get("$select")
        return None if text is None else frozenset(item.strip() for item in text.split(",") if item.strip())


_SYSTEM = frozenset({"$select", "$filter", "$expand", "$orderby", "$top", "$skip", "$count", "$search"})


def preferences(headers: Iterable[str]) -> dict[str, str]:
    """The preferences of one or several Prefer headers, names in lower case, values without quotes (RFC 7240)."""
    found: dict[str, str] = {}
    for header in headers:
        for item in re.findall(r'(?:[^,"]|"[^"]*")+', header):
            name, _, value = item.strip().partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def instant(text: str, name: str) -> datetime:
    """A bound of a time window: ISO 8601, UTC when it has no offset.

    Raises:
        GraphError: 400 ``ErrorInvalidParameter``.
    """
    try:
        # A plus sign that was not escaped arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+") if re.search(r"\d \d\d:?\d\d$", text) else text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphError(
            400, "ErrorInvalidParameter", f"The value '{text}' of parameter '{name}' is invalid."
        ) from None


def expansions(text: str | None) -> dict[str, str]:
    """``$expand`` as names with what stands in their parentheses."""
    found: dict[str, str] = {}
    for item in re.findall(r"(?:[^,()']|'(?:[^']|'')*'|\((?:[^()']|'(?:[^']|'')*'|\([^()]*\))*\))+", text or ""):
        match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", item, re.DOTALL)
        if match is None:
            raise _bad_filter()
        found[match[1]] = match[2] or ""
    return found


def expanded_property_ids(options: str) -> list[str]:
    """The ids named by ``singleValueExtendedProperties($filter=id eq '…' or id eq '…')``.

    Raises:
        GraphError: 400 when the expansion names no ids: there is no way to list all properties.
    """
    match = re.fullmatch(r"\s*\$filter\s*=(.*)", options, re.DOTALL)
    parts = re.split(r"\s+or\s+(?=id\s+eq\s)", match[1].strip()) if match else []
    names: list[str] = []
    for part in parts:
        one = re.fullmatch(r"\(?\s*id\s+eq\s+'((?:[^']|'')*)'\s*\)?", part)
        if one is None:
            raise _bad_filter()
        names.append(one[1].replace("''", "'"))
    if not names:
        raise GraphError(
            400, "ErrorInvalidUrlQuery", "An expansion of extended properties needs a $filter that names their ids."
        )
    return names


def _bad_filter() -> GraphError:
    return GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")


_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z_@][\w./@]*)|(?P<number>-?\d+)|(?P<mark>[():,]))"
)
_TEXTS = {"subject": "subject", "icaluid": "iCalUId", "seriesmasterid": "seriesMasterId", "type": "type"}
_TEXTS |= {"showas": "showAs", "sensitivity": "sensitivity", "importance": "importance"}
_FLAGS = {"isallday": "isAllDay", "iscancelled": "isCancelled", "isorganizer": "isOrganizer"}
_MOMENTS = {"lastmodifieddatetime": "lastModifiedDateTime", "createddatetime": "createdDateTime"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "ge": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "le": lambda left, right: bool(left <= right),
}


class _Parser:
    """Recursive descent over ``or``, ``and``, ``not``, comparisons, ``startswith``/``contains`` and the Any lambda."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise _bad_filter()
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._at = 0

    def parse(self) -> Predicate:
        found = self._either()
        if self._at != len(self._tokens):
            raise _bad_filter()
        return found

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
        return options[0] if len(options) == 1 else lambda event, own: any(one(event, own) for one in options)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._peek() == "and":
            self._next()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda event, own: all(one(event, own) for one in parts)

    def _one(self) -> Predicate:
        if self._peek() == "(":
            self._next()
            inner = self._either()
            self._next("mark", ")")
            return inner
        if self._peek() == "not":
            self._next()
            denied = self._one()
            return lambda event, own: not denied(event, own)
        name = self._next("word")
        if name.lower() in ("startswith", "contains"):
            return self._function(name.lower())
        if name.lower() == "singlevalueextendedproperties/any":
            return self._any()
        return self._comparison(name.lower())

    def _function(self, name: str) -> Predicate:
        self._next("mark", "(")
        field = self._next("word").lower()
        self._next("mark", ",")
        wanted = _string(self._next("string")).lower()
        self._next("mark", ")")
        if field != "subject":
            raise _bad_filter()
        if name == "startswith":
            return lambda event, own: str(event["subject"]).lower().startswith(wanted)
        return lambda event, own: wanted in str(event["subject"]).lower()

    def _any(self) -> Predicate:
        self._next("mark", "(")
        variable = self._next("word")
        self._next("mark", ":")
        self._next("word", f"{variable.lower()}/id")
        self._next("word", "eq")
        name = _string(self._next("string"))
        self._next("word", "and")
        self._next("word", f"{variable.lower()}/value")
        operator = self._next("word").lower()
        kind, value = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._next()
        self._next("mark", ")")
        if operator == "ne" and value.lower() == "null":
            return lambda event, own: name in own
        if kind != "string" or operator not in ("eq", "ne"):
            raise _bad_filter()
        # Names are case-sensitive, values are not.
        wanted = _string(value).lower()
        if operator == "eq":
            return lambda event, own: name in own and own[name].lower() == wanted
        return lambda event, own: name in own and own[name].lower() != wanted

    def _comparison(self, field: str) -> Predicate:
        operator = _ORDER.get(self._next("word").lower())
        if operator is None or self._at >= len(self._tokens):
            raise _bad_filter()
        kind, value = self._tokens[self._at]
        if field in _MOMENTS:
            # A moment is not quoted: collect its pieces up to the next keyword.
            limit = instant(self._moment(), field)
            return lambda event, own: operator(instant(event[_MOMENTS[field]], field), limit)
        self._next()
        if field in ("start/datetime", "end/datetime") and kind == "string":
            part, bound = field.split("/")[0], instant(_string(value), field)
            return lambda event, own: operator(instant(event[part]["dateTime"], field), bound)
        if field in _TEXTS and kind == "string":
            wanted = _string(value)
            return lambda event, own: operator(event[_TEXTS[field]] or "", wanted)
        if field in _FLAGS and value.lower() in ("true", "false"):
            return lambda event, own: operator(event[_FLAGS[field]], value.lower() == "true")
        raise _bad_filter()

    def _moment(self) -> str:
        kind, value = self._tokens[self._at]
        if kind == "string":
            self._at += 1
            return _string(value)
        pieces: list[str] = []
        while self._at < len(self._tokens) and self._peek() not in ("and", "or", ")"):
            pieces.append(self._next())
        return "".join(pieces)


def _string(token: str) -> str:
    return token[1:-1].replace("''", "'")


def compile_filter(text: str) -> Predicate:
    """A predicate for ``$filter`` of an events listing.

    Raises:
        GraphError: 400 ``ErrorInvalidUrlQueryFilter`` for what the service does not answer.
    """
    return _Parser(text).parse()
