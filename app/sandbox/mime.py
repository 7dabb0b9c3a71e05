"""Reading messages (RFC 5322, MIME) as a mail service does: headers decoded, parts taken apart, texts made Unicode.

A message may come from anybody, so nothing in it is trusted: what cannot be decoded is shown as it is, never an error.
It knows nothing of either service.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from typing import Final

_BREAKING: Final = re.compile(r"(?i)<\s*(?:br|/p|/div|/li|/tr|/h[1-6])[^>]*>")
_HIDDEN: Final = re.compile(r"(?is)<\s*(style|script|head|title)\b.*?<\s*/\s*\1\s*>")
_REPLY: Final = re.compile(r"(?i)^(?:\s*(?:re|aw|fw|fwd|wg|sv|tr|rif)(?:\[\d+\])?\s*:)+\s*")
MAX_DEPTH: Final = 30
"""Parts within parts beyond this are left out: a message may be made to exhaust its reader."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. `content` is decoded, and UTF-8 where it is text; a container has none."""

    part_id: str
    mime_type: str
    filename: str
    headers: tuple[tuple[str, str], ...]
    content: bytes
    parts: tuple[Part, ...]
    is_inline: bool
    method: str

    def header(self, name: str) -> str:
        """The first header of that name in any case of letters, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def walk(self) -> Iterator[Part]:
        """This part and all below, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def addresses(self, *names: str) -> list[tuple[str, str]]:
        """Display name and address of everybody in the headers of these names."""
        values = [value for key, value in self.headers if key.lower() in names]
        return [(name, address) for name, address in getaddresses(values) if address]

    @property
    def is_attachment(self) -> bool:
        """Whether a person sees it as a file."""
        return bool(self.filename) and not self.parts

    @property
    def attachments(self) -> list[Part]:
        """The files of the message, those shown within its text too."""
        return [part for part in self.walk() if part.is_attachment]

    def text(self, mime_type: str) -> str:
        """The first body of `text/plain` or `text/html`, empty when there is none."""
        for part in self.walk():
            if part.mime_type == mime_type and not part.is_attachment and not part.parts:
                return part.content.decode("utf-8", "replace")
        return ""

    @property
    def readable(self) -> str:
        """The text a person reads: the plain one, else that of the HTML."""
        return self.text("text/plain") or plain(self.text("text/html"))

    @property
    def meeting_method(self) -> str:
        """The method of an iCalendar part (`REQUEST`, `REPLY`, `CANCEL`), empty when the message is no meeting's."""
        return next((part.method for part in self.walk() if part.mime_type == "text/calendar" and part.method), "")


def read(raw: bytes) -> Part:
    """Take a message apart."""
    return _part(message_from_bytes(raw, policy=compat32), "", MAX_DEPTH)


def message_id(raw: bytes) -> str:
    """The Message-ID of a message, found without taking it apart; empty when there is none."""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    found = re.search(rb"(?im)^Message-ID:\s*(\S+)", head)
    return found[1].decode("utf-8", "replace") if found else ""


def plain(markup: str) -> str:
    """The readable text of HTML, roughly as a preview shows it."""
    text = re.sub(r"<[^>]*>", " ", _BREAKING.sub("\n", _HIDDEN.sub(" ", markup)))
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in html.unescape(text).splitlines())
    return "\n".join(line for line in lines if line)


def base_subject(subject: str) -> str:
    """A subject without what replies and forwards put before it, for telling conversations apart."""
    return _REPLY.sub("", subject).strip().lower()


def words(text: str) -> list[str]:
    """The words of a text as searches compare them."""
    return re.findall(r"\w+", text.lower())


def _part(message: Message, part_id: str, depth: int) -> Part:
    kind = message.get_content_type()
    below = message.get_payload()
    container = message.is_multipart() and kind != "message/rfc822" and isinstance(below, list) and depth > 0
    parts: tuple[Part, ...] = ()
    if container and isinstance(below, list):
        prefix = f"{part_id}." if part_id else ""
        parts = tuple(
            _part(one, f"{prefix}{number}", depth - 1) for number, one in enumerate(below) if isinstance(one, Message)
        )
    disposition = (message.get_content_disposition() or "").lower()
    filename = _decoded(message.get_filename() or "")
    if kind == "message/rfc822" and not filename:
        filename = "message.eml"
    elif disposition == "attachment" and not filename:
        filename = "noname"
    return Part(
        part_id=part_id,
        mime_type=kind,
        filename=filename,
        headers=tuple((name, _decoded(str(value))) for name, value in message.items()),
        content=b"" if container else _content(message, kind),
        parts=parts,
        is_inline=disposition == "inline" or (disposition != "attachment" and message.get("Content-ID") is not None),
        method=str(message.get_param("method") or "").upper() if kind == "text/calendar" else "",
    )


def _content(message: Message, kind: str) -> bytes:
    if kind == "message/rfc822":
        below = message.get_payload()
        return below[0].as_bytes() if isinstance(below, list) and below and isinstance(below[0], Message) else b""
    content = message.get_payload(decode=True)
    if not isinstance(content, bytes):
        return b""
    if not kind.startswith("text/"):
        return content
    try:
        return content.decode(message.get_content_charset() or "utf-8", "replace").encode()
    except LookupError:
        return content.decode("latin-1").encode()


def _decoded(value: str) -> str:
    unfolded = re.sub(r"\r?\n[ \t]+", " ", value).encode("utf-8", "replace").decode()
    try:
        return str(make_header(decode_header(unfolded))).encode("utf-8", "replace").decode()
    except (HeaderParseError, LookupError, ValueError):
        return unfolded
