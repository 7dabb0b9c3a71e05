"""Routes about the person and the mailbox: ``/me``, calendars, mailbox settings, supported time zones, id translation.

Events are not its business. Reference: Graph v1.0 ``user``, ``calendar``, ``mailboxSettings``, ``outlookUser``.
"""

from __future__ import annotations

import re
from typing import Any

from app.sandbox.microsoft import ids
from app.sandbox.microsoft.errors import GraphError, access_denied, not_found, validation_failure
from app.sandbox.microsoft.graph import (
    READ_CALENDARS,
    READ_SETTINGS,
    READ_USER,
    READ_ZONES,
    WRITE_CALENDARS,
    Call,
    GraphRoute,
    Reply,
)
from app.sandbox.microsoft.identity import object_id
from app.sandbox.microsoft.listing import CONTEXT
from app.sandbox.microsoft.mail import OutlookMail
from app.sandbox.microsoft.store import Calendar, Store
from app.sandbox.microsoft.wire import Renderer, compact, mailbox_zone
from app.sandbox.microsoft.zones import ADDITIONAL_ZONES, windows_names
from app.sandbox.world import World


class Mailbox:
    """The person's side of Graph.

    Args:
        world: accounts, change numbers, randomness.
        store: the calendars.
        renderer: makes their JSON.
        mail: whose messages' ids it translates as well.
    """

    def __init__(self, world: World, store: Store, renderer: Renderer, mail: OutlookMail) -> None:
        self._mail = mail
        self._world = world
        self._store = store
        self._renderer = renderer

    def routes(self) -> list[GraphRoute]:
        """The routes of this module."""
        return [
            GraphRoute("GET", "/me", READ_USER, self._me),
            GraphRoute("GET", "/me/calendar", READ_CALENDARS, self._one_calendar),
            GraphRoute("GET", "/me/calendars", READ_CALENDARS, self._calendars),
            GraphRoute("POST", "/me/calendars", WRITE_CALENDARS, self._create_calendar),
            GraphRoute("GET", "/me/calendars/{calendar}", READ_CALENDARS, self._one_calendar),
            GraphRoute("GET", "/me/mailboxSettings", READ_SETTINGS, self._settings),
            GraphRoute("GET", "/me/mailboxSettings/timeZone", READ_SETTINGS, self._time_zone),
            GraphRoute("GET", "/me/outlook/{function}", READ_ZONES, self._outlook),
            GraphRoute("POST", "/me/translateExchangeIds", READ_USER, self._translate),
        ]

    def calendar(self, call: Call) -> Calendar:
        """The calendar a route names, or the default one.

        Raises:
            GraphError: 404 when it is not in this mailbox, 403 when the token or the role does not reach it.
        """
        name = call.arguments.get("calendar")
        own = self._store.calendars_of(call.mailbox)
        found = next((one for one in own if (one.id == name if name else one.is_default)), None)
        if found is None:
            raise not_found()
        shared = {"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
        if found.role == "freeBusyReader" or (found.is_shared and not shared & call.scopes):
            raise access_denied()
        return found

    def writable(self, call: Call, calendar: Calendar) -> None:
        """Refuse a write to a calendar that this person may only read.

        Raises:
            GraphError: 403 ``ErrorAccessDenied``.
        """
        if not calendar.can_edit or (calendar.is_shared and "Calendars.ReadWrite.Shared" not in call.scopes):
            raise access_denied()

    def _me(self, call: Call) -> Reply:
        call.query.allow("$select")
        account = call.account
        first, _, last = account.display_name.rpartition(" ")
        value: dict[str, Any] = {
            "businessPhones": [],
            "displayName": account.display_name,
            "givenName": first or account.display_name,
            "jobTitle": None,
            "mail": account.email,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "surname": last if first else None,
            "userPrincipalName": account.email,
            "id": object_id(account),
        }
        select = call.query.select()
        if select is not None:
            value = {name: one for name, one in value.items() if name in select}
        return Reply(200, compact({"@odata.context": CONTEXT + "users/$entity", **value}))

    def _calendars(self, call: Call) -> Reply:
        call.query.allow("$top", "$skip", "$select", "$count")
        calendars = self._store.calendars_of(call.mailbox)
        top = call.query.whole(
            "$top", call.page_size(int(self._world.behaviour["microsoft.default_page_size"])), 1, 1000
        )
        skip = call.query.whole("$skip", 0, 0, 10_000)
        select = call.query.select()
        values = [self._renderer.calendar(one) for one in calendars[skip : skip + top]]
        if select is not None:
            values = [{name: one for name, one in value.items() if name in select | {"id"}} for value in values]
        answer: dict[str, Any] = {
            "@odata.context": f"{CONTEXT}users('{call.account.subject}')/calendars",
            "value": values,
        }
        if skip + top < len(calendars):
            more = f"&$top={top}" if "$top" in call.query.values else ""
            chosen = f"&$select={call.query.get('$select')}" if select is not None else ""
            answer["@odata.nextLink"] = f"{call.base}{call.path}?$skip={skip + top}{more}{chosen}"
        return Reply(200, compact(answer))

    def _one_calendar(self, call: Call) -> Reply:
        call.query.allow("$select")
        value = self._renderer.calendar(self.calendar(call))
        select = call.query.select()
        if select is not None:
            value = {name: one for name, one in value.items() if name in select | {"id"}}
        return Reply(200, compact({"@odata.context": CONTEXT + "users/calendars/$entity", **value}))

    def _create_calendar(self, call: Call) -> Reply:
        name = call.body.get("name") if isinstance(call.body, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise validation_failure("A calendar needs a name.")
        if any(one.name.lower() == name.lower() for one in self._store.calendars_of(call.mailbox)):
            raise GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")
        calendar = Calendar(
            id=self.new_calendar_id(),
            mailbox=call.mailbox,
            name=name,
            owner_name=call.account.display_name,
            owner_address=call.account.email,
            role="owner",
            is_default=False,
            color="auto",
            change=self._world.change(),
        )
        self._store.put_calendar(calendar)
        value = {"@odata.context": CONTEXT + "users/calendars/$entity", **self._renderer.calendar(calendar)}
        return Reply(201, compact(value))

    def new_calendar_id(self) -> str:
        """A fresh calendar id that follows from the random seed."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return "AQMkADAwATM0MDAAMS1iNT" + self._world.new_id(42, letters) + "AAAA=="

    def _settings(self, call: Call) -> Reply:
        call.query.allow("$select")
        value = {
            "timeZone": self._windows_zone(call),
            "dateFormat": "yyyy-MM-dd",
            "timeFormat": "HH:mm",
            "language": {"locale": "en-GB", "displayName": "English (United Kingdom)"},
            "userPurpose": "user",
        }
        return Reply(
            200, compact({"@odata.context": f"{CONTEXT}users('{call.account.subject}')/mailboxSettings", **value})
        )

    def _time_zone(self, call: Call) -> Reply:
        context = f"{CONTEXT}users('{call.account.subject}')/mailboxSettings/timeZone"
        return Reply(200, compact({"@odata.context": context, "value": self._windows_zone(call)}))

    def _windows_zone(self, call: Call) -> str:
        return mailbox_zone(call.account.time_zone).windows

    def _outlook(self, call: Call) -> Reply:
        pattern = (
            r"supportedTimeZones(?:\((?:TimeZoneStandard=(?:microsoft\.graph\.timeZoneStandard)?'(windows|iana)')?\))?"
        )
        match = re.fullmatch(pattern, call.arguments["function"], re.IGNORECASE)
        if match is None:
            raise GraphError(501, "NotImplemented", f"The sandbox does not emulate '{call.arguments['function']}'.")
        names = sorted(ADDITIONAL_ZONES) if (match[1] or "").lower() == "iana" else windows_names()
        values = [{"alias": name, "displayName": name} for name in names]
        return Reply(
            200,
            compact({"@odata.context": CONTEXT + "Collection(microsoft.graph.timeZoneInformation)", "value": values}),
        )

    def _translate(self, call: Call) -> Reply:
        body = call.body if isinstance(call.body, dict) else {}
        given, target = body.get("inputIds"), body.get("targetIdType")
        if (
            not isinstance(given, list)
            or not 1 <= len(given) <= 1000
            or any(not isinstance(item, str) for item in given)
        ):
            raise validation_failure("'inputIds' is not a list of 1 to 1000 ids.")
        if target not in ("restId", "restImmutableEntryId"):
            raise validation_failure("'targetIdType' must be restId or restImmutableEntryId here.")
        values: list[dict[str, Any]] = []
        for item in given:
            message = self._mail.translated(call.mailbox, item, immutable=target == "restImmutableEntryId")
            if message is not None:
                values.append({"sourceId": item, "targetId": message})
                continue
            found = self._store.find(item)
            reference = ids.decode(item)
            if found is None or reference is None or self._store.calendars[found[0].calendar].mailbox != call.mailbox:
                values.append(
                    {"sourceId": item, "errorDetails": {"code": "ErrorItemNotFound", "message": "Not found."}}
                )
                continue
            make = self._store.immutable_id if target == "restImmutableEntryId" else self._store.ordinary_id
            values.append({"sourceId": item, "targetId": make(*found)})
        return Reply(200, compact({"@odata.context": CONTEXT + "Collection(convertIdResult)", "value": values}))
