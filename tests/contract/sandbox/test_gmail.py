"""The emulated Gmail: messages in every format, labels, threads, searches, scopes, errors, as its documents say."""

from __future__ import annotations

from typing import Any

import pytest

from app.sandbox.google.mail.vocabulary import ANSWERS, BODIES, GLOBAL, PARAMETERS, REPEATED, SCOPES, Names
from app.sandbox.google.scopes import MEANINGS, PREFIX
from app.sandbox.mime import MAX_DEPTH, read
from app.sandbox.world import Clock, World
from tests.contract.sandbox.gmail_world import EMAIL, METADATA, MODIFY, NOON, READ, GmailSide, opened, reason
from tests.judges.discovery import document

pytestmark = pytest.mark.anyio


@pytest.fixture
def side() -> GmailSide:
    return GmailSide()


def _method(name: str) -> dict[str, Any]:
    entry: dict[str, Any] = document("gmail.v1").content["resources"]["users"]
    *folders, last = name.split(".")
    for folder in folders:
        entry = entry["resources"][folder]
    return dict(entry["methods"][last])


# What the tables say is what the discovery document says


@pytest.mark.parametrize("name", SCOPES)
def test_scopes_of_gmail_are_those_of_the_discovery_document(name: str) -> None:
    assert SCOPES[name] == set(_method(name)["scopes"]) & set(MEANINGS)


@pytest.mark.parametrize("name", SCOPES)
def test_parameters_and_bodies_of_gmail_are_those_of_the_discovery_document(name: str) -> None:
    entry = _method(name)
    found: dict[str, str] = {}
    for key, spec in {**entry["parameters"], **document("gmail.v1").content["parameters"]}.items():
        if spec["location"] == "query":
            kind = " ".join(spec["enum"]) if "enum" in spec else str(spec.get("format", spec["type"]))
            found[key] = "strings" if spec.get("repeated") and "enum" not in spec else kind
            assert bool(spec.get("repeated")) == (key in REPEATED), key
    assert found == {**GLOBAL, **PARAMETERS[name]}
    sent = entry.get("request", {}).get("$ref")
    assert (sent is not None) == (name in BODIES)
    if sent is not None:
        assert set(document("gmail.v1").content["schemas"][sent]["properties"]) == set(BODIES[name])


@pytest.mark.parametrize("name", SCOPES)
def test_fields_of_gmails_answers_are_those_of_the_discovery_document(name: str) -> None:
    schemas = document("gmail.v1").content["schemas"]
    seen: set[str] = set()

    def compare(names: Names, schema: dict[str, Any]) -> None:
        schema = schema.get("items", schema)
        if "$ref" in schema:
            if schema["$ref"] in seen:
                return
            seen.add(schema["$ref"])
            schema = schemas[schema["$ref"]]
        assert set(names) == set(schema.get("properties", {}))
        for key, below in names.items():
            if below is not None:
                compare(below, schema["properties"][key])

    answered = _method(name).get("response")
    if answered is not None:
        compare(ANSWERS[name], answered)
    else:
        assert ANSWERS[name] == {}


# Messages


async def test_a_message_in_full_is_its_parts_with_base64url_without_padding(side: GmailSide) -> None:
    made = side.put(
        "Grüße 🎈",
        text="Don't <wait>\n",
        html="<p>Don't <b>wait</b></p>",
        attachments=[{"filename": "a.bin", "base64": "++//AQ=="}],
    )
    got = await side.get(f"messages/{made['id']}")
    payload = got["payload"]
    assert payload["mimeType"] == "multipart/mixed"
    assert (payload["partId"], payload["filename"], payload["body"]) == ("", "", {"size": 0})
    headers = {one["name"]: one["value"] for one in payload["headers"]}
    assert headers["Subject"] == "Grüße 🎈"
    body, file = payload["parts"]
    assert [(one["partId"], one["mimeType"]) for one in body["parts"]] == [("0.0", "text/plain"), ("0.1", "text/html")]
    text = body["parts"][0]["body"]
    assert opened(text["data"]).decode().strip() == "Don't <wait>"
    assert text["size"] == len(opened(text["data"]))
    assert (file["filename"], file["partId"], "data" in file["body"]) == ("a.bin", "1", False)
    assert got["snippet"] == "Don&#39;t &lt;wait&gt;"
    assert (got["internalDate"], sorted(got["labelIds"])) == (str(int(NOON.timestamp() * 1000)), ["INBOX", "UNREAD"])
    found = await side.get(f"messages/{made['id']}/attachments/{file['body']['attachmentId']}")
    assert found == {"size": 4, "data": "--__AQ"}
    assert file["body"]["size"] == 4


