"""The sandbox takes nothing that the schemas of others forbid: tables compared, and every field sent with wrong values.

The judges look on as in every test: what is granted although its schema forbids it fails here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.sandbox.google import vocabulary as google_words
from app.sandbox.microsoft import vocabulary as graph_words
from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL
from app.sandbox.server import Sandbox
from tests.judges.discovery import document
from tests.judges.fixture import Judges
from tests.judges.graph import SCHEMA_FILE

WRONG: dict[Any, tuple[Any, ...]] = {
    "string": (5, True, ["x"], {"a": "x"}),
    "boolean": ("true", 1, [], {}),
    "integer": ("5", 1.5, True, [], {}),
    "number": ("5", True, [], {}),
    "array": ("x", 5, {}, {"a": "x"}),
    "object": ("x", 5, ["x"], True),
}
TIMES = {
    name: {"dateTime": f"2026-03-10T1{hour}:00:00", "timeZone": "Europe/Berlin"}
    for hour, name in enumerate(("start", "end"))
}
RULE = {
    "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"},
    "range": {"type": "numbered", "startDate": "2026-03-10", "numberOfOccurrences": 3},
}
# What stands beside the field that is wrong, so that nothing else can be the reason.
GOOD: dict[str, Any] = {
    **TIMES,
    "attendees": {"email": "leo@example.net", "emailAddress": {"address": "leo@example.net"}, "type": "required"},
    "recurrence": RULE,
    "singleValueExtendedProperties": {
        "id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name judges",
        "value": "x",
    },
}
# Bodies of these methods are read; those of others are not emulated.
BODIES = {
    "Event": "/calendar/v3/calendars/primary/events",
    "FreeBusyRequest": "/calendar/v3/freeBusy",
    "Calendar": "/calendar/v3/calendars",
}
GOOGLE_TABLES: dict[str, google_words.Kind] = {
    "Event": google_words.EVENT,
    "FreeBusyRequest": google_words.FREE_BUSY,
    "Calendar": google_words.CALENDAR,
}
LISTS = ("events.list", "events.instances", "events.get", "calendarList.list", "calendarList.get")


@pytest.fixture
async def callers() -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Clients of an emulated Google and an emulated Graph, with every scope."""
    sandbox = Sandbox()
    clients = []
    for provider, email in ((sandbox.google, GOOGLE_EMAIL), (sandbox.microsoft, MICROSOFT_EMAIL)):
        token = provider.issue_tokens(email, None, 3600)["access_token"]
        clients.append(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=provider.app),
                base_url="http://127.0.0.1",
                headers={"Authorization": f"Bearer {token}"},
            )
        )
    async with clients[0], clients[1]:
        yield clients[0], clients[1]
    sandbox.close()


