"""The `fields` partial-response selector: `items(id,etag),nextPageToken`, `items/id`, `*`."""

from __future__ import annotations

import re
from typing import Any

from app.sandbox.google.errors import GoogleError

Selector = dict[str, "Selector | None"]
"""Selected names; None stands for everything below."""

_TOKEN = re.compile(r"[^,()/]+|[,()/]")


def parse(text: str) -> Selector:
    """Read a selector.

    Raises:
        GoogleError: 400 `invalidParameter` when it is malformed.
    """
    tokens = _TOKEN.findall(text)
    selector, rest = _fields(tokens, 0)
    if rest != len(tokens) or not selector:
        raise _malformed(text)
    return selector


def check(selector: Selector, kind: Any, text: str) -> None:
    """Refuse names that the answer can never have.

    Args:
        selector: as parsed.
        kind: what the answer is, from `vocabulary.ANSWERS`; None leaves everything be.
        text: the selector as sent, for the message.

    Raises:
        GoogleError: 400 `invalidParameter`.
    """
    while isinstance(kind, list):
        kind = kind[0]
    if kind is None:
        return
    if not isinstance(kind, dict):
        raise _malformed(text)
    for name, below in selector.items():
        if name != "*" and name not in kind and "*" not in kind:
            raise _malformed(text)
        if below is not None:
            check(below, kind.get(name, kind.get("*")), text)


def _malformed(text: str) -> GoogleError:
    return GoogleError(400, "invalidParameter", f"Invalid field selection {text}", location="fields")


def _fields(tokens: list[str], at: int) -> tuple[Selector, int]:
    selector: Selector = {}
    while at < len(tokens):
        if tokens[at] in ",()/":
            raise _malformed("".join(tokens))
        below = selector
        name = tokens[at].strip()
        at += 1
        while at + 1 < len(tokens) and tokens[at] == "/":
            child = below.setdefault(name, {})
            below = child if child is not None else {}
            name = tokens[at + 1].strip()
            at += 2
        if at < len(tokens) and tokens[at] == "(":
            child, at = _fields(tokens, at + 1)
            if at >= len(tokens) or tokens[at] != ")":
                raise _malformed("".join(tokens))
            at += 1
            earlier = below.get(name, {})
            below[name] = None if earlier is None else {**earlier, **child}
        else:
            below[name] = None
        if at < len(tokens) and tokens[at] == ",":
            at += 1
            continue
        break
    return selector, at


def select(value: Any, selector: Selector | None) -> Any:
    """The part of a JSON value that the selector names; arrays are looked through."""
    if selector is None or "*" in selector:
        return value
    if isinstance(value, list):
        return [select(item, selector) for item in value]
    if isinstance(value, dict):
        return {name: select(value[name], below) for name, below in selector.items() if name in value}
    return value
