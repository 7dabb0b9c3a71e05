"""A person's hands in the sandbox: they allow a sign-in in the browser, and put events of their own into a calendar.

Consent goes over HTTP exactly as a browser would: read the page, submit its form, follow the answer to whoever asked.
No token is made here and nothing is granted in secret.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from app.domain.accounts import Provider
from app.domain.events import Availability, Event, EventKind, Fields
from app.domain.times import When, to_utc, to_wall
from app.sandbox.faults import SandboxInputError
from app.sandbox.server import Sandbox

_TIMEOUT_SECONDS = 20.0
_STEPS_AT_MOST = 10
_PUT_AT_ONCE = 20
"""Events put in between two chances for others to run."""
_DELETED_SINCE = "It was put in before and deleted since; it stays deleted."
_BUSY = {
    Availability.FREE: "free",
    Availability.TENTATIVE: "tentative",
    Availability.BUSY: "busy",
    Availability.OUT_OF_OFFICE: "oof",
    Availability.ELSEWHERE: "free",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """An event the service would not take, and why."""

    component: str
    uid: str
    reason: str


class Visitor:
    """One person using the sandbox's services.

    Args:
        sandbox: started, since consent needs its sockets.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def email(self, provider: Provider) -> str:
        """The first account the sandbox has at a provider. Raises SandboxInputError when it has none."""
        for account in self._sandbox.world.accounts.values():
            if account.provider == provider.value:
                return account.email
        raise SandboxInputError(f"The sandbox has no account at {provider.value}.")

    async def consent(self, authorization_url: str, email: str) -> None:
        """Allow everything that a sign-in page asks for, as this person.

        Raises:
            SandboxInputError: the page is not a consent page, or its answer leads nowhere.
        """
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False, verify=False) as browser:  # noqa: S501 - loopback only, no TLS is spoken
            answer = await browser.get(authorization_url)
            for _ in range(_STEPS_AT_MOST):
                location = answer.headers.get("location")
                if answer.is_redirect and location:
                    answer = await browser.get(urljoin(str(answer.url), location))
                    continue
                form = _Form.of(answer)
                if form is None:
                    break
                action = urljoin(str(answer.url), form.action)
                answer = await browser.request(form.method, action, data=form.filled(email))
            else:
                raise SandboxInputError("The sign-in page leads nowhere.")
        if answer.is_error:
            raise SandboxInputError(f"The sign-in page answered {answer.status_code}.")

    async def put(self, calendar_id: str, events: Sequence[Event]) -> tuple[int, Sequence[Refused]]:
        """Put events into a Google calendar as its owner. What is there already under the same UID is left as it is,
        and what was there and was deleted stays deleted.

        Args:
            calendar_id: the calendar.
            events: singles and series, and exceptions and cancelled occurrences of these, as `read_ics` gives them.

        Returns:
            How many of the singles and series are in the calendar now, and what was refused.

        Raises:
            SandboxInputError: there is no such calendar.
        """
        try:
            provider = self._sandbox.provider_of(calendar_id)
        except KeyError as error:
            raise SandboxInputError(f"There is no calendar {calendar_id}.") from error
        there = {str(row["id"]) for row in provider.list_events(calendar_id)}
        parts: dict[str, list[Event]] = {}
        for event in events:
            if event.series_id is not None:
                parts.setdefault(event.series_id, []).append(event)
        put, refused = 0, list[Refused]()
        for number, event in enumerate(events):
            if number % _PUT_AT_ONCE == 0:
                await asyncio.sleep(0)
            if event.series_id is not None or event.fields is None:
                continue
            event_id = _id_of(event)
            if event_id not in there:
                reason = _refusal(provider.create_event, calendar_id, {**_shape(event, event.fields), "id": event_id})
                if reason is not None:
                    refused.append(Refused("VEVENT", event.ical_uid or "", reason))
                    continue
                there.add(event_id)
                for part in parts.get(event.id, []):
                    row = _exception(part, event.fields.when)
                    reason = _refusal(provider.patch_event, calendar_id, event_id, {"exceptions": [row]})
                    if reason is not None:
                        reason = f"Its occurrence of {row['original_start']}: {reason}"
                        refused.append(Refused("VEVENT", event.ical_uid or "", reason))
            put += 1
        return put, refused


