"""What the models share: strictness coming in, one way to write times going out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app.services.moments import from_text, to_text

_MOMENT_IN = "an ISO 8601 date, or date and time, such as 2026-03-28T10:00:00Z"


class Input(BaseModel):
    """What a caller sends: no unknown fields, nothing converted in silence."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """What a caller is given. Fields are only ever added."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _lower(value: object) -> datetime:
    return _moment(value, upper=False)


def _upper(value: object) -> datetime:
    return _moment(value, upper=True)


def _moment(value: object, *, upper: bool) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"Send {_MOMENT_IN}.")
    try:
        return from_text(value, upper=upper)
    except ValueError:
        raise ValueError(f"Send {_MOMENT_IN}.") from None


_IN_SCHEMA = {"type": "string", "description": f"Takes {_MOMENT_IN}; without an offset in the system's zone."}

Moment = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A moment going out: RFC 3339, UTC, whole seconds."""

MomentIn = Annotated[datetime, BeforeValidator(_lower), WithJsonSchema(_IN_SCHEMA, mode="validation")]
"""A moment coming in; a bare date is its first moment."""

UpperMomentIn = Annotated[datetime, BeforeValidator(_upper), WithJsonSchema(_IN_SCHEMA, mode="validation")]
"""A moment coming in as the end of a stretch; a bare date includes its day."""


def left_out(**constraints: Any) -> Any:
    """A field that may be left out but not be null: whether it was sent is in `model_fields_set`."""
    return Field(default_factory=_nothing, **constraints)


def _nothing() -> Any:
    return None


class Listed(Output):
    """Set only where the caller asked for a page."""

    total: int | None = None
    page: int | None = None
    per_page: int | None = None