@pytest.mark.parametrize("padding", [True, False])
async def test_base64url_is_padded_only_when_the_switch_says_so(side: GmailSide, padding: bool) -> None:
    side.turn(base64_padding=padding)
    made = side.put(text="1234\n")
    raws = [(await side.get(f"messages/{made['id']}", format="raw"))["raw"]]
    data = (await side.get(f"messages/{made['id']}"))["payload"]["body"]["data"]
    assert opened(data.rstrip("=")).decode().strip() == "1234"
    shown = [*raws, data]
    assert any(len(text) % 4 for text in shown) != padding
    assert all(len(text) % 4 == 0 for text in shown) == padding


async def test_formats_show_what_they_are_documented_to_show(side: GmailSide) -> None:
    made = side.put("Formats", headers={"X-Kind": "test"})
    path = f"messages/{made['id']}"
    minimal = await side.get(path, format="minimal")
    assert set(minimal) == {"id", "threadId", "labelIds", "snippet", "sizeEstimate", "historyId", "internalDate"}
    raw = await side.get(path, format="raw")
    assert set(raw) - set(minimal) == {"raw"}
    assert b"X-Kind: test" in opened(raw["raw"])
    assert raw["sizeEstimate"] == len(opened(raw["raw"]))
    metadata = await side.get(path, format="metadata")
    assert set(metadata["payload"]) == {"mimeType", "headers"}
    async with side.caller() as client:
        picked = (await client.get(f"{path}?format=metadata&metadataHeaders=subject&metadataHeaders=X-KIND")).json()
    assert [one["name"] for one in picked["payload"]["headers"]] == ["Subject", "X-Kind"]
    assert (await side.get(path, format="full"))["payload"]["body"]["data"]


async def test_repeated_headers_are_all_shown(side: GmailSide) -> None:
    made = side.put(mime=None, headers={"Received": "from a"})
    mime = "Received: from a\nReceived: from b\nFrom: x@example.net\nSubject: Two\n\nText\n"
    made = side.google.mail.deliver(EMAIL, {"mime": mime})
    got = await side.get(f"messages/{made['id']}", format="metadata", metadataHeaders="received")
    assert [one["value"] for one in got["payload"]["headers"]] == ["from a", "from b"]


@pytest.mark.parametrize(("value", "same"), [("fresh", False), ("stable", True)])
async def test_attachment_ids_change_between_readings_unless_the_switch_says_so(
    side: GmailSide, value: str, same: bool
) -> None:
    side.turn(attachment_ids=value)
    made = side.put(attachments=[{"filename": "a.txt", "content_type": "text/plain", "text": "one"}])
    path = f"messages/{made['id']}"
    names = [(await side.get(path))["payload"]["parts"][1]["body"]["attachmentId"] for _ in range(2)]
    assert (names[0] == names[1]) == same
    for name in names:
        assert opened((await side.get(f"{path}/attachments/{name}"))["data"]) == b"one"
    other = side.put("Other")
    assert reason(await side.get(f"messages/{other['id']}/attachments/{names[0]}", status=400))[0] == 400


async def test_a_message_that_is_gone_or_never_was_is_404_and_a_name_that_is_none_400(side: GmailSide) -> None:
    missing = await side.get("messages/19ffffffffffffff", status=404)
    assert missing["error"] == {
        "code": 404,
        "message": "Requested entity was not found.",
        "errors": [{"message": "Requested entity was not found.", "domain": "global", "reason": "notFound"}],
        "status": "NOT_FOUND",
    }
    assert reason(await side.get("messages/nothere", status=400)) == (400, "invalidArgument", "INVALID_ARGUMENT")
    assert (await side.get("threads/19ffffffffffffff", status=404))["error"]["status"] == "NOT_FOUND"
    assert (await side.get("labels/Label_99", status=404))["error"]["status"] == "NOT_FOUND"


