"""The emulated Outlook mail: folders, messages, filters, searches, bodies, files, scopes, as Graph documents them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from app.sandbox.world import Clock, World
from tests.contract.sandbox.graph_mail_world import NOON, MailScene
from tests.contract.sandbox.microsoft_client import EMAIL, GraphClient

pytestmark = pytest.mark.anyio

MEETING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//EN
METHOD:{method}
BEGIN:VEVENT
UID:1@example.net
DTSTAMP:20260301T000000Z
DTSTART:20260310T090000Z
DTEND:20260310T100000Z
SUMMARY:Plan
LOCATION:Room 1
ATTENDEE;PARTSTAT={answer}:mailto:leo@example.net
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def scene() -> MailScene:
    return MailScene()


@pytest.fixture
def graph(scene: MailScene) -> GraphClient:
    return scene.client()


async def _subjects(graph: GraphClient, path: str, **more: Any) -> list[str]:
    return [row["subject"] for row in (await graph.get(path, **more))["value"]]


# Folders


async def test_folders_are_listed_in_pages_of_ten_without_the_hidden_ones(scene: MailScene, graph: GraphClient) -> None:
    for number in range(4):
        scene.mail.add_folder(EMAIL, f"Zone {number}")
    page = await graph.get("/me/mailFolders")
    assert len(page["value"]) == 10
    names = [row["displayName"] for row in page["value"]]
    rest = await graph.get(page["@odata.nextLink"])
    names += [row["displayName"] for row in rest["value"]]
    assert names == [
        *("Archive", "Conversation History", "Deleted Items", "Drafts", "Inbox", "Junk Email", "Outbox", "Sent Items"),
        *(f"Zone {number}" for number in range(4)),
    ]
    hidden = await graph.get("/me/mailFolders?includeHiddenFolders=true&$top=100")
    assert [row["displayName"] for row in hidden["value"] if row["isHidden"]] == ["Conversation Action Settings"]
    assert (await graph.get("/me/mailFolders?$top=2&$count=true"))["@odata.count"] == 12


@pytest.mark.parametrize(("size", "rows"), [(10, 8), (3, 3)])
async def test_the_default_page_is_a_switch_for_mail_too(scene: MailScene, size: int, rows: int) -> None:
    scene.turn(default_page_size=size)
    assert len((await scene.client().get("/me/mailFolders"))["value"]) == rows
    for number in range(12):
        scene.put(f"No {number}")
    assert len((await scene.client().get("/me/messages"))["value"]) == min(size, 12)


@pytest.mark.parametrize(
    "name", ["inbox", "sentitems", "archive", "drafts", "deleteditems", "junkemail", "SentItems", "msgfolderroot"]
)
async def test_well_known_names_stand_for_folders(scene: MailScene, graph: GraphClient, name: str) -> None:
    folder = await graph.get(f"/me/mailFolders/{name}")
    assert (await graph.get(f"/me/mailFolders/{folder['id']}"))["id"] == folder["id"]
    assert set(folder) - {"@odata.context"} == {
        *("id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount", "isHidden")
    }


async def test_folders_hold_folders_and_counts(scene: MailScene, graph: GraphClient) -> None:
    scene.put("One", folder="Projects/Harbour")
    scene.put("Two", folder="Projects/Harbour", unread=False)
    projects = next(
        row for row in (await graph.get("/me/mailFolders?$top=50"))["value"] if row["displayName"] == "Projects"
    )
    assert projects["childFolderCount"] == 1
    children = (await graph.get(f"/me/mailFolders/{projects['id']}/childFolders"))["value"]
    assert [(row["displayName"], row["parentFolderId"]) for row in children] == [("Harbour", projects["id"])]
    assert (children[0]["totalItemCount"], children[0]["unreadItemCount"]) == (2, 1)
    found = await graph.get("/me/mailFolders?$filter=displayName eq 'projects'&$select=displayName")
    assert [set(row) for row in found["value"]] == [{"id", "displayName"}]
    await graph.get("/me/mailFolders/nowhere", 404)
    await graph.get("/me/mailFolders?$filter=size gt 5", 400)
    await graph.get("/me/mailFolders?$select=bogus", 400)


# Messages


async def test_messages_come_newest_first_from_all_folders_or_one(scene: MailScene, graph: GraphClient) -> None:
    scene.put("Old", days_ago=2, folder="archive")
    scene.put("New", days_ago=0)
    scene.put("Middle", days_ago=1)
    assert await _subjects(graph, "/me/messages") == ["New", "Middle", "Old"]
    assert await _subjects(graph, "/me/mailFolders/inbox/messages") == ["New", "Middle"]
    page = await graph.get("/me/messages?$top=2&$count=true&$select=subject")
    assert page["@odata.count"] == 3
    assert [set(row) for row in page["value"]] == [{"@odata.etag", "id", "subject"}] * 2
    assert await _subjects(graph, page["@odata.nextLink"]) == ["Old"]
    preferred = await graph.send("GET", "/me/messages", headers={"Prefer": "odata.maxpagesize=1"})
    assert len(preferred.json()["value"]) == 1
    assert preferred.headers["preference-applied"] == "odata.maxpagesize=1"


async def test_a_message_has_what_graph_documents(scene: MailScene, graph: GraphClient) -> None:
    made = scene.put(
        "Grüße 🎈",
        cc="Ana <ana@example.com>",
        importance="high",
        flagged=True,
        categories=["Blue category"],
        reply_to="desk@example.net",
    )
    got = await graph.get(f"/me/messages/{made['id']}")
    assert got["subject"] == "Grüße 🎈"
    assert got["from"] == {"emailAddress": {"name": "Leo Park", "address": "leo@example.net"}}
    assert got["sender"] == got["from"]
    assert [one["emailAddress"]["address"] for one in got["ccRecipients"]] == ["ana@example.com"]
    assert [one["emailAddress"]["address"] for one in got["replyTo"]] == ["desk@example.net"]
    assert got["receivedDateTime"] == got["sentDateTime"] == "2026-03-09T12:00:00Z"
    assert (got["importance"], got["flag"], got["categories"]) == ("high", {"flagStatus": "flagged"}, ["Blue category"])
    assert (got["isRead"], got["isDraft"], got["hasAttachments"]) == (False, False, False)
    assert got["parentFolderId"] == (await graph.get("/me/mailFolders/inbox"))["id"]
    assert got["internetMessageId"].startswith("<")
    assert got["@odata.etag"] == f'W/"{got["changeKey"]}"'
    assert "internetMessageHeaders" not in got
    assert "uniqueBody" not in got
    more = await graph.get(f"/me/messages/{made['id']}?$select=internetMessageHeaders,uniqueBody")
    assert {"name": "Subject", "value": "Grüße 🎈"} in more["internetMessageHeaders"]
    assert more["uniqueBody"]["contentType"] == "html"
    draft = scene.put("Draft", folder="drafts")
    assert (await graph.get(f"/me/mailFolders/drafts/messages/{draft['id']}"))["isDraft"]
    await graph.get(f"/me/mailFolders/inbox/messages/{draft['id']}", 404)
    assert (await graph.get("/me/messages/AAMkNothing=", 404))["error"]["code"] == "ErrorItemNotFound"
    await graph.get(f"/me/messages/{made['id']}?$select=bogus", 400)
    await graph.get(f"/me/messages/{made['id']}?$filter=isRead eq true", 400)


async def test_bodies_come_as_html_or_as_text_when_preferred(scene: MailScene, graph: GraphClient) -> None:
    made = scene.put(text="Two\nlines\n", html="<p>Two<br>lines<script>alert(1)</script></p>")
    path = f"/me/messages/{made['id']}?$select=body,bodyPreview"
    body = (await graph.get(path))["body"]
    assert body["contentType"] == "html"
    assert "script" not in body["content"]
    assert "<head>" in body["content"]
    answer = await graph.send("GET", path, headers={"Prefer": 'outlook.body-content-type="text"'})
    assert answer.json()["body"] == {"contentType": "text", "content": "Two\r\nlines"}
    assert answer.headers["preference-applied"] == 'outlook.body-content-type="text"'
    assert answer.json()["bodyPreview"] == "Two\r\nlines"
    long = scene.put(text="x" * 300)
    assert len((await graph.get(f"/me/messages/{long['id']}"))["bodyPreview"]) == 255


@pytest.mark.parametrize("kind", ["html", "text"])
async def test_how_a_text_message_is_answered_without_a_preference_is_a_switch(scene: MailScene, kind: str) -> None:
    scene.turn(mail_text_bodies=kind)
    made = scene.put(text="Plain\n")
    assert (await scene.client().get(f"/me/messages/{made['id']}"))["body"]["contentType"] == kind


async def test_the_mime_of_a_message_is_what_was_sent(scene: MailScene, graph: GraphClient) -> None:
    mime = "From: a@example.net\r\nSubject: Raw\r\nX-Kind: test\r\n\r\nUmlaut \xe4\r\n"
    made = scene.mail.deliver(EMAIL, {"mime": mime})
    answer = await graph.send("GET", f"/me/messages/{made['id']}/$value")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    assert answer.content == mime.encode()
    request = {"id": "1", "method": "GET", "url": f"/me/messages/{made['id']}/$value"}
    batch = await graph.post("/$batch", {"requests": [request]}, 200)
    assert base64.b64decode(batch["responses"][0]["body"]) == mime.encode()


async def test_attachments_are_files_or_items_and_inline_ones_do_not_count(
    scene: MailScene, graph: GraphClient
) -> None:
    picture = {"filename": "dot.png", "content_type": "image/png", "base64": "AAAA", "inline": True, "content_id": "d"}
    inline = scene.put("Inline", html="<img src='cid:d'>", attachments=[picture])
    got = await graph.get(f"/me/messages/{inline['id']}?$expand=attachments")
    assert got["hasAttachments"] is False
    assert [(one["isInline"], one["contentId"]) for one in got["attachments"]] == [(True, "d")]
    made = scene.put("File", attachments=[{"filename": "a.txt", "content_type": "text/plain", "text": "one"}])
    path = f"/me/messages/{made['id']}/attachments"
    row = (await graph.get(path))["value"][0]
    assert (row["@odata.type"], row["name"], row["size"]) == ("#microsoft.graph.fileAttachment", "a.txt", 3)
    one = await graph.get(f"{path}/{row['id']}")
    assert base64.b64decode(one["contentBytes"]) == b"one"
    raw = await graph.send("GET", f"{path}/{row['id']}/$value")
    assert (raw.content, raw.headers["content-type"]) == (b"one", "text/plain")
    assert set((await graph.get(f"{path}?$select=name"))["value"][0]) == {"@odata.type", "id", "name"}
    assert (await graph.get(f"/me/messages/{made['id']}"))["hasAttachments"] is True
    await graph.get(f"{path}/AAMkNothing=", 404)
    nested = "Subject: Outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
    nested += "Content-Type: message/rfc822\n\nSubject: Inner\n\ninner text\n--b--\n"
    outer = scene.mail.deliver(EMAIL, {"mime": nested})
    item = (await graph.get(f"/me/messages/{outer['id']}/attachments"))["value"][0]
    assert (item["@odata.type"], "contentBytes" in item) == ("#microsoft.graph.itemAttachment", False)
    await graph.get(f"/me/messages/{made['id']}?$expand=extensions", 400)


@pytest.mark.parametrize(
    ("method", "answer", "kind", "meeting"),
    [
        ("REQUEST", "NEEDS-ACTION", "eventMessageRequest", "meetingRequest"),
        ("REPLY", "ACCEPTED", "eventMessageResponse", "meetingAccepted"),
        ("REPLY", "DECLINED", "eventMessageResponse", "meetingDeclined"),
        ("REPLY", "TENTATIVE", "eventMessageResponse", "meetingTenativelyAccepted"),
        ("CANCEL", "NEEDS-ACTION", "eventMessage", "meetingCancelled"),
    ],
)
async def test_mail_about_meetings_is_of_a_type_of_its_own(
    scene: MailScene, graph: GraphClient, method: str, answer: str, kind: str, meeting: str
) -> None:
    scene.put("Plan", invitation=MEETING.format(method=method, answer=answer))
    scene.put("Plain", days_ago=1)
    row, other = (await graph.get("/me/messages"))["value"]
    assert (row["@odata.type"], row["meetingMessageType"]) == (f"#microsoft.graph.{kind}", meeting)
    assert row["startDateTime"] == {"dateTime": "2026-03-10T09:00:00.0000000", "timeZone": "UTC"}
    assert "@odata.type" not in other


async def test_answers_stand_in_one_conversation(scene: MailScene, graph: GraphClient) -> None:
    first = scene.put("Plan", days_ago=2)
    scene.put("Re: Plan", days_ago=1, in_reply_to=first["message_id"], folder="sentitems")
    scene.put("Plan", days_ago=0)
    rows = (await graph.get("/me/messages?$select=conversationId"))["value"]
    names = [row["conversationId"] for row in rows]
    assert names[1] == names[2] != names[0]
    assert await _subjects(graph, f"/me/messages?$filter=conversationId eq '{names[2]}'") == ["Re: Plan", "Plan"]


# Filters and searches


def _library(scene: MailScene) -> None:
    scene.put("Invoice 42", days_ago=1, attachments=[{"filename": "a.pdf", "text": "x"}], importance="high")
    scene.put("Re: Invoice 42", days_ago=0.5, **{"from": "Priya Shah <priya@books.example>"}, unread=False)
    scene.put("Trip to Oslo", days_ago=40, flagged=True, categories=["Travel"], folder="archive")


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("isRead eq false", ["Invoice 42", "Trip to Oslo"]),
        ("isRead ne false", ["Re: Invoice 42"]),
        ("receivedDateTime ge 2026-03-08T18:00:00Z", ["Re: Invoice 42"]),
        ("receivedDateTime lt 2026-03-01", ["Trip to Oslo"]),
        ("from/emailAddress/address eq 'PRIYA@books.example'", ["Re: Invoice 42"]),
        ("startswith(subject,'re:')", ["Re: Invoice 42"]),
        ("contains(subject,'invoice') and hasAttachments eq true", ["Invoice 42"]),
        ("not (hasAttachments eq true) and isRead eq false", ["Trip to Oslo"]),
        ("importance eq 'high' or flag/flagStatus eq 'flagged'", ["Invoice 42", "Trip to Oslo"]),
        ("categories/any(a:a eq 'Travel')", ["Trip to Oslo"]),
        ("subject eq 'it''s'", []),
    ],
)
async def test_filters_take_what_they_say(scene: MailScene, graph: GraphClient, text: str, subjects: list[str]) -> None:
    _library(scene)
    assert await _subjects(graph, "/me/messages", params={"$filter": text}) == subjects


@pytest.mark.parametrize(
    "text",
    [
        *("", "isRead", "isRead eq", "isRead eq 5", "isRead eq 'true'", "body/content eq 'x'", "nosuch eq 1"),
        *("(isRead eq true", "subject eq 5", "receivedDateTime ge soon", "contains(isRead,'x')", "a:b", "(" * 60),
        *("categories/any(a:b eq 'x')", "length(subject) gt 5", "receivedDateTime ge 2026-13-45", "isRead eq true)"),
    ],
)
async def test_filters_that_outlook_does_not_answer_are_refused(graph: GraphClient, text: str) -> None:
    answer = await graph.send("GET", "/me/messages", params={"$filter": text})
    assert answer.status_code == 400, answer.text


async def test_sorting_must_begin_with_what_the_filter_begins_with(scene: MailScene, graph: GraphClient) -> None:
    _library(scene)
    assert await _subjects(graph, "/me/messages?$orderby=receivedDateTime") == [
        *("Trip to Oslo", "Invoice 42", "Re: Invoice 42")
    ]
    assert (await _subjects(graph, "/me/messages?$orderby=subject desc"))[0] == "Trip to Oslo"
    good = "/me/messages?$filter=receivedDateTime ge 2026-03-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime"
    assert await _subjects(graph, good) == ["Invoice 42"]
    bad = "/me/messages?$filter=isRead eq false&$orderby=receivedDateTime desc"
    assert (await graph.get(bad, 400))["error"]["code"] == "InefficientFilter"
    for order in ("body", "receivedDateTime sideways", "nosuch"):
        await graph.get(f"/me/messages?$orderby={order}", 400)


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ('"invoice"', ["Re: Invoice 42", "Invoice 42"]),
        ('"from:priya"', ["Re: Invoice 42"]),
        ('"subject:oslo"', ["Trip to Oslo"]),
        ('"to:mia"', ["Re: Invoice 42", "Invoice 42", "Trip to Oslo"]),
        ('"participants:priya OR subject:oslo"', ["Re: Invoice 42", "Trip to Oslo"]),
        ('"invoice NOT from:priya"', ["Invoice 42"]),
        ('"hasAttachments:true"', ["Invoice 42"]),
        ('"received>=2026-03-01"', []),
        ('"received:>=2026-03-01"', ["Re: Invoice 42", "Invoice 42"]),
        ('"body:about"', ["Re: Invoice 42", "Invoice 42", "Trip to Oslo"]),
        ("oslo", ["Trip to Oslo"]),
    ],
)
async def test_searches_find_what_they_say(
    scene: MailScene, graph: GraphClient, text: str, subjects: list[str]
) -> None:
    _library(scene)
    assert await _subjects(graph, "/me/messages", params={"$search": text}) == subjects


async def test_a_search_goes_with_neither_filter_nor_order_and_pages_by_token(
    scene: MailScene, graph: GraphClient
) -> None:
    _library(scene)
    page = await graph.get("/me/messages", params={"$search": '"about"', "$top": 2})
    assert "$skiptoken=" in page["@odata.nextLink"]
    assert await _subjects(graph, page["@odata.nextLink"]) == ["Trip to Oslo"]
    for name, value, code in (
        ("$filter", "isRead eq true", "SearchWithFilter"),
        ("$orderby", "subject", "SearchWithOrderBy"),
    ):
        answer = await graph.get("/me/messages", 400, params={"$search": '"x"', name: value})
        assert answer["error"]["code"] == code
    for text in ("", '""', "from:priya", '"open'):
        await graph.get("/me/messages", 400, params={"$search": text})
    await graph.get("/me/messages", 400, params={"$search": '"x"', "$skiptoken": "zzz"})


# Ids


async def test_a_move_changes_the_ordinary_id_and_not_the_immutable_one(scene: MailScene, graph: GraphClient) -> None:
    made = scene.put()
    plain = {"Prefer": "odata.maxpagesize=10"}

    async def ids() -> tuple[str, str]:
        ordinary = (await graph.get("/me/messages", headers=plain))["value"][0]["id"]
        return ordinary, (await graph.get("/me/messages"))["value"][0]["id"]

    before = await ids()
    assert before[1] == made["id"] != before[0]
    scene.change(made, folder="archive")
    after = await ids()
    assert (before[0] == after[0], before[1] == after[1]) == (False, True)
    await graph.get(f"/me/messages/{before[0]}", 404)
    body = {"inputIds": [after[0], before[0]], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"}
    answers = (await graph.post("/me/translateExchangeIds", body, 200))["value"]
    assert answers[0]["targetId"] == after[1]
    assert answers[1]["errorDetails"]["code"] == "ErrorItemNotFound"


# Scopes and limits


@pytest.mark.parametrize(
    ("scopes", "path", "status"),
    [
        (("Mail.Read",), "/me/messages", 200),
        (("Mail.ReadBasic",), "/me/messages", 200),
        (("Calendars.ReadWrite", "User.Read"), "/me/messages", 403),
        (("Calendars.ReadWrite",), "/me/mailFolders", 403),
        (("Mail.ReadBasic",), "/me/mailFolders/inbox/messages/delta", 200),
        (("Mail.Read",), "/me/calendars", 403),
    ],
)
async def test_mail_needs_a_scope_of_mail(scene: MailScene, scopes: tuple[str, ...], path: str, status: int) -> None:
    answer = await scene.client(*scopes).get(path, status)
    if status == 403:
        assert answer["error"]["code"] == "ErrorAccessDenied"


@pytest.mark.parametrize(("value", "status"), [("bare", 200), ("refused", 403)])
async def test_the_basic_scope_sees_no_bodies_and_no_attachments(scene: MailScene, value: str, status: int) -> None:
    scene.turn(mail_read_basic=value)
    made = scene.put(attachments=[{"filename": "a.txt", "text": "x"}])
    basic = scene.client("Mail.ReadBasic")
    row = await basic.get(f"/me/messages/{made['id']}")
    assert not {"body", "bodyPreview", "uniqueBody"} & set(row)
    assert row["subject"] == "Hello"
    picked = await basic.get(f"/me/messages/{made['id']}?$select=subject,body", status)
    assert "body" not in picked
    await basic.get(f"/me/messages/{made['id']}/attachments", 403)
    await basic.get(f"/me/messages/{made['id']}/$value", 403)
    await basic.get(f"/me/messages/{made['id']}?$expand=attachments", 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/me/messages"),
        ("PATCH", "/me/messages/AAMk="),
        ("DELETE", "/me/messages/AAMk="),
        ("POST", "/me/messages/AAMk=/move"),
        ("POST", "/me/sendMail"),
        ("POST", "/me/mailFolders"),
    ],
)
async def test_an_app_that_may_only_read_cannot_write(graph: GraphClient, method: str, path: str) -> None:
    answer = await graph.send(method, path, json=None if method == "DELETE" else {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")


async def test_the_calendar_and_mail_of_a_mailbox_share_four_requests_at_once(scene: MailScene) -> None:
    scene.world.faults.add({"route": "GET /v1.0/me/**", "kind": "latency", "seconds": 0.2})
    graph = scene.client()
    paths = ["/me/calendars", "/me/messages", "/me/mailFolders", "/me/calendar", "/me/mailFolders/inbox"]
    answers = await asyncio.gather(*(graph.send("GET", path) for path in paths))
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 200, 429]
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.json()["error"]["code"] == "ApplicationThrottled"
    assert refused.headers["retry-after"] == "1"


async def test_another_mailbox_is_not_seen(scene: MailScene) -> None:
    made = scene.put()
    folder = scene.folder("inbox")
    scene.microsoft.seed_account({"email": "leo@outlook.com"})
    token = scene.microsoft.issue_tokens("leo@outlook.com", None, 3600)["access_token"]
    other = GraphClient(scene.microsoft.app, token)
    assert (await other.get("/me/messages"))["value"] == []
    await other.get(f"/me/messages/{made['id']}", 404)
    await other.get(f"/me/mailFolders/{folder}", 404)


# What every route has in common


@pytest.mark.parametrize(
    "path",
    [
        *("/me/messages?$top=0", "/me/messages?$top=1001", "/me/messages?$top=x", "/me/messages?$skip=-1"),
        *("/me/messages?$bogus=1", "/me/messages?top=1", "/me/messages?$top=1&$top=2", "/me/mailFolders?$top=0"),
        *("/me/messages/delta", "/me/mailFolders/inbox/messages?$skiptoken=NQ==", "/me/mailFolders/inbox?$top=1"),
    ],
)
async def test_bad_options_get_graphs_own_400(graph: GraphClient, path: str) -> None:
    error = (await graph.get(path, 400))["error"]
    assert error["code"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


async def test_a_mailbox_is_continued_from_its_file(scene: MailScene, graph: GraphClient) -> None:
    made = scene.put("Kept", folder="Projects/Harbour", categories=["x"])
    scene.change(made, unread=False, folder="archive")
    link = (await graph.get("/me/mailFolders/archive/messages/delta"))["@odata.deltaLink"]
    scene.change(made, flagged=True)
    before = await graph.get("/me/messages")
    again = MailScene(World(scene.world.storage, clock=Clock(lambda: NOON)))
    other = again.client()
    assert await other.get("/me/messages") == before
    assert [row["flag"] for row in (await other.get(link))["value"]] == [{"flagStatus": "flagged"}]
    assert again.mail.folders(EMAIL) == scene.mail.folders(EMAIL)
    again.microsoft.delete_account(EMAIL)
    assert not list(scene.world.storage.items("microsoft.mail.messages"))
    assert not list(scene.world.storage.items("microsoft.mail.folders"))


async def test_faults_reach_the_lists_of_mail(scene: MailScene, graph: GraphClient) -> None:
    scene.put("One")
    scene.put("Two", days_ago=1)

    async def with_fault(kind: str, **more: Any) -> httpx.Response:
        scene.world.faults.clear()
        scene.world.faults.add({"route": "GET /v1.0/me/messages", "kind": kind, **more})
        return await graph.send("GET", "/me/messages")

    assert len((await with_fault("empty")).json()["value"]) == 0
    assert len((await with_fault("stale", seconds=60)).json()["value"]) == 0
    assert len((await with_fault("duplicate")).json()["value"]) == 4
    assert len((await with_fault("reorder")).json()["value"]) == 2
    assert (await with_fault("status", status=503)).status_code == 503


@pytest.mark.parametrize("mime", ["\n", "From: <<<>>>\n\nx", 'Content-Type: multipart/mixed; boundary="b"\n\nx'])
async def test_any_message_can_be_shown_however_broken(scene: MailScene, graph: GraphClient, mime: str) -> None:
    made = scene.mail.deliver(EMAIL, {"mime": mime})
    await graph.get(f"/me/messages/{made['id']}?$select=internetMessageHeaders,body,from&$expand=attachments")
    await graph.get("/me/messages", params={"$search": '"x"'})
    await graph.get("/me/messages", params={"$filter": "from/emailAddress/address eq 'x'"})
