"""Replacements in titles: which patterns are harmless enough to be run on every event, and running them.

Titles come from strangers, and a careless pattern can keep a computer busy for years. A pattern here is a regular
expression of a small kind whose work is bounded: what is repeated is one character or class, one repetition is
unlimited at most, few choices, no references back, no looking around. Only the beginning of a title is looked at.
Pure: it must not know settings or pairs beyond a replacement itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.domain.pairs import Replacement

MOST_REPLACEMENTS: Final = 10
LONGEST: Final = 60
"""Characters of what is sought, and of what stands there instead."""
LOOKED_AT: Final = 256
"""So many characters of a title are looked at; what follows stays as it is."""
MOST_CHOICES: Final = 5
MOST_OPTIONAL: Final = 4
MOST_TIMES: Final = 20

_ESCAPES: Final = frozenset("dDwWsSbB")
_COUNT: Final = re.compile(r"\{(\d{0,3})(,?)(\d{0,3})\}", re.ASCII)


def problem(replacement: Replacement) -> str | None:
    """Why a replacement cannot be used, as a sentence; None when it can."""
    if not replacement.find.strip():
        return "Say what is to be replaced."
    if len(replacement.find) > LONGEST or len(replacement.by) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if any(ord(character) < 32 for character in replacement.find + replacement.by):
        return "Use no line breaks and no control characters."
    return _wrong_pattern(replacement.find) if replacement.pattern else None


def replaced(title: str, replacements: Sequence[Replacement]) -> str:
    """A title with replacements carried out, one after the other.

    Args:
        replacements: none of them has a `problem`.
    """
    for replacement in replacements:
        head, tail = title[:LOOKED_AT], title[LOOKED_AT:]
        head = _compiled(replacement).sub(lambda _, by=replacement.by: by, head)  # type: ignore[misc]  # by is bound now
        title = head + tail
    return title


def _compiled(replacement: Replacement) -> re.Pattern[str]:
    """`re` keeps what it compiled last."""
    return re.compile(replacement.find if replacement.pattern else re.escape(replacement.find), re.IGNORECASE)


def _wrong_pattern(pattern: str) -> str | None:
    scan = _Scan(pattern)
    wrong = scan.run()
    if wrong is not None:
        return wrong
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError):
        return "This pattern cannot be read."
    if compiled.search("") is not None:
        return "This pattern fits nothing at all too; let it ask for one character at least."
    return None


class _Scan:
    """Reads a pattern from left to right and tells the first thing that is not of the small kind."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._unlimited = 0
        self._optional = 0
        self._choices = 0

    def run(self) -> str | None:
        """What is wrong, None when nothing is."""
        before = ""
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            repeats = character in "*+?" or (character == "{" and _COUNT.match(self._pattern, self._at) is not None)
            if repeats:
                wrong = self._repetition(before)
                before = "repetition"
            else:
                wrong, before = self._part(character)
            if wrong is not None:
                return wrong
        return None

    def _part(self, character: str) -> tuple[str | None, str]:
        self._at += 1
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._class()
        if character == "(":
            if self._pattern.startswith("?", self._at):
                if not self._pattern.startswith("?:", self._at):
                    return "Looking around, names and flags, “(?…”, cannot be used in a pattern.", ""
                self._at += 2
            return None, "opened"
        if character == ")":
            return None, "group"
        if character == "|":
            self._choices += 1
            wrong = f"Use at most {MOST_CHOICES} choices, “|”, in a pattern." if self._choices > MOST_CHOICES else None
            return wrong, "opened"
        return None, "anchor" if character in "^$" else "single"

    def _escape(self) -> tuple[str | None, str]:
        character = self._pattern[self._at : self._at + 1]
        self._at += 1
        if character.isdigit():
            return "References back, such as “\\1”, cannot be used in a pattern.", ""
        if not character or (character.isalnum() and character not in _ESCAPES):
            return f"“\\{character}” cannot be used in a pattern.", ""
        return None, "anchor" if character in "bB" else "single"

    def _class(self) -> tuple[str | None, str]:
        begin = self._at
        if self._pattern.startswith("^", self._at):
            self._at += 1
        if self._pattern.startswith("]", self._at):
            self._at += 1
        while self._at < len(self._pattern) and self._pattern[self._at] != "]":
            self._at += 2 if self._pattern[self._at] == "\\" else 1
        self._at += 1
        inside = self._pattern[begin : self._at]
        # `re` warns of these: another meaning is planned for them.
        if "[" in inside or any(pair in inside for pair in ("--", "&&", "||", "~~")):
            return "“[”, “--”, “&&”, “||” and “~~” cannot be used inside “[…]”.", ""
        return None, "single"

    def _repetition(self, before: str) -> str | None:
        if before == "repetition":
            return "A repetition of a repetition cannot be used in a pattern."
        if before == "group":
            return "A repeated group, “(…)*”, cannot be used in a pattern; repeat one character or “[…]” only."
        if before != "single":
            return "A repetition needs a character before it."
        character = self._pattern[self._at]
        if character == "{":
            return self._count()
        self._at += 1
        if character == "?":
            return self._one_optional()
        if self._pattern.startswith("?", self._at):
            self._at += 1
        return self._one_unlimited()

    def _count(self) -> str | None:
        found = _COUNT.match(self._pattern, self._at)
        if found is None:
            raise ValueError("called where a count stands")
        self._at = found.end()
        low, comma, high = found.groups()
        if (low or high) and max(int(low or 0), int(high or 0)) > MOST_TIMES:
            return f"Repeat at most {MOST_TIMES} times in a pattern."
        if self._pattern.startswith("?", self._at):
            self._at += 1
        if not comma:
            return None if low else "This pattern cannot be read."
        # “{1,9}” leaves as much open as “*” does, up to its end.
        return self._one_unlimited()

    def _one_unlimited(self) -> str | None:
        self._unlimited += 1
        return "Use “*”, “+” or “{1,9}” once at most in a pattern." if self._unlimited > 1 else None

    def _one_optional(self) -> str | None:
        self._optional += 1
        return f"Use “?” {MOST_OPTIONAL} times at most in a pattern." if self._optional > MOST_OPTIONAL else None