async def test_a_listing_pages_newest_first_and_stays_whole_while_mail_comes_and_goes(side: GmailSide) -> None:
    made = [side.put(f"No {number}", days_ago=number) for number in range(7)]
    first = await side.get("messages", maxResults=3)
    assert [side.subject(row["id"]) for row in first["messages"]] == ["No 0", "No 1", "No 2"]
    assert set(first["messages"][0]) == {"id", "threadId"}
    side.put("Newer")
    side.google.mail.delete(EMAIL, made[2]["id"])
    second = await side.get("messages", maxResults=3, pageToken=first["nextPageToken"])
    assert [side.subject(row["id"]) for row in second["messages"]] == ["No 3", "No 4", "No 5"]
    third = await side.get("messages", maxResults=3, pageToken=second["nextPageToken"])
    assert ([side.subject(row["id"]) for row in third["messages"]], "nextPageToken" in third) == (["No 6"], False)
    for params in ({"pageToken": "x"}, {"pageToken": first["nextPageToken"], "q": "other"}):
        assert reason(await side.get("messages", status=400, **params))[1] == "invalidArgument"


async def test_an_empty_listing_has_no_messages_key(side: GmailSide) -> None:
    assert await side.get("messages") == {"resultSizeEstimate": 0}
    assert await side.get("threads") == {"resultSizeEstimate": 0}


@pytest.mark.parametrize(("value", "status"), [("clamp", 200), ("refuse", 400)])
async def test_more_than_five_hundred_a_page_are_not_given(side: GmailSide, value: str, status: int) -> None:
    side.turn(max_results_over_limit=value)
    for number in range(501):
        side.put(f"No {number}")
    page = await side.get("messages", maxResults=600, status=status)
    assert len(page.get("messages", [])) == (500 if status == 200 else 0)
    assert len((await side.get("messages"))["messages"]) == 100


async def test_label_ids_are_joined_by_and_spam_and_trash_are_left_out(side: GmailSide) -> None:
    side.put("Plain")
    side.put("Read", unread=False)
    side.put("Both", labels=["Travel"])
    side.put("Spam", folder="junkemail")
    side.put("Gone", folder="deleteditems")
    label = next(row["id"] for row in side.google.mail.folders(EMAIL) if row["name"] == "Travel")
    async with side.caller() as client:
        both = (await client.get(f"messages?labelIds=UNREAD&labelIds={label}")).json()
    assert [side.subject(row["id"]) for row in both["messages"]] == ["Both"]
    assert set(await side.found("")) == {"Plain", "Read", "Both"}
    assert set(await side.found("", includeSpamTrash="true")) == {"Plain", "Read", "Both", "Spam", "Gone"}
    assert await side.found("", labelIds="SPAM") == ["Spam"]
    assert reason(await side.get("messages", labelIds="Nowhere", status=400))[1] == "invalidArgument"


# Searches


async def _library(side: GmailSide) -> None:
    side.put("Invoice 42", days_ago=1, attachments=[{"filename": "invoice.pdf", "text": "pdf"}])
    side.put("Re: Invoice 42", days_ago=0.5, **{"from": "Priya Shah <priya@books.example>"}, unread=False)
    side.put("Trip to Oslo", days_ago=40, flagged=True, labels=["Travel plans"], folder="archive")
    side.put("Sent note", days_ago=3, folder="sentitems", unread=False, **{"from": EMAIL, "to": ["leo@example.net"]})
    side.put("Lottery", days_ago=2, folder="junkemail")
    side.put("Old list", days_ago=400, message_id="<abc.1@lists.example>", cc="team@example.org", unread=False)


