"""The judges bite in mail too: what gmail.v1 or Microsoft's types do not allow is found, what they allow passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.sandbox.observing import Exchange
from tests.judges import google, graph

JSON = {"content-type": "application/json; charset=UTF-8"}
GMAIL = "/gmail/v1/users/me"
MESSAGES = "/v1.0/me/mailFolders/inbox/messages"


def _exchange(path: str, answer: Any, method: str = "GET", query: str = "", sent: Any = None) -> Exchange:
    is_graph = path.startswith("/v1.0")
    return Exchange(
        provider="microsoft" if is_graph else "google",
        method=method,
        path=path,
        query=query,
        headers={} if sent is None else JSON,
        body=b"" if sent is None else json.dumps(sent).encode(),
        status=200,
        answer_headers=JSON,
        answer=b"" if answer is None else json.dumps(answer).encode(),
        part=False,
        planted=False,
    )


GMAIL_RIGHT = {
    "a list": _exchange(f"{GMAIL}/messages", {"messages": [{"id": "1"}]}, query="labelIds=A&labelIds=B&q=x"),
    "a message": _exchange(f"{GMAIL}/messages/1", {"payload": {"parts": [{"body": {"data": "_-A"}}]}}),
    "history": _exchange(f"{GMAIL}/history", {"historyId": "5"}, query="startHistoryId=1&historyTypes=labelAdded"),
    "a change": _exchange(f"{GMAIL}/messages/1/modify", {"id": "1"}, "POST", sent={"addLabelIds": ["A"]}),
}
GMAIL_WRONG = {
    "answered messages.[]: .*'titel'": _exchange(f"{GMAIL}/messages", {"messages": [{"titel": "x"}]}),
    "answered historyId": _exchange(f"{GMAIL}/profile", {"historyId": 5}),
    "answered payload.body.data": _exchange(f"{GMAIL}/messages/1", {"payload": {"body": {"data": "+/"}}}),
    "no parameter query": _exchange(f"{GMAIL}/messages", {}, query="query=x"),
    "parameter q is given twice": _exchange(f"{GMAIL}/messages", {}, query="q=a&q=b"),
    "format is 'whole'": _exchange(f"{GMAIL}/messages/1", {}, query="format=whole"),
    "sent addLabelIds": _exchange(f"{GMAIL}/messages/1/modify", {"id": "1"}, "POST", sent={"addLabelIds": "A"}),
    "no such method": _exchange(f"{GMAIL}/nowhere", {}),
}
GRAPH_RIGHT = {
    "a page": _exchange(MESSAGES, {"value": [{"id": "A", "subject": "x", "isRead": True}]}),
    "an invitation": _exchange(
        MESSAGES,
        {"value": [{"@odata.type": "#microsoft.graph.eventMessageRequest", "meetingMessageType": "meetingRequest"}]},
    ),
    "a round": _exchange(f"{MESSAGES}/delta", {"value": [{"id": "A", "@removed": {"reason": "changed"}}]}),
    "a file": _exchange(
        "/v1.0/me/messages/A/attachments",
        {"value": [{"@odata.type": "#microsoft.graph.fileAttachment", "contentBytes": "AA=="}]},
    ),
    "folders": _exchange("/v1.0/me/mailFolders", {"value": [{"id": "A", "displayName": "Inbox", "isHidden": False}]}),
}
GRAPH_WRONG = {
    "answered value.[]: .*'titel'": _exchange(MESSAGES, {"value": [{"titel": "x"}]}),
    "answered value.[]: .*'meetingMessageType'": _exchange(MESSAGES, {"value": [{"meetingMessageType": "none"}]}),
    "answered value.[]: .*'contentBytes'": _exchange(
        "/v1.0/me/messages/A/attachments", {"value": [{"contentBytes": "AA=="}]}
    ),
    "answered value.[].isRead": _exchange(MESSAGES, {"value": [{"isRead": "yes"}]}),
    "answered value.[].importance": _exchange(MESSAGES, {"value": [{"importance": "urgent"}]}),
    "answered value.[].@removed.reason": _exchange(
        f"{MESSAGES}/delta", {"value": [{"id": "A", "@removed": {"reason": "moved"}}]}
    ),
    "answered value.[].totalItemCount": _exchange("/v1.0/me/mailFolders", {"value": [{"totalItemCount": "5"}]}),
    "answered value.[].messages": _exchange("/v1.0/me/mailFolders", {"value": [{"messages": []}]}),
    "no such method": _exchange("/v1.0/me/messages/delta", {"value": []}, "POST"),
}


@pytest.mark.parametrize("case", GMAIL_RIGHT)
def test_what_gmails_document_allows_passes(case: str) -> None:
    assert google.findings(GMAIL_RIGHT[case]) == []


@pytest.mark.parametrize("finding", GMAIL_WRONG)
def test_what_gmails_document_does_not_allow_is_found(finding: str) -> None:
    found = google.findings(GMAIL_WRONG[finding])
    assert any(_fits(finding, text) for text in found), found


@pytest.mark.parametrize("case", GRAPH_RIGHT)
def test_what_microsofts_types_of_mail_allow_passes(case: str) -> None:
    assert graph.findings(GRAPH_RIGHT[case]) == []


@pytest.mark.parametrize("finding", GRAPH_WRONG)
def test_what_microsofts_types_of_mail_do_not_allow_is_found(finding: str) -> None:
    found = graph.findings(GRAPH_WRONG[finding])
    assert any(_fits(finding, text) for text in found), found


def _fits(finding: str, text: str) -> bool:
    first, _, rest = finding.partition(".*")
    return first in text and rest in text.partition(first)[2]
