"""JSON Schema as the judges use it: a value and a schema in, sentences out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import jsonschema_rs

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_WALL: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")
_SHOWN: Final = 160


def is_instant(text: str) -> bool:
    """Whether this is a date and time with an offset (RFC 3339)."""
    return bool(_INSTANT.fullmatch(text)) and _exists(text)


def is_wall(text: str) -> bool:
    """Whether this is a date and time of RFC 3339 that may lack its offset."""
    return bool(_WALL.fullmatch(text)) and _exists(text)


def is_date(text: str) -> bool:
    """Whether this is a date as `2026-03-09`."""
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(text[:19].upper())
    except ValueError:
        return False
    return True


class Schema:
    """One schema, compiled.

    Args:
        schema: JSON Schema, draft 7. Formats `instant`, `wall` and `date` are those of this module.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        formats = {"instant": is_instant, "wall": is_wall, "date": is_date}
        self._validator = jsonschema_rs.Draft7Validator(dict(schema), formats=formats, validate_formats=True)

    def findings(self, value: Any) -> list[str]:
        """What is wrong with a value, each with its place in it; empty when nothing is."""
        if self._validator.is_valid(value):
            return []
        return [_sentence(error) for error in self._validator.iter_errors(value)]


def read(body: bytes) -> tuple[Any, list[str]]:
    """The JSON of a body, and what is wrong with it."""
    try:
        return json.loads(body), []
    except ValueError as error:
        return None, [f"no JSON: {error}"]


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    place = ".".join("[]" if isinstance(step, int) else str(step) for step in error.instance_path) or "body"
    message = error.message if len(error.message) <= _SHOWN else f"{error.message[:_SHOWN]}…"
    return f"{place}: {message}"