@pytest.mark.parametrize(
    ("q", "subjects"),
    [
        ("from:priya", ["Re: Invoice 42"]),
        ("from:priya@books.example", ["Re: Invoice 42"]),
        ("from:books.example", ["Re: Invoice 42"]),
        ("from:me", ["Sent note"]),
        ("to:leo@example.net", ["Sent note"]),
        ("to:team@example.org", ["Old list"]),
        ("cc:team", ["Old list"]),
        ("subject:invoice", ["Re: Invoice 42", "Invoice 42"]),
        ('subject:"invoice 42"', ["Re: Invoice 42", "Invoice 42"]),
        ("subject:(oslo trip)", ["Trip to Oslo"]),
        ("subject:(oslo OR note)", ["Sent note", "Trip to Oslo"]),
        ("oslo", ["Trip to Oslo"]),
        ("osl", []),
        ('"trip to oslo"', ["Trip to Oslo"]),
        ("invoice -from:priya", ["Invoice 42"]),
        ("oslo OR note", ["Sent note", "Trip to Oslo"]),
        ("{from:priya subject:oslo}", ["Re: Invoice 42", "Trip to Oslo"]),
        ("(oslo OR invoice) is:unread", ["Invoice 42", "Trip to Oslo"]),
        ("newer_than:2d", ["Re: Invoice 42", "Invoice 42"]),
        ("older_than:1y", ["Old list"]),
        ("newer_than:1m", ["Re: Invoice 42", "Invoice 42", "Sent note"]),
        ("after:2026/03/08 before:2026-03-09", ["Re: Invoice 42", "Invoice 42"]),
        ("after:1773014400", ["Re: Invoice 42"]),
        ("in:sent", ["Sent note"]),
        ("in:inbox", ["Re: Invoice 42", "Invoice 42", "Old list"]),
        ("in:spam", ["Lottery"]),
        ("in:anywhere lottery", ["Lottery"]),
        ("lottery", []),
        ("is:unread", ["Invoice 42", "Trip to Oslo"]),
        ("is:read in:inbox", ["Re: Invoice 42", "Old list"]),
        ("is:starred", ["Trip to Oslo"]),
        ("label:travel-plans", ["Trip to Oslo"]),
        ('label:"Travel plans"', ["Trip to Oslo"]),
        ("label:nowhere", []),
        ("has:attachment", ["Invoice 42"]),
        ("filename:pdf", ["Invoice 42"]),
        ("has:userlabels", ["Trip to Oslo"]),
        ("rfc822msgid:abc.1@lists.example", ["Old list"]),
        ("rfc822msgid:<abc.1@lists.example>", ["Old list"]),
        ("rfc822msgid:abc", []),
        ("larger:1M", []),
        ("nosuch:operator", []),
        ("(((", ["Re: Invoice 42", "Invoice 42", "Sent note", "Trip to Oslo", "Old list"]),
        ("after:2026/13/45", []),
    ],
)
async def test_searches_find_what_the_help_page_says(side: GmailSide, q: str, subjects: list[str]) -> None:
    await _library(side)
    assert await side.found(q) == subjects


async def test_a_day_of_a_search_begins_at_midnight_in_california(side: GmailSide) -> None:
    side.put("Evening", date="2026-03-01T07:30:00+00:00")
    side.put("Morning", date="2026-03-01T08:30:00+00:00")
    assert await side.found("after:2026/03/01") == ["Morning"]
    assert await side.found("before:2026/03/01") == ["Evening"]


# Labels, threads, profile


async def test_labels_have_counts_only_when_asked_for_one(side: GmailSide) -> None:
    first = side.put("One", labels=["Travel"])
    side.put("Re: One", in_reply_to=first["message_id"], labels=["Travel"], unread=False)
    listed = {row["id"]: row for row in (await side.get("labels"))["labels"]}
    assert listed["INBOX"] == {"id": "INBOX", "name": "INBOX", "type": "system"}
    assert listed["Label_1"] == {
        "id": "Label_1",
        "name": "Travel",
        "type": "user",
        "messageListVisibility": "show",
        "labelListVisibility": "labelShow",
    }
    counts = {"messagesTotal": 2, "messagesUnread": 1, "threadsTotal": 1, "threadsUnread": 1}
    assert await side.get("labels/Label_1") == {**listed["Label_1"], **counts}


