"""Delta rounds of the emulated Outlook mail, traps included: per folder, partial objects, moves, dead tokens."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.sandbox.world import Clock, World
from tests.contract.sandbox.graph_mail_world import NOON, MailScene, mail_round, told
from tests.contract.sandbox.microsoft_client import EMAIL, GraphClient

pytestmark = pytest.mark.anyio

INBOX = "/me/mailFolders/inbox/messages/delta"
ARCHIVE = "/me/mailFolders/archive/messages/delta"


@pytest.fixture
def scene() -> MailScene:
    return MailScene()


@pytest.fixture
def graph(scene: MailScene) -> GraphClient:
    return scene.client()


async def test_a_first_round_tells_one_folder_and_a_later_one_what_changed(
    scene: MailScene, graph: GraphClient
) -> None:
    made = [scene.put(f"No {number}") for number in range(5)]
    scene.put("Elsewhere", folder="archive")
    rows, link = await mail_round(graph, INBOX, size=2)
    assert told(rows) == [f"No {number}" for number in range(5)]
    assert {row["@odata.type"] for row in rows} == {"#microsoft.graph.message"}
    rows, link = await mail_round(graph, link)
    assert rows == []
    scene.put("New")
    scene.mail.delete(EMAIL, made[0]["id"])
    rows, link = await mail_round(graph, link)
    assert told(rows) == ["New", "removed"]
    assert rows[1]["@removed"] == {"reason": "deleted"}
    assert rows[1]["id"] == made[0]["id"]
    rows, link = await mail_round(graph, link)
    assert rows == []


@pytest.mark.parametrize(("value", "partial"), [("partial", True), ("full", False)])
async def test_later_rounds_tell_changed_properties_alone(scene: MailScene, value: str, partial: bool) -> None:
    scene.turn(mail_delta_updates=value)
    graph = scene.client()
    made = scene.put()
    _, link = await mail_round(graph, INBOX)
    scene.change(made, unread=False)
    scene.change(made, flagged=True)
    rows, link = await mail_round(graph, link)
    assert len(rows) == 1
    assert (rows[0]["isRead"], rows[0]["flag"]) == (True, {"flagStatus": "flagged"})
    assert (set(rows[0]) == {"@odata.type", "@odata.etag", "id", "isRead", "flag"}) == partial
    assert ("subject" in rows[0]) != partial
    scene.change(made, categories=["Blue"])
    rows, _ = await mail_round(graph, link)
    assert ("isRead" in rows[0]) != partial
    assert rows[0]["categories"] == ["Blue"]


async def test_a_message_that_came_and_changed_between_rounds_is_told_whole(
    scene: MailScene, graph: GraphClient
) -> None:
    _, link = await mail_round(graph, INBOX)
    made = scene.put()
    scene.change(made, unread=False)
    rows, _ = await mail_round(graph, link)
    assert [(row["subject"], row["isRead"]) for row in rows] == [("Hello", True)]


@pytest.mark.parametrize("value", ["deleted", "changed"])
async def test_a_move_is_removed_here_and_added_there_under_the_same_immutable_id(scene: MailScene, value: str) -> None:
    scene.turn(mail_move_reason=value)
    graph = scene.client()
    made = scene.put()
    _, inbox = await mail_round(graph, INBOX)
    _, archive = await mail_round(graph, ARCHIVE)
    scene.change(made, folder="archive")
    left, inbox = await mail_round(graph, inbox)
    came, archive = await mail_round(graph, archive)
    assert (told(left), told(came)) == (["removed"], ["Hello"])
    assert left[0]["id"] == came[0]["id"] == made["id"]
    assert left[0]["@removed"]["reason"] == value
    scene.change(made, folder="inbox")
    back, _ = await mail_round(graph, inbox)
    assert told(back) == ["Hello"]
    gone, _ = await mail_round(graph, archive)
    assert told(gone) == ["removed"]


async def test_a_move_gives_a_new_ordinary_id(scene: MailScene, graph: GraphClient) -> None:
    made = scene.put()
    first, inbox = await mail_round(graph, INBOX, immutable=False)
    _, archive = await mail_round(graph, ARCHIVE, immutable=False)
    scene.change(made, folder="archive")
    left, _ = await mail_round(graph, inbox, immutable=False)
    came, _ = await mail_round(graph, archive, immutable=False)
    assert left[0]["id"] == first[0]["id"] != came[0]["id"]
    assert left[0]["@removed"]["reason"] == "deleted"


async def test_what_happens_while_the_first_round_is_paged_is_told_in_the_next(
    scene: MailScene, graph: GraphClient
) -> None:
    made = [scene.put(f"No {number}", days_ago=number) for number in range(4)]
    small = {"Prefer": 'odata.maxpagesize=2, IdType="ImmutableId"'}
    page = await graph.get(INBOX, headers=small)
    scene.put("Meanwhile")
    scene.change(made[0], unread=False)
    scene.change(made[3], unread=False)
    scene.mail.delete(EMAIL, made[2]["id"])
    rest, link = await mail_round(graph, page["@odata.nextLink"], size=2)
    assert told([*page["value"], *rest]) == ["No 0", "No 1", "No 3"]
    rows, _ = await mail_round(graph, link)
    assert told(rows) == ["Meanwhile", "changed", "changed", "removed"]


async def test_options_go_into_the_token_and_are_not_sent_again(scene: MailScene, graph: GraphClient) -> None:
    scene.put("Old", days_ago=30)
    made = scene.put("Middle", days_ago=2)
    scene.put("New", days_ago=1)
    path = (
        f"{INBOX}?$select=subject,isRead&$top=1&$filter=receivedDateTime ge 2026-03-01T00:00:00Z"
        "&$orderby=receivedDateTime desc"
    )
    page = await graph.get(path)
    assert told(page["value"]) == ["New"]
    assert set(page["value"][0]) == {"@odata.type", "@odata.etag", "id", "subject", "isRead"}
    assert page["@odata.nextLink"].partition("?")[2].startswith("$skiptoken=")
    page = await graph.get(page["@odata.nextLink"])
    assert told(page["value"]) == ["Middle"]
    scene.change(made, flagged=True)
    scene.put("Too old", days_ago=60)
    rows, _ = await mail_round(graph, page["@odata.deltaLink"])
    assert [set(row) for row in rows] == [{"@odata.type", "@odata.etag", "id"}]
    await graph.get(f"{page['@odata.deltaLink']}&$select=subject", 400)


@pytest.mark.parametrize(
    "options",
    [
        *("$search=x", "$skip=1", "$count=true", "$filter=isRead eq true", "$filter=receivedDateTime lt 2026-03-01"),
        *("$orderby=subject", "$orderby=receivedDateTime", "changeType=moved", "$select=bogus", "$top=0", "bogus=1"),
        *("$expand=extensions", "$deltatoken=nonsense", "$skiptoken=nonsense", "$deltatoken="),
    ],
)
async def test_options_that_change_tracking_does_not_take_are_refused(
    scene: MailScene, graph: GraphClient, options: str
) -> None:
    scene.put()
    await graph.get(f"{INBOX}?{options}", 400)


@pytest.mark.parametrize(("cap", "rows"), [(2, 2), (0, 3)])
async def test_a_filter_caps_the_first_round(scene: MailScene, cap: int, rows: int) -> None:
    scene.turn(mail_delta_filter_cap=cap)
    graph = scene.client()
    for number in range(3):
        scene.put(f"No {number}", days_ago=number)
    found, link = await mail_round(
        graph, f"{INBOX}?$filter=receivedDateTime ge 2026-03-01&$orderby=receivedDateTime desc", size=1
    )
    assert told(found) == [f"No {number}" for number in range(rows)]
    unfiltered, _ = await mail_round(graph, INBOX, size=1)
    assert len(unfiltered) == 3
    scene.put("Later")
    assert told((await mail_round(graph, link))[0]) == ["Later"]


async def test_the_cap_is_five_thousand_when_nothing_is_said(scene: MailScene) -> None:
    assert scene.world.behaviour["microsoft.mail_delta_filter_cap"] == 5000


@pytest.mark.parametrize(("kind", "rows"), [("created", ["New"]), ("updated", ["changed"]), ("deleted", ["removed"])])
async def test_change_type_narrows_later_rounds(
    scene: MailScene, graph: GraphClient, kind: str, rows: list[str]
) -> None:
    made = [scene.put(f"No {number}") for number in range(2)]
    first, link = await mail_round(graph, f"{INBOX}?changeType={kind}")
    assert len(first) == 2
    scene.put("New")
    scene.change(made[0], unread=False)
    scene.mail.delete(EMAIL, made[1]["id"])
    assert told((await mail_round(graph, link))[0]) == rows


@pytest.mark.parametrize("code", ["SyncStateNotFound", "syncStateNotFound", "resyncRequired"])
@pytest.mark.parametrize("location", [True, False])
async def test_a_dead_token_is_410_in_either_casing(scene: MailScene, code: str, location: bool) -> None:
    scene.turn(sync_state_code=code, resync_location=location)
    graph = scene.client()
    scene.put()
    _, inbox = await mail_round(graph, INBOX)
    _, folders = await mail_round(graph, "/me/mailFolders/delta")
    scene.mail.expire_positions(EMAIL)
    for link in (inbox, folders):
        answer = await graph.send("GET", link)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, code)
        assert ("location" in answer.headers) == location
    rows, link = await mail_round(graph, INBOX)
    assert told(rows) == ["Hello"]
    assert (await mail_round(graph, link))[0] == []


@pytest.mark.parametrize(("seconds", "status"), [(3600, 410), (0, 200)])
async def test_a_token_dies_at_the_age_the_switch_says(scene: MailScene, seconds: int, status: int) -> None:
    scene.turn(delta_token_lifetime_seconds=seconds)
    graph = scene.client()
    _, link = await mail_round(graph, INBOX)
    scene.world.clock.advance(7200)
    token = scene.microsoft.issue_tokens(EMAIL, None, 3600)["access_token"]
    await GraphClient(scene.microsoft.app, token).get(link, status)


async def test_tokens_belong_to_a_folder_and_a_kind(scene: MailScene, graph: GraphClient) -> None:
    scene.put()
    scene.put()
    page = await graph.get(INBOX, headers={"Prefer": "odata.maxpagesize=1"})
    token = page["@odata.nextLink"].partition("$skiptoken=")[2]
    await graph.get(f"{ARCHIVE}?$skiptoken={token}", 400)
    await graph.get(f"{INBOX}?$deltatoken={token}", 400)
    await graph.get(f"{INBOX}?$skiptoken={token}", 200)
    await graph.get("/me/mailFolders/nowhere/messages/delta", 404)


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_change_takes_its_time_to_show_and_is_never_lost(scene: MailScene, seconds: int) -> None:
    scene.turn(delta_lag_seconds=seconds)
    graph = scene.client()
    scene.put("First")
    rows, link = await mail_round(graph, INBOX)
    late = bool(seconds)
    assert told(rows) == ([] if late else ["First"])
    scene.world.clock.advance(61)
    scene.put("Second")
    rows, link = await mail_round(graph, link)
    assert told(rows) == (["First"] if late else ["Second"])
    scene.world.clock.advance(61)
    rows, link = await mail_round(graph, link)
    assert told(rows) == (["Second"] if late else [])


@pytest.mark.parametrize(("order", "share"), [("shuffled", 1.0), ("changed", 0.0)])
async def test_rows_can_come_twice_and_in_any_order(scene: MailScene, order: str, share: float) -> None:
    scene.turn(delta_row_order=order, delta_duplicate_share=share)
    graph = scene.client()
    names = [scene.put(f"No {number}")["id"] for number in range(8)]
    rows, _ = await mail_round(graph, INBOX)
    found = [row["id"] for row in rows]
    assert sorted(set(found)) == sorted(names)
    assert (len(found) == 16) == bool(share)
    assert (found == names) != bool(share)


@pytest.mark.parametrize(("share", "again"), [(1.0, ["One", "Two"]), (0.0, [])])
async def test_what_was_told_before_can_come_once_more(scene: MailScene, share: float, again: list[str]) -> None:
    scene.turn(delta_replay_share=share)
    graph = scene.client()
    scene.put("One")
    scene.put("Two")
    rows, link = await mail_round(graph, INBOX)
    assert told(rows) == ["One", "Two"]
    scene.put("New")
    rows, link = await mail_round(graph, link, size=1)
    assert told(rows) == [*again, "New"]


async def test_a_token_used_again_gives_the_same_page_again(scene: MailScene, graph: GraphClient) -> None:
    scene.turn(delta_row_order="shuffled", delta_duplicate_share=0.5)
    for number in range(6):
        scene.put(f"No {number}")
    _, link = await mail_round(graph, INBOX)
    scene.put("New")
    assert (await graph.get(link))["value"] == (await graph.get(link))["value"]


async def test_faults_reach_the_rounds_and_nothing_is_lost_by_them(scene: MailScene, graph: GraphClient) -> None:
    scene.put("One")

    async def with_fault(kind: str, link: str, **more: Any) -> httpx.Response:
        scene.world.faults.clear()
        scene.world.faults.add({"route": "GET **/delta", "kind": kind, **more})
        answer = await graph.send("GET", link)
        scene.world.faults.clear()
        return answer

    for kind in ("empty", "stale"):
        hidden = (await with_fault(kind, INBOX)).json()
        assert hidden["value"] == []
        scene.world.clock.advance(61)
        assert told((await mail_round(graph, hidden["@odata.deltaLink"]))[0]) == ["One"]
        scene.world.clock.advance(-61)
    assert len((await with_fault("duplicate", INBOX)).json()["value"]) == 2
    link = (await mail_round(graph, INBOX))[1]
    assert (await with_fault("token_dead", link)).status_code == 410
    folders = (await with_fault("empty", "/me/mailFolders/delta")).json()
    assert len((await mail_round(graph, folders["@odata.deltaLink"]))[0]) == 8


async def test_folders_have_rounds_of_their_own(scene: MailScene, graph: GraphClient) -> None:
    scene.mail.add_folder(EMAIL, "Projects/Harbour")
    rows, link = await mail_round(graph, "/me/mailFolders/delta", size=3)
    names = {row["displayName"] for row in rows}
    assert {"Inbox", "Projects", "Harbour"} <= names
    assert "Conversation Action Settings" not in names
    hidden, _ = await mail_round(graph, "/me/mailFolders/delta?includeHiddenFolders=true")
    assert len(hidden) == len(rows) + 1
    scene.put("A message is no change of a folder")
    assert (await mail_round(graph, link))[0] == []
    scene.mail.add_folder(EMAIL, "New")
    scene.mail.rename_folder(EMAIL, "Projects", "Works")
    rows, link = await mail_round(graph, link)
    assert [row["displayName"] for row in rows] == ["New", "Works"]
    assert (await mail_round(graph, link))[0] == []


async def test_mail_about_meetings_keeps_its_type_in_rounds(scene: MailScene, graph: GraphClient) -> None:
    text = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTART:20260310T090000Z\nEND:VEVENT\nEND:VCALENDAR\n"
    scene.put("Plan", invitation=text)
    rows, _ = await mail_round(graph, INBOX)
    assert rows[0]["@odata.type"] == "#microsoft.graph.eventMessageRequest"


async def test_the_same_seed_gives_the_same_answers() -> None:
    seen = []
    for _ in range(2):
        scene = MailScene(World(random_seed=5, clock=Clock(lambda: NOON)))
        made = scene.put("One", attachments=[{"filename": "a.txt", "text": "x"}])
        scene.change(made, folder="archive")
        graph = scene.client()
        seen.append([await graph.get("/me/messages"), await graph.get(INBOX), await graph.get("/me/mailFolders")])
    assert seen[0] == seen[1]
