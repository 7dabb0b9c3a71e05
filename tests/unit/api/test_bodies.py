"""Strict JSON: nothing valid is refused, and no trick gets through or takes long."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.bodies import LARGEST_BODY_BYTES, parse
from app.api.errors import Refusal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse(text.encode("utf-8")) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_refusal(raw: bytes) -> None:
    try:
        value = parse(raw)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - both ways are fine, each with its own promise
    else:
        assert json.loads(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * 130_000,
        b'"' * 260_000,
        b"[" + b'"\\u0041",' * 29_000 + b"1]",
        b"[" * 260_000,
        b'"' + b"\\" * 260_000,
        b'{"a":1,' * 32_000,
    ],
)
def test_the_largest_bodies_with_the_worst_contents_take_no_time(raw: bytes) -> None:
    assert len(raw) <= LARGEST_BODY_BYTES
    start = time.perf_counter()
    try:
        parse(raw)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - one of these is valid
    assert time.perf_counter() - start < 1
