"""Events as Kalends understands them, whatever service they come from.

An **original** is an event made by people, a **copy** one made by us, known by its **origin marker** and its id.
These are values: mapping from and to a provider's JSON lives in `app.providers.*.mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.times import Moment, When


class Availability(StrEnum):
    """What an event does to free/busy time. The source's word is kept (oof stays oof) where the target can say it."""

    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "oof"
    ELSEWHERE = "elsewhere"


class Visibility(StrEnum):
    """Who may see the details. `default` is the calendar's own rule (`providers.md` §10.2)."""

    DEFAULT = "default"
    PUBLIC = "public"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Response(StrEnum):
    """The calendar owner's own answer to an invitation; `none` when there was nothing to answer."""

    NONE = "none"
    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


class Special(StrEnum):
    """Google's event types; other services know only `default`."""

    DEFAULT = "default"
    BIRTHDAY = "birthday"
    WORKING_LOCATION = "working_location"
    FOCUS_TIME = "focus_time"
    OUT_OF_OFFICE = "out_of_office"
    FROM_MAIL = "from_mail"


class EventKind(StrEnum):
    """How an event relates to a series (RFC 5545 words)."""

    SINGLE = "single"
    SERIES = "series"
    EXCEPTION = "exception"
    """One occurrence that differs from its series; `series_id` and `original_start` say which."""
    CANCELLED = "cancelled"
    """One occurrence that its series lacks: a bare stub, `fields` is None."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a series repeats: RRULE, RDATE and EXRULE lines as in RFC 5545 §3.8.5, without EXDATE.

    Excluded dates are not here but in `Event.cancelled`: cancelling an occurrence is the same fact everywhere.
    """

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuestList:
    """Who else is on an event, by name and never by address.

    Args:
        names: sorted, so that an order that a service changes by itself is no change.
        more: how many are not named: those without a name, and those beyond what a text shall list.
    """

    names: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Fields:
    """What of an event can be copied.

    `text` is the description as plain text; `html` the same, sanitised, when the service holds HTML.
    `reminders` are pop-ups in minutes before the start, sorted; None means "the calendar's default".
    `colour` is a CSS3 or Google event colour name. `link` and `guests` have no place of their own in a copy: they stand
    below our line in its text. `guests` is what stands there, and never who is on the event.
    """

    when: When
    title: str = ""
    text: str = ""
    html: str | None = None
    place: str = ""
    link: str = ""
    guests: GuestList | None = None
    availability: Availability = Availability.BUSY
    visibility: Visibility = Visibility.DEFAULT
    reminders: tuple[int, ...] | None = ()
    colour: str | None = None
    recurrence: Recurrence | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """The origin marker: private properties that a copy carries (`engine.md` §4).

    A marker proves nothing by itself: people copy events and services copy markers.
    `stamp` is `installation.write` of our last write; `released` copies are ordinary events from then on.
    """

    direction_key: str
    copy_key: str
    generation: int
    stamp: str
    released: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a calendar holds it now.

    Args:
        id: the service's id (Graph: immutable form), unique in its calendar.
        etag: its version, verbatim.
        gone: the service says it no longer exists; then `fields` is None.
        fields: what can be copied; None for `gone` and for cancelled occurrences.
        series_id: id of the series, for exceptions and cancelled occurrences.
        original_start: where the occurrence would have been: an aware UTC time, or a date (the local date in the
            series zone) for all-day series and where the service tells no more.
        cancelled: original starts a series excludes by itself (EXDATE, `cancelledOccurrences`).
        marker: our origin marker, None if there is none. Means nothing unless `marker_known`.
        marker_known: False where the service did not tell (Graph's delta): read the event before using it as source.
        transaction_id: Graph's `transactionId`, lower case.
        organised_elsewhere: somebody else is the organizer.
        guests: other people are on it.
        guest_list: who they are, as far as the service tells; None where nobody else is on it, or nobody says who.
        updated_at: the service's own time of last change.
    """

    id: str
    etag: str = ""
    kind: EventKind = EventKind.SINGLE
    gone: bool = False
    fields: Fields | None = None
    series_id: str | None = None
    original_start: Moment | None = None
    cancelled: tuple[Moment, ...] = ()
    ical_uid: str | None = None
    marker: Marker | None = None
    marker_known: bool = True
    transaction_id: str | None = None
    response: Response = Response.NONE
    special: Special = Special.DEFAULT
    organised_elsewhere: bool = False
    guests: bool = False
    guest_list: GuestList | None = None
    categories: tuple[str, ...] = field(default=())
    web_link: str | None = None
    updated_at: datetime | None = None

    @property
    def unit(self) -> str:
        """Id of the unit of reading and planning this belongs to: the series, or the event itself."""
        return self.series_id or self.id
