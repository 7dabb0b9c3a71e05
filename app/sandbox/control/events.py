"""Events, as the person does it at their own calendar: no token, no scope, the rules of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Self

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute
from pydantic import Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.types import Message

from app.sandbox.control.answers import NOT_FOUND, REFUSALS, Answer, Controlled, Json, UnknownError, problem_of
from app.sandbox.control.calendar_text import read_calendar_text
from app.sandbox.control.shapes import (
    RESPONSES,
    Address,
    CalendarText,
    ChangeBody,
    EventBody,
    EventChange,
    Events,
    EventShape,
    NewEvent,
    Strict,
    Wall,
    absent,
    in_order,
    refused,
)
from app.sandbox.faults import SandboxInputError
from app.sandbox.world import EmulatedProvider

_COLLECTION: Final = "/calendars/{calendar_id}/events"
_ONE: Final = f"{_COLLECTION}/{{event_id}}"
_REPLACED: Final = (b"content-type", b"content-length")
_TEXT: Final[Json] = {
    "requestBody": {
        "content": {"text/calendar": {"schema": {"type": "string", "description": "iCalendar text (RFC 5545)."}}}
    }
}


class Move(Strict):
    """Where an event goes: to another calendar of the same person, to another time, or both."""

    calendar: str = absent(description="Id of the calendar.")
    start: Wall = absent()
    end: Wall = absent(description="Left out, the event stays as long as it is.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.model_fields_set:
            raise refused("calendar", "An event moves to a calendar or to a start.")
        if "end" in self.model_fields_set and "start" not in self.model_fields_set:
            raise refused("start", "An end alone moves nothing.")
        if "end" in self.model_fields_set:
            if len(self.end) != len(self.start):
                raise refused("end", "Start and end are both dates or both local times.")
            in_order(self.start, self.end)
        return self


class Split(Strict):
    """“This and all following”: where a series is cut, and what becomes different from there on."""

    at: Wall = Field(description="Original start of the first occurrence of the second part.")
    changes: EventChange = absent()


class SplitAnswer(Events):
    """The series that ends before the cut, and the new one that begins with it."""


class Reply(Strict):
    """An answer to an invitation."""

    response: RESPONSES
    email: Address = absent(description="Which guest of the person's event; left out, the person's own.")


class CalendarTextRoute(APIRoute):
    """A call that takes iCalendar text as well: `text/calendar` is the same as `{"ical": …}`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler, behind the translation."""
        plain = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/calendar":
                request = await _as_json(request)
            return await plain(request)

        return handler


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses={**REFUSALS, **NOT_FOUND}, route_class=CalendarTextRoute)

    def service(calendar_id: str) -> EmulatedProvider:
        for provider in sandbox.providers:
            if provider.has_calendar(calendar_id):
                return provider
        raise UnknownError("calendar", calendar_id)

    @routes.get(_COLLECTION, response_model=Events)
    async def events(calendar_id: str) -> Answer:
        """Every event and series of a calendar, series with their exceptions."""
        return Answer({"events": service(calendar_id).list_events(calendar_id)})

    @routes.post(_COLLECTION, status_code=201, response_model=EventShape | Events, openapi_extra=_TEXT)
    async def create(calendar_id: str, body: EventBody) -> Answer:
        """Make an event. iCalendar text with several makes them all, or none, and is answered with all."""
        provider = service(calendar_id)
        if isinstance(body, NewEvent):
            return Answer(provider.create_event(calendar_id, body.given()), 201)
        made: list[Json] = []
        try:
            for shape in _read(sandbox, calendar_id, body):
                made.append(provider.create_event(calendar_id, shape))
        except SandboxInputError as error:
            for event in made:
                provider.delete_event(calendar_id, event["id"])
            raise SandboxInputError(str(error), "ical") from error
        return Answer(made[0] if len(made) == 1 else {"events": made}, 201)

    @routes.get(_ONE, response_model=EventShape)
    async def event(calendar_id: str, event_id: str) -> Answer:
        """One event or series."""
        for found in service(calendar_id).list_events(calendar_id):
            if found["id"] == event_id:
                return Answer(found)
        raise UnknownError("event", event_id)

    @routes.patch(_ONE, response_model=EventShape, openapi_extra=_TEXT)
    async def change(calendar_id: str, event_id: str, body: ChangeBody) -> Answer:
        """Change the fields given of an event, a series, or one occurrence by its own id."""
        provider = service(calendar_id)
        if isinstance(body, CalendarText):
            shapes = _read(sandbox, calendar_id, body)
            if len(shapes) != 1:
                raise SandboxInputError("The text has more than the one event.", "ical")
            # The text tells all of the event: what repeats no longer says so by saying nothing.
            changes = {"rrule": [], **shapes[0]}
        else:
            changes = body.given()
        with _existing(event_id):
            return Answer(provider.patch_event(calendar_id, event_id, changes))

    @routes.delete(_ONE, status_code=204)
    async def delete(calendar_id: str, event_id: str) -> None:
        """Delete an event, a series, or one occurrence by its own id."""
        provider = service(calendar_id)
        with _existing(event_id):
            provider.delete_event(calendar_id, event_id)

    @routes.post(f"{_ONE}/move", response_model=EventShape)
    async def move(calendar_id: str, event_id: str, body: Move) -> Answer:
        """Move an event."""
        provider, here = service(calendar_id), calendar_id
        elsewhere = "calendar" in body.model_fields_set
        if elsewhere and not provider.has_calendar(body.calendar):
            raise SandboxInputError(f"There is no calendar {body.calendar!r} beside this one.", "calendar")
        with _existing(event_id):
            if "start" in body.model_fields_set:
                shown = provider.patch_event(here, event_id, _moved(provider, here, event_id, body))
            if elsewhere:
                shown = provider.move_event(here, event_id, body.calendar)
        return Answer(shown)

    @routes.post(f"{_ONE}/split", response_model=SplitAnswer)
    async def split(calendar_id: str, event_id: str, body: Split) -> Answer:
        """Cut a series in two."""
        provider = service(calendar_id)
        changes = body.changes.given() if "changes" in body.model_fields_set else {}
        with _existing(event_id):
            return Answer({"events": provider.split_event(calendar_id, event_id, body.at, changes)})

    @routes.post(f"{_ONE}/respond", response_model=EventShape)
    async def respond(calendar_id: str, event_id: str, body: Reply) -> Answer:
        """Answer an invitation, as the person or as a guest of theirs."""
        provider = service(calendar_id)
        email = body.email if "email" in body.model_fields_set else None
        with _existing(event_id):
            return Answer(provider.respond(calendar_id, event_id, body.response, email))

    return routes


@contextmanager
def _existing(event_id: str) -> Generator[None]:
    """An unknown event is 404; any other KeyError is a fault of the sandbox and stays one."""
    try:
        yield
    except KeyError as error:
        if error.args != (event_id,):
            raise
        raise UnknownError("event", event_id) from error


def _moved(provider: EmulatedProvider, calendar_id: str, event_id: str, body: Move) -> Json:
    if "end" in body.model_fields_set:
        return EventChange(start=body.start, end=body.end).given()
    known = next((one for one in provider.list_events(calendar_id) if one["id"] == event_id), None)
    if known is None:
        raise SandboxInputError("To move one occurrence, give its end too.", "end")
    length = datetime.fromisoformat(known["end"]) - datetime.fromisoformat(known["start"])
    end = datetime.fromisoformat(body.start) + length
    whole = len(body.start) == 10
    if whole != known["all_day"]:
        raise SandboxInputError("To make an event all-day, or no longer so, give its end too.", "end")
    return {"start": body.start, "end": end.date().isoformat() if whole else end.isoformat(), "all_day": whole}


def _read(sandbox: Controlled, calendar_id: str, body: CalendarText) -> list[Json]:
    """The events of a text, checked as if they had been sent as fields."""
    account, zone = "", "UTC"
    for known in sandbox.world.accounts.values():
        own = [row["id"] for row in sandbox.provider(known.provider).calendars(known.email)]
        if calendar_id in own:
            account, zone = known.email, known.time_zone
    try:
        return [NewEvent.model_validate(one).given() for one in read_calendar_text(body.ical, account, zone)]
    except ValidationError as error:
        field, sentence = problem_of({**error.errors()[0], "loc": ("body", *error.errors()[0]["loc"])}, {})
        raise SandboxInputError(f"{field}: {sentence}", "ical") from error


async def _as_json(request: Request) -> Request:
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise SandboxInputError("iCalendar text is in UTF-8.", "ical") from error
    content = json.dumps({"ical": text}).encode()
    headers = [(name, value) for name, value in request.scope["headers"] if name not in _REPLACED]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)
