"""One Google account: its calendars, and a client for each, over one connection and one rate.

It holds no state of a sync: cursors, links and the journal are the engine's.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Final

import httpx

from app.domain.accounts import Access, CalendarInfo, Connection
from app.domain.errors import ProtocolError
from app.domain.events import Event, Fields
from app.domain.links import Intent
from app.domain.ports import AccessTokens, Answers, CalendarClient, Capabilities, Pages, Writing
from app.domain.times import Span
from app.providers.google import mapping, reading
from app.providers.google.batch import BATCH_SIZE
from app.providers.google.reading import GoogleAnswers, Place
from app.providers.google.writing import GoogleWriting
from app.providers.http import Listening, make_client, nobody_listens
from app.providers.limits import AccountLimits
from app.providers.retry import Retrier

API_BASE: Final = "https://www.googleapis.com/calendar/v3/"
PARALLEL: Final = 4
"""Batches in flight: more gain nothing against the rate of 600 calls a minute."""

CAPABILITIES: Final = Capabilities(
    batch=BATCH_SIZE,
    parallel=PARALLEL,
    reads_margin_back_days=7,
    reads_margin_ahead_days=0,
    frozen_span=False,
    span_limited=False,
    excluded_dates=True,
)


def default_limits() -> AccountLimits:
    """600 calls in any minute and user (`providers.md` §2.12): 200 at once, then 400 a minute."""
    return AccountLimits(burst=200, per_minute=400)


class GoogleService:
    """A Google account as `app.domain.ports.CalendarService`.

    Args:
        tokens: access tokens of the account.
        api_base: the Calendar API's root; batches go to the same origin.
        ssl_context: the process's one.
        transport: replaces the network, for tests.
        limits: the account's rate; Google's documented one if not given.
        retrier: how reads are repeated.
        listening: hears what time the service says it is.
    """

    def __init__(
        self,
        tokens: AccessTokens,
        api_base: str = API_BASE,
        *,
        ssl_context: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
        limits: AccountLimits | None = None,
        retrier: Retrier | None = None,
        listening: Listening = nobody_listens,
    ) -> None:
        self._http = make_client(
            tokens,
            api_base,
            ssl_context=ssl_context,
            transport=transport,
            limits=limits or default_limits(),
            listening=listening,
        )
        self._retrier = retrier or Retrier()

    async def calendars(self) -> Sequence[CalendarInfo]:
        """All calendars the account can at least read, the primary one first, then by name. Raises a ProviderError."""
        account = Place(self._http, self._retrier, "", "UTC")
        found: list[CalendarInfo] = []
        params: dict[str, str | int] = {"minAccessRole": "reader", "showHidden": "true", "maxResults": 250}
        while True:
            listing: dict[str, Any] = await reading.get_object(account, "users/me/calendarList", params)
            items = listing.get("items", [])
            if listing.get("kind") != "calendar#calendarList" or not isinstance(items, list):
                raise ProtocolError("Google Calendar answered something that is no list of calendars.")
            entries = (mapping.calendar_of(item) for item in items if isinstance(item, dict))
            found += [entry for entry in entries if entry is not None]
            following = listing.get("nextPageToken")
            if not isinstance(following, str) or not following or following == params.get("pageToken"):
                return sorted(found, key=lambda info: (not info.primary, info.name.casefold(), info.calendar_id))
            params = {**params, "pageToken": following}

    def calendar(self, connection: Connection) -> CalendarClient:
        """The client of one calendar; `connection.calendar_id` is the real id."""
        return GoogleCalendar(
            Place(self._http, self._retrier, connection.calendar_id, connection.zone),
            writable=connection.access is Access.WRITER,
        )

    async def aclose(self) -> None:
        """Close the account's connections."""
        await self._http.aclose()


class GoogleCalendar:
    """One Google calendar as `app.domain.ports.CalendarClient`; `writable`: the account may write to it."""

    def __init__(self, place: Place, *, writable: bool) -> None:
        self._place = place
        self._writable = writable

    @property
    def capabilities(self) -> Capabilities:
        """50 calls a batch, no upper bound of a read, EXDATE in the same request."""
        return CAPABILITIES

    def changes(self, cursor: str | None, span: Span) -> Pages:
        """What changed since `cursor`, or all that ends after `span.start`; masters, never expanded.

        Raises:
            CursorExpiredError: the cursor is none of ours.
        """
        return reading.changes(self._place, cursor, span)

    def read(self, event_ids: Sequence[str]) -> Answers:
        """Read these events; a series with its exceptions and cancelled occurrences."""
        return GoogleAnswers(self._place, event_ids, PARALLEL)

    def marked(self, direction_key: str) -> Pages:
        """Living events with the marker of this direction, at any time."""
        return reading.marked(self._place, direction_key)

    def write(self, intents: Sequence[Intent]) -> Writing:
        """Send these writes in batches; nobody is notified."""
        return GoogleWriting(self._place, intents, PARALLEL)

    def normal_form(self, fields: Fields) -> Fields:
        """These fields as this calendar gives them back. Pure."""
        return mapping.normal_form(fields)

    def writable_fields(self, event: Event) -> frozenset[str]:
        """Which fields of an original may be written. Pure."""
        return mapping.writable_fields(event) if self._writable else frozenset()

    def expresses(self, fields: Fields) -> bool:
        """Google keeps RRULE, RDATE and EXRULE lines as they are, so every recurrence. Pure."""
        return True