async def test_answers_stand_in_one_thread_and_another_subject_in_another(side: GmailSide) -> None:
    first = side.put("Plan", days_ago=3)
    second = side.put("Re: Plan", days_ago=2, in_reply_to=first["message_id"])
    other = side.put("Something else", days_ago=1, references=first["message_id"])
    assert (second["thread_id"], other["thread_id"]) == (first["id"], other["id"])
    listed = (await side.get("threads"))["threads"]
    assert [row["id"] for row in listed] == [other["id"], first["id"]]
    assert set(listed[0]) == {"id", "snippet", "historyId"}
    thread = await side.get(f"threads/{first['id']}", format="metadata")
    assert [one["id"] for one in thread["messages"]] == [first["id"], second["id"]]
    assert thread["historyId"] == max((one["historyId"] for one in thread["messages"]), key=int)
    assert [row["id"] for row in (await side.get("threads", q="else"))["threads"]] == [other["id"]]


async def test_the_profile_counts_and_names_the_history_id(side: GmailSide) -> None:
    before = await side.get("profile")
    side.put()
    after = await side.get("profile")
    assert after["emailAddress"] == EMAIL
    assert (after["messagesTotal"], after["threadsTotal"]) == (1, 1)
    assert int(after["historyId"]) > int(before["historyId"])
    async with side.caller() as client:
        named = await client.get(f"http://127.0.0.1/gmail/v1/users/{EMAIL}/profile")
        other = await client.get("http://127.0.0.1/gmail/v1/users/leo@example.net/profile")
    assert (named.status_code, other.status_code) == (200, 403)
    assert other.json()["error"]["message"] == f"Delegation denied for {EMAIL}"


# Scopes


