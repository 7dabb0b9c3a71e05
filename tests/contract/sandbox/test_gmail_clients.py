"""google-api-python-client reads the emulated Gmail over real sockets: lists, messages, files, history, batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httplib2  # type: ignore[import-untyped]  # ships no types
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp  # type: ignore[import-untyped]  # ships no types
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from app.sandbox.google.scopes import PREFIX
from app.sandbox.seed import GOOGLE_EMAIL
from app.sandbox.server import Sandbox
from tests.contract.sandbox.conftest import RunningSandbox
from tests.contract.sandbox.gmail_world import opened
from tests.judges.discovery import document


@pytest.fixture
def running() -> Iterator[RunningSandbox]:
    """The demo's sandbox, served."""
    made = RunningSandbox(Sandbox())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def service(running: RunningSandbox) -> Iterator[Any]:
    """Google's own client of Gmail, turned to the sandbox."""
    description = running.sandbox.description()
    parts = urlsplit(description["google"]["gmail_api"])
    root = f"{parts.scheme}://{parts.netloc}/"
    issued = running.sandbox.google.issue_tokens(GOOGLE_EMAIL, [f"{PREFIX}gmail.readonly"], 3600)
    described = {**document("gmail.v1").content, "rootUrl": root, "baseUrl": root}
    with ExitStack() as closing:
        http = AuthorizedHttp(Credentials(token=issued["access_token"]), http=httplib2.Http(timeout=20))  # type: ignore[no-untyped-call]  # has no types
        closing.callback(http.close)
        yield build_from_document(json.dumps(described), http=http).users()


def test_googles_client_indexes_the_demo_mailbox_and_follows_its_history(running: RunningSandbox, service: Any) -> None:
    start = service.getProfile(userId="me").execute()
    request, names = service.messages().list(userId="me", maxResults=10), []
    while request is not None:
        page = request.execute()
        names += [row["id"] for row in page["messages"]]
        request = service.messages().list_next(request, page)
    assert len(names) == len(set(names)) > 20
    files = 0
    for name in names:
        message = service.messages().get(userId="me", id=name).execute()
        for part in message["payload"].get("parts", []):
            if part["filename"]:
                file = (
                    service.messages()
                    .attachments()
                    .get(userId="me", messageId=name, id=part["body"]["attachmentId"])
                    .execute()
                )
                assert len(opened(file["data"])) == file["size"]
                files += 1
    assert files > 0
    mail = running.sandbox.google.mail
    made = mail.deliver(GOOGLE_EMAIL, {"from": "leo@example.net", "to": GOOGLE_EMAIL, "subject": "Neu: Grüße"})
    changes = service.history().list(userId="me", startHistoryId=start["historyId"]).execute()
    added = [row["messagesAdded"][0]["message"]["id"] for row in changes["history"]]
    assert added == [made["id"]]
    threads = service.threads().list(userId="me", q="subject:neu").execute()["threads"]
    assert [row["id"] for row in threads] == [made["thread_id"]]
    assert service.threads().get(userId="me", id=made["thread_id"]).execute()["messages"][0]["id"] == made["id"]
    labels = {row["name"] for row in service.labels().list(userId="me").execute()["labels"]}
    assert {"INBOX", "UNREAD"} < labels
    mail.expire_positions(GOOGLE_EMAIL)
    with pytest.raises(HttpError) as refused:
        service.history().list(userId="me", startHistoryId=start["historyId"]).execute()
    assert (refused.value.resp.status, refused.value.error_details[0]["reason"]) == (404, "notFound")


def test_googles_client_reads_a_hundred_messages_in_one_batch(running: RunningSandbox) -> None:
    description = running.sandbox.description()
    parts = urlsplit(description["google"]["gmail_api"])
    root = f"{parts.scheme}://{parts.netloc}/"
    issued = running.sandbox.google.issue_tokens(GOOGLE_EMAIL, [f"{PREFIX}gmail.metadata"], 3600)
    mail = running.sandbox.google.mail
    names = [mail.deliver(GOOGLE_EMAIL, {"from": "a@example.net", "subject": f"No {n}"})["id"] for n in range(99)]
    described = {**document("gmail.v1").content, "rootUrl": root, "baseUrl": root}
    answers: dict[str, tuple[Any, Any]] = {}

    def keep(request_id: str, response: Any, error: Any) -> None:
        answers[request_id] = (response, error)

    with ExitStack() as closing:
        http = AuthorizedHttp(Credentials(token=issued["access_token"]), http=httplib2.Http(timeout=20))  # type: ignore[no-untyped-call]  # has no types
        closing.callback(http.close)
        service = build_from_document(json.dumps(described), http=http)
        batch = service.new_batch_http_request(callback=keep)
        for name in names:
            request = service.users().messages().get(userId="me", id=name, format="metadata")
            batch.add(request, request_id=name)
        batch.add(service.users().messages().get(userId="me", id=names[0]), request_id="full")
        batch.execute()
    assert len(answers) == 100
    subject = answers[names[7]][0]["payload"]["headers"]
    assert {"name": "Subject", "value": "No 7"} in subject
    assert answers["full"][1].resp.status == 403
