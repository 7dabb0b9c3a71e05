"""Gmail's history, its quota units and its batches: what an incremental reader meets, traps included."""

from __future__ import annotations

from email.parser import BytesParser
from typing import Any

import httpx
import pytest

from app.sandbox.google.mail.quota import COSTS, LIMITS
from app.sandbox.world import Clock, World
from tests.contract.sandbox.gmail_world import EMAIL, MODIFY, NOON, GmailSide, reason
from tests.judges.fixture import Judges

pytestmark = pytest.mark.anyio


@pytest.fixture
def side() -> GmailSide:
    return GmailSide()


async def _start(side: GmailSide) -> str:
    return str((await side.get("profile"))["historyId"])


async def test_history_tells_each_change_and_the_id_it_leads_to(side: GmailSide) -> None:
    start = await _start(side)
    made = side.put()
    named = {"id": made["id"], "threadId": made["id"]}
    side.google.mail.change(EMAIL, made["id"], {"unread": False, "flagged": True})
    side.google.mail.change(EMAIL, made["id"], {"folder": "archive"})
    side.google.mail.delete(EMAIL, made["id"])
    page = await side.get("history", startHistoryId=start)
    rows = page["history"]
    assert [set(row) - {"id", "messages"} for row in rows] == [
        {"messagesAdded"},
        {"labelsAdded"},
        {"labelsRemoved"},
        {"labelsRemoved"},
        {"messagesDeleted"},
    ]
    assert rows[0]["messages"] == [named]
    assert rows[0]["messagesAdded"] == [{"message": {**named, "labelIds": ["INBOX", "UNREAD"]}}]
    assert rows[1]["labelsAdded"][0]["labelIds"] == ["STARRED"]
    assert rows[2]["labelsRemoved"][0]["labelIds"] == ["UNREAD"]
    assert rows[3]["labelsRemoved"][0]["labelIds"] == ["INBOX"]
    assert page["historyId"] == rows[-1]["id"] == await _start(side)
    # A message that was added may be gone by the time it is read.
    await side.get(f"messages/{made['id']}", status=404)


async def test_history_ids_grow_with_gaps(side: GmailSide) -> None:
    start = await _start(side)
    for number in range(5):
        side.put(f"No {number}")
    ids = [int(row["id"]) for row in (await side.get("history", startHistoryId=start))["history"]]
    steps = [after - before for before, after in zip([int(start), *ids], ids, strict=False)]
    assert all(step > 1 for step in steps)
    assert len(set(steps)) > 1


async def test_without_a_change_the_answer_has_no_history_key(side: GmailSide) -> None:
    side.put()
    start = await _start(side)
    assert await side.get("history", startHistoryId=start) == {"historyId": start}


async def test_history_can_be_kept_to_kinds_and_a_label(side: GmailSide) -> None:
    start = await _start(side)
    made = side.put(labels=["Travel"])
    side.put("Other")
    side.google.mail.change(EMAIL, made["id"], {"unread": False})
    label = next(row["id"] for row in side.google.mail.folders(EMAIL) if row["name"] == "Travel")
    async with side.caller() as client:
        kinds = (await client.get(f"history?startHistoryId={start}&historyTypes=messageAdded")).json()
        more = (
            await client.get(f"history?startHistoryId={start}&historyTypes=messageAdded&historyTypes=labelRemoved")
        ).json()
        labelled = (await client.get(f"history?startHistoryId={start}&labelId={label}")).json()
    assert len(kinds["history"]) == 2
    assert len(more["history"]) == 3
    assert [row["messages"][0]["id"] for row in labelled["history"]] == [made["id"]] * 2


@pytest.mark.parametrize(("value", "pages"), [("may_be_empty", 4), ("full", 1)])
async def test_a_page_can_lack_history_and_have_a_page_after_it(side: GmailSide, value: str, pages: int) -> None:
    side.turn(history_pages=value)
    start = await _start(side)
    names = [side.put(f"No {number}")["id"] for number in range(6)]
    side.google.mail.delete(EMAIL, names[0])
    side.google.mail.change(EMAIL, names[1], {"unread": False})
    params: dict[str, Any] = {"startHistoryId": start, "maxResults": 2, "historyTypes": "messageDeleted"}
    seen, lacking, page = [], 0, await side.get("history", **params)
    asked = 1
    while True:
        seen += page.get("history", [])
        lacking += "history" not in page
        if "nextPageToken" not in page:
            break
        page = await side.get("history", **params, pageToken=page["nextPageToken"])
        asked += 1
    assert [row["messages"][0]["id"] for row in seen] == [names[0]]
    assert (asked, lacking) == (pages, pages - 1)


