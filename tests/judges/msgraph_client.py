"""A person's day with Microsoft's own Graph client (msgraph-sdk), as a program of its own in `.venv-judges`.

It reads `{"graph_api", "token"}` from standard input, works with the calendar behind them, and prints what it saw as
one JSON value. It must import nothing of Kalends: its environment has none of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date
from typing import Any

from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.calendar import Calendar
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.event import Event
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty

KEY = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name judgesKey"
WINDOW = {"start_date_time": "2026-03-01T00:00:00Z", "end_date_time": "2026-05-01T00:00:00Z"}


class Bearer(AuthenticationProvider):  # type: ignore[misc]  # the library's types are in the judges' environment alone
    """Sends one token, over http too, since it goes to this machine only."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def authenticate_request(self, request: Any, additional_authentication_context: Any = None) -> None:
        """Add the header."""
        request.headers.add("Authorization", f"Bearer {self._token}")


def configured(builder: Any, *headers: tuple[str, str], **query: Any) -> Any:
    """A request's configuration with headers and query parameters."""
    names = [name for name in vars(builder) if name.endswith("GetQueryParameters")]
    parameters = getattr(builder, names[0])(**query) if names else None
    found = RequestConfiguration(query_parameters=parameters)
    for name, value in headers:
        found.headers.add(name, value)
    return found


def lunch() -> Any:
    """A timed event with a text and an extended property."""
    return Event(
        subject="Lunch",
        body=ItemBody(content_type=BodyType.Html, content="<b>Bring</b> a coat"),
        start=DateTimeTimeZone(date_time="2026-03-10T12:00:00", time_zone="W. Europe Standard Time"),
        end=DateTimeTimeZone(date_time="2026-03-10T13:00:00", time_zone="W. Europe Standard Time"),
        single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=KEY, value="one")],
    )


def choir() -> Any:
    """A weekly series of four."""
    return Event(
        subject="Choir",
        start=DateTimeTimeZone(date_time="2026-03-12T19:00:00", time_zone="W. Europe Standard Time"),
        end=DateTimeTimeZone(date_time="2026-03-12T21:00:00", time_zone="W. Europe Standard Time"),
        recurrence=PatternedRecurrence(
            pattern=RecurrencePattern(type=RecurrencePatternType.Weekly, interval=1, days_of_week=[DayOfWeek.Thursday]),
            range=RecurrenceRange(
                type=RecurrenceRangeType.Numbered, start_date=date(2026, 3, 12), number_of_occurrences=4
            ),
        ),
    )


async def delta_round(builder: Any, link: str | None) -> tuple[list[Any], str]:
    """Every row of a round from a link, or from the start, and the link for the next round."""
    rows: list[Any] = []
    while True:
        current = builder.with_url(link) if link else builder
        query = {} if link else WINDOW
        page = await current.get(
            request_configuration=configured(type(builder), ("Prefer", "odata.maxpagesize=3"), **query)
        )
        rows += page.value
        if page.odata_delta_link:
            return rows, str(page.odata_delta_link)
        link = page.odata_next_link


def told(row: Any) -> dict[str, Any]:
    """A row of a delta round as JSON."""
    return {
        "id": row.id,
        "type": row.type.value if row.type else None,
        "subject": row.subject,
        "removed": "@removed" in row.additional_data,
    }