def _google_schema(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    schemas: dict[str, Any] = document().content["schemas"]
    return schemas[entry["$ref"]] if "$ref" in entry else entry


def _google_kind(entry: Mapping[str, Any]) -> google_words.Kind | None:
    """A schema of the discovery document in the sandbox's way of writing."""
    entry = _google_schema(entry)
    kind = entry["type"]
    if kind == "any":
        return None
    if kind == "array":
        item = _google_kind(entry["items"])
        assert item is not None
        return [item]
    if kind == "object":
        named = {name: _google_kind(below) for name, below in entry.get("properties", {}).items()}
        if "additionalProperties" in entry:
            named["*"] = _google_kind(entry["additionalProperties"])
        return {name: found for name, found in named.items() if found is not None}
    if kind == "string" and entry.get("format") in ("date", "date-time"):
        return str(entry["format"])
    return {"string": str, "boolean": bool, "integer": int}[kind]


@pytest.mark.parametrize("name", BODIES)
def test_the_kinds_of_googles_fields_are_those_of_the_discovery_document(name: str) -> None:
    assert GOOGLE_TABLES[name] == _google_kind({"$ref": name})


def test_the_kinds_of_googles_parameters_are_those_of_the_discovery_document() -> None:
    found: dict[str, Any] = {"boolean": set(), "integer": {}, "date-time": set()}
    methods = [one for one in document().methods if one.id.split(".")[1] in ("events", "calendarList")]
    emulated = [one for one in methods if one.id.split(".")[2] not in ("import", "quickAdd", "watch")]
    for method in emulated:
        for name, spec in {**method.entry["parameters"], **document().content["parameters"]}.items():
            if spec["type"] == "boolean":
                found["boolean"].add(name)
            elif spec["type"] == "integer":
                high = spec.get("maximum")
                found["integer"][name] = (int(spec["minimum"]), None if high is None else int(high))
            elif spec.get("format") == "date-time":
                found["date-time"].add(name)
    # Of changes to entries of the calendar list, which the sandbox does not emulate.
    assert found["boolean"] - {"colorRgbFormat"} == google_words.FLAGS
    assert found["integer"] == google_words.NUMBERS
    assert found["date-time"] == google_words.MOMENTS


def _graph_kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Any, bool]:
    """A derived schema in the sandbox's way of writing, and whether it may be null."""
    if "then" in schema:
        return _graph_kind(schema["then"], definitions)[0], True
    if "$ref" in schema:
        below = definitions[schema["$ref"].rpartition("/")[2]]["properties"]
        return {name: _graph_kind(one, definitions)[0] for name, one in below.items()}, False
    if "enum" in schema:
        return tuple(value for value in schema["enum"] if value is not None), None in schema["enum"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds[0] == "array":
        return [_graph_kind(schema["items"], definitions)[0]], "null" in kinds
    return {"string": str, "boolean": bool, "number": float}[kinds[0]], "null" in kinds


def _written(kind: Any) -> Any:
    """A kind for comparison: the types know numbers only, and names of enumerations have no order."""
    if isinstance(kind, dict):
        return {name: _written(below) for name, below in kind.items()}
    if isinstance(kind, list):
        return [_written(kind[0])]
    return frozenset(kind) if isinstance(kind, tuple) else float if kind is int else kind


def test_the_kinds_of_graphs_properties_are_those_of_microsofts_types() -> None:
    definitions = json.loads(SCHEMA_FILE.read_text("utf-8"))["definitions"]
    properties = definitions["Event"]["properties"]
    for name, kind in graph_words.EVENT.items():
        assert _written(kind) == _written(_graph_kind(properties[name], definitions)[0]), name


def test_what_graph_never_takes_null_for_is_what_microsofts_types_do_not_let_be_null() -> None:
    definitions = json.loads(SCHEMA_FILE.read_text("utf-8"))["definitions"]

    def never(properties: Mapping[str, Any], place: str) -> Iterator[str]:
        for name, schema in properties.items():
            inner = f"{place}{name}"
            if not _graph_kind(schema, definitions)[1]:
                yield inner
            reference = schema.get("items", schema.get("then", schema)).get("$ref")
            if reference:
                yield from never(definitions[reference.rpartition("/")[2]]["properties"], f"{inner}.")

    event = {name: definitions["Event"]["properties"][name] for name in graph_words.EVENT}
    assert set(never(event, "")) == graph_words.NEVER_NULL


def _google_wrongs(entry: Mapping[str, Any], steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place of a body with every value that is of a wrong kind there."""
    entry = _google_schema(entry)
    kind = entry["type"]
    if kind == "any":
        return
    if steps:
        yield from ((steps, value) for value in WRONG[kind])
        if "format" in entry and entry["format"] in ("date", "date-time"):
            yield steps, "soon"
    if kind == "array":
        yield from _google_wrongs(entry["items"], (*steps, "[]"))
    for name, below in entry.get("properties", {}).items():
        yield from _google_wrongs(below, (*steps, name))
    if "additionalProperties" in entry:
        yield from _google_wrongs(entry["additionalProperties"], (*steps, "anything"))


def _graph_wrongs(kind: graph_words.Kind, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(kind, dict):
        if steps:
            yield from ((steps, value) for value in WRONG["object"])
            yield (*steps, "bogus"), "x"
        for name, below in kind.items():
            yield from _graph_wrongs(below, (*steps, name))
    elif isinstance(kind, list):
        yield from ((steps, value) for value in WRONG["array"])
        yield from _graph_wrongs(kind[0], (*steps, "[]"))
    else:
        names: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
        name = names.get(kind, "string")
        yield from ((steps, value) for value in WRONG[name])
        if isinstance(kind, tuple):
            yield steps, "bogus"


def _placed(steps: tuple[str, ...], value: Any, good: Any = None) -> Any:
    """A value at its place, what is there already kept."""
    if not steps:
        return value
    head, *rest = steps
    if head == "[]":
        return [_placed(tuple(rest), value, good)]
    kept = good if isinstance(good, dict) else {}
    return {**kept, head: _placed(tuple(rest), value, kept.get(head))}


def _body(steps: tuple[str, ...], value: Any) -> dict[str, Any]:
    good = {**TIMES, steps[0]: GOOD.get(steps[0])} if len(steps) > 1 else dict(TIMES)
    body: dict[str, Any] = _placed(steps, value, good)
    return body


@pytest.mark.anyio
@pytest.mark.parametrize("name", BODIES)
async def test_google_refuses_every_field_with_a_value_of_a_wrong_kind(
    callers: tuple[httpx.AsyncClient, httpx.AsyncClient], name: str
) -> None:
    taken = []
    for steps, value in _google_wrongs({"$ref": name}):
        body = _body(steps, value)
        if name == "FreeBusyRequest":
            times = {"timeMin": "2026-03-10T10:00:00Z", "timeMax": "2026-03-11T10:00:00Z"}
            body = _placed(steps, value, times)
        if name == "Calendar":
            body = _placed(steps, value, {"summary": "Judges"})
        answer = await callers[0].post(BODIES[name], json=body)
        if answer.status_code != 400:
            taken.append((".".join(steps), value, answer.status_code))
    assert taken == []


@pytest.mark.anyio
async def test_google_refuses_every_parameter_with_a_value_of_a_wrong_kind(
    callers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    google = callers[0]
    made = (await google.post(BODIES["Event"], json=TIMES)).json()
    wrong = {"boolean": ("1", "TRUE", "", "yes"), "integer": ("x", "", "0", "-1", "1.5"), "date-time": ("", "now")}
    taken = []
    for method in document().methods:
        if method.id.removeprefix("calendar.") not in LISTS:
            continue
        names = {"{calendarId}": "primary", "{eventId}": made["id"]}
        path = f"/calendar/v3/{method.entry['path']}"
        for name, value in names.items():
            path = path.replace(name, value)
        for name, spec in {**method.entry["parameters"], **document().content["parameters"]}.items():
            kind = spec.get("format") if spec.get("format") == "date-time" else spec["type"]
            for value in wrong.get(kind, ()) if spec["location"] == "query" else ():
                answer = await google.get(f"{path}?{name}={quote(value)}")
                if answer.status_code not in (400, 501):
                    taken.append((method.id, name, value, answer.status_code))
    assert taken == []


@pytest.mark.anyio
async def test_graph_refuses_every_property_with_a_value_of_a_wrong_kind(
    callers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    graph = callers[1]
    single = (await graph.post("/v1.0/me/events", json=TIMES)).json()["id"]
    series = (await graph.post("/v1.0/me/events", json={**TIMES, "recurrence": RULE})).json()["id"]
    taken = []
    for steps, value in _graph_wrongs(graph_words.EVENT):
        body = _body(steps, value)
        answers = [await graph.post("/v1.0/me/events", json=body)]
        answers += [
            await graph.patch(f"/v1.0/me/events/{one}", json={steps[0]: body[steps[0]]}) for one in (single, series)
        ]
        taken += [(".".join(steps), value, one.status_code) for one in answers if one.status_code != 400]
    assert taken == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "batch",
    [
        "requests",
        [],
        {"requests": 1},
        {"requests": [1]},
        {"requests": [{"id": "1", "method": "GET", "url": "/me", "headers": "x"}]},
        {"requests": [{"id": "1", "method": "GET", "url": "/me", "headers": {"a": 1}}]},
        {"requests": [{"id": "1", "method": "GET", "url": "/me", "dependsOn": 5}]},
        {"requests": [{"id": "1", "method": "GET", "url": "/me", "dependsOn": [{}]}]},
    ],
)
async def test_a_graph_batch_that_is_none_is_refused_as_a_whole(
    callers: tuple[httpx.AsyncClient, httpx.AsyncClient], batch: Any
) -> None:
    assert (await callers[1].post("/v1.0/$batch", json=batch)).status_code == 400


@pytest.mark.anyio
async def test_an_unknown_field_or_parameter_is_ignored_by_google_and_told_by_the_judge(
    callers: tuple[httpx.AsyncClient, httpx.AsyncClient], judges: Judges
) -> None:
    made = await callers[0].post(f"{BODIES['Event']}?bogus=1", json={**TIMES, "titel": "x"})
    assert (made.status_code, "titel" in made.json()) == (200, False)
    judges.allow("there is no parameter bogus")
    judges.allow("'titel' was unexpected")
