"""Replacements and words of a pair as a line of text that a person writes, and back. Pure: no Qt, no judgement.

Not everything that a pair can have fits a line: what would come back otherwise has no text (None), and stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.pairs import Replacement, Within, WordFilter


def replacements_text(values: Sequence[Replacement]) -> str | None:
    """`Project X = Work; /\\d+/ = #`: patterns stand between slashes. None where that would not come back the same."""
    parts = [f"/{one.find}/ = {one.by}" if one.pattern else f"{one.find} = {one.by}" for one in values]
    text = "; ".join(part.rstrip() for part in parts)
    return text if replacements_from(text) == tuple(values) else None


def replacements_from(text: str) -> tuple[Replacement, ...]:
    """What a line says; a part without `=` takes its words out of titles."""
    made = []
    for part in text.split(";"):
        find, _, by = (piece.strip() for piece in part.partition("="))
        if not find:
            continue
        pattern = len(find) > 2 and find.startswith("/") and find.endswith("/")
        made.append(Replacement(find[1:-1] if pattern else find, by, pattern))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class WordsLine:
    """One rule for words, as a line with commas between them.

    Args:
        within: where they are looked for.
        whole_words: whether they count as whole words only.
    """

    text: str = ""
    within: Within = Within.EITHER
    whole_words: bool = False


def words_texts(rules: Sequence[WordFilter]) -> tuple[WordsLine, WordsLine] | None:
    """Words that are left out, and words that are asked for; None where more is said."""
    lines = {rule.only: WordsLine(", ".join(rule.words), rule.within, rule.whole_words) for rule in rules}
    told = lines.get(False, WordsLine()), lines.get(True, WordsLine())
    return told if words_from(*told) == tuple(rules) else None


def words_from(without: WordsLine, only: WordsLine) -> tuple[WordFilter, ...]:
    """Rules for words in titles or categories: those that are left out, then those that are asked for."""
    rules = []
    for line, asked in ((without, False), (only, True)):
        words = tuple(word for word in (part.strip() for part in line.text.split(",")) if word)
        if words:
            rules.append(WordFilter(words, line.within, line.whole_words, asked))
    return tuple(rules)
