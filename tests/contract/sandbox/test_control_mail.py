"""The control API's mail: what a person does to a mailbox shows in Gmail and in Graph; bad input names its field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.sandbox.google.scopes import PREFIX
from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL
from app.sandbox.server import Sandbox
from tests.contract.sandbox.conftest import control

EMAILS = (GOOGLE_EMAIL, MICROSOFT_EMAIL)
MESSAGE = {
    "from": "Leo Park <leo@example.net>",
    "to": "ana@example.com",
    "subject": "Tickets 🎫",
    "text": "Here they are.",
    "attachments": [{"filename": "t.txt", "content_type": "text/plain", "text": "row 5"}],
}


@pytest.mark.parametrize("email", EMAILS)
def test_a_message_arrives_is_moved_read_and_deleted(served: dict[str, Any], email: str) -> None:
    path = f"/mail/{email}/messages"
    with control(served) as ctl:
        before = len(ctl.get(path).json()["messages"])
        made = ctl.post(path, json=MESSAGE)
        assert made.status_code == 201, made.text
        row = made.json()
        assert (row["subject"], row["folder"], row["unread"], row["flagged"]) == ("Tickets 🎫", "inbox", True, False)
        assert row["from"] == "Leo Park <leo@example.net>"
        assert ctl.get(path).json()["messages"][0] == row
        one = f"{path}/{row['id']}"
        for change, field in (
            ({"unread": False}, "unread"),
            ({"flagged": True}, "flagged"),
            ({"folder": "archive"}, "folder"),
            ({"folder": "Trips"}, "folder"),
            ({"folder": "deleteditems"}, "folder"),
            ({"folder": "inbox"}, "folder"),
        ):
            changed = ctl.patch(one, json=change)
            assert changed.status_code == 200, changed.text
            assert changed.json()[field] == change[field]
        assert ctl.delete(one).status_code == 204
        assert ctl.delete(one).status_code == 404
        assert ctl.patch(one, json={"unread": True}).status_code == 404
        assert len(ctl.get(path).json()["messages"]) == before


@pytest.mark.parametrize("email", EMAILS)
def test_folders_are_made_and_counted(served: dict[str, Any], email: str) -> None:
    with control(served) as ctl:
        made = ctl.post(f"/mail/{email}/folders", json={"name": "Trips"}).json()
        assert ctl.post(f"/mail/{email}/folders", json={"name": "Trips"}).json()["id"] == made["id"]
        ctl.post(f"/mail/{email}/messages", json={**MESSAGE, "folder": "Trips"})
        rows = {row["name"]: row for row in ctl.get(f"/mail/{email}/folders").json()["folders"]}
        assert (rows["Trips"]["total"], rows["Trips"]["unread"]) == (1, 1)


def test_expired_positions_are_refused_by_both_services(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        scopes = {GOOGLE_EMAIL: [f"{PREFIX}gmail.readonly"], MICROSOFT_EMAIL: ["Mail.Read"]}
        token = {
            email: ctl.post("/tokens", json={"email": email, "scopes": scopes[email]}).json()["access_token"]
            for email in EMAILS
        }

        def ask(email: str, url: str) -> httpx.Response:
            return httpx.get(url, headers={"Authorization": f"Bearer {token[email]}"}, trust_env=False)

        gmail = f"{served['google']['gmail_api']}/users/me"
        start = ask(GOOGLE_EMAIL, f"{gmail}/profile").json()["historyId"]
        page = ask(MICROSOFT_EMAIL, f"{served['microsoft']['graph_api']}/me/mailFolders/archive/messages/delta").json()
        for email in EMAILS:
            assert ctl.post(f"/mail/{email}/expire").status_code == 204
        assert ask(GOOGLE_EMAIL, f"{gmail}/history?startHistoryId={start}").status_code == 404
        assert ask(MICROSOFT_EMAIL, page["@odata.deltaLink"]).status_code == 410


BAD: list[tuple[dict[str, Any], str]] = [
    ({"subject": 5}, "subject"),
    ({"bogus": 1}, "bogus"),
    ({"unread": "no"}, "unread"),
    ({"to": ["x", 5]}, "to"),
    ({"to": "not an address <"}, "to"),
    ({"date": "yesterday"}, "date"),
    ({"date": "2026-03-09T10:00:00"}, "date"),
    ({"date": "0001-01-01T00:00:00Z"}, "date"),
    ({"importance": "urgent"}, "importance"),
    ({"attachments": [{"text": "x"}]}, "attachments.0.filename"),
    ({"attachments": [{"filename": "a", "base64": "!"}]}, "attachments"),
    ({"attachments": [{"filename": "a", "content_type": "message/rfc822"}]}, "attachments"),
    ({"headers": {"X": 5}}, "headers.X"),
    ({"headers": {"Bad Name": "x", "X": "a\nb"}}, "headers"),
    ({"subject": "two\nlines"}, "subject"),
    ({"headers": {"Content-Type": "text/html"}}, "headers"),
    ({"mime": "Subject: x\n\nx", "subject": "y"}, "subject"),
    ({"folder": " "}, "folder"),
]


@pytest.mark.parametrize("email", EMAILS)
def test_bad_input_names_its_field(served: dict[str, Any], email: str) -> None:
    with control(served) as ctl:
        before = ctl.get(f"/mail/{email}/messages").json()
        for body, field in BAD:
            refused = ctl.post(f"/mail/{email}/messages", json=body)
            assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
        assert ctl.get(f"/mail/{email}/messages").json() == before


def test_labels_are_googles_and_categories_microsofts(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        for email, wrong, right in (
            (GOOGLE_EMAIL, "categories", "labels"),
            (MICROSOFT_EMAIL, "labels", "categories"),
        ):
            path = f"/mail/{email}/messages"
            assert ctl.post(path, json={**MESSAGE, wrong: ["x"]}).json()["field"] == wrong
            made = ctl.post(path, json={**MESSAGE, right: ["x"]}).json()
            assert made[right] == ["x"]
            assert ctl.patch(f"{path}/{made['id']}", json={right: ["y"]}).json()[right] == ["y"]
            assert ctl.patch(f"{path}/{made['id']}", json={wrong: ["y"]}).json()["field"] == wrong
        assert ctl.get("/mail/nobody@example.com/messages").status_code == 404


def test_an_account_can_come_with_mail(served: dict[str, Any]) -> None:
    mail = {"folders": ["Trips"], "messages": [{**MESSAGE, "folder": "Trips"}]}
    with control(served) as ctl:
        for provider in ("google", "microsoft"):
            account = {"provider": provider, "email": f"new@{provider}.example", "mail": mail}
            assert ctl.post("/accounts", json=account).status_code == 201
            rows = ctl.get(f"/mail/{account['email']}/messages").json()["messages"]
            assert [(row["subject"], row["folder"]) for row in rows] == [("Tickets 🎫", "Trips")]
            for wrong in ({"bogus": 1}, {"messages": [1]}, {"folders": "x"}, {"messages": [{"subject": 5}]}):
                other = {"provider": provider, "email": f"other@{provider}.example", "mail": wrong}
                assert ctl.post("/accounts", json=other).status_code == 422
                assert ctl.get(f"/mail/{other['email']}/messages").status_code == 404


def test_the_state_holds_every_mailbox_in_its_services_shape(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        for email in EMAILS:
            ctl.post(f"/mail/{email}/messages", json=MESSAGE)
        mail = ctl.get("/state").json()["mail"]
    assert set(mail) == set(EMAILS)
    headers = mail[GOOGLE_EMAIL]["messages"][0]["payload"]["headers"]
    assert {"name": "Subject", "value": "Tickets 🎫"} in headers
    assert mail[MICROSOFT_EMAIL]["messages"][0]["subject"] == "Tickets 🎫"
    assert {"Inbox", "Archive"} <= {folder["displayName"] for folder in mail[MICROSOFT_EMAIL]["folders"]}


def test_the_demo_has_believable_mail_in_both_mailboxes() -> None:
    sandbox = Sandbox()
    for provider, email in ((sandbox.google, GOOGLE_EMAIL), (sandbox.microsoft, MICROSOFT_EMAIL)):
        rows = provider.mail.messages(email)
        assert 20 <= len(rows) <= 60
        assert {"inbox", "sentitems", "drafts", "junkemail"} <= {row["folder"] for row in rows}
        assert len({row["thread_id"] for row in rows}) < len(rows)
        assert any(row["unread"] for row in rows)
        assert not all(row["subject"].isascii() and row["from"].isascii() for row in rows)
        assert max(row["received"] for row in rows) < sandbox.world.clock.now().isoformat()
    sandbox.close()
