"""A settings file: preferences and sync pairs as text that a person can keep and take to another computer.

It holds no secret, no event and no copy: accounts by their address, calendars by what every computer calls them. What
is restored from it makes pairs that are paused, so that nothing is written before the person has looked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.domain import settings_data
from app.domain.errors import InputError, KalendsError
from app.domain.pairs import Direction, DirectionSettings, Mode, PairStatus
from app.domain.preferences import PreferenceValues
from app.services.connections import Connections
from app.services.pairs import Pairs
from app.services.preferences import Preferences
from app.services.views import PROVIDER_NAMES, ConnectionView, NewPair, PairView

VERSION = 1
LONGEST = 1_000_000
"""Characters of a file at most: one with a thousand pairs is far shorter."""
_NAME = "kalends_settings"


@dataclass(frozen=True, slots=True)
class NotRestored:
    """A pair of the file that could not be made.

    Args:
        name: its calendars as the file calls them.
        reason: why, in a sentence.
        accounts: whom to sign in first, where that is what is missing.
    """

    name: str
    reason: str
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a file.

    Args:
        made: pairs that were made, paused.
        there: how many were there already.
        missing: those that could not be made.
    """

    made: tuple[PairView, ...]
    there: int
    missing: tuple[NotRestored, ...]


class SettingsFiles:
    """Writes and reads them."""

    def __init__(self, *, preferences: Preferences, connections: Connections, pairs: Pairs) -> None:
        self._preferences = preferences
        self._connections = connections
        self._pairs = pairs

    def export(self) -> str:
        """Everything as text."""
        said = {
            _NAME: VERSION,
            "preferences": asdict(self._preferences.get()),
            "pairs": [_pair(view) for view in self._pairs.list()],
        }
        return json.dumps(said, ensure_ascii=False, indent=2) + "\n"

    async def restore(self, text: str) -> Restored:
        """Take preferences over and make the pairs that are not there yet, paused. Done twice, the same.

        Raises:
            InputError: it is no such file, or one of a newer Kalends, or a preference in it cannot be.
            StorageError, and what carrying out a preference raises.
        """
        said = _read(text)
        known = {field.name for field in fields(PreferenceValues)}
        wished = {name: value for name, value in said["preferences"].items() if name in known}
        if wished:
            await self._prefer(wished)
        connected = self._connections.list()
        known_ways = {
            _ways(view.a.connection.calendar_key, view.b.connection.calendar_key, view.pair.direction)
            for view in self._pairs.list()
        }
        made: list[PairView] = []
        missing: list[NotRestored] = []
        there = 0
        for one in said["pairs"]:
            ends = [_connected(one[side], connected) for side in ("a", "b")]
            name = f"{one['a']['calendar']} – {one['b']['calendar']}"
            if None in ends:
                accounts = tuple(
                    dict.fromkeys(_who(one[side]) for side, end in zip(("a", "b"), ends, strict=True) if end is None)
                )
                missing.append(NotRestored(name, "Its calendars are not connected here yet.", accounts))
                continue
            new = _new(one, [end for end in ends if end is not None])
            ways = _ways(one["a"]["key"], one["b"]["key"], new.direction)
            if ways in known_ways:
                there += 1
                continue
            try:
                made.extend(self._pairs.create([new]))
            except KalendsError as error:
                missing.append(NotRestored(name, error.message))
            else:
                known_ways.add(ways)
        return Restored(tuple(made), there, tuple(missing))

    async def _prefer(self, wished: Mapping[str, object]) -> None:
        """Take all of these over, or none."""
        before = self._preferences.get()
        try:
            await self._preferences.change(**wished)
        except KalendsError:
            await self._preferences.change(**{name: getattr(before, name) for name in wished})
            raise


def _pair(view: PairView) -> Mapping[str, Any]:
    own = view.pair.settings_b_to_a
    return {
        "a": _end(view.a),
        "b": _end(view.b),
        "direction": str(view.pair.direction),
        "mode": str(view.pair.mode),
        "interval_seconds": view.pair.interval_seconds,
        "settings": settings_data.to_data(view.pair.settings),
        "settings_b_to_a": settings_data.to_data(own) if own is not None else None,
    }


def _end(view: ConnectionView) -> Mapping[str, str]:
    return {
        "provider": str(view.connection.provider),
        "account": view.account.email,
        "calendar": view.connection.name,
        "key": view.connection.calendar_key,
    }


def _connected(end: Mapping[str, str], connections: Sequence[ConnectionView]) -> ConnectionView | None:
    """The connection that an end of the file means: that of its account, or of the only account that has its calendar.

    Where several others share the calendar the person has to say which, by signing in to the one of the file.
    """
    sharing = [view for view in connections if view.connection.calendar_key == end["key"]]
    own = [view for view in sharing if view.account.email.casefold() == end["account"].casefold()]
    found = own or sharing
    return found[0] if len(found) == 1 else None


def _who(end: Mapping[str, str]) -> str:
    """`ana@gmail.com (Google)`."""
    names = {str(provider): name for provider, name in PROVIDER_NAMES.items()}
    return f"{end['account']} ({names.get(end['provider'], end['provider'])})"


def _ways(a: str, b: str, direction: Direction) -> frozenset[tuple[str, str]]:
    """From which calendar to which a pair of these two copies: the same, whichever side each is called."""
    ways = {Direction.A_TO_B: [(a, b)], Direction.B_TO_A: [(b, a)], Direction.BIDIRECTIONAL: [(a, b), (b, a)]}
    return frozenset(ways[direction])


def _new(one: Mapping[str, Any], ends: Sequence[ConnectionView]) -> NewPair:
    own = one["settings_b_to_a"]
    return NewPair(
        ends[0].connection.id,
        ends[1].connection.id,
        mode=Mode(one["mode"]),
        direction=Direction(one["direction"]),
        status=PairStatus.PAUSED,
        interval_seconds=one["interval_seconds"],
        settings=settings_data.changed(DirectionSettings(), one["settings"]),
        settings_b_to_a=settings_data.changed(DirectionSettings(), own) if own is not None else None,
    )


def _read(text: str) -> Mapping[str, Any]:
    """The file as data whose every value has been tried. Raises InputError."""
    no_such_file = InputError(
        "This is no settings file of Kalends.", fix="Choose a file that Kalends saved under Settings."
    )
    if len(text) > LONGEST:
        raise no_such_file
    try:
        said = json.loads(text)
        version = said[_NAME]
        if isinstance(version, int) and version > VERSION:
            raise InputError("This settings file was saved by a newer Kalends.", fix="Update Kalends, then try again.")
        if version != VERSION or not isinstance(said["preferences"], dict):
            raise no_such_file
        for one in said["pairs"]:
            for side in ("a", "b"):
                if not all(isinstance(one[side][name], str) for name in ("provider", "account", "calendar", "key")):
                    raise no_such_file
            if not isinstance(one["interval_seconds"], int):
                raise no_such_file
            Mode(one["mode"]), Direction(one["direction"])
            for settings in (one["settings"], one["settings_b_to_a"] or {}):
                settings_data.changed(DirectionSettings(), settings)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise no_such_file from None
    return said  # type: ignore[no-any-return]  # every value that is used was tried above
