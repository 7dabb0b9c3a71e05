"""The recipe of `schema.json` beside it: JSON Schema of the Graph resources that the sandbox emulates.

Its source is Microsoft's npm package `@microsoft/microsoft-graph-types` (MIT, `LICENSE` beside this file), generated
from the metadata of Graph v1.0. To derive anew, in a folder of its own:

    npm pack @microsoft/microsoft-graph-types && tar xzf microsoft-microsoft-graph-types-*.tgz
    python tests/data/graph/derive.py package

To emulate another resource, add its name to `RESOURCES` first. Complex types follow by themselves; an entity that
is not named there is refused by the schema, since only `$expand` brings one in. The types know no formats of strings
and no presence: nothing is required. Every unknown property is refused, but for OData's annotations.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

RESOURCES = (
    "Attachment",
    "Calendar",
    "ConvertIdResult",
    "Event",
    "EventMessage",
    "EventMessageRequest",
    "EventMessageResponse",
    "FileAttachment",
    "ItemAttachment",
    "MailFolder",
    "MailboxSettings",
    "Message",
    "MultiValueLegacyExtendedProperty",
    "SingleValueLegacyExtendedProperty",
    "TimeZoneInformation",
    "User",
)
ENUMERATIONS = ("ExchangeIdFormat",)  # of a function's parameters, which no resource leads to
ANNOTATION = "^[A-Za-z]*@odata\\."
PLAIN = {"string": "string", "number": "number", "boolean": "boolean"}


class Types:
    """The interfaces and enumerations of a declaration file.

    Args:
        text: `microsoft-graph.d.ts`, which is generated and keeps to one way of writing.
    """

    def __init__(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
        # What stands in a namespace of its own (call records, term store) has names of its own, too.
        text = text.split("\nexport namespace ")[0]
        self.bases: dict[str, str | None] = {}
        self.properties: dict[str, dict[str, str]] = {}
        self.enumerations: dict[str, list[str]] = {}
        for name, base, body in re.findall(
            r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL
        ):
            self.bases[name] = base or None
            found = re.findall(r"(\w+)\?:\s*(.*?);", body, re.DOTALL)
            self.properties[name] = {key: re.sub(r"\s+", "", kind) for key, kind in found}
        # An interface without properties is written as a type of its own.
        for name, base in re.findall(r"^export interface (\w+)(?: extends (\w+))? \{\}", text, re.MULTILINE):
            self.bases[name], self.properties[name] = base or None, {}
        for name, values in re.findall(r"^export type (\w+)\s*=([^;]*);", text, re.MULTILINE):
            self.enumerations[name] = re.findall(r'"([^"]*)"', values)

    def is_entity(self, name: str) -> bool:
        """Whether a type has an identity: it is a resource and not a part of one."""
        base: str | None = name
        while base is not None and base != "Entity":
            base = self.bases.get(base)
        return base == "Entity"

    def all_properties(self, name: str) -> dict[str, str]:
        """The properties of an interface with those it inherits."""
        base = self.bases[name]
        return {**(self.all_properties(base) if base else {}), **self.properties[name]}


def derive(types: Types) -> dict[str, Any]:
    """The definitions of `RESOURCES`, `ENUMERATIONS`, and of the complex types they are made of."""
    definitions: dict[str, Any] = {name: _schema(types, name)[0] for name in ENUMERATIONS}
    wanted = list(RESOURCES)
    while wanted:
        name = wanted.pop()
        if name in definitions:
            continue
        properties: dict[str, Any] = {}
        for key, kind in types.all_properties(name).items():
            properties[key], more = _schema(types, kind)
            wanted += more
        definitions[name] = {
            "type": "object",
            "properties": dict(sorted(properties.items())),
            "patternProperties": {ANNOTATION: True},
            "additionalProperties": False,
        }
    return dict(sorted(definitions.items()))


def _schema(types: Types, kind: str) -> tuple[dict[str, Any], list[str]]:
    """The schema of one property's type, and the complex types it leads to."""
    if kind.startswith("NullableOption<"):
        inner, more = _schema(types, kind.removeprefix("NullableOption<").removesuffix(">"))
        if "enum" in inner:
            return {"enum": [*inner["enum"], None]}, more
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]}, more
        # Not anyOf: what is wrong inside would be told as "fits none".
        return {"if": {"not": {"type": "null"}}, "then": inner}, more
    if kind.endswith("[]"):
        inner, more = _schema(types, kind.removesuffix("[]"))
        return {"type": "array", "items": inner}, more
    if kind in PLAIN:
        return {"type": PLAIN[kind]}, []
    if kind == "any":
        return {}, []
    if kind in types.enumerations:
        return {"type": "string", "enum": types.enumerations[kind]}, []
    if kind not in types.bases:
        raise SystemExit(f"the recipe does not know the type {kind}")
    if types.is_entity(kind) and kind not in RESOURCES:
        return {"$comment": f"{kind} is not among the resources kept", "not": {}}, []
    return {"$ref": f"#/definitions/{kind}"}, [kind]


def main(package: Path) -> None:
    """Write the schema from an unpacked package."""
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    types = Types((package / "microsoft-graph.d.ts").read_text("utf-8"))
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": f"Derived by derive.py from npm @microsoft/microsoft-graph-types {version}. "
        "Copyright (c) Microsoft Corporation, MIT License; see LICENSE beside this file.",
        "definitions": derive(types),
    }
    target = Path(__file__).with_name("schema.json")
    target.write_text(json.dumps(schema, indent=1) + "\n", "utf-8")
    sys.stderr.write(f"{target}: {len(schema['definitions'])} types of version {version}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
