"""Event ids in their two forms: immutable ones, and ordinary ones that change when an item moves to another folder.

Ids are opaque to clients and case-sensitive; they carry a checksum, so that a damaged one is never taken for another
item. It must not know what the item is. Reference: "Get immutable identifiers for Outlook resources".
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_IMMUTABLE_PREFIX = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
_ORDINARY_PREFIX = "AAMkADE0M2Y4LTQ5ZWMtNDU2ZQBGAAAA"
_KEY_BYTES = 12
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Reference:
    """What an id points at: an item's key, the original date of an occurrence, and for ordinary ids the folder."""

    key: str
    original: date | None
    folder: int | None


@lru_cache(maxsize=4096)
def folder_mark(calendar_id: str, moves: int) -> int:
    """The part of an ordinary id that changes when its item moves: a digest of the folder and the number of moves."""
    return zlib.crc32(f"{calendar_id}/{moves}".encode())


def encode(key: str, original: date | None, folder: int | None) -> str:
    """Make an id; ``folder`` None gives the immutable form.

    Args:
        key: 24 hex digits that name the item.
        original: the date of an occurrence in its series zone, or None for the item itself.
        folder: ``folder_mark`` of the item's place.
    """
    payload = bytes.fromhex(key) + (original.toordinal().to_bytes(4, "big") if original else b"\0\0\0\0")
    if folder is not None:
        payload += folder.to_bytes(4, "big")
    payload += (zlib.crc32(payload) & 0xFFFFFF).to_bytes(3, "big")
    # As base64.urlsafe_b64encode does it: a thousand ids make a page.
    text = binascii.b2a_base64(payload, newline=False).translate(_URL_SAFE).decode()
    return (_IMMUTABLE_PREFIX if folder is None else _ORDINARY_PREFIX) + text


def web_link(event_id: str) -> str:
    """Where Outlook on the web shows an event."""
    return f"https://outlook.office365.com/owa/?itemid={event_id}&exvsurl=1&path=/calendar/item"


def decode(text: str) -> Reference | None:
    """Read an id; None when it is not one of ours."""
    immutable = text.startswith(_IMMUTABLE_PREFIX)
    if not immutable and not text.startswith(_ORDINARY_PREFIX):
        return None
    try:
        payload = base64.b64decode(
            text[len(_IMMUTABLE_PREFIX if immutable else _ORDINARY_PREFIX) :], altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        return None
    body, check = payload[:-3], payload[-3:]
    if (
        len(body) != _KEY_BYTES + 4 + (0 if immutable else 4)
        or (zlib.crc32(body) & 0xFFFFFF).to_bytes(3, "big") != check
    ):
        return None
    ordinal = int.from_bytes(body[_KEY_BYTES : _KEY_BYTES + 4], "big")
    if ordinal > date.max.toordinal():
        return None
    folder = None if immutable else int.from_bytes(body[_KEY_BYTES + 4 :], "big")
    found = Reference(body[:_KEY_BYTES].hex(), date.fromordinal(ordinal) if ordinal else None, folder)
    # Base64 has several spellings of the same bytes; an id has one.
    return found if encode(found.key, found.original, found.folder) == text else None
