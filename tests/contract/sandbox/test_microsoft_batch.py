"""``$batch`` and the limits of a mailbox in the sandbox's Graph."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from app.sandbox.faults import Fault
from tests.contract.sandbox.microsoft_client import EMAIL, GraphClient, Scene, timed

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def graph(scene: Scene) -> GraphClient:
    return scene.client()


def create(number: str, **more: Any) -> dict[str, Any]:
    body = timed(f"E{number}", "2026-03-09", transactionId=f"T-{number}")
    return {"id": number, "method": "POST", "url": "/me/calendars/HOME/events", "headers": JSON, "body": body, **more}


async def batch(graph: GraphClient, requests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    answer = await graph.post("/$batch", {"requests": requests}, 200)
    assert len(answer["responses"]) == len(requests)
    return {item["id"]: item for item in answer["responses"]}


async def test_twenty_parts_are_done_and_answered_in_any_order(graph: GraphClient) -> None:
    requests = [create(str(number)) for number in range(20)]
    answer = await graph.post("/$batch", {"requests": requests}, 200)
    ids = [item["id"] for item in answer["responses"]]
    assert sorted(ids, key=int) == [str(number) for number in range(20)]
    assert ids != sorted(ids, key=int)
    assert {item["status"] for item in answer["responses"]} == {201}
    assert {item["body"]["subject"] for item in answer["responses"]} == {f"E{number}" for number in range(20)}


async def test_prefer_is_set_for_each_part_and_errors_stay_with_theirs(graph: GraphClient) -> None:
    made = await graph.post("/me/events", timed("One", "2026-03-09"))
    read = {"method": "GET", "url": f"/me/calendars/HOME/events/{made['id']}?$select=subject"}
    immutable = {"headers": {"Prefer": 'IdType="ImmutableId"'}}
    found = await batch(
        graph,
        [
            {"id": "plain", **read},
            {"id": "immutable", **read, **immutable},
            {"id": "gone", "method": "DELETE", "url": "/me/events/nothing"},
        ],
    )
    assert found["immutable"]["body"]["id"] == made["id"] != found["plain"]["body"]["id"]
    assert (found["gone"]["status"], found["gone"]["body"]["error"]["code"]) == (404, "ErrorItemNotFound")


async def test_a_part_waits_for_what_it_depends_on_and_fails_with_it(graph: GraphClient) -> None:
    bad = create("bad")
    bad["body"]["showAs"] = "perhaps"
    found = await batch(
        graph, [create("after", dependsOn=["bad"]), bad, create("last", dependsOn=["first"]), create("first")]
    )
    assert {name: item["status"] for name, item in found.items()} == {
        "bad": 400,
        "after": 424,
        "first": 201,
        "last": 201,
    }


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [create(str(number)) for number in range(21)],
        [create("1"), create("1")],
        [{**create("1"), "headers": {}}],
        [{"id": "1", "method": "GET"}],
        [create("1", dependsOn=["2"])],
        [create("1", dependsOn=["2"]), create("2", dependsOn=["1"])],
        [{"id": "1", "method": "GET", "url": "http://127.0.0.1/v1.0/me"}],
    ],
)
async def test_a_malformed_batch_is_refused_and_does_nothing(
    graph: GraphClient, requests: list[dict[str, Any]]
) -> None:
    answer = await graph.post("/$batch", {"requests": requests}, 400)
    assert answer["error"]["code"] == "BadRequest"
    assert (await graph.get("/me/events"))["value"] == []


async def test_parts_are_logged_and_can_fail_one_by_one(scene: Scene, graph: GraphClient) -> None:
    scene.world.faults.add({"route": "POST /v1.0/me/calendars/*/events", "kind": "status", "status": 503, "nth": 2})
    found = await batch(graph, [create("1"), create("2"), create("3")])
    assert sorted(item["status"] for item in found.values()) == [201, 201, 503]
    assert len((await graph.get("/me/events"))["value"]) == 2
    assert scene.world.requests.counts["microsoft:POST /v1.0/me/calendars/{calendar}/events"] == 2
    assert scene.world.requests.counts["microsoft:POST /v1.0/$batch"] == 1


async def test_parts_are_throttled_singly_by_switch(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.batch_throttled_share", 0.5)
    found = await batch(graph, [create(str(number)) for number in range(20)])
    refused = [item for item in found.values() if item["status"] == 429]
    assert 0 < len(refused) < 20
    assert {item["headers"]["Retry-After"] for item in refused} == {"1"}
    assert {item["body"]["error"]["code"] for item in refused} == {"ApplicationThrottled"}


async def test_a_lost_answer_leaves_the_work_done(scene: Scene, graph: GraphClient) -> None:
    scene.world.faults.add({"route": "POST /v1.0/me/events", "kind": "reset_after_commit", "nth": 1})
    body = timed("Once", "2026-03-09", transactionId="T-1")
    with pytest.raises((httpx.TransportError, ConnectionResetError)):
        await graph.send("POST", "/me/events", json=body)
    again = await graph.post("/me/events", body, 400)
    (found,) = (await graph.get("/me/events"))["value"]
    assert again["error"]["@event.existingEventId"] == found["id"]


async def test_the_fifth_request_at_once_is_refused_with_retry_after(scene: Scene, graph: GraphClient) -> None:
    scene.world.faults.add({"route": "GET /v1.0/me/calendars", "kind": "latency", "seconds": 0.2})
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await graph.send("GET", "/me/calendars"))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429]
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "ApplicationThrottled"
    assert (await graph.send("GET", "/me/calendars")).status_code == 200


async def test_refused_requests_count_against_the_ten_minutes_too(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.requests_per_ten_minutes", 3)
    statuses = [(await graph.send("GET", "/me")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    scene.world.clock.advance(601)
    fresh = GraphClient(scene.microsoft.app, scene.microsoft.issue_tokens(EMAIL, None, 3600)["access_token"])
    assert (await fresh.send("GET", "/me")).status_code == 200


async def met(fault: Fault, times: int) -> None:
    """Wait until so many requests are held up by a fault."""
    with anyio.fail_after(5):
        while fault.hits < times:
            await anyio.lowlevel.checkpoint()


def reads(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number), "method": "GET", "url": "/me/calendars"} for number in range(count)]


async def test_a_batch_takes_four_of_the_mailboxs_requests_and_leaves_none_to_others(
    scene: Scene, graph: GraphClient
) -> None:
    fault = scene.world.faults.add({"route": "GET /v1.0/me/calendars", "kind": "latency", "seconds": 0.1})
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await graph.send("GET", "/me")).status_code)

    async with anyio.create_task_group() as group:
        group.start_soon(batch, graph, reads(4))
        await met(fault, 1)
        group.start_soon(ask)
    assert statuses == [429]
    assert (await graph.send("GET", "/me")).status_code == 200


async def test_parts_of_a_batch_that_meets_a_busy_mailbox_are_refused_singly(scene: Scene, graph: GraphClient) -> None:
    fault = scene.world.faults.add({"route": "GET /v1.0/me", "kind": "latency", "seconds": 0.2})
    found: dict[str, dict[str, Any]] = {}

    async def send() -> None:
        found.update(await batch(graph, reads(8)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(graph.send, "GET", "/me")
        await met(fault, 3)
        group.start_soon(send)
    statuses = sorted(item["status"] for item in found.values())
    assert statuses == [200, 200, 429, 429, 429, 429, 429, 429]
    refused = next(item for item in found.values() if item["status"] == 429)
    assert refused["headers"]["Retry-After"] == "1"
    assert set(refused["body"]["error"]["innerError"]) == {"date", "request-id", "client-request-id"}


async def test_the_parts_of_a_batch_count_one_by_one_against_the_ten_minutes(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.requests_per_ten_minutes", 5)
    found = await batch(graph, reads(8))
    assert sorted(item["status"] for item in found.values()) == [200] * 5 + [429] * 3


async def test_every_refusal_carries_ids_for_support_and_stands_in_the_log(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.requests_per_ten_minutes", 1)
    await graph.send("GET", "/me")
    refused = await graph.send("GET", "/me", headers={"client-request-id": "mine"})
    assert refused.status_code == 429
    inner = refused.json()["error"]["innerError"]
    assert (refused.headers["client-request-id"], inner["client-request-id"]) == ("mine", "mine")
    assert refused.headers["request-id"] == inner["request-id"]
    assert [entry.status for entry in scene.world.requests.entries()] == [200, 429]