async def test_history_pages_go_on_where_they_were_while_more_happens(side: GmailSide) -> None:
    start = await _start(side)
    first = [side.put(f"No {number}")["id"] for number in range(3)]
    page = await side.get("history", startHistoryId=start, maxResults=2)
    later = side.put("Later")["id"]
    rest = await side.get("history", startHistoryId=start, maxResults=2, pageToken=page["nextPageToken"])
    seen = [row["messages"][0]["id"] for row in (*page["history"], *rest["history"])]
    assert seen == [*first, later]
    await side.get("history", startHistoryId=start, pageToken="nonsense", status=400)


@pytest.mark.parametrize(("days", "status"), [(6, 200), (8, 404)])
async def test_a_history_id_that_is_too_old_is_404(side: GmailSide, days: int, status: int) -> None:
    start = await _start(side)
    side.put()
    side.world.clock.advance(days * 86_400)
    answer = await side.get("history", startHistoryId=start, status=status)
    if status == 404:
        assert answer["error"]["message"] == "Requested entity was not found."
        assert reason(answer) == (404, "notFound", "NOT_FOUND")
        # The present id works at once: that is where a new reading begins.
        await side.get("history", startHistoryId=await _start(side))


async def test_a_history_id_after_which_nothing_happened_stays_good(side: GmailSide) -> None:
    side.put()
    start = await _start(side)
    side.world.clock.advance(90 * 86_400)
    assert await side.get("history", startHistoryId=start) == {"historyId": start}


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (3600, 404)])
async def test_how_long_history_is_kept_is_a_switch(side: GmailSide, seconds: int, status: int) -> None:
    side.turn(history_lifetime_seconds=seconds)
    start = await _start(side)
    side.put()
    side.world.clock.advance(86_400)
    await side.get("history", startHistoryId=start, status=status)


@pytest.mark.parametrize(("value", "status"), [("not_found", 404), ("empty", 200)])
async def test_a_history_id_of_the_future_is_a_switch(side: GmailSide, value: str, status: int) -> None:
    side.turn(future_history_id=value)
    future = str(int(await _start(side)) + 1000)
    answer = await side.get("history", startHistoryId=future, status=status)
    assert "history" not in answer


async def test_expired_positions_are_404_and_a_new_one_works(side: GmailSide) -> None:
    side.put()
    start = await _start(side)
    side.google.mail.expire_positions(EMAIL)
    await side.get("history", startHistoryId=start, status=404)
    fresh = await _start(side)
    assert await side.get("history", startHistoryId=fresh) == {"historyId": fresh}


async def test_planted_faults_reach_listings_and_history(side: GmailSide) -> None:
    start = await _start(side)
    side.put("One", days_ago=1)
    side.put("Two")
    route = "GET /gmail/v1/users/{user}/"

    async def with_fault(kind: str, path: str, **more: Any) -> httpx.Response:
        side.world.faults.clear()
        side.world.faults.add({"route": f"{route}{path.partition('?')[0]}", "kind": kind, **more})
        async with side.caller() as client:
            return await client.get(path)

    history = f"history?startHistoryId={start}"
    assert (await with_fault("token_dead", history)).status_code == 404
    assert (await with_fault("empty", history)).json() == {"historyId": start}
    assert (await with_fault("stale", history, seconds=60)).json() == {"historyId": start}
    assert len((await with_fault("duplicate", history)).json()["history"]) == 4
    assert len((await with_fault("reorder", "messages")).json()["messages"]) == 2
    assert len((await with_fault("stale", "messages", seconds=60)).json()["messages"]) == 1
    assert (await with_fault("status", "messages", status=503)).status_code == 503


# Quota


