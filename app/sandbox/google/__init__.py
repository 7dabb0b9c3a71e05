"""Emulated Google: OAuth and Calendar v3 on one host, as strict as the documents say the real ones are.

Paths: `/o/oauth2/v2/auth`, `/token`, `/revoke`, `/oauth2/v2/userinfo`, `/v1/userinfo`, `/calendar/v3/…`,
`/batch/calendar/v3`. Not emulated, and answered with 501: watch channels, acl, import, quickAdd, changes of calendars
and list entries, conference data, attachments, event labels, maxAttendees. Gmail is in `mail`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.faults import SandboxInputError
from app.sandbox.google.access import Access
from app.sandbox.google.actions import Actions, zone_of
from app.sandbox.google.answers import Answers, Endpoint, error_response
from app.sandbox.google.batch import Batch
from app.sandbox.google.calendars import CalendarsApi
from app.sandbox.google.changes import Changes
from app.sandbox.google.errors import not_found
from app.sandbox.google.events import EventsApi
from app.sandbox.google.listing import Listing
from app.sandbox.google.mail import Gmail
from app.sandbox.google.oauth import CLIENT_ID, CLIENT_SECRET, OAuth
from app.sandbox.google.quota import Quota
from app.sandbox.google.render import event_json
from app.sandbox.google.scopes import GMAIL, IDENTITY, MEANINGS, expand, is_known
from app.sandbox.google.store import ROLES, Calendar, CalendarInfo, Store
from app.sandbox.google.switches import declare
from app.sandbox.google.tokens import Tokens
from app.sandbox.middleware import Loopback, Recorded
from app.sandbox.observing import Observed
from app.sandbox.world import Account, World

__all__ = ["BASE_PATH", "CLIENT_ID", "CLIENT_SECRET", "Google"]

BASE_PATH: Final = "/calendar/v3"


class Google:
    """Google on loopback. State is loaded from the world's storage.

    Args:
        world: what both services share.
        hosts: names beside loopback's under which it may be asked for.
    """

    name = "google"

    def __init__(self, world: World, hosts: Iterable[str] = ()) -> None:
        self._world = world
        declare(world.behaviour)
        self._tokens = Tokens(world)
        self._store = Store(world)
        self._changes = Changes(world, self._store)
        self._actions = Actions(self._store, self._changes)
        oauth, answers = OAuth(world, self._tokens), Answers()
        self.mail = Gmail(world, oauth)
        access = Access(oauth, self._store, Quota(world), world)
        calendars = CalendarsApi(world, access, self._store, answers)
        events = EventsApi(access, self._changes, Listing(world), answers)
        methods = [*calendars.routes(BASE_PATH), *events.routes(BASE_PATH)]
        # Parts of a batch reach the API's methods only: no batch within a batch, no sign-in.
        parts = Recorded(Router(methods, redirect_slashes=False, default=_unknown), world, self.name)
        batch = Batch(Observed(parts, self.name), world)
        routes = [
            *oauth.routes(),
            *methods,
            Endpoint("/batch/calendar/v3", batch.answer, methods=["POST"]),
            *self.mail.routes(),
        ]
        router = Router(routes, redirect_slashes=False, default=_unknown)
        self.app: ASGIApp = Loopback(Observed(Recorded(router, world, self.name), self.name), hosts)

    def seed_account(self, spec: dict[str, Any]) -> Account:
        """Make an account with its calendars and events (see `EmulatedProvider`).

        Raises:
            SandboxInputError: the account exists, or an event cannot be made.
        """
        email = str(spec["email"]).lower()
        if self._world.account(email) is not None:
            raise SandboxInputError(f"There is an account {email} already.")
        zone = zone_of(str(spec.get("time_zone") or "UTC")).key
        account = Account(
            provider=self.name,
            email=email,
            display_name=str(spec.get("display_name") or email.partition("@")[0]),
            subject=self._world.new_id(21, "123456789"),
            time_zone=zone,
        )
        self._world.put_account(account)
        calendars = list(spec.get("calendars") or [])
        if not any(row.get("primary") for row in calendars):
            calendars.insert(0, {"name": email, "primary": True})
        for row in calendars:
            self._seed_calendar(account, row)
        self.mail.seed(email, spec.get("mail") or {})
        self._world.commit()
        return account

    def delete_account(self, email: str) -> None:
        """Remove an account with its calendars and tokens."""
        for calendar in self._store.of_account(email):
            self._store.remove_calendar(calendar)
        self.mail.forget(email)
        self._tokens.revoke(email.lower())
        self._world.remove_account(email)
        self._world.commit()

    def calendars(self, email: str) -> list[dict[str, Any]]:
        """`[{"id", "name", "role", "primary"}]` of one account, the primary first."""
        return [
            {"id": info.id, "name": info.summary, "role": info.role, "primary": info.primary}
            for info in (calendar.info for calendar in self._store.of_account(email))
            if not info.deleted
        ]

    def has_calendar(self, calendar_id: str) -> bool:
        """Whether that calendar is one of this service's."""
        return calendar_id in self._store.calendars

    def set_role(self, calendar_id: str, role: str) -> None:
        """Give the account another role on the calendar."""
        if role not in ROLES:
            raise SandboxInputError(f"There is no role {role!r}.")
        calendar = self._store.calendars[calendar_id]
        calendar.info.role = role
        # No new change number: an incremental listing of calendars does not tell of changed rights.
        self._store.put_calendar(calendar.info)
        self._world.commit()

    def list_events(self, calendar_id: str) -> list[dict[str, Any]]:
        """Every live single event and series in domain shape."""
        return self._actions.all(self._store.calendars[calendar_id])

    def create_event(self, calendar_id: str, event: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who makes an event."""
        made = self._actions.create(self._store.calendars[calendar_id], event)
        self._world.commit()
        return made

    def patch_event(self, calendar_id: str, event_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who changes an event."""
        changed = self._actions.patch(self._store.calendars[calendar_id], event_id, changes)
        self._world.commit()
        return changed

    def delete_event(self, calendar_id: str, event_id: str) -> None:
        """Act as the user who deletes an event."""
        self._actions.delete(self._store.calendars[calendar_id], event_id)
        self._world.commit()

    def move_event(self, calendar_id: str, event_id: str, target_id: str) -> dict[str, Any]:
        """Act as the user who moves an event to another calendar."""
        moved = self._actions.move(self._store.calendars[calendar_id], self._store.calendars[target_id], event_id)
        self._world.commit()
        return moved

    def split_event(self, calendar_id: str, event_id: str, at: str, changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Act as the user who changes one occurrence and all that follow."""
        parts = self._actions.split(self._store.calendars[calendar_id], event_id, at, changes)
        self._world.commit()
        return parts

    def respond(self, calendar_id: str, event_id: str, response: str, email: str | None = None) -> dict[str, Any]:
        """Act as the user, or as a guest, who answers an invitation."""
        answered = self._actions.respond(self._store.calendars[calendar_id], event_id, response, email)
        self._world.commit()
        return answered

    def issue_tokens(self, email: str, scopes: list[str] | None, lifetime_seconds: int) -> dict[str, Any]:
        """Tokens without a browser; all Calendar and identity scopes when `scopes` is None."""
        if self._world.account(email) is None:
            raise KeyError(email)
        unknown = [scope for scope in expand(" ".join(scopes or [])) if not is_known(scope)]
        if unknown:
            raise SandboxInputError(f"There is no scope {unknown[0]!r}.", "scopes")
        given = scopes if scopes is not None else sorted((set(MEANINGS) - GMAIL) | IDENTITY)
        issued = self._tokens.issue(email.lower(), tuple(given), True, lifetime_seconds)
        self._world.commit()
        return issued

    def expire_access(self, email: str) -> None:
        """Access tokens are expired from now on; refresh tokens go on working."""
        self._tokens.expire_access(email.lower())
        self._world.commit()

    def revoke(self, email: str) -> None:
        """All tokens of the account die."""
        self._tokens.revoke(email.lower())
        self._world.commit()

    def change_password(self, email: str) -> None:
        """Refresh tokens with Gmail scopes die."""
        self._tokens.change_password(email.lower())
        self._world.commit()

    def challenge(self, email: str) -> None:
        """Google asks for no claims.

        Raises:
            SandboxInputError: always.
        """
        raise SandboxInputError(f"{email} is a Google account; only Microsoft asks for claims.")

    def kill_cursors(self, calendar_id: str | None = None) -> None:
        """Sync tokens handed out so far are answered 410."""
        for calendar in self._store.calendars.values():
            if calendar_id in (None, calendar.info.id):
                calendar.info.generation += 1
                self._store.put_calendar(calendar.info)
        if calendar_id is None:
            self._store.end_list_generation()
        self._world.commit()

    def state(self) -> dict[str, Any]:
        """Everything in Google's own shape."""
        return {
            "calendars": [
                {
                    **asdict(calendar.info),
                    "events": [
                        event_json(calendar, event, calendar.info.time_zone) for event in calendar.events.values()
                    ],
                }
                for calendar in self._store.calendars.values()
            ],
            "tokens": self._tokens.counts(),
        }

    def _seed_calendar(self, account: Account, row: dict[str, Any]) -> Calendar:
        primary, role = bool(row.get("primary")), str(row.get("role") or "owner")
        if role not in ROLES:
            raise SandboxInputError(f"There is no role {role!r}.")
        calendar_id = str(row.get("id") or "")
        if not calendar_id:
            made = f"{self._world.new_id(64, '0123456789abcdef')}@group.calendar.google.com"
            calendar_id = account.email if primary else made
        calendar = self._store.put_calendar(
            CalendarInfo(
                id=calendar_id,
                account=account.email,
                summary=str(row["name"]),
                time_zone=zone_of(str(row.get("time_zone") or account.time_zone)).key,
                role=role,
                primary=primary,
                data_owner=account.email if role == "owner" else "team@example.com",
                change=self._world.change(),
            )
        )
        for event in row.get("events") or []:
            self._actions.create(calendar, event)
        return calendar


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    response: Response = error_response(not_found())
    await response(scope, receive, send)
