"""What is made quickly for pages is what is made slowly for one event, and what is kept small is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sandbox.microsoft import bodies
from app.sandbox.microsoft.properties import DEFAULTS, Properties
from app.sandbox.microsoft.store import Store
from app.sandbox.microsoft.wire import Form, Renderer, compact
from app.sandbox.microsoft.zones import resolve
from app.sandbox.world import World
from tests.contract.sandbox.microsoft_client import GraphClient, Scene, timed, weekly

TEXTS = st.text(max_size=40)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": TEXTS,
        "bodyText": TEXTS,
        "bodyHtml": TEXTS,
        "isReminderOn": st.booleans(),
        "isAllDay": st.booleans(),
        "isCancelled": st.booleans(),
        "isOrganizer": st.booleans(),
        "reminderMinutesBeforeStart": st.integers(0, 10_000),
        "showAs": st.sampled_from(["free", "busy", "oof"]),
        "categories": st.lists(TEXTS, max_size=3),
        "location": st.just({**DEFAULTS["location"], "displayName": 'Room "1"\\'}),
        "attendees": st.just([{"type": "required", "emailAddress": {"name": "Bo", "address": "bo@example.org"}}]),
        "extended": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "startZone": st.sampled_from(["UTC", "W. Europe Standard Time"]),
    },
)
REQUIRED = {
    "start": "2026-03-29T01:30:00",
    "startZone": "W. Europe Standard Time",
    "end": "2026-03-30T00:00:00",
    "endZone": "W. Europe Standard Time",
    "organizer": {"emailAddress": {"name": 'Mia "M" Roth', "address": "mia@outlook.com"}},
}


@given(CHANGES, st.booleans(), st.booleans(), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_row_of_a_page_is_the_event_to_the_letter(
    changes: dict[str, Any], immutable: bool, text: bool, zone: str
) -> None:
    scene = Scene(World())
    store = Store(scene.world)
    renderer = Renderer(scene.world, store)
    event = store.add("HOME", {**DEFAULTS, **REQUIRED, **changes})
    form = Form(resolve(zone), zone, immutable, text)
    assert renderer.event_text(event, form) == compact(renderer.event(event, form))


@given(CHANGES)
@settings(derandomize=True, max_examples=100, deadline=None)
def test_properties_kept_small_are_the_properties(changes: dict[str, Any]) -> None:
    whole = {**DEFAULTS, **REQUIRED, **changes}
    kept = Properties(whole)
    assert dict(kept) == whole
    assert dict(Properties(json.loads(json.dumps(kept.own)))) == whole
    assert len(kept) == len(whole)


def test_what_a_plain_text_became_is_not_kept_beside_it() -> None:
    html, text = bodies.rewrite("text", "one\ntwo & <three>")
    kept = Properties({**DEFAULTS, **REQUIRED, "bodyHtml": html, "bodyText": text})
    assert "bodyHtml" not in kept.own
    assert kept["bodyHtml"] == html
    assert Properties({**kept, "bodyHtml": ""})["bodyHtml"] == ""


@pytest.mark.anyio
async def test_events_with_nothing_said_share_what_is_the_same_and_none_changes_another() -> None:
    scene = Scene()
    graph: GraphClient = scene.client()
    one = await graph.post("/me/events", timed("One", "2026-03-09"))
    two = await graph.post("/me/events", timed("Two", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    change = {"categories": ["Red"], "location": {"displayName": "Room"}, "showAs": "free"}
    await graph.patch(f"/me/events/{one['id']}", change)
    after = await graph.get(f"/me/events/{two['id']}")
    assert {name: after[name] for name in change} == {name: two[name] for name in change}
    assert DEFAULTS["categories"] == []
    assert DEFAULTS["location"]["displayName"] == ""
