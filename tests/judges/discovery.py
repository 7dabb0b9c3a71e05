"""Google's discovery documents, as they ship in google-api-python-client: methods by path, and their JSON Schema.

Only what a document says counts: names, types, formats, enumerations, required parameters. It says nothing of presence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

from tests.judges.schemas import Schema, is_date, is_instant

# "Some of the possible values are" leaves others open.
_VALUES: Final = re.compile(r"(?<!Some of the )[Pp]ossible values? (?:are|is):\s*\n- \"")
_VALUE: Final = re.compile(r"^- \"([^\"]*)\"", re.MULTILINE)
_FORMATS: Final = {
    "date-time": {"format": "instant"},
    "google-datetime": {"format": "instant"},
    "date": {"format": "date"},
    "int64": {"pattern": "^-?[0-9]+$"},
    "uint64": {"pattern": "^[0-9]+$"},
    "byte": {"pattern": "^[A-Za-z0-9_=-]*$"},
}
_UNCHECKED: Final = frozenset({"int32", "uint32", "double"})


class Document:
    """One discovery document.

    Args:
        content: the document itself.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.methods = [Method(self, entry) for entry in _methods(content)]

    def method(self, verb: str, path: str) -> Method | None:
        """The method of a verb and a percent-encoded path, None when the document has none."""
        return next((one for one in self.methods if one.verb == verb and one.pattern.fullmatch(path)), None)

    def knows(self, path: str) -> bool:
        """Whether any method has this path."""
        return any(one.pattern.fullmatch(path) for one in self.methods)

    def schema(self, name: str, *, sent: bool) -> Schema:
        """The compiled schema of a resource.

        Args:
            name: e.g. `Event`.
            sent: as a client may send it: null clears a field, and a time may leave its offset to `timeZone`.
        """
        definitions = {key: _converted(entry, key, sent=sent) for key, entry in self.content.get("schemas", {}).items()}
        return Schema({"$ref": f"#/definitions/{name}", "definitions": definitions})


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a document."""

    document: Document
    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name, e.g. `calendar.events.list`."""
        return str(self.entry["id"])

    @property
    def verb(self) -> str:
        """Its HTTP verb."""
        return str(self.entry["httpMethod"])

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its percent-encoded paths look like."""
        return _pattern(str(self.document.content["servicePath"]) + str(self.entry["path"]))

    def schema(self, direction: str) -> Schema | None:
        """The schema of its `request` or `response`, None when it has no such body."""
        name = self.entry.get(direction, {}).get("$ref")
        return _schema(self.document.content["id"], name, direction == "request") if name else None

    def parameters(self, query: str) -> list[str]:
        """What is wrong with a query: unknown, repeated, missing and malformed parameters."""
        known = {**self.entry.get("parameters", {}), **self.document.content.get("parameters", {})}
        found, given = [], set()
        for name, value in parse_qsl(query, keep_blank_values=True):
            spec = known.get(name)
            if spec is None or spec.get("location") != "query":
                found.append(f"there is no parameter {name}")
                continue
            if name in given and not spec.get("repeated"):
                found.append(f"the parameter {name} is given twice")
            given.add(name)
            wrong = _wrong_value(spec, value)
            if wrong:
                found.append(f"the parameter {name} is {value!r}: {wrong}")
        for name, spec in known.items():
            if spec.get("required") and spec.get("location") == "query" and name not in given:
                found.append(f"the parameter {name} is missing")
        return found


@cache
def document(name: str = "calendar.v3") -> Document:
    """A discovery document of the installed google-api-python-client."""
    path = files("googleapiclient") / "discovery_cache" / "documents" / f"{name}.json"
    return Document(json.loads(path.read_text("utf-8")))


@cache
def _schema(document_id: str, name: str, sent: bool) -> Schema:
    return document(document_id.replace(":", ".")).schema(name, sent=sent)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/" + "[^/]+".join(re.escape(piece) for piece in re.split(r"\{[^}]+\}", path)))


def _methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _methods(below)


def _converted(entry: Mapping[str, Any], place: str, *, sent: bool) -> dict[str, Any]:
    """A schema of the document as JSON Schema, unknown fields refused."""
    if "$ref" in entry:
        return {"$ref": f"#/definitions/{entry['$ref']}"}
    kind = entry["type"]
    if kind == "any":
        return {}
    schema: dict[str, Any] = {"type": kind, **_limits(entry, place, sent=sent)}
    if kind == "array":
        schema["items"] = _converted(entry["items"], f"{place}[]", sent=sent)
    elif kind == "object":
        others = entry.get("additionalProperties")
        schema["properties"] = {
            name: _field(below, f"{place}.{name}", sent=sent) for name, below in entry.get("properties", {}).items()
        }
        schema["additionalProperties"] = False if others is None else _field(others, place, sent=sent)
    return schema


def _field(entry: Mapping[str, Any], place: str, *, sent: bool) -> dict[str, Any]:
    """A field's schema: null in a request clears it. In an answer, what is empty is left out."""
    schema = _converted(entry, place, sent=sent)
    # Not anyOf: what is wrong inside would be told as "fits none".
    return {"if": {"not": {"type": "null"}}, "then": schema} if sent else schema


def _limits(entry: Mapping[str, Any], place: str, *, sent: bool) -> dict[str, Any]:
    name = entry.get("format")
    if name is not None and name not in _FORMATS and name not in _UNCHECKED:
        raise ValueError(f"the discovery document has a format {name!r} that no judge knows ({place})")
    limits: dict[str, Any] = dict(_FORMATS.get(name, {})) if name else {}
    if sent and name == "date-time" and "A time zone offset is required unless" in entry.get("description", ""):
        limits = {"format": "wall"}
    values = entry.get("enum") or _described_values(entry)
    if values:
        limits["enum"] = values
    if place.endswith(".kind") and "default" in entry:
        limits["enum"] = [entry["default"]]
    return limits


def _described_values(entry: Mapping[str, Any]) -> list[str]:
    text = entry.get("description", "")
    if entry["type"] != "string" or not _VALUES.search(re.sub(r"[ \t]+\n", "\n", text)):
        return []
    return _VALUE.findall(text)


def _wrong_value(spec: Mapping[str, Any], value: str) -> str | None:
    kind, form = spec["type"], spec.get("format")
    if kind == "boolean" and value not in ("true", "false"):
        return "neither true nor false"
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", value):
            return "no whole number"
        if int(value) < int(spec.get("minimum", value)) or int(value) > int(spec.get("maximum", value)):
            return f"not within {spec.get('minimum', '')}..{spec.get('maximum', '')}"
    if "enum" in spec and value not in spec["enum"]:
        return f"none of {', '.join(spec['enum'])}"
    if form == "date-time" and not is_instant(value):
        return "no date and time with an offset"
    if form == "date" and not is_date(value):
        return "no date"
    if "pattern" in spec and not re.fullmatch(spec["pattern"], value):
        return f"not like {spec['pattern']}"
    return None