@pytest.mark.parametrize(
    ("path", "scope", "status"),
    [
        ("profile", "gmail.metadata", 200),
        ("profile", "gmail.labels", 403),
        ("labels", "gmail.labels", 200),
        ("messages", "gmail.labels", 403),
        ("messages", "gmail.readonly", 200),
        ("messages", "calendar.readonly", 403),
        ("history?startHistoryId=1", "gmail.labels", 403),
        ("threads", "gmail.metadata", 200),
    ],
)
async def test_every_method_needs_one_of_its_scopes(side: GmailSide, path: str, scope: str, status: int) -> None:
    answer = await side.get(path, PREFIX + scope, status=status)
    if status == 403:
        assert reason(answer) == (403, "insufficientPermissions", "PERMISSION_DENIED")
        assert answer["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_without_a_live_token_nothing_is_answered(side: GmailSide) -> None:
    async with side.caller() as client:
        side.google.expire_access(EMAIL)
        answer = await client.get("profile")
    assert reason(answer.json()) == (401, "authError", "UNAUTHENTICATED")
    assert "invalid_token" in answer.headers["www-authenticate"]


async def test_the_metadata_scope_sees_headers_and_labels_and_nothing_else(side: GmailSide) -> None:
    made = side.put("Secret", attachments=[{"filename": "a.txt", "text": "x"}])
    full = await side.get(f"messages/{made['id']}")
    name = full["payload"]["parts"][1]["body"]["attachmentId"]
    path = f"messages/{made['id']}"
    assert (await side.get("messages", METADATA))["messages"]
    assert reason(await side.get("messages", METADATA, q="x", status=403))[1] == "forbidden"
    assert reason(await side.get("threads", METADATA, q="x", status=403))[1] == "forbidden"
    for params in ({}, {"format": "full"}, {"format": "raw"}):
        assert reason(await side.get(path, METADATA, status=403, **params))[1] == "forbidden"
    assert reason(await side.get(f"threads/{made['thread_id']}", METADATA, status=403))[1] == "forbidden"
    assert reason(await side.get(f"{path}/attachments/{name}", METADATA, status=403))[1] == "insufficientPermissions"
    shown = await side.get(path, METADATA, format="metadata")
    assert shown["payload"]["headers"]
    assert shown["snippet"] == ""


@pytest.mark.parametrize(("value", "snippet"), [(True, "About Hello."), (False, "")])
async def test_the_metadata_scope_sees_snippets_only_when_the_switch_says_so(
    side: GmailSide, value: bool, snippet: str
) -> None:
    side.turn(metadata_snippet=value)
    made = side.put()
    assert (await side.get(f"messages/{made['id']}", METADATA, format="minimal"))["snippet"] == snippet
    assert (await side.get(f"messages/{made['id']}", READ, format="minimal"))["snippet"] == "About Hello."


@pytest.mark.parametrize(("value", "status"), [("restricts", 403), ("adds", 200)])
async def test_the_metadata_scope_takes_away_what_others_give_unless_the_switch_says_not(
    side: GmailSide, value: str, status: int
) -> None:
    side.turn(metadata_scope=value)
    made = side.put(attachments=[{"filename": "a.txt", "text": "x"}])
    name = (await side.get(f"messages/{made['id']}"))["payload"]["parts"][1]["body"]["attachmentId"]
    both = (METADATA, READ)
    await side.get("messages", *both, q="hello", status=status)
    await side.get(f"messages/{made['id']}", *both, status=status)
    await side.get(f"messages/{made['id']}/attachments/{name}", *both, status=status)


# Changes


async def test_labels_change_by_modify_batch_modify_and_trash(side: GmailSide) -> None:
    first, second = side.put("One"), side.put("Two")
    path = f"messages/{first['id']}"
    changed = await side.post(f"{path}/modify", {"addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD"]})
    assert changed == {"id": first["id"], "threadId": first["id"], "labelIds": ["INBOX", "STARRED"]}
    assert (await side.post(f"{path}/trash"))["labelIds"] == ["STARRED", "TRASH"]
    assert (await side.post(f"{path}/untrash"))["labelIds"] == ["STARRED"]
    ids = [first["id"], second["id"], "19ffffffffffffff"]
    assert await side.post("messages/batchModify", {"ids": ids, "addLabelIds": ["IMPORTANT"]}, 204) is None
    assert sorted(await side.found("is:important")) == ["One", "Two"]
    for body in (
        {},
        {"addLabelIds": ["SENT"]},
        {"addLabelIds": ["Nowhere"]},
        {"addLabelIds": ["INBOX"], "removeLabelIds": ["INBOX"]},
        {"addLabelIds": "INBOX"},
        {"bogus": 1},
        {"addLabelIds": [5]},
    ):
        assert reason(await side.post(f"{path}/modify", body, 400))[0] == 400
    await side.post("messages/batchModify", {"ids": ["1"] * 1001, "addLabelIds": ["STARRED"]}, 400)
    await side.post("messages/batchModify", {"addLabelIds": ["STARRED"]}, 400)


async def test_only_the_whole_mail_scope_deletes_for_good(side: GmailSide) -> None:
    made = side.put()
    async with side.caller(MODIFY) as client:
        assert (await client.delete(f"messages/{made['id']}")).status_code == 403
    async with side.caller("https://mail.google.com/") as client:
        assert (await client.delete(f"messages/{made['id']}")).status_code == 204
        assert (await client.delete(f"messages/{made['id']}")).status_code == 404


@pytest.mark.parametrize("seconds", [604_800, 86_400])
async def test_a_watch_lasts_as_long_as_the_switch_says(side: GmailSide, seconds: int) -> None:
    side.turn(watch_lifetime_seconds=seconds)
    body = {"topicName": "projects/p/topics/t", "labelIds": ["INBOX"], "labelFilterBehavior": "include"}
    answer = await side.post("watch", body)
    assert answer["expiration"] == str(int(NOON.timestamp() + seconds) * 1000)
    assert answer["historyId"] == (await side.get("profile"))["historyId"]
    assert await side.post("stop", status=204) is None
    for wrong in ({}, {"topicName": "t"}, {**body, "labelIds": ["Nowhere"]}, {**body, "labelFilterBehavior": "x"}):
        await side.post("watch", wrong, 400)


# What every method has in common


