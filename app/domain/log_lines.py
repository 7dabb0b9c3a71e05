"""Lines of the log as people read them, and what they ask for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How much a line matters, least first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def and_worse(self) -> frozenset[Level]:
        """This one and all that matter more."""
        levels = tuple(Level)
        return frozenset(levels[levels.index(self) :])


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Args:
        at: when it was written, aware in UTC.
        event: a dotted code, `library.message` for what libraries say.
        message: a sentence, often empty.
        fields: everything else that it says, as text (`run_id`, `pair_id`, …).
        text: the line as it stands in the file, without its end.
    """

    at: datetime
    level: Level
    event: str
    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def holds(self, word: str) -> bool:
        """Whether a word, in lower case, stands anywhere in the line."""
        return word in self.text.casefold()


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted.

    Args:
        words: each has to stand somewhere in a line, in any case; one that begins with `-` must not.
        level: this and worse.
        pair_id, account_id: only lines about that pair or account.
        since: only lines from then on.
    """

    words: tuple[str, ...] = ()
    level: Level = Level.INFO
    pair_id: str | None = None
    account_id: str | None = None
    since: datetime | None = None

    def wants(self, line: LogLine) -> bool:
        """Whether a line is asked for, its time aside."""
        if line.level not in self.level.and_worse:
            return False
        ids = (("pair_id", self.pair_id), ("account_id", self.account_id))
        if any(wanted is not None and line.fields.get(name) != wanted for name, wanted in ids):
            return False
        for word in self.words:
            folded = word.casefold()
            unwanted = folded.startswith("-") and len(folded) > 1
            if line.holds(folded[1:] if unwanted else folded) is unwanted:
                return False
        return True


@dataclass(frozen=True, slots=True)
class LogFound:
    """The newest lines that were asked for, newest first; `more` where there are older ones."""

    lines: tuple[LogLine, ...]
    more: bool
