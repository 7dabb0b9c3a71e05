"""How messages, threads, labels and history look on Gmail's wire. Reads the mailbox, changes nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
from collections.abc import Collection, Sequence
from typing import Any, Final

from app.sandbox.google.mail.store import SYSTEM_LABELS, Mailbox, Message, Record, history_id
from app.sandbox.mime import Part
from app.sandbox.world import World

Body = dict[str, Any]

_HIDDEN: Final = frozenset(label for label in SYSTEM_LABELS if label.startswith("CATEGORY_")) | {"CHAT"}


class Renderer:
    """Makes JSON.

    Args:
        world: switches, and the seed of attachment ids.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = hashlib.sha256(f"gmail attachments {world.random_seed}".encode()).digest()
        self._readings = 0

    def message(self, message: Message, form: str, headers: Collection[str], *, snippet: bool = True) -> Body:
        """A message.

        Args:
            message: what to show.
            form: `full`, `metadata`, `minimal` or `raw`.
            headers: the names wanted of `metadata`; all when there are none.
            snippet: whether the caller may see it.
        """
        body: Body = {"id": message.id, "threadId": message.thread_id}
        if message.labels:
            body["labelIds"] = list(message.labels)
        # A snippet is HTML: `don't` comes as `don&#39;t`.
        body["snippet"] = html.escape(message.snippet).replace("&#x27;", "&#39;") if snippet else ""
        if form == "full":
            self._readings += 1
            body["payload"] = self._payload(message, message.part)
        elif form == "metadata":
            wanted = {name.lower() for name in headers}
            shown = [pair for pair in message.part.headers if not wanted or pair[0].lower() in wanted]
            body["payload"] = {"mimeType": message.part.mime_type, "headers": _headers(shown)}
        elif form == "raw":
            body["raw"] = self.encoded(message.raw)
        body["sizeEstimate"] = len(message.raw)
        body["historyId"] = str(history_id(message.change))
        body["internalDate"] = str(message.received_ms)
        return body

    def attachment(self, message: Message, attachment_id: str) -> Body | None:
        """The bytes of an attachment that some reading named so; None when none did."""
        try:
            raw = base64.urlsafe_b64decode(attachment_id + "=" * (-len(attachment_id) % 4))
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(raw[:24], self._mark(message, raw[24:])):
            return None
        part_id = raw[32:].decode()
        part = next((one for one in message.part.attachments if one.part_id == part_id), None)
        return None if part is None else {"size": len(part.content), "data": self.encoded(part.content)}

    def encoded(self, content: bytes) -> str:
        """base64url, without padding unless the switch says otherwise."""
        text = base64.urlsafe_b64encode(content).decode()
        return text if self._world.behaviour["google.gmail_base64_padding"] else text.rstrip("=")

    def _payload(self, message: Message, part: Part) -> Body:
        body: Body = {"size": len(part.content)}
        if part.is_attachment:
            body = {"attachmentId": self._attachment_id(message, part.part_id), **body}
        elif part.content:
            body["data"] = self.encoded(part.content)
        shown: Body = {
            "partId": part.part_id,
            "mimeType": part.mime_type,
            "filename": part.filename,
            "headers": _headers(part.headers),
            "body": body,
        }
        if part.parts:
            shown["parts"] = [self._payload(message, one) for one in part.parts]
        return shown

    def _attachment_id(self, message: Message, part_id: str) -> str:
        fresh = self._world.behaviour["google.gmail_attachment_ids"] == "fresh"
        rest = (self._readings if fresh else 0).to_bytes(8, "big") + part_id.encode()
        return base64.urlsafe_b64encode(self._mark(message, rest) + rest).decode().rstrip("=")

    def _mark(self, message: Message, rest: bytes) -> bytes:
        return hmac.new(self._key, message.id.encode() + rest, hashlib.sha256).digest()[:24]


def label(box: Mailbox, label_id: str, *, counts: bool = False) -> Body:
    """A label; a list shows no counts."""
    own = label_id in box.labels
    body: Body = {"id": label_id, "name": box.labels.get(label_id, label_id), "type": "user" if own else "system"}
    if own or label_id in _HIDDEN:
        body["messageListVisibility"] = "show" if own else "hide"
        body["labelListVisibility"] = "labelShow" if own else "labelHide"
    if counts:
        found = [one for one in box.messages.values() if label_id in one.labels]
        unread = [one for one in found if "UNREAD" in one.labels]
        body["messagesTotal"], body["messagesUnread"] = len(found), len(unread)
        body["threadsTotal"] = len({one.thread_id for one in found})
        body["threadsUnread"] = len({one.thread_id for one in unread})
    return body


def record(one: Record) -> Body:
    """A history record: `messages` names what changed, the list of its kind says how."""
    named = {"id": one.message_id, "threadId": one.thread_id}
    message: Body = {**named, "labelIds": list(one.label_ids)} if one.label_ids else dict(named)
    entry: Body = {"message": message}
    if one.kind in ("labelsAdded", "labelsRemoved"):
        entry["labelIds"] = list(one.labels)
    return {"id": str(history_id(one.change)), "messages": [named], one.kind: [entry]}


def _headers(headers: Sequence[tuple[str, str]]) -> list[Body]:
    return [{"name": name, "value": value} for name, value in headers]
