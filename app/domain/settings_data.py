"""Settings of a direction as plain data (text, numbers, lists, mappings) and back: one spelling for all who write JSON.

The database, the API and the command line use it. It must not judge whether settings can be: services do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import time
from typing import Any, Final

from app.domain.pairs import (
    Conflict,
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyField,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    FilteredLater,
    Filters,
    HoursFilter,
    Mode,
    PrivateOriginals,
    Reminders,
    Replacement,
    Weekday,
    Within,
    WordFilter,
)

Data = dict[str, Any]


def to_data(settings: DirectionSettings) -> Data:
    """Every setting by its name, defaults too; values are what JSON knows."""
    return _plain(asdict(settings))  # type: ignore[no-any-return]  # a mapping stays one


def changed(base: DirectionSettings, data: Mapping[str, Any]) -> DirectionSettings:
    """Settings with what `data` names changed, and the rest as it was; so within `filters` too.

    Raises:
        ValueError: a value that its setting does not have.
        TypeError: a setting that does not exist.
    """
    return replace(base, **{name: _value(base, name, value) for name, value in data.items()})


def _value(base: DirectionSettings, name: str, value: Any) -> Any:
    if name == "filters":
        return _filters(base.filters, value)
    if name in _OPTIONAL and value is None:
        return None
    convert = _CONVERTERS.get(name)
    return value if convert is None else convert(value)


def _filters(base: Filters, data: Mapping[str, Any]) -> Filters:
    values = dict(data)
    if "words" in values:
        values["words"] = tuple(_word_filter(one) for one in values["words"])
    if values.get("hours") is not None:
        values["hours"] = _hours(values["hours"])
    return replace(base, **values)


def _word_filter(data: Mapping[str, Any]) -> WordFilter:
    within = Within(data.get("within", Within.EITHER))
    return WordFilter(**{**data, "words": tuple(data["words"]), "within": within})


def _hours(data: Mapping[str, Any]) -> HoursFilter:
    told = {name: time.fromisoformat(data[name]) for name in ("start", "end")}
    return HoursFilter(**{**data, **told, "weekdays": tuple(map(Weekday, data["weekdays"]))})


def _all(convert: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda values: tuple(convert(value) for value in values)


_OPTIONAL: Final = frozenset({"visibility", "colour"})
"""None is a value of theirs: the mode's default."""

_CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "mode": Mode,
    "private_originals": PrivateOriginals,
    "reminders": Reminders,
    "detail_fields": _all(DetailField),
    "title_replacements": _all(lambda one: Replacement(**one)),
    "availability": CopyAvailability,
    "visibility": CopyVisibility,
    "colour": CopyColour,
    "copy_edited": CopyEdited,
    "copy_deleted": CopyDeleted,
    "conflict": Conflict,
    "write_back_fields": _all(CopyField),
    "filtered_later": FilteredLater,
}


def _plain(value: Any) -> Any:
    """Enums as their words, tuples as lists, times of day as `HH:MM`."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value
