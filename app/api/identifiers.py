"""Ids in addresses and fields: an ill-formed one is unknown, and a connection has two spellings (`api.md` §1)."""

from __future__ import annotations

import re
from typing import Final

from app.api.errors import not_found

_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CONNECTION: Final = "conn"
_CALENDAR: Final = "cal"


def known_form(text: str, prefix: str) -> str:
    """An id that may exist. Raises Refusal 404 for anything that is no id with this prefix."""
    head, _, body = text.rpartition("_")
    if head != prefix or _ULID.fullmatch(body) is None:
        raise not_found()
    return text


def connection_id(text: str) -> str:
    """A connection's id as the pairs family spells it; the stream's `cal_…` is taken too."""
    head, _, body = text.rpartition("_")
    return f"{_CONNECTION}_{body}" if head == _CALENDAR else text


def known_connection(text: str) -> str:
    """A connection's id of either spelling. Raises Refusal 404 for anything else."""
    return known_form(connection_id(text), _CONNECTION)
