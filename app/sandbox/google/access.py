"""Who calls, and what the token's scopes and the calendar's role let them do. Reads requests; changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.requests import Request

from app.sandbox.google.errors import (
    GoogleError,
    bad_content,
    forbidden,
    insufficient_scope,
    login_required,
    not_found,
    parse_error,
    weak_role,
)
from app.sandbox.google.oauth import OAuth
from app.sandbox.google.quota import Quota
from app.sandbox.google.scopes import CREATED_ONLY, FREE_BUSY_ONLY, METHODS, OWNED_ONLY, PUBLIC_ONLY
from app.sandbox.google.store import Calendar, Store
from app.sandbox.google.tokens import Token
from app.sandbox.google.vocabulary import Kind, check_body, check_parameters
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Caller:
    """A checked caller: the token, the scopes of it that open the method, and the method."""

    token: Token
    opening: frozenset[str]
    method: str

    @property
    def email(self) -> str:
        """The account's address."""
        return self.token.email


class Access:
    """Checks every call.

    Args:
        oauth: which access tokens live.
        store: whose calendars there are.
        quota: counts each call.
        world: its switches say how a weak role is refused.
    """

    def __init__(self, oauth: OAuth, store: Store, quota: Quota, world: World) -> None:
        self._oauth = oauth
        self._store = store
        self._quota = quota
        self._world = world

    def caller(self, request: Request, method: str) -> Caller:
        """The caller of a method named as in the discovery document, e.g. `events.list`.

        Raises:
            GoogleError: 401 without a live token, 403 `insufficientPermissions` without a fitting scope, 403 of the
                quotas, 400 for a parameter of the wrong kind.
        """
        if "authorization" not in request.headers:
            raise login_required()
        token = self._oauth.bearer(request)
        if token is None:
            raise GoogleError(401, "authError", location="Authorization", location_type="header")
        opening = METHODS[method] & set(token.scopes)
        if not opening:
            raise insufficient_scope()
        self._quota.charge(token.email, method)
        check_parameters(request.query_params)
        return Caller(token, frozenset(opening), method)

    def calendar(self, request: Request, caller: Caller, *, write: bool = False) -> Calendar:
        """The calendar of the path, `primary` understood, after scope limits and role were checked.

        Raises:
            GoogleError: 404 when it is not in the caller's list, 403 when scope or role do not suffice.
        """
        calendar = self.find(caller.email, str(request.path_params["calendar_id"]))
        if calendar is None:
            raise not_found()
        strong = caller.opening - OWNED_ONLY - FREE_BUSY_ONLY - CREATED_ONLY - PUBLIC_ONLY
        allowed = (
            bool(strong)
            or (bool(caller.opening & OWNED_ONLY) and calendar.info.role == "owner")
            or (bool(caller.opening & CREATED_ONLY) and calendar.info.made_by_client)
            or (bool(caller.opening & FREE_BUSY_ONLY) and not write)
        )
        if not allowed:
            raise forbidden()
        if write:
            self.check_writer(calendar)
            self._quota.charge_write(calendar.info.id, caller.method)
        return calendar

    def check_writer(self, calendar: Calendar) -> None:
        """Whether the account may change events there.

        Raises:
            GoogleError: 403.
        """
        if not calendar.can_write:
            raise weak_role(str(self._world.behaviour["google.weak_role_reason"]))

    def find(self, email: str, calendar_id: str) -> Calendar | None:
        """A live calendar in an account's list, by id or `primary`."""
        if calendar_id == "primary":
            mine = [calendar for calendar in self._store.of_account(email) if calendar.info.primary]
            return mine[0] if mine else None
        calendar = self._store.calendars.get(calendar_id) or self._store.calendars.get(calendar_id.lower())
        if calendar is None or calendar.info.deleted or calendar.info.account != email.lower():
            return None
        return calendar

    def sees_busy_only(self, caller: Caller, calendar: Calendar) -> bool:
        """Whether the caller gets times without content."""
        return calendar.info.role == "freeBusyReader" or caller.opening <= FREE_BUSY_ONLY


async def json_object(request: Request, kinds: dict[str, Kind]) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object.

    Args:
        request: not read yet.
        kinds: what its fields must be, from `vocabulary`.

    Raises:
        GoogleError: 400 `badContent` for a body that does not say it is JSON, `parseError` for one that is none,
            `invalid` for a value of the wrong kind.
    """
    raw = await request.body()
    if not raw:
        return {}
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise bad_content(content_type)
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        # Half a surrogate pair is valid JSON and no text.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise parse_error() from error
    if not isinstance(value, dict):
        raise parse_error()
    check_body(value, kinds)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
