"""Replacements and words of a pair as a line of text that a person writes, and back. Pure: no Qt, no judgement.

Not everything that a pair can have fits a line: what would come back otherwise has no text (None), and stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def words_texts(rules: Sequence[WordFilter]) -> tuple[str, str, bool, Within] | None:
    """Words that are left out, words that are asked for, whether they are whole words, and where they are looked for;
    None where more is said."""
    texts = {rule.only: ", ".join(rule.words) for rule in rules}
    whole = any(rule.whole_words for rule in rules)
    within = rules[0].within if rules else Within.EITHER
    told = texts.get(False, ""), texts.get(True, ""), whole, within
    return told if words_from(*told) == tuple(rules) else None


def words_from(without: str, only: str, whole_words: bool, within: Within = Within.EITHER) -> tuple[WordFilter, ...]:
    """Rules for words in titles or categories, in lines with commas between them."""
    rules = []
    for text, asked in ((without, False), (only, True)):
        words = tuple(word for word in (part.strip() for part in text.split(",")) if word)
        if words:
            rules.append(WordFilter(words, within, whole_words, asked))
    return tuple(rules)
