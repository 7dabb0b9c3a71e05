"""Gmail's search language, as far as programs use it: `q` of a listing compiled to a predicate.

Help page "Refine searches in Gmail" and guide "Search and filter messages". What is no operator is searched for as
text, as the service does; a day without a zone begins at midnight in California.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.sandbox.google.mail.store import Mailbox, Message
from app.sandbox.mime import words

Predicate = Callable[[Message], bool]

_PACIFIC: Final = ZoneInfo("America/Los_Angeles")
_TOKEN: Final = re.compile(r'\s*(?:(?P<mark>[(){}])|(?P<minus>-(?=[^\s-]))|(?P<word>(?:"[^"]*"?|[^\s(){}"])+))')
_PLACES: Final = {
    "draft": "DRAFT",
    "drafts": "DRAFT",
    "bin": "TRASH",
    "important": "IMPORTANT",
    "chats": "CHAT",
    "social": "CATEGORY_SOCIAL",
    "promotions": "CATEGORY_PROMOTIONS",
    "updates": "CATEGORY_UPDATES",
    "forums": "CATEGORY_FORUMS",
    "primary": "CATEGORY_PERSONAL",
}
_UNITS: Final = {"d": 1, "m": 30, "y": 365, "h": 0}
_SIZES: Final = {"": 1, "k": 1024, "m": 1024 * 1024}


class Search:
    """One compiled search.

    Args:
        text: as the client sent it.
        box: whose labels are named.
        now: the services' present moment.
    """

    def __init__(self, text: str, box: Mailbox, now: datetime) -> None:
        self._box = box
        self._now = now
        self.names_hidden = False
        """Whether it asks for spam or trash by name, and so finds them."""
        self._tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup]
        self._at = 0
        parts: list[Predicate] = []
        while self._at < len(self._tokens):
            parts.append(self._either(""))
            if self._at < len(self._tokens):  # a bracket that nothing opened
                self._at += 1
        self._found = _all(parts)

    def finds(self, message: Message) -> bool:
        """Whether a message is found."""
        return self._found(message)

    def _either(self, closing: str) -> Predicate:
        """Terms up to the closing bracket: `OR` between two binds them closer than their neighbours."""
        groups: list[list[Predicate]] = []
        joined = False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token["mark"] in (")", "}"):
                break
            if token["word"] in ("OR", "|"):
                self._at += 1
                joined = bool(groups)
                continue
            if token["word"] == "AND":
                self._at += 1
                continue
            term = self._term()
            if joined:
                groups[-1].append(term)
            else:
                groups.append([term])
            joined = False
        if closing and self._at < len(self._tokens):
            self._at += 1
        if closing == "}":
            return _any([one for group in groups for one in group])
        return _all([_any(group) for group in groups])

    def _term(self) -> Predicate:
        token = self._tokens[self._at]
        self._at += 1
        if token["minus"]:
            if self._at == len(self._tokens):
                return lambda message: True
            denied = self._term()
            return lambda message: not denied(message)
        if token["mark"]:
            return self._either(")" if token["mark"] == "(" else "}")
        return self._operator(token["word"])

    def _operator(self, word: str) -> Predicate:
        name, colon, value = word.partition(":")
        value = value.replace('"', "")
        name = name.lower()
        if colon and not value and self._at < len(self._tokens) and self._tokens[self._at]["mark"] == "(":
            return self._several(name)
        found = self._named(name, value) if colon and value else None
        if found is not None:
            return found
        wanted = words(word)
        return lambda message: _contains(message.words, wanted)

    def _several(self, name: str) -> Predicate:
        """`subject:(dinner movie)`: the operator holds for each of the words."""
        self._at += 1
        found: list[Predicate] = []
        either = False
        while self._at < len(self._tokens) and self._tokens[self._at]["mark"] != ")":
            word = self._tokens[self._at]["word"] or ""
            self._at += 1
            either = either or word == "OR"
            if word and word != "OR":
                found.append(self._operator(f"{name}:{word}"))
        self._at += 1
        return _any(found) if either else _all(found)

    def _named(self, name: str, value: str) -> Predicate | None:
        """An operator with its value, None when it is no operator."""
        if name in ("from", "to", "cc", "bcc", "deliveredto", "list"):
            return _people(name, self._box.email if value.lower() == "me" else value)
        if name == "subject":
            wanted = words(value)
            return lambda message: _contains(words(message.part.header("Subject")), wanted)
        if name in ("after", "newer", "before", "older"):
            return self._dated(value, after=name in ("after", "newer"))
        if name in ("newer_than", "older_than"):
            return self._aged(value, newer=name == "newer_than")
        if name in ("in", "is", "label", "category"):
            return self._placed(name, value)
        if name == "has":
            return self._having(value.lower())
        if name == "rfc822msgid":
            wanted_id = value.strip("<>")
            return lambda message: message.message_id.strip("<>") == wanted_id
        if name == "filename":
            part = value.lower()
            return lambda message: any(part in one.filename.lower() for one in message.part.attachments)
        if name in ("larger", "smaller", "size"):
            return _sized(value, smaller=name == "smaller")
        return None

    def _dated(self, value: str, *, after: bool) -> Predicate | None:
        if re.fullmatch(r"\d{5,}", value):
            limit = int(value) * 1000
        else:
            match = re.fullmatch(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})", value)
            if match is None:
                return None
            try:
                day = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=_PACIFIC)
            except ValueError:
                return None
            limit = int(day.timestamp() * 1000)
        if after:
            return lambda message: message.received_ms >= limit
        return lambda message: message.received_ms < limit

    def _aged(self, value: str, *, newer: bool) -> Predicate | None:
        match = re.fullmatch(r"(\d{1,5})([dmyh])", value.lower())
        if match is None:
            return None
        span = timedelta(days=int(match[1]) * _UNITS[match[2]], hours=int(match[1]) if match[2] == "h" else 0)
        limit = int(self._now.astimezone(UTC).timestamp() * 1000 - span.total_seconds() * 1000)
        return lambda message: (message.received_ms >= limit) == newer

    def _placed(self, name: str, value: str) -> Predicate:
        word = value.lower()
        if name == "in" and word == "anywhere":
            self.names_hidden = True
            return lambda message: True
        if word == "read":
            return lambda message: "UNREAD" not in message.labels
        if name == "in" and word in ("archive", "archived"):
            return lambda message: not {"INBOX", "SENT", "DRAFT", "TRASH", "SPAM"} & set(message.labels)
        label = _PLACES.get(word) or self._box.label_id(value)
        if name == "category":
            label = _PLACES.get(word)
        if label in ("TRASH", "SPAM"):
            self.names_hidden = True
        return lambda message: label in message.labels

    def _having(self, word: str) -> Predicate | None:
        if word == "attachment":
            return lambda message: any(not part.is_inline for part in message.part.attachments)
        if word in ("userlabels", "nouserlabels"):
            own = set(self._box.labels)
            return lambda message: bool(own & set(message.labels)) == (word == "userlabels")
        return None


def _people(name: str, value: str) -> Predicate:
    headers = {"list": ("list-id",), "deliveredto": ("delivered-to",), "to": ("to", "cc", "bcc")}.get(name, (name,))
    wanted = words(value)

    def found(message: Message) -> bool:
        if name == "list":
            return _contains(words(message.part.header("List-ID")), wanted)
        return any(
            _contains(words(f"{shown} {address}"), wanted) for shown, address in message.part.addresses(*headers)
        )

    return found


def _sized(value: str, *, smaller: bool) -> Predicate | None:
    match = re.fullmatch(r"(\d{1,12})([km]?)b?", value.lower())
    if match is None:
        return None
    limit = int(match[1]) * _SIZES[match[2]]
    return lambda message: (len(message.raw) < limit) == smaller


def _contains(found: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted words stand in a text one after the other."""
    size = len(wanted)
    return any(found[at : at + size] == wanted for at in range(len(found) - size + 1))


def _all(parts: Sequence[Predicate]) -> Predicate:
    return lambda message: all(part(message) for part in parts)


def _any(parts: Sequence[Predicate]) -> Predicate:
    return lambda message: any(part(message) for part in parts) or not parts
