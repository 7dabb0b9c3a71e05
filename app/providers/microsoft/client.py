"""One Microsoft account and its calendars, as the ports ask for them.

It must not know how pairs work. References: `providers.md` §4, §5; Graph v1.0.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from app.domain.accounts import Access, CalendarInfo, Connection
from app.domain.errors import AccessError, ProtocolError
from app.domain.events import Event, Fields
from app.domain.links import Intent
from app.domain.ports import AccessTokens, Answers, CalendarClient, Capabilities, Pages, Writing
from app.domain.times import Span
from app.providers.http import Listening, make_client, nobody_listens
from app.providers.limits import AccountLimits
from app.providers.microsoft import mapping, zones
from app.providers.microsoft.batch import BATCH_SIZE, MAILBOX_PARALLEL, PREFER, Mailbox, query, segment
from app.providers.microsoft.reading import CalendarReading, DeltaPages, DirectAnswers, MarkedPages, next_page
from app.providers.microsoft.writing import MicrosoftWriting
from app.providers.retry import Retrier

CAPABILITIES: Final = Capabilities(
    batch=BATCH_SIZE,
    parallel=MAILBOX_PARALLEL,
    reads_margin_back_days=60,
    reads_margin_ahead_days=180,
    frozen_span=True,
    span_limited=True,
    excluded_dates=False,
    rewrites_seconds=600.0,
)
_CALENDARS: Final = "me/calendars" + query(select="id,name,canEdit,isDefaultCalendar,hexColor", top=100)
_BURST: Final = 500
_PER_MINUTE: Final = 940.0
"""With the burst just under Outlook's 10 000 requests in 10 minutes for an app and a mailbox."""


class MicrosoftService:
    """One account at Microsoft; implements `ports.CalendarService`.

    All its calendars share one mailbox, so one limit of four requests at a time.

    Args:
        tokens: access tokens of the account.
        graph_base: root of the API with its version, `https://graph.microsoft.com/v1.0` or the sandbox's.
        ssl_context: the process's one.
        transport: replaces the network, for tests.
        limits: the account's rate; Outlook's documented one if not given.
        retrier: how reads are repeated.
        listening: hears what time the service says it is.
    """

    def __init__(
        self,
        tokens: AccessTokens,
        graph_base: str,
        *,
        ssl_context: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
        limits: AccountLimits | None = None,
        retrier: Retrier | None = None,
        listening: Listening = nobody_listens,
    ) -> None:
        limits = limits or AccountLimits(burst=_BURST, per_minute=_PER_MINUTE)
        http = make_client(
            tokens,
            graph_base,
            ssl_context=ssl_context,
            transport=transport,
            parallel=MAILBOX_PARALLEL,
            limits=limits,
            headers={"Prefer": PREFER},
            listening=listening,
        )
        self._mailbox = Mailbox(http, limits, retrier or Retrier())
        self._transactions: set[str] = set()

    async def calendars(self) -> Sequence[CalendarInfo]:
        """All calendars in the person's list that we can read, the default one first.

        A calendar has no zone of its own: it is the mailbox's, or UTC where we may not read the mailbox's settings
        (scope `MailboxSettings.Read`). Raises a ProviderError.
        """
        zone = await self._zone()
        found: list[CalendarInfo] = []
        page: str | None = _CALENDARS
        while page is not None:
            value = await self._mailbox.get(page)
            found += [_calendar(item, zone) for item in value.get("value") or ()]
            page = next_page(self._mailbox, value)
        hidden = await self._hidden([calendar for calendar in found if calendar.access is not Access.WRITER])
        shown = [calendar for calendar in found if calendar.calendar_id not in hidden]
        return sorted(shown, key=lambda info: (not info.primary, info.name.casefold(), info.calendar_id))

    def calendar(self, connection: Connection) -> CalendarClient:
        """The client of one calendar."""
        return MicrosoftCalendar(self._mailbox, connection, self._transactions)

    async def aclose(self) -> None:
        """Close the account's http connections."""
        await self._mailbox.aclose()

    async def _hidden(self, calendars: Sequence[CalendarInfo]) -> set[str]:
        """Those whose events are refused: a calendar of which only busy times are shared is listed like any other."""
        look = query(select="id", top=1)
        parts = await self._mailbox.read([f"me/calendars/{segment(one.calendar_id)}/events{look}" for one in calendars])
        return {one.calendar_id for one, part in zip(calendars, parts, strict=True) if not part.ok}

    async def _zone(self) -> str:
        try:
            value = await self._mailbox.get("me/mailboxSettings/timeZone")
        except AccessError:
            return zones.UTC
        return zones.to_iana(str(value.get("value") or ""), zones.UTC)


class MicrosoftCalendar:
    """One Graph calendar; implements `ports.CalendarClient`.

    Args:
        mailbox: the account's.
        connection: which calendar; its zone is the mailbox's.
        transactions: transaction ids the process has used, shared by the account's calendars.
    """

    def __init__(self, mailbox: Mailbox, connection: Connection, transactions: set[str]) -> None:
        zone = connection.zone if zones.is_known(connection.zone) else zones.UTC
        self._reading = CalendarReading(mailbox, connection.calendar_id, zone)
        self._writable = connection.access is Access.WRITER
        self._transactions = transactions

    @property
    def capabilities(self) -> Capabilities:
        """What Graph can do."""
        return CAPABILITIES

    def changes(self, cursor: str | None, span: Span) -> Pages:
        """What changed since `cursor`, or with None everything in `span`.

        Singles come without knowledge of their marker, series whole and with it. What Graph reports as removed is read
        directly and is `gone` only if that proves it.
        """
        return DeltaPages(self._reading, cursor, span)

    def read(self, event_ids: Sequence[str]) -> Answers:
        """Read these events directly, with their markers; a series whole, also when asked for one of its parts."""
        return DirectAnswers(self._reading, event_ids)

    def marked(self, direction_key: str) -> Pages:
        """The events that bear the marker of a direction, wherever they are in time; series whole."""
        return MarkedPages(self._reading, direction_key)

    def write(self, intents: Sequence[Intent]) -> Writing:
        """Send these writes, in batches; see `writing`."""
        return MicrosoftWriting(self._reading, intents, self._transactions)

    def normal_form(self, fields: Fields) -> Fields:
        """These fields as Graph will give them back. Pure."""
        return mapping.normal_form(fields)

    def writable_fields(self, event: Event) -> frozenset[str]:
        """Which fields of an original may be written. Pure."""
        return mapping.writable_fields(event) if self._writable else frozenset()

    def expresses(self, fields: Fields) -> bool:
        """Whether Graph can say this event's recurrence exactly. Pure."""
        return mapping.expresses(fields)


def _calendar(value: Mapping[str, Any], zone: str) -> CalendarInfo:
    colour = str(value.get("hexColor") or "")
    if not value.get("id"):
        raise ProtocolError("Microsoft listed a calendar without an id.")
    return CalendarInfo(
        calendar_id=str(value["id"]),
        name=str(value.get("name") or ""),
        access=Access.WRITER if value.get("canEdit") else Access.READER,
        zone=zone,
        primary=bool(value.get("isDefaultCalendar")),
        colour=colour if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else None,
    )
