"""Whatever is sent to the control API: what it says in its description, never a fault of its own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL, demo_seed
from app.sandbox.server import Sandbox
from app.sandbox.world import Clock

Json = Any

EXAMPLES = 25
NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
PLAUSIBLE: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            "2026-03-09",
            "2026-03-09T10:00:00",
            "2026-03-10T10:00:00Z",
            "2026-02-30",
            "0001-01-01",
            "9999-12-31T23:59:59",
        ),
        *("Europe/Berlin", "Mars/Base", "America/New_York", "google", "microsoft", "owner", "reader", "writer"),
        *(
            GOOGLE_EMAIL,
            MICROSOFT_EMAIL,
            "new@example.org",
            "accepted",
            "declined",
            "busy",
            "free",
            "private",
            "status",
        ),
        *("RRULE:FREQ=WEEKLY;COUNT=4", "RRULE:FREQ=DAILY;UNTIL=20270101", "RRULE:FREQ=MONTHLY;BYDAY=5XX", "RRULE:"),
        *("EXDATE;TZID=Europe/Berlin:20260310T100000", "RDATE;VALUE=DATE:20260401", "RRULE:FREQ=YEARLY;INTERVAL=0"),
        *(
            "GET **",
            "* /calendar/v3/**",
            "GET /x",
            "apple:GET /x",
            "latency",
            "empty",
            "gzip",
            "outOfOffice",
            "birthday",
        ),
        *(0, 1, -1, 60, 503, 204, 10**18, 10**400, 0.5, 1e308, -1e308, True, False, None, [], {}, ""),
        *("\ud800", "a\x00b", "x" * 1000, "‮title", "BEGIN:VEVENT\r\nDTSTART:20260309\r\nEND:VEVENT\r\n"),
    ]
)
ANY = st.recursive(
    PLAUSIBLE | st.text(max_size=8) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=6,
)


WALLS = [
    "2026-03-09T10:00:00",
    "2026-03-16T10:00:00",
    "2026-03-09T11:00:00",
    "2026-03-29T02:30:00",
    "2026-03-09",
    "2026-04-01",
]
LINES = [
    *(
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        "RRULE:FREQ=DAILY;COUNT=5",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=31",
        "RRULE:FREQ=YEARLY",
    ),
    *("RRULE:FREQ=WEEKLY;UNTIL=20270101T000000Z", "RRULE:FREQ=HOURLY", "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1"),
    *("EXDATE;TZID=Europe/Berlin:20260310T100000", "RDATE;VALUE=DATE:20260401", "EXDATE:20260310T090000Z"),
]
TEXT = """BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
UID:1\r
DTSTART;TZID=Europe/Berlin:20260309T100000\r
DURATION:PT1H\r
RRULE:FREQ=WEEKLY\r
END:VEVENT\r
END:VCALENDAR\r
"""
# By the first example of the description: more of its kind.
GOOD: dict[Json, st.SearchStrategy[Json]] = {
    WALLS[0]: st.sampled_from(WALLS),
    "ana@example.com": st.integers(0, 50).map(lambda number: f"p{number}@example.org"),
    "Europe/Berlin": st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"]),
    LINES[0]: st.sampled_from(LINES),
    "BEGIN:VCALENDAR": st.sampled_from([TEXT, TEXT * 2, TEXT.replace("WEEKLY", "SECONDLY"), "BEGIN:VEVENT"]),
}


def _seed() -> Json:
    """The demo's, without its mail: what is sent may begin it anew dozens of times."""
    accounts = demo_seed(NOON, 7)["accounts"]
    return {"accounts": [{key: value for key, value in one.items() if key != "mail"} for one in accounts]}


