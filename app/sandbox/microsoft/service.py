"""The Microsoft side of the sandbox put together: Entra and Graph behind one ASGI app, and what the control API may do.

Nothing is decided here; the modules beside this one do the work.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from app.sandbox.faults import SandboxInputError
from app.sandbox.microsoft import switches
from app.sandbox.microsoft.actions import UserActions
from app.sandbox.microsoft.delta import DeltaRoutes
from app.sandbox.microsoft.events import EventChanges, EventRoutes
from app.sandbox.microsoft.graph import Graph
from app.sandbox.microsoft.identity import ALL_SCOPES, Directory
from app.sandbox.microsoft.limits import Concurrency
from app.sandbox.microsoft.listing import Listing
from app.sandbox.microsoft.mail import OutlookMail
from app.sandbox.microsoft.mailbox import Mailbox
from app.sandbox.microsoft.signin import SignIn
from app.sandbox.microsoft.store import Calendar, Store
from app.sandbox.microsoft.token_endpoint import TokenEndpoint
from app.sandbox.microsoft.tokens import Tokens
from app.sandbox.microsoft.wire import Form, Renderer
from app.sandbox.microsoft.zones import UnknownZoneError, resolve
from app.sandbox.middleware import Loopback, Recorded
from app.sandbox.observing import Observed
from app.sandbox.world import Account, World

_ROLES: Final = ("owner", "writer", "reader", "freeBusyReader")


class Microsoft:
    """Microsoft's calendar service and identity platform for the accounts of a world (``EmulatedProvider``).

    ``app`` serves ``/v1.0/…`` and ``/{tenant}/oauth2/v2.0/…`` on one port.

    Args:
        world: shared state; an existing storage is continued with the same ids, change numbers and tokens.
        hosts: names beside loopback's under which it may be asked for.
    """

    name = "microsoft"

    def __init__(self, world: World, hosts: Iterable[str] = ()) -> None:
        self._world = world
        switches.declare(world.behaviour)
        self._tokens = Tokens(world)
        self._store = Store(world)
        self._renderer = Renderer(world, self._store)
        changes = EventChanges(world, self._store)
        self._actions = UserActions(world, self._store, changes)
        self.mail = OutlookMail(world)
        self._mailbox = Mailbox(world, self._store, self._renderer, self.mail)
        directory = Directory(world)
        self._token_endpoint = TokenEndpoint(world, self._tokens, directory)
        pages = SignIn(self._tokens, directory).routes() + self._token_endpoint.routes()
        graph = Graph(world, self._store, self._tokens)
        listing = Listing(world, self._renderer)
        graph.add(self._mailbox.routes())
        graph.add(self.mail.routes())
        graph.add(DeltaRoutes(world, self._store, self._renderer, self._mailbox).routes())
        graph.add(EventRoutes(world, self._store, self._renderer, self._mailbox, listing, changes).routes())
        # Parts of a batch enter behind the limit on concurrency: their batch counts once.
        recorded = Recorded(Starlette(routes=[Mount("/v1.0", app=graph), *pages]), world, self.name)
        graph.entrance = Observed(Recorded(graph, world, self.name), self.name)
        self.app: ASGIApp = Loopback(Observed(Concurrency(recorded, world, self._tokens), self.name), hosts)
        world.commit()

    # Accounts

    def seed_account(self, spec: dict[str, Any]) -> Account:
        """Make an account; see ``EmulatedProvider``.

        A calendar may also have ``"owner": {"name", "email"}``: another person who shares it.

        Raises:
            SandboxInputError: the address is taken or malformed, or a calendar or event cannot be made.
        """
        email = str(spec.get("email", ""))
        if email.count("@") != 1 or self._world.account(email) is not None:
            raise SandboxInputError(f"{email!r} is no free address.")
        zone = str(spec.get("time_zone") or "UTC")
        try:
            resolve(zone, any_iana=True)
        except UnknownZoneError:
            raise SandboxInputError(f"Outlook has no time zone {zone!r}.") from None
        name = str(spec.get("display_name") or email.partition("@")[0])
        subject = self._world.new_id(43, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        account = Account("microsoft", email, name, subject, zone)
        self._world.put_account(account)
        calendars = list(spec.get("calendars") or [{"name": "Calendar", "primary": True}])
        primary = next((one for one in calendars if one.get("primary")), calendars[0])
        try:
            for one in calendars:
                self._seed_calendar(account, one, is_default=one is primary)
            self.mail.seed(email, spec.get("mail") or {})
        except SandboxInputError:
            # Half an account would be in the way of the next try.
            self.delete_account(email)
            raise
        self._world.commit()
        return account

    def _seed_calendar(self, account: Account, spec: Mapping[str, Any], *, is_default: bool) -> None:
        calendar_id = str(spec.get("id") or self._mailbox.new_calendar_id())
        if calendar_id in self._store.calendars:
            raise SandboxInputError(f"There is a calendar {calendar_id!r} already.")
        owner = spec.get("owner") or {}
        calendar = Calendar(
            id=calendar_id,
            mailbox=account.email.lower(),
            name=str(spec.get("name") or "Calendar"),
            owner_name=str(owner.get("name") or account.display_name),
            owner_address=str(owner.get("email") or account.email),
            role=_role(spec.get("role") or "owner"),
            is_default=is_default,
            color="auto",
            change=self._world.change(),
        )
        self._store.put_calendar(calendar)
        for event in spec.get("events") or []:
            zone = {} if "time_zone" in event or not spec.get("time_zone") else {"time_zone": spec["time_zone"]}
            self._actions.create(calendar_id, {**zone, **event})

    def delete_account(self, email: str) -> None:
        """Remove an account with its calendars and tokens."""
        for calendar in self._store.calendars_of(email):
            self._store.remove_calendar(calendar.id)
        self.mail.forget(email)
        self._tokens.forget_account(email)
        self._world.remove_account(email)
        self._world.commit()

    def calendars(self, email: str) -> list[dict[str, Any]]:
        """``[{"id", "name", "role", "primary"}]`` of one account."""
        return [
            {"id": one.id, "name": one.name, "role": one.role, "primary": one.is_default}
            for one in self._store.calendars_of(email)
        ]

    def has_calendar(self, calendar_id: str) -> bool:
        """Whether that calendar is one of this service's."""
        return calendar_id in self._store.calendars

    def set_role(self, calendar_id: str, role: str) -> None:
        """Give the owner of the list entry another role on a calendar."""
        calendar = self._store.calendars[calendar_id]
        calendar.role = _role(role)
        calendar.change = self._world.change()
        self._store.put_calendar(calendar)
        self._world.commit()

    # The user's own actions

    def list_events(self, calendar_id: str) -> list[dict[str, Any]]:
        """Every live single event and series of a calendar, series with their exceptions."""
        return self._actions.list(calendar_id)

    def create_event(self, calendar_id: str, event: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who makes an event; returns it with its ``id``."""
        answer = self._actions.create(calendar_id, event)
        self._world.commit()
        return answer

    def patch_event(self, calendar_id: str, event_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who changes an event, a series or an occurrence; only the fields given change."""
        answer = self._actions.patch(calendar_id, event_id, changes)
        self._world.commit()
        return answer

    def delete_event(self, calendar_id: str, event_id: str) -> None:
        """Act as the user who deletes an event, a series or one occurrence."""
        self._actions.delete(calendar_id, event_id)
        self._world.commit()

    def move_event(self, calendar_id: str, event_id: str, target_id: str) -> dict[str, Any]:
        """Act as the user who moves an event to another calendar: the ordinary id changes, not the immutable one."""
        answer = self._actions.move(calendar_id, event_id, target_id)
        self._world.commit()
        return answer

    def split_event(self, calendar_id: str, event_id: str, at: str, changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Act as the user who changes one occurrence and all that follow."""
        answer = list(self._actions.split(calendar_id, event_id, at, changes))
        self._world.commit()
        return answer

    def respond(self, calendar_id: str, event_id: str, response: str, email: str | None = None) -> dict[str, Any]:
        """Act as the user, or as a guest, who answers an invitation."""
        answer = self._actions.respond(calendar_id, event_id, response, email)
        self._world.commit()
        return answer

    # Tokens

    def issue_tokens(self, email: str, scopes: list[str] | None, lifetime_seconds: int) -> dict[str, Any]:
        """``{"access_token", "refresh_token", "expires_in"}`` without a browser; all scopes when None."""
        account = self._account(email)
        unknown = sorted(set(scopes or ()) - set(ALL_SCOPES))
        if unknown:
            raise SandboxInputError(f"There is no scope {unknown[0]!r}.")
        granted = tuple(dict.fromkeys((*(scopes or ALL_SCOPES), "offline_access")))
        self._tokens.consent(email, granted)
        answer = self._token_endpoint.issue(account, granted, timedelta(seconds=lifetime_seconds))
        self._world.commit()
        return answer

    def expire_access(self, email: str) -> None:
        """Every access token of the account is expired from now on; refresh tokens go on working."""
        self._tokens.expire_access(self._account(email).email)
        self._world.commit()

    def revoke(self, email: str) -> None:
        """The person took the permission back: access and refresh tokens die, consent is asked for again."""
        self._tokens.make_void(self._account(email).email, "revoked")
        self._world.commit()

    def challenge(self, email: str) -> None:
        """Something critical happened: clients that said they can answer must come back with Graph's claims."""
        self._tokens.challenge(self._account(email).email)
        self._world.commit()

    def change_password(self, email: str) -> None:
        """The person changed the password: older refresh tokens are answered AADSTS50173, access tokens 401."""
        account = self._account(email)
        self._world.put_account(replace(account, password_changed_at=self._world.clock.now().isoformat()))
        self._tokens.make_void(email, "password")
        self._world.commit()

    def kill_cursors(self, calendar_id: str | None = None) -> None:
        """Every delta token handed out so far, of one calendar or of all, is answered 410 from now on."""
        for calendar in list(self._store.calendars.values()):
            if calendar_id in (None, calendar.id):
                calendar.generation += 1
                self._store.put_calendar(calendar)
        self._world.commit()

    def state(self) -> dict[str, Any]:
        """Everything in Graph's shape, immutable ids and UTC: by account, calendars with their events."""
        form = Form(resolve("UTC"), "UTC", immutable=True, text=False)
        found: dict[str, Any] = {}
        for account in self._world.accounts.values():
            if account.provider != self.name:
                continue
            own = self._store.calendars_of(account.email)
            found[account.email] = [
                {**self._renderer.calendar(one), "events": self._events_state(one, form)} for one in own
            ]
        return found

    def _events_state(self, calendar: Calendar, form: Form) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for event in self._store.live(calendar.id):
            row = json.loads(self._renderer.event_text(event, form))
            extended = self._renderer.extended(event, None)
            row["singleValueExtendedProperties"] = [{"id": key, "value": extended[key]} for key in sorted(extended)]
            if event.is_series:
                row["cancelledOccurrences"] = self._renderer.cancelled(event, form)
                row["exceptionOccurrences"] = [
                    self._renderer.event(event, form, day) for day in sorted(event.exceptions)
                ]
            rows.append(row)
        return rows

    def _account(self, email: str) -> Account:
        account = self._world.account(email)
        if account is None or account.provider != self.name:
            raise KeyError(email)
        return account


def _role(name: str) -> str:
    if name not in _ROLES:
        raise SandboxInputError(f"A role is one of {', '.join(_ROLES)}, not {name!r}.")
    return name
