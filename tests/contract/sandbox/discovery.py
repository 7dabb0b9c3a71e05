"""Holds what the emulated Google answers against the discovery document that Google ships in its own Python client.

Only names and types: the document says nothing of presence. An unknown field or a wrong type is the sandbox's defect.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
    "any": object,
}


@cache
def document() -> dict[str, Any]:
    """The discovery document of Calendar v3."""
    path = files("googleapiclient") / "discovery_cache" / "documents" / "calendar.v3.json"
    return dict(json.loads(path.read_text("utf-8")))


@cache
def methods() -> tuple[tuple[str, re.Pattern[str], str, dict[str, Any]], ...]:
    """Every method: HTTP verb, pattern of its path, its name, its description."""
    found = []
    for resource, entry in document()["resources"].items():
        for name, method in entry["methods"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", method["path"])
            found.append((method["httpMethod"], re.compile(f"/calendar/v3/{pattern}"), f"{resource}.{name}", method))
    return tuple(found)


def problems(verb: str, path: str, query: dict[str, Any], answer: Any) -> list[str]:
    """What is wrong with one exchange: unknown parameters, unknown fields, wrong types.

    Args:
        verb: HTTP method.
        path: path with ids still percent-encoded.
        query: the parameters sent.
        answer: the JSON body of a success, or None for an empty one.
    """
    for method_verb, pattern, name, method in methods():
        if method_verb == verb and pattern.fullmatch(path):
            known = {**method.get("parameters", {}), **document()["parameters"]}
            wrong = [f"{name}: no parameter {parameter}" for parameter in query if parameter not in known]
            if answer is None:
                return wrong if "response" not in method else [*wrong, f"{name}: answered nothing"]
            return wrong + _check(answer, {"$ref": method["response"]["$ref"]}, name)
    return [f"no method for {verb} {path}"]


def _check(value: Any, schema: dict[str, Any], where: str) -> list[str]:
    if "$ref" in schema:
        return _check(value, document()["schemas"][schema["$ref"]], where)
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (schema["type"] == "integer" and isinstance(value, bool)):
        return [f"{where}: {value!r} is not of type {schema['type']}"]
    if isinstance(value, list):
        return [text for item in value for text in _check(item, schema["items"], f"{where}[]")]
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        found = []
        for name, item in value.items():
            if name in properties:
                found += _check(item, properties[name], f"{where}.{name}")
            elif others is not None:
                found += _check(item, others, f"{where}.{name}")
            else:
                found.append(f"{where}: no field {name}")
        return found
    return []