class Described:
    """The control API of one sandbox, and its description."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(random_seed=7, seed=_seed(), clock=Clock(lambda: NOON))
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.sandbox.control_app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {self.sandbox.control_token}"},
        )
        self.document: dict[str, Any] = self.send("GET", "/openapi.json").json()

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask; what the application raises is raised here."""
        return self._loop.run_until_complete(self._client.request(method, path, **more))

    @property
    def calendars(self) -> list[str]:
        """The ids of all calendars."""
        rows = [
            row
            for account in self.sandbox.world.accounts.values()
            for row in self.sandbox.provider(account.provider).calendars(account.email)
        ]
        return [str(row["id"]) for row in rows]

    def events(self, calendar: str) -> list[dict[str, Any]]:
        """The events of a calendar, none where there is no such."""
        return self.sandbox.provider_of(calendar).list_events(calendar) if calendar in self.calendars else []

    def close(self) -> None:
        """End it."""
        self._loop.run_until_complete(self._client.aclose())
        self.sandbox.close()
        self._loop.close()

    def resolved(self, schema: Json) -> Json:
        """A schema without its reference."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def findings(self, path: str, method: str, answer: httpx.Response) -> list[str]:
        """What an answer has that the description does not say."""
        described = self.document["paths"][path][method]["responses"].get(str(answer.status_code))
        if described is None:
            return [f"{method} {path}: {answer.status_code} is not described: {answer.text[:200]}"]
        content = described.get("content", {}).get("application/json")
        if content is None:
            return [f"{method} {path}: a body was not described"] if answer.content else []
        schema = {**content["schema"], "components": self.document["components"]}
        validator = jsonschema_rs.validator_for(schema)
        return [f"{method} {path}: {error.message}" for error in validator.iter_errors(answer.json())]

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Path, method and body schema (None without) of every call."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
                yield path, method, body

    def values(self, schema: Json, noise: st.SearchStrategy[Json] | None, depth: int = 0) -> st.SearchStrategy[Json]:
        """Bodies of a schema's form.

        Args:
            noise: what may stand in any place as well; None for bodies that are as described.
        """
        schema = self.resolved(schema)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return st.one_of([self.values(one, noise, depth) for one in schema[several]])
        if schema.get("type") == "array":
            items = st.lists(self.values(schema["items"], noise, depth + 1), max_size=2) if depth < 4 else st.just([])
            return items if noise is None else items | noise
        if schema.get("type") == "object" and "properties" in schema:
            needed = schema.get("required", [])
            fields = {name: self.values(one, noise, depth + 1) for name, one in schema["properties"].items()}
            return st.fixed_dictionaries(
                {name: fields[name] for name in needed},
                optional={name: one for name, one in fields.items() if name not in needed},
            )
        found = self._plain(schema)
        return found if noise is None else found | found | noise

    def _plain(self, schema: Json) -> st.SearchStrategy[Json]:
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "examples" in schema:
            return GOOD.get(schema["examples"][0], st.sampled_from(schema["examples"]))
        kinds: dict[str, st.SearchStrategy[Json]] = {
            "boolean": st.booleans(),
            "integer": st.integers(1, 10),
            "number": st.floats(0, 1),
            "string": st.text(min_size=1, max_size=5) | st.sampled_from([*self.calendars, GOOGLE_EMAIL]),
            "null": st.none(),
            "object": st.just({}),
        }
        return kinds[schema["type"]] if "type" in schema else ANY


@pytest.fixture
def api() -> Iterator[Described]:
    """The control API."""
    made = Described()
    yield made
    made.close()


def filled(api: Described, path: str, calendar: int, event: int) -> str:
    """A path with ids that are there, or not, by number."""
    calendars = [*api.calendars, "nothere", "%00", "ä b"]
    chosen = calendars[calendar % len(calendars)]
    known = [row["id"] for row in api.events(chosen)]
    ids = [*known, "nothere", "a_20260309", "%2F"]
    emails = [GOOGLE_EMAIL, MICROSOFT_EMAIL, "nobody@example.org", " "]
    values = {
        "calendar_id": chosen,
        "event_id": str(ids[event % len(ids)]),
        "email": emails[event % len(emails)],
        "fault_id": f"fault{event % 5}",
        "message_id": "nothere",
    }
    if "{message_id}" in path and "example" in values["email"]:
        rows = api.send("GET", f"/mail/{values['email']}/messages").json().get("messages", [])
        values["message_id"] = [*(row["id"] for row in rows), "nothere", "%2F"][calendar % (len(rows) + 2)]
    return re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), path)


def calls() -> list[tuple[str, str]]:
    """Every call of the description."""
    made = Described()
    found = [(path, method) for path, method, _ in made.operations()]
    made.close()
    return found


@pytest.mark.parametrize(("path", "method"), calls())
def test_no_call_has_a_fault_of_its_own_whatever_it_is_sent(api: Described, path: str, method: str) -> None:
    body = next(schema for known, verb, schema in api.operations() if (known, verb) == (path, method))
    bodies: st.SearchStrategy[Json] = st.none()
    if body is not None:
        bodies = st.one_of(api.values(body, None), api.values(body, None), api.values(body, ANY), ANY)

    few = 5

    @settings(
        max_examples=few if body is None else EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 30), st.integers(0, 60), bodies)
    def ask(calendar: int, event: int, content: Json) -> None:
        here = filled(api, path, calendar, event)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        sent = b"" if body is None else json.dumps(content).encode()
        answer = api.send(method.upper(), here, content=sent, headers=headers)
        assert answer.status_code in (200, 201, 204, 404, 422), (answer.status_code, answer.text)
        if answer.status_code == 422:
            assert answer.json()["field"], answer.text
            assert answer.json()["error"], answer.text
        assert api.findings(path, method, answer) == [], (here, content)

    ask()


def test_the_description_is_whole_and_its_schemas_are_schemas(api: Described) -> None:
    assert api.document["openapi"].startswith("3.1.")
    text = json.dumps(api.document)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        node = api.document
        for part in reference.split("/"):
            node = node[part]
    for name, schema in api.document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name
    assert "HTTPValidationError" not in text
    for path, method, _ in api.operations():
        operation = api.document["paths"][path][method]
        assert {"401", "422"} <= set(operation["responses"]), (path, method)
        assert operation["security"], (path, method)
        assert operation["description"], (path, method)
        if "{" in path:
            assert "404" in operation["responses"], (path, method)


def test_every_call_of_the_contract_is_described(api: Described) -> None:
    one = "/calendars/{calendar_id}/events/{event_id}"
    assert {(path, method.upper()) for path, method, _ in api.operations()} >= {
        *((path, "GET") for path in ("/accounts", "/clock", "/faults", "/behaviour", "/requests", "/outbox", "/state")),
        *((path, "POST") for path in ("/reset", "/accounts", "/tokens", "/faults")),
        *(("/accounts/{email}", "PATCH"), ("/accounts/{email}", "DELETE"), ("/clock", "PUT"), ("/behaviour", "PATCH")),
        *(("/faults", "DELETE"), ("/requests", "DELETE")),
        *(("/calendars/{calendar_id}/events", "GET"), ("/calendars/{calendar_id}/events", "POST")),
        *(
            (one, "PATCH"),
            (one, "DELETE"),
            (f"{one}/split", "POST"),
            (f"{one}/move", "POST"),
            (f"{one}/respond", "POST"),
        ),
    }
