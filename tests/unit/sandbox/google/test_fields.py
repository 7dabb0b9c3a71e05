"""The partial-response selector."""

from __future__ import annotations

from typing import Any

import pytest

from app.sandbox.google.errors import GoogleError
from app.sandbox.google.fields import parse, select

VALUE = {"kind": "k", "items": [{"id": 1, "start": {"date": "d", "zone": "z"}}, {"id": 2}], "next": "n"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind", {"kind": "k"}),
        ("items/id,next", {"items": [{"id": 1}, {"id": 2}], "next": "n"}),
        ("items(id,start/date)", {"items": [{"id": 1, "start": {"date": "d"}}, {"id": 2}]}),
        ("items(start(zone))", {"items": [{"start": {"zone": "z"}}, {}]}),
        ("items/id,items/start", {"items": [{"id": 1, "start": {"date": "d", "zone": "z"}}, {"id": 2}]}),
        ("*", VALUE),
        ("absent", {}),
    ],
)
def test_a_selector_keeps_what_it_names(text: str, expected: dict[str, Any]) -> None:
    assert select(VALUE, parse(text)) == expected


@pytest.mark.parametrize("text", ["", "items(", "items)", "items(id", "(id)", ",id", "items(,id)"])
def test_a_malformed_selector_is_refused(text: str) -> None:
    with pytest.raises(GoogleError):
        parse(text)
