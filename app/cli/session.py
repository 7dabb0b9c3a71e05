"""What every command is given: the app around it, where to print, which profile was chosen."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from app.cli.host import Host, ProfileName
from app.cli.output import Output
from app.domain.errors import InputError, NotFoundError
from app.services.moments import from_text, to_text

JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON value.", show_default=False)]
ProfileOption = Annotated[
    ProfileName | None,
    typer.Option("--profile", help="Whose data: your accounts, or the demo. Default: what is running, else yours."),
]


@dataclass(slots=True)
class Session:
    """One call of the command line."""

    host: Host
    out: Output = field(default_factory=Output)
    profile: ProfileName | None = None
    started: float = field(default_factory=time.monotonic)

    def expect(self, as_json: bool, profile: ProfileName | None = None) -> None:
        """Note what the command was told, before it does anything."""
        self.out.machine = as_json
        self.profile = profile or self.profile


def session_of(context: typer.Context) -> Session:
    """The session of a command's context."""
    found: Any = context.obj
    if not isinstance(found, Session):
        raise TypeError("a command was called without its session")
    return found


def moment(option: str, text: str | None, *, upper: bool = False) -> str | None:
    """A time given as an option, as RFC 3339 in UTC; None stays None.

    Args:
        option: its name, for the message.
        upper: a bare date includes its day.

    Raises:
        InputError: it is no time.
    """
    if text is None:
        return None
    try:
        return to_text(from_text(text, upper=upper))
    except ValueError:
        raise InputError(
            f"{option}: '{text}' is no time. Use a date, or a date and time such as 2026-03-28T10:00:00Z."
        ) from None


def known_form(text: str) -> str:
    """An id that may exist, safe in a path. Raises NotFoundError for anything that is no id."""
    if re.fullmatch(r"[A-Za-z0-9_]+", text) is None:
        raise NotFoundError(f"There is nothing with the id '{text}'.")
    return text


def given(**values: Any) -> Mapping[str, Any]:
    """Those values that were given, without the ones left out (None)."""
    return {name: value for name, value in values.items() if value is not None}