def _refusal(act: Callable[..., object], *given: object) -> str | None:
    """Why the service would not have it, None when it did it."""
    try:
        act(*given)
    except SandboxInputError as error:
        return _DELETED_SINCE if "identifier already exists" in str(error) else str(error)
    return None


class _Form(HTMLParser):
    """The first form of a page, with what its fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        self.action = ""
        self.method = "POST"
        self._hidden: list[tuple[str, str]] = []
        self._boxes: list[tuple[str, str]] = []
        self._buttons: list[tuple[str, str]] = []
        self._asks_email = False

    @classmethod
    def of(cls, answer: httpx.Response) -> _Form | None:
        """The form of an answer, None when it has none."""
        form = cls()
        if "html" in answer.headers.get("content-type", ""):
            form.feed(answer.text)
        return form if form.found else None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and buttons."""
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form" and not self.found:
            self.found = True
            self.action = given.get("action", "")
            self.method = given.get("method", "get").upper()
        elif tag == "button" and name:
            self._buttons.append((name, value))
        elif tag == "input" and name == "email":
            self._asks_email = True
        elif tag == "input" and given.get("type") == "checkbox":
            self._boxes.append((name, value))
        elif tag == "input" and given.get("type") == "hidden":
            self._hidden.append((name, value))

    def filled(self, email: str) -> Mapping[str, str | list[str]]:
        """The form as this person sends it: every box ticked, allowed."""
        fields: dict[str, str | list[str]] = {}
        for name, value in (*self._hidden, *self._boxes):
            known = fields.get(name)
            fields[name] = value if known is None else [*([known] if isinstance(known, str) else known), value]
        if self._asks_email:
            fields["email"] = email
        if ("decision", "allow") in self._buttons:
            fields["decision"] = "allow"
        return fields


def _id_of(event: Event) -> str:
    """A Google event id made of the UID: the same event gets the same one whenever it is put in."""
    return f"ics{hashlib.sha256(event.id.encode()).hexdigest()[:40]}"


def _shape(event: Event, fields: Fields) -> dict[str, object]:
    """An event in the sandbox's domain shape, without its exceptions."""
    shape: dict[str, object] = _common(fields)
    when = fields.when
    if fields.recurrence is not None:
        kind = ";VALUE=DATE" if when.all_day else f";TZID={when.zone}"
        excluded = [f"EXDATE{kind}:{_compact(start)}" for start in event.cancelled]
        shape["rrule"] = [*fields.recurrence.lines, *excluded]
    return shape


def _exception(part: Event, series: When) -> dict[str, object]:
    """An exception or a cancelled occurrence in the sandbox's shape, which has the zone of the series only."""
    row: dict[str, object] = {"original_start": part.original_start.isoformat() if part.original_start else ""}
    if part.kind is EventKind.CANCELLED or part.fields is None:
        return {**row, "cancelled": True}
    when = part.fields.when
    start, end = when.start, when.end
    if when.zone is not None and series.zone is not None and when.zone != series.zone:
        start, end = (to_wall(to_utc(moment, when.zone), series.zone) for moment in (start, end))
    return {**row, "start": start.isoformat(), "end": end.isoformat(), "title": part.fields.title}


def _common(fields: Fields) -> dict[str, object]:
    when = fields.when
    shape: dict[str, object] = {
        "title": fields.title,
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "all_day": when.all_day,
        "busy": _BUSY[fields.availability],
        "visibility": str(fields.visibility),
    }
    if when.zone is not None:
        shape["time_zone"] = when.zone
    if fields.text:
        shape["description"] = fields.text
    if fields.place:
        shape["location"] = fields.place
    return shape


def _compact(moment: date | datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}" if isinstance(moment, datetime) else f"{moment:%Y%m%d}"