async def test_the_fields_selector_picks_and_names_what_is_not_there(side: GmailSide) -> None:
    made = side.put()
    page = await side.get("messages", fields="messages/id")
    assert page == {"messages": [{"id": made["id"]}]}
    got = await side.get(f"messages/{made['id']}", fields="id,payload(headers/name,parts/parts/body)")
    assert set(got) == {"id", "payload"}
    for fields in ("bogus", "messages/bogus", "messages(id", "messages/id/deep"):
        assert reason(await side.get("messages", fields=fields, status=400))[1] == "invalidArgument"


@pytest.mark.parametrize(
    "query",
    [
        "messages?bogus=1",
        "messages?maxresults=1",
        "messages?maxResults=many",
        "messages?maxResults=-1",
        "messages?maxResults=1&maxResults=2",
        "messages?includeSpamTrash=1",
        "messages?prettyPrint=yes",
        "messages/19ffffffffffffff?format=whole",
        "threads/19ffffffffffffff?format=raw",
        "history",
        "history?startHistoryId=",
        "history?startHistoryId=x",
        "history?startHistoryId=1&historyTypes=added",
        "history?startHistoryId=1&labelId=Nowhere",
        "messages?alt=yaml",
    ],
)
async def test_bad_parameters_get_gmails_own_400(side: GmailSide, query: str) -> None:
    assert reason(await side.get(query, status=400))[2] == "INVALID_ARGUMENT"


async def test_what_is_not_emulated_says_so_and_other_paths_are_not_there(side: GmailSide) -> None:
    for path in ("drafts", "settings/sendAs"):
        await side.get(path, status=501)
    await side.post("messages/send", {"raw": "eA"}, 501)
    await side.post("labels", {"name": "x"}, 501)
    assert reason(await side.get("nowhere", status=404))[2] == "NOT_FOUND"
    async with side.caller() as client:
        assert (await client.put("profile")).status_code == 404
        assert (await client.post("messages/19ffffffffffffff/modify", content=b"{")).status_code == 400
        bad = await client.post(
            "messages/19ffffffffffffff/modify", content=b"[]", headers={"Content-Type": "application/json"}
        )
    assert bad.status_code == 400


async def test_a_mailbox_is_continued_from_its_file(side: GmailSide) -> None:
    made = side.put("Kept", labels=["Travel"], attachments=[{"filename": "a.txt", "text": "x"}])
    side.google.mail.change(EMAIL, made["id"], {"unread": False})
    start = (await side.get("profile"))["historyId"]
    again = GmailSide(World(side.world.storage, clock=Clock(lambda: NOON)))
    assert await again.get(f"messages/{made['id']}", format="raw") == await side.get(
        f"messages/{made['id']}", format="raw"
    )
    assert (await again.get("profile"))["historyId"] == start
    assert "history" in await again.get("history", startHistoryId=str(int(start) - 30))
    again.google.delete_account(EMAIL)
    assert not list(side.world.storage.items("google.mail.messages"))
    assert not list(side.world.storage.items("google.mail.history"))


@pytest.mark.parametrize(
    "mime",
    [
        "",
        "no header at all",
        "Subject: =?utf-8?B?????=\n\nx",
        "Subject: =?nosuch?Q?x?=\nContent-Type: text/plain; charset=nosuch\n\nx\xff",
        "Content-Type: multipart/mixed\n\nno boundary",
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\nx\n--b--',
        "Content-Type: message/rfc822\n\nSubject: inner\n\ntext",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!",
        "From: <<<>>>\nTo: ,,,\n\nx",
        "Content-Disposition: attachment\n\nx",
    ],
)
async def test_any_message_can_be_read_however_broken(side: GmailSide, mime: str) -> None:
    made = side.google.mail.deliver(EMAIL, {"mime": mime or "\n"})
    for form in ("full", "metadata", "minimal", "raw"):
        await side.get(f"messages/{made['id']}", format=form)
    await side.found("x from:a to:b has:attachment")


def test_parts_nested_without_end_are_cut_off() -> None:
    nested = 'Content-Type: multipart/mixed; boundary="b"\n\n--b\n'
    raw = nested * 60 + "\nx\n"
    deepest = max(part.part_id.count(".") for part in read(raw.encode()).walk())
    assert deepest < MAX_DEPTH
