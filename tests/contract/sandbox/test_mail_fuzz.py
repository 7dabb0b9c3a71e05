"""Whatever is asked of mail, both services answer in their own words: never with an error of ours."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.sandbox.gmail_world import GmailSide
from tests.contract.sandbox.graph_mail_world import MailScene

pytestmark = pytest.mark.anyio

PIECES = (
    "from: to: subject: after: before: newer_than: older_than: in: is: label: has: rfc822msgid: larger: size: list: "
    "2026/03/09 9999/99/99 0001/01/01 9999/12/31 99999999999999999999 99999y 1d -1 0 1 500 501 inbox trash unread "
    "attachment ( ) { } \" ' - OR AND NOT | : , ; = & % * ~ \\ true false null id messages messages(id) "
    "eq ne ge lt gt le and or not contains( startswith( categories/any( isRead receivedDateTime subject body "
    "from/emailAddress/address 'x' 'x 2026-03-09 2026-03-09T00:00:00Z 0001-01-01T00:00:00-05:00 desc asc "
    "ä 🎈 \x00 \u202e １ ² \ud7ff"
).split(" ")
GMAIL = {
    "messages": ("q", "labelIds", "includeSpamTrash", "maxResults", "pageToken", "fields"),
    "threads": ("q", "labelIds", "maxResults", "pageToken"),
    "history": ("startHistoryId", "historyTypes", "labelId", "maxResults", "pageToken"),
    "messages/{id}": ("format", "metadataHeaders", "fields"),
    "messages/{id}/attachments/{word}": ("fields",),
    "threads/{word}": ("format",),
    "labels/{word}": ("fields",),
}
GRAPH = {
    "messages": ("$filter", "$orderby", "$search", "$top", "$skip", "$select", "$expand", "$count", "$skiptoken"),
    "mailFolders/inbox/messages/delta": ("$filter", "$orderby", "$top", "$select", "$deltatoken", "$skiptoken"),
    "mailFolders": ("$filter", "$top", "$skip", "$select", "includeHiddenFolders"),
    "mailFolders/delta": ("$top", "$select", "$deltatoken"),
    "mailFolders/{word}": ("$select",),
    "messages/{id}": ("$select", "$expand"),
    "messages/{word}/attachments/{word}": ("$select",),
}


def _path(random: Random, paths: dict[str, tuple[str, ...]], message_id: str) -> str:
    path, names = random.choice(list(paths.items()))
    while "{word}" in path:
        path = path.replace("{word}", quote(_text(random) or "x", safe=""), 1)
    chosen = random.sample(names, k=random.randint(0, min(3, len(names))))
    query = "&".join(f"{quote(name)}={quote(_text(random), safe='')}" for name in chosen)
    return f"{path.replace('{id}', message_id)}?{query}"


def _text(random: Random) -> str:
    return random.choice(("", " ")).join(random.choices(PIECES, k=random.randint(0, 6)))


@pytest.mark.parametrize("seed", range(4))
async def test_gmail_answers_anything_in_its_own_words(seed: int) -> None:
    random, side = Random(seed), GmailSide()
    side.turn(quota="off")
    made = side.put(labels=["Travel"], attachments=[{"filename": "a.txt", "text": "x"}])
    async with side.caller() as client:
        for _ in range(150):
            path = _path(random, GMAIL, str(made["id"]))
            answer = await client.get(path)
            assert answer.status_code in (200, 400, 404, 501), (path, answer.text)
            if answer.status_code != 200:
                error: dict[str, Any] = answer.json()["error"]
                assert error["code"] == answer.status_code, path


@pytest.mark.parametrize("seed", range(4))
async def test_graph_answers_anything_about_mail_in_its_own_words(seed: int) -> None:
    random, scene = Random(seed), MailScene()
    made = scene.put(categories=["x"], attachments=[{"filename": "a.txt", "text": "x"}])
    graph = scene.client()
    for _ in range(150):
        path = _path(random, GRAPH, str(made["id"]))
        answer = await graph.send("GET", f"/me/{path}")
        assert answer.status_code in (200, 400, 404), (path, answer.text)
        if answer.status_code != 200:
            assert answer.json()["error"]["code"], path
