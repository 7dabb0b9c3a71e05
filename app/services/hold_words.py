"""What a hold is about, in words: for the window, notifications, the API and the command line alike.

Never a title of an event: samples are shown beside, where the person asked to see them.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.runs import Hold, HoldCause


@dataclass(frozen=True, slots=True)
class HoldWords:
    """The words of one cause.

    Args:
        one, many: what is counted, in the singular and the plural.
        change: what would be done with them, as in "12 copies would be removed".
        why: why it waits, for a person.
        approve, keep: labels of the two answers.
    """

    one: str
    many: str
    change: str
    why: str
    approve: str = "Remove them now"
    keep: str = "Keep the copies"

    def subject(self, count: int) -> str:
        """`1 copied event`, `1,200 copied events`."""
        return f"1 {self.one}" if count == 1 else f"{count:,} {self.many}"


_COPIES = ("copied event", "copied events")
_SHORT = {"copied event": "copy", "copied events": "copies"}

WORDS: dict[HoldCause, HoldWords] = {
    HoldCause.MASS_DELETE: HoldWords(
        *_COPIES,
        change="removed",
        why="Their originals are gone. That is unusually many at once, so nothing was done yet.",
    ),
    HoldCause.SOURCE_EMPTY: HoldWords(
        *_COPIES,
        change="removed",
        why="Their calendar came back without any events. That is unusual, so nothing was done yet.",
    ),
    HoldCause.MASS_CHANGE: HoldWords(
        *_COPIES,
        change="changed",
        why="That is unusually many, so nothing was done yet.",
        approve="Change them now",
    ),
    HoldCause.ORIGINALS_DELETED: HoldWords(
        "original",
        "originals",
        change="removed",
        why="Someone deleted their copies, and this pair deletes originals too. More than a few a day wait for you.",
        keep="Keep the originals",
    ),
    HoldCause.REKEYED: HoldWords(
        *_COPIES,
        change="removed and made anew",
        why="Over half the events of their calendar are there again under new identities, as after an import or a move."
        " Kalends can let the copies follow the new ones, and change nothing.",
        approve="Remove and copy anew",
        keep="Follow the new ones",
    ),
    HoldCause.CALENDAR_CHANGED: HoldWords(
        *_COPIES,
        change="changed or removed",
        why="One of the calendars belongs to another account, may be used otherwise, or has another time zone than"
        " before, so nothing was done yet.",
        approve="Go on",
    ),
    HoldCause.SERIES_SHRANK: HoldWords(
        "repeating event",
        "repeating events",
        change="left with less than half of the copies",
        why="Most of the dates are gone though nobody changed how it repeats, so nothing was done yet.",
    ),
    HoldCause.COPIES_WITHOUT_ORIGINAL: HoldWords(
        *_COPIES,
        change="removed",
        why="Kalends made them, perhaps on another computer, and nothing in their calendar explains them now.",
    ),
    HoldCause.FILTERS_NARROWED: HoldWords(
        *_COPIES,
        change="removed",
        why="Their originals are still there, but what this pair copies leaves them out now.",
    ),
}


def what_waits(hold: Hold) -> str:
    """`12 copied events would be removed`."""
    words = WORDS[hold.cause]
    return f"{words.subject(hold.expected)} would be {words.change}"


def in_short(hold: Hold) -> str:
    """The same for where there is little room: `12 copies would be removed`."""
    words = WORDS[hold.cause]
    noun = words.one if hold.expected == 1 else words.many
    return f"{hold.expected:,} {_SHORT.get(noun, noun)} would be {words.change}"