@pytest.mark.parametrize(
    ("value", "path", "calls"),
    [
        ("current", "messages/{id}", 300),
        ("current", "threads/{id}", 150),
        ("current", "messages/batchModify", 120),
        ("earlier", "messages/batchModify", 300),
        ("off", "messages/batchModify", None),
    ],
)
async def test_a_user_has_so_many_units_a_minute(side: GmailSide, value: str, path: str, calls: int | None) -> None:
    side.turn(quota=value)
    made = side.put()
    path = path.replace("{id}", made["id"])
    body = {"ids": [made["id"]], "addLabelIds": ["STARRED"]}

    async with side.caller() as client:

        async def ask() -> httpx.Response:
            return await (client.post(path, json=body) if "batch" in path else client.get(f"{path}?format=minimal"))

        for _ in range(calls or 310):
            assert (await ask()).is_success
        if calls is None:
            return
        refused = (await ask()).json()
        assert reason(refused) == (403, "userRateLimitExceeded", "PERMISSION_DENIED")
        assert refused["error"]["errors"][0]["domain"] == "usageLimits"
        side.world.clock.advance(61)
        assert (await ask()).is_success


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("why", ["userRateLimitExceeded", "rateLimitExceeded"])
async def test_the_refusal_is_told_by_its_reason_under_either_status(side: GmailSide, status: int, why: str) -> None:
    side.turn(rate_limit_status=status, rate_limit_reason=why)
    made = side.put()
    async with side.caller() as client:
        for _ in range(300):
            await client.get(f"messages/{made['id']}", params={"format": "minimal"})
        refused = await client.get(f"messages/{made['id']}")
        # Cheaper calls still fit until the last unit is used.
        assert (await client.get("profile")).status_code == status
    assert reason(refused.json())[:2] == (status, why)


def test_both_tables_of_units_are_those_of_the_reference() -> None:
    assert (LIMITS["earlier"].units, LIMITS["current"].units) == (15_000, 6_000)
    old, new = COSTS["earlier"], COSTS["current"]
    names = ("getProfile", "labels.list", "history.list", "messages.list", "messages.batchModify")
    assert [old[name] for name in names] == [new[name] for name in names] == [1, 1, 2, 5, 50]
    assert (old["messages.get"], new["messages.get"], new["threads.get"]) == (5, 20, 40)


# Batches


def _batch(paths: list[str]) -> tuple[bytes, dict[str, str]]:
    parts = "".join(
        f"--B\r\nContent-Type: application/http\r\nContent-ID: <id{number}>\r\n\r\nGET {path} HTTP/1.1\r\n\r\n\r\n"
        for number, path in enumerate(paths)
    )
    return f"{parts}--B--\r\n".encode(), {"Content-Type": "multipart/mixed; boundary=B"}


async def _answers(client: httpx.AsyncClient, address: str, paths: list[str]) -> dict[str, int]:
    content, headers = _batch(paths)
    answer = await client.post(f"http://127.0.0.1{address}", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    kind = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    found: dict[str, int] = {}
    for part in BytesParser().parsebytes(kind + answer.content).walk():
        if part.get_content_type() == "application/http":
            found[str(part["Content-ID"])] = int(str(part.get_payload()).split()[1])
    return found


@pytest.mark.parametrize("address", ["/batch", "/batch/gmail/v1"])
async def test_a_batch_holds_a_hundred_calls_and_each_fails_by_itself(side: GmailSide, address: str) -> None:
    made = side.put()
    base = "/gmail/v1/users/me"
    paths = [f"{base}/messages/{made['id']}?format=minimal", f"{base}/messages/19ffffffffffffff", f"{base}/labels"]
    async with side.caller() as client:
        found = await _answers(client, address, paths + [f"{base}/labels"] * 97)
        assert len(found) == 100
        assert [found[f"<response-id{number}>"] for number in range(3)] == [200, 404, 200]
        content, headers = _batch([f"{base}/labels"] * 101)
        answer = await client.post(f"http://127.0.0.1{address}", content=content, headers=headers)
        assert answer.status_code == 400


async def test_each_part_of_a_batch_costs_its_own_units(side: GmailSide) -> None:
    made = side.put()
    path = f"/gmail/v1/users/me/messages/{made['id']}?format=minimal"
    statuses: list[int] = []
    async with side.caller() as client:
        for _ in range(4):
            statuses += (await _answers(client, "/batch", [path] * 80)).values()
    assert (statuses.count(200), statuses.count(403)) == (300, 20)
    assert side.world.requests.counts["google:GET /gmail/v1/users/{user}/messages/{id}"] == 320


async def test_a_batch_of_gmail_reaches_gmail_only(side: GmailSide, judges: Judges) -> None:
    async with side.caller(MODIFY) as client:
        found = await _answers(client, "/batch", ["/calendar/v3/users/me/calendarList", "/batch"])
    assert set(found.values()) == {404}


async def test_the_same_seed_gives_the_same_answers() -> None:
    seen = []
    for _ in range(2):
        side = GmailSide(World(random_seed=5, clock=Clock(lambda: NOON)))
        made = side.put("One", attachments=[{"filename": "a.txt", "text": "x"}])
        side.google.mail.change(EMAIL, made["id"], {"flagged": True})
        seen.append([await side.get("messages"), await side.get(f"messages/{made['id']}"), await side.get("labels")])
    assert seen[0] == seen[1]
