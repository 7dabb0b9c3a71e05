"""The switches of the emulated Outlook mail, beside those of delta rounds that it shares with the calendar.

Defaults are the stricter or more awkward of the believed behaviours. Reference: provider reference, sections 6, 12, 13.
"""

from __future__ import annotations

from typing import Any, Final

from app.sandbox.world import Behaviour

_SWITCHES: Final[tuple[tuple[str, Any, tuple[Any, ...], str], ...]] = (
    (
        "delta_updates",
        "partial",
        ("partial", "full"),
        "Whether later rounds tell of a changed message what changed, or all of it.",
    ),
    ("move_reason", "deleted", ("deleted", "changed"), "Reason of @removed when a message left the folder."),
    ("delta_filter_cap", 5000, (), "Messages that a delta round with $filter tells at most; 0: all."),
    (
        "read_basic",
        "bare",
        ("bare", "refused"),
        "Mail.ReadBasic and a $select that names a body: left out of the answer, or refused with 403.",
    ),
    ("text_bodies", "html", ("html", "text"), "How a message of plain text is answered when no preference is sent."),
)


def declare(behaviour: Behaviour) -> None:
    """Add every switch as ``microsoft.mail_<name>``; values set before stay."""
    for name, default, allowed, meaning in _SWITCHES:
        behaviour.declare(f"microsoft.mail_{name}", default, allowed, meaning)
