"""Names that Kalends gives: prefixed ULIDs (`contract/api.md` §1) and stamps of writes (`engine.md` §4).

Ids carry the time of the given clock, so that they sort by age. They must not be derived from content: keys that any
machine derives alike live in `app.domain.keys`.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from ulid import ULID

from app.domain.ports import Clock

_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_INSTALLATION_BYTES: Final = 6
_WRITE_BYTES: Final = 8


class Identifiers:
    """Gives out prefixed ULIDs.

    Args:
        clock: where the time in the ids comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        """A fresh id, e.g. `pair_01JD…` for the prefix `pair`."""
        return f"{prefix}_{ULID.from_datetime(self._clock.now())}"


def is_identifier(text: str, prefix: str) -> bool:
    """Whether a text has the form of our ids with this prefix. An ill-formed id is simply unknown (404)."""
    head, _, body = text.rpartition("_")
    return head == prefix and _ULID.fullmatch(body) is not None


def new_installation() -> str:
    """A name for this installation: 12 hex digits, made once and kept in the database."""
    return secrets.token_hex(_INSTALLATION_BYTES)


class WriteStamps:
    """`domain.ports.Stamps`: `installation.write`, where the second half is new for every write.

    Args:
        installation: the kept name of this installation, without a dot.
    """

    def __init__(self, installation: str) -> None:
        if not installation or "." in installation:
            raise ValueError("an installation's name is not empty and holds no dot")
        self._installation = installation

    def stamp(self) -> str:
        """A fresh `installation.write`."""
        return f"{self._installation}.{secrets.token_hex(_WRITE_BYTES)}"

    def installation(self) -> str:
        """The first half of every stamp of this installation."""
        return self._installation
