"""The people of the sandbox: accounts that come and go, what happens to their sign-ins, tokens without a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.sandbox.control.answers import NOT_FOUND, REFUSALS, Controlled, Json, UnknownError
from app.sandbox.control.seeds import ROLES, NewAccount
from app.sandbox.control.shapes import Strict, absent
from app.sandbox.faults import SandboxInputError
from app.sandbox.world import Account, EmulatedProvider


class CalendarRow(BaseModel):
    """A calendar in an account's list."""

    id: str
    name: str
    role: str
    primary: bool


class AccountRow(BaseModel):
    """An account."""

    provider: Literal["google", "microsoft"]
    email: str
    display_name: str
    time_zone: str
    testing_mode: bool
    calendars: list[CalendarRow]


class AccountRows(BaseModel):
    """All accounts."""

    accounts: list[AccountRow]


class Downgrade(Strict):
    """Another role on one of the account's calendars."""

    calendar: str
    role: ROLES


class AccountChange(Strict):
    """What happens to an account; several at once happen in the order of these fields."""

    challenge: bool = absent(
        description="True, Microsoft only: something critical happened; clients must come back with Graph's claims."
    )
    testing_mode: bool = absent(description="Google: the app is in Testing, so that refresh tokens live for 7 days.")
    expire_access: bool = absent(description="True: every access token is expired from now on.")
    change_password: bool = absent(description="True: with what the service does to tokens then.")
    revoke: bool = absent(description="True: the person took the permission back.")
    kill_cursors: bool = absent(description="True: sync positions handed out so far are answered 410.")
    downgrade: Downgrade = absent()


class TokenWish(Strict):
    """For whom tokens are, and how."""

    email: str
    scopes: list[Annotated[str, Field(min_length=1, pattern=r"^\S+$")]] = absent(
        description="All the service has when left out."
    )
    lifetime_seconds: int = Field(default=3599, ge=1, le=86_400 * 366, description="Of the access token.")


class IssuedTokens(BaseModel):
    """Tokens as after a sign-in."""

    access_token: str
    refresh_token: str
    expires_in: int


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses=REFUSALS)

    def found(email: str) -> tuple[Account, EmulatedProvider]:
        account = sandbox.world.account(email)
        if account is None:
            raise UnknownError("account", email)
        return account, sandbox.provider(account.provider)

    def shown(email: str) -> Json:
        account, provider = found(email)
        return {
            "provider": account.provider,
            "email": account.email,
            "display_name": account.display_name,
            "time_zone": account.time_zone,
            "testing_mode": account.testing_mode,
            "calendars": provider.calendars(account.email),
        }

    @routes.get("/accounts", response_model=AccountRows)
    async def accounts() -> Json:
        """All accounts with their calendars."""
        return {"accounts": [shown(email) for email in sandbox.world.accounts]}

    @routes.post("/accounts", status_code=201, response_model=AccountRow)
    async def add_account(body: NewAccount) -> Json:
        """Make an account with its calendars and events."""
        if sandbox.world.account(body.email) is not None:
            raise SandboxInputError(f"There is an account {body.email} already.", "email")
        ids = [calendar.id for calendar in body.calendars if "id" in calendar.model_fields_set]
        for number, calendar in enumerate(body.calendars):
            taken = any(provider.has_calendar(calendar.id or "") for provider in sandbox.providers)
            if taken or ids.count(calendar.id) > 1:
                raise SandboxInputError(f"There is a calendar {calendar.id!r} already.", f"calendars.{number}.id")
        if sum(calendar.primary for calendar in body.calendars) > 1:
            raise SandboxInputError("An account has one primary calendar.", "calendars")
        provider = sandbox.provider(body.provider)
        try:
            account = provider.seed_account(body.given())
        except SandboxInputError:
            if sandbox.world.account(body.email) is not None:
                provider.delete_account(body.email)
            raise
        return shown(account.email)

    @routes.patch("/accounts/{email}", response_model=AccountRow, responses=NOT_FOUND)
    async def change_account(email: str, body: AccountChange) -> Json:
        """Let something happen to an account."""
        account, provider = found(email)
        sent = body.model_fields_set
        if "downgrade" in sent:
            own = [row["id"] for row in provider.calendars(account.email)]
            if body.downgrade.calendar not in own:
                text = f"{account.email} has no calendar {body.downgrade.calendar!r}."
                raise SandboxInputError(text, "downgrade.calendar")
        if body.challenge:
            try:
                provider.challenge(account.email)
            except SandboxInputError as error:
                raise SandboxInputError(str(error), "challenge") from error
        if "testing_mode" in sent:
            sandbox.world.put_account(replace(account, testing_mode=body.testing_mode))
        if body.expire_access:
            provider.expire_access(account.email)
        if body.change_password:
            provider.change_password(account.email)
        if body.revoke:
            provider.revoke(account.email)
        if body.kill_cursors:
            for calendar in provider.calendars(account.email):
                provider.kill_cursors(calendar["id"])
        if "downgrade" in sent:
            try:
                provider.set_role(body.downgrade.calendar, body.downgrade.role)
            except SandboxInputError as error:
                raise SandboxInputError(str(error), "downgrade.role") from error
        return shown(email)

    @routes.delete("/accounts/{email}", status_code=204, responses=NOT_FOUND)
    async def delete_account(email: str) -> None:
        """Remove an account with its calendars and tokens."""
        account, provider = found(email)
        provider.delete_account(account.email)

    @routes.post("/tokens", response_model=IssuedTokens, responses=NOT_FOUND)
    async def tokens(body: TokenWish) -> Json:
        """Tokens without a browser, for probes."""
        account, provider = found(body.email)
        scopes = body.scopes if "scopes" in body.model_fields_set else None
        try:
            issued = provider.issue_tokens(account.email, scopes, body.lifetime_seconds)
        except SandboxInputError as error:
            raise SandboxInputError(str(error), "scopes") from error
        return {key: issued[key] for key in ("access_token", "refresh_token", "expires_in")}

    return routes