async def day(client: Any) -> dict[str, Any]:
    """Everything this program does, and what it saw."""
    seen: dict[str, Any] = {}
    me, settings = await client.me.get(), await client.me.mailbox_settings.get()
    seen["me"] = {"mail": me.mail, "time_zone": settings.time_zone}
    zones = await client.me.outlook.supported_time_zones.get()
    seen["zones"] = len(zones.value)
    seen["calendars"] = [
        {"name": one.name, "can_edit": one.can_edit, "owner": one.owner.address}
        for one in (await client.me.calendars.get()).value
    ]
    calendar = client.me.calendars.by_calendar_id((await client.me.calendars.post(Calendar(name="Judges"))).id)

    made = await calendar.events.post(lunch())
    one = calendar.events.by_event_id(made.id)
    expand = [f"singleValueExtendedProperties($filter=id eq '{KEY}')"]
    got = await one.get(
        request_configuration=configured(
            type(one),
            ("Prefer", 'outlook.timezone="W. Europe Standard Time"'),
            ("Prefer", 'outlook.body-content-type="text"'),
            expand=expand,
        )
    )
    seen["event"] = {
        "subject": got.subject,
        "start": [got.start.date_time, got.start.time_zone],
        "text": [got.body.content_type.value, got.body.content.strip()],
        "created": got.created_date_time.tzinfo is not None,
        "extended": [[own.id, own.value] for own in got.single_value_extended_properties],
        "unknown": sorted(got.additional_data),
    }
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq 'one')"
    builder = calendar.events
    found = await builder.get(request_configuration=configured(type(builder), filter=wanted))
    seen["found"] = [event.id == made.id for event in found.value]

    series = await calendar.events.post(choir())
    changes = calendar.calendar_view.delta
    rows, link = await delta_round(changes, None)
    seen["first_round"] = [told(row) for row in rows]
    changed = await one.patch(Event(subject="Late lunch"))
    seen["patched"] = [changed.subject, changed.change_key != made.change_key]
    rows, link = await delta_round(changes, link)
    seen["second_round"] = [told(row) for row in rows]
    await one.delete()
    rows, link = await delta_round(changes, link)
    seen["third_round"] = [[told(row)["removed"], row.id == made.id] for row in rows]
    view = calendar.calendar_view
    rows = (await view.get(request_configuration=configured(type(view), **WINDOW, orderby=["start/dateTime"]))).value
    seen["view"] = [[row.type.value, row.series_master_id == series.id, row.start.date_time] for row in rows]
    instances = calendar.events.by_event_id(series.id).instances
    rows = (await instances.get(request_configuration=configured(type(instances), **WINDOW))).value
    seen["instances"] = len(rows)
    try:
        await one.get()
    except ODataError as error:
        seen["error"] = [error.response_status_code, error.error.code, bool(error.error.inner_error.request_id)]
    return seen


async def mail(client: Any) -> dict[str, Any]:
    """What the library makes of the mailbox: folders, messages, files, a round and the one after it."""
    seen: dict[str, Any] = {}
    builder = client.me.mail_folders
    folders = (await builder.get(request_configuration=configured(type(builder), top=50))).value
    seen["folders"] = [one.display_name for one in folders]
    builder = client.me.messages
    page = await builder.get(
        request_configuration=configured(
            type(builder),
            ("Prefer", 'outlook.body-content-type="text"'),
            ("Prefer", 'IdType="ImmutableId"'),
            top=5,
            filter="receivedDateTime ge 2000-01-01T00:00:00Z and hasAttachments eq true",
            orderby=["receivedDateTime desc"],
        )
    )
    first = page.value[0]
    seen["message"] = {
        "subject": bool(first.subject),
        "from": first.from_.email_address.address,
        "body": first.body.content_type.value,
        "received": first.received_date_time.tzinfo is not None,
        "files": first.has_attachments,
    }
    one = client.me.messages.by_message_id(first.id)
    files = (await one.attachments.get()).value
    seen["files"] = [[type(file).__name__, bool(file.content_bytes)] for file in files]
    seen["mime"] = b"Message-ID:" in await one.content.get()
    inbox = client.me.mail_folders.by_mail_folder_id("inbox").messages
    rows, link = await mail_round(inbox.delta, None)
    seen["types"] = sorted({type(row).__name__ for row in rows})
    seen["inbox"] = [
        len({row.id for row in rows}),
        next(f.total_item_count for f in folders if f.display_name == "Inbox"),
    ]
    again, _ = await mail_round(inbox.delta, link)
    seen["again"] = len(again)
    try:
        await client.me.messages.by_message_id("AAMkNothing=").get()
    except ODataError as error:
        seen["error"] = [error.response_status_code, error.error.code]
    return seen


async def mail_round(builder: Any, link: str | None) -> tuple[list[Any], str]:
    """Every row of a round of messages from a link, or from the start, and the link for the next round."""
    rows: list[Any] = []
    while True:
        current = builder.with_url(link) if link else builder
        page = await current.get(request_configuration=configured(type(builder), ("Prefer", "odata.maxpagesize=7")))
        rows += page.value
        if page.odata_delta_link:
            return rows, str(page.odata_delta_link)
        link = page.odata_next_link


async def main() -> None:
    """Read where, do it, print what was seen."""
    where = json.load(sys.stdin)
    adapter = GraphRequestAdapter(Bearer(where["token"]))
    adapter.base_url = where["graph_api"]
    client = GraphServiceClient(request_adapter=adapter)
    seen = await day(client)
    seen["mail"] = await mail(client)
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
