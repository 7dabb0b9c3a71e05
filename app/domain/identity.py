"""Names that any machine derives alike: calendar, direction and copy keys (`engine.md` §4). Pure."""

from __future__ import annotations

import hashlib

SEPARATOR = "\x1f"
COPY_ID_PREFIX = "kaln"
_KEY_LENGTH = 40
_TRANSACTION_PREFIX = "6b616c6e"  # "kaln" in hex


def digest(*parts: str) -> str:
    """First 40 hex digits of SHA-256 over the parts joined by U+001F, in UTF-8; halves of surrogate pairs count too."""
    return hashlib.sha256(SEPARATOR.join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_LENGTH]


def google_calendar_key(calendar_id: str) -> str:
    """Key of a Google calendar; `calendar_id` is the real id, never the alias `primary`."""
    return f"google:{calendar_id}"


def microsoft_calendar_key(home_account_id: str, calendar_id: str) -> str:
    """Key of a Microsoft calendar, by msal's home account id and the calendar's id."""
    return f"microsoft:{home_account_id}:{calendar_id}"


def direction_key(source_key: str, target_key: str) -> str:
    """Key of a direction: no mode in it, so settings change copies in place and machines agree."""
    return digest("kalends-1", source_key, target_key)


def copy_key(direction: str, original_id: str, occ: str = "") -> str:
    """Key of the copy of one original (`occ` empty) or of one of its occurrences in a direction."""
    return digest(direction, original_id, occ)


def copy_id(target_key: str, key: str, generation: int) -> str:
    """Id of a copy; the generation rises only when the service shows the previous id burned."""
    return digest(target_key, key, str(generation))


def google_event_id(identifier: str) -> str:
    """The event id a copy is created under: base32hex alphabet, 5 to 1024 characters (Google `Event.id`)."""
    return COPY_ID_PREFIX + identifier


def transaction_id(identifier: str) -> str:
    """Graph `transactionId` for a copy: a UUID of version 8 that begins with "kaln" and holds 22 digits of the id."""
    d = identifier[:22]
    return f"{_TRANSACTION_PREFIX}-{d[0:4]}-8{d[4:7]}-8{d[7:10]}-{d[10:22]}"
