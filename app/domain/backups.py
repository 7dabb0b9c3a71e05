"""Backups of the database, and what was put in its place, as values. Knows no files: those are the store's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of the database.

    Args:
        name: of its file, in the folder `backups` beside the database.
        made_at: when, by the clock of then; None where the name does not say.
        size: bytes.
        sound: it was read from beginning to end and nothing in it is damaged.
        usable: sound, and of a version that this Kalends knows.
    """

    name: str
    made_at: datetime | None
    size: int
    sound: bool
    usable: bool


class Reason(StrEnum):
    """Why another database lies in the place of the one that was there."""

    ASKED = "asked"
    """The person put a backup there."""
    DAMAGED = "damaged"
    """The database could not be read any more."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in the place of a database.

    Args:
        at: when.
        reason: why.
        backup: name of the backup; None where there was none that could be used: the database began anew.
        backup_at: when the backup was made.
        settings_kept: without a backup, accounts and pairs could still be read and were taken over.
        aside: where the file that was there is kept, None where there was none.
    """

    at: datetime
    reason: Reason
    backup: str | None = None
    backup_at: datetime | None = None
    settings_kept: bool = False
    aside: str | None = None

    @property
    def sentence(self) -> str:
        """What happened, for the person it happened to."""
        why = "The database was damaged" if self.reason is Reason.DAMAGED else "You asked for an older database"
        if self.backup is not None:
            when = "an unknown day" if self.backup_at is None else f"{self.backup_at.astimezone():%d %B %Y, %H:%M}"
            what = f"the backup of {when} is in its place. Nothing is deleted until both calendars were read whole"
        elif self.settings_kept:
            what = (
                "there was no good backup. Accounts and sync pairs were kept; the rest is read anew from your "
                "calendars, and copies are found by their marks"
            )
        else:
            what = "there was no good backup, so Kalends began anew. Connect your accounts and make your pairs again"
        kept = "" if self.aside is None else f" The file that was there is kept as {self.aside}."
        return f"{why}: {what}.{kept}"

    def as_text(self) -> str:
        """For keeping."""
        kept = asdict(self) | {"at": self.at.isoformat()}
        return json.dumps(kept | {"backup_at": None if self.backup_at is None else self.backup_at.isoformat()})

    @classmethod
    def from_text(cls, text: str) -> Restored:
        """What was kept."""
        kept = json.loads(text)
        made = kept["backup_at"]
        return cls(
            datetime.fromisoformat(kept["at"]),
            Reason(kept["reason"]),
            kept["backup"],
            None if made is None else datetime.fromisoformat(made),
            bool(kept["settings_kept"]),
            kept["aside"],
        )
