"""Accounts and whole seeds as the control API, `kalends sandbox --seed` and `/reset` take them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from app.sandbox.control.answers import problem_of
from app.sandbox.control.shapes import Address, NewEvent, Strict, Text, Zone, absent
from app.sandbox.faults import SandboxInputError
from app.sandbox.packing import MANY, PackedEvents

ROLES = Literal["owner", "writer", "writerWithoutPrivateAccess", "reader", "freeBusyReader"]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class Owner(Strict):
    """Somebody who shares a calendar."""

    name: Text
    email: Address


class NewCalendar(Strict):
    """A calendar to be made, with its events."""

    name: Name
    id: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^/\s]+$")] = absent()
    primary: bool = False
    role: ROLES = "owner"
    time_zone: Zone = absent()
    owner: Owner = absent(description="Microsoft: another person, who shares it.")
    events: list[NewEvent] = Field(default_factory=list)

    def given_events(self) -> list[dict[str, Any]] | PackedEvents:
        """The events as they were sent; many of them packed, so that not all are in memory twice."""
        given = (event.given() for event in self.events)
        return PackedEvents(given) if len(self.events) > MANY else list(given)


class NewAccount(Strict):
    """An account to be made, with its calendars; without any it gets one."""

    provider: Literal["google", "microsoft"]
    email: Address
    display_name: Text = absent()
    time_zone: Zone = absent()
    mail: dict[str, JsonValue] = absent(description="The mailbox, in the form that its service's mail module names.")
    calendars: list[NewCalendar] = Field(default_factory=list)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, as `EmulatedProvider.seed_account` takes them."""
        plain = super().given()
        if "calendars" in plain:
            plain["calendars"] = [
                {**calendar.model_dump(exclude_unset=True, exclude={"events"}), "events": calendar.given_events()}
                for calendar in self.calendars
            ]
        return plain


class Seed(Strict):
    """A whole world to begin with."""

    accounts: list[NewAccount] = Field(default_factory=list)

    def given(self) -> dict[str, Any]:
        """As `Sandbox` takes it."""
        return {"accounts": [account.given() for account in self.accounts]}


def read_seed(content: Any) -> dict[str, Any]:
    """A seed as somebody wrote it, checked and as `Sandbox` takes it.

    Raises:
        SandboxInputError: it is not of the form of a seed; names the field.
    """
    try:
        return Seed.model_validate(content).given()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field, sentence = problem_of({**first, "loc": ("body", *first["loc"])}, content)
        raise SandboxInputError(f"{field}: {sentence}", field) from error
