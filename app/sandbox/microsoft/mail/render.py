"""How folders, messages and attachments look on Graph's wire. Reads records and never changes them.

Reference: Graph v1.0 ``mailFolder``, ``message``, ``eventMessage``, ``attachment``.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from icalendar import Calendar as ICalendar

from app.sandbox.microsoft import bodies
from app.sandbox.microsoft.mail.store import Folder, MailStore, Message
from app.sandbox.microsoft.wire import Form, change_key
from app.sandbox.mime import Part, plain
from app.sandbox.world import World

BODIES: Final = frozenset({"body", "bodyPreview", "uniqueBody", "attachments", "internetMessageHeaders"})
"""What Mail.ReadBasic does not show."""
ON_DEMAND: Final = frozenset({"uniqueBody", "internetMessageHeaders"})
"""Properties that are answered only when $select names them."""
PROPERTIES: Final = frozenset(
    """id createdDateTime lastModifiedDateTime changeKey categories receivedDateTime sentDateTime hasAttachments
    internetMessageId internetMessageHeaders subject body bodyPreview uniqueBody importance parentFolderId
    conversationId conversationIndex isDeliveryReceiptRequested isReadReceiptRequested isRead isDraft webLink
    inferenceClassification sender from toRecipients ccRecipients bccRecipients replyTo flag attachments
    meetingMessageType startDateTime endDateTime location isOutOfDate isAllDay isDelegated type recurrence
    meetingRequestType responseRequested allowNewTimeProposals responseType""".split()
)
FOLDER_PROPERTIES: Final = frozenset(
    "id displayName parentFolderId childFolderCount unreadItemCount totalItemCount isHidden".split()
)
_MEETINGS: Final = {
    "REQUEST": ("#microsoft.graph.eventMessageRequest", "meetingRequest"),
    "CANCEL": ("#microsoft.graph.eventMessage", "meetingCancelled"),
    "ACCEPTED": ("#microsoft.graph.eventMessageResponse", "meetingAccepted"),
    "DECLINED": ("#microsoft.graph.eventMessageResponse", "meetingDeclined"),
    "TENTATIVE": ("#microsoft.graph.eventMessageResponse", "meetingTenativelyAccepted"),
}
_RESPONSES: Final = {
    "meetingAccepted": "accepted",
    "meetingDeclined": "declined",
    "meetingTenativelyAccepted": "tentativelyAccepted",
}


class MailRenderer:
    """Makes the JSON of mail.

    Args:
        world: the switches.
        store: the records.
    """

    def __init__(self, world: World, store: MailStore) -> None:
        self._world = world
        self._store = store

    def folder(self, folder: Folder) -> dict[str, Any]:
        """A ``mailFolder``."""
        messages = self._store.live(folder.id)
        return {
            "id": folder.id,
            "displayName": folder.name,
            "parentFolderId": folder.parent or folder.id,
            "childFolderCount": sum(not one.hidden for one in self._store.children(folder)),
            "unreadItemCount": sum(not one.is_read for one in messages),
            "totalItemCount": len(messages),
            "isHidden": folder.hidden,
        }

    def id(self, message: Message, form: Form) -> str:
        """The id of a message in the form asked for."""
        return self._store.id_of(message, immutable=form.immutable)

    def message(self, message: Message, form: Form) -> dict[str, Any]:
        """Everything of a message, also what is answered on demand only. Kept until the message changes."""
        key = (form.immutable, form.text, self._world.behaviour["microsoft.mail_text_bodies"])
        if key not in message.cache:
            message.cache[key] = self._message(message, form)
        found: dict[str, Any] = message.cache[key]
        return found

    def attachments(self, message: Message, form: Form) -> list[dict[str, Any]]:
        """The attachments of a message with their content; a calendar part is none."""
        owner = self.id(message, form)
        return [self._attachment(message, owner, part) for part in message.part.attachments]

    def attachment_part(self, message: Message, attachment_id: str) -> Part | None:
        """The part that an attachment's id names."""
        for immutable in (True, False):
            owner = self._store.id_of(message, immutable=immutable)
            for part in message.part.attachments:
                if _attachment_id(owner, part) == attachment_id:
                    return part
        return None

    def _message(self, message: Message, form: Form) -> dict[str, Any]:
        part = message.part
        mailbox = self._store.folders[message.folder].mailbox
        key = change_key(mailbox, message.change)
        message_id = self.id(message, form)
        markup, text = _body(part)
        is_text = form.text or (
            not part.text("text/html") and self._world.behaviour["microsoft.mail_text_bodies"] == "text"
        )
        body = {"contentType": "text" if is_text else "html", "content": text if is_text else markup}
        sender = _people(part, "from")
        conversation = base64.urlsafe_b64encode(bytes.fromhex(message.conversation)).decode()
        value: dict[str, Any] = {
            "@odata.etag": f'W/"{key}"',
            "id": message_id,
            "createdDateTime": _moment(message.created),
            "lastModifiedDateTime": _moment(message.modified),
            "changeKey": key,
            "categories": list(message.categories),
            "receivedDateTime": _moment(message.received),
            "sentDateTime": _moment(message.received),
            "hasAttachments": any(not one.is_inline for one in part.attachments),
            "internetMessageId": message.message_id,
            "subject": part.header("Subject"),
            "bodyPreview": text[: bodies.PREVIEW_CHARACTERS],
            "importance": _importance(part),
            "parentFolderId": message.folder,
            "conversationId": f"AAQkADE0M2Y4LTQ5ZWMtNDU2ZQAQA{conversation}=",
            "conversationIndex": base64.b64encode(bytes.fromhex(message.conversation) + bytes(10)).decode(),
            "isDeliveryReceiptRequested": None,
            "isReadReceiptRequested": bool(part.header("Disposition-Notification-To")),
            "isRead": message.is_read,
            "isDraft": message.is_draft,
            "webLink": f"https://outlook.office365.com/owa/?ItemID={message_id}&exvsurl=1&viewmodel=ReadMessageItem",
            "inferenceClassification": "other" if part.header("List-ID") else "focused",
            "body": body,
            "uniqueBody": body,
            "internetMessageHeaders": [{"name": name, "value": one} for name, one in part.headers],
            "sender": next(iter(_people(part, "sender") or sender), None),
            "from": next(iter(sender), None),
            "toRecipients": _people(part, "to"),
            "ccRecipients": _people(part, "cc"),
            "bccRecipients": _people(part, "bcc"),
            "replyTo": _people(part, "reply-to"),
            "flag": {"flagStatus": "flagged" if message.flagged else "notFlagged"},
        }
        return {**_meeting(part), **value}

    def _attachment(self, message: Message, owner: str, part: Part) -> dict[str, Any]:
        is_item = part.mime_type == "message/rfc822"
        value: dict[str, Any] = {
            "@odata.type": f"#microsoft.graph.{'item' if is_item else 'file'}Attachment",
            "id": _attachment_id(owner, part),
            "lastModifiedDateTime": _moment(message.created),
            "name": part.filename,
            "contentType": None if is_item else part.mime_type,
            "size": len(part.content),
            "isInline": part.is_inline,
        }
        if not is_item:
            value["@odata.mediaContentType"] = part.mime_type
            value["contentId"] = part.header("Content-ID").strip("<>") or None
            value["contentLocation"] = None
            value["contentBytes"] = base64.b64encode(part.content).decode()
        return value


def only(value: Mapping[str, Any], select: frozenset[str]) -> dict[str, Any]:
    """The part of a message that ``$select`` names; id and annotations are always there."""
    return {name: one for name, one in value.items() if name in select or name.startswith("@odata.") or name == "id"}


def _attachment_id(owner: str, part: Part) -> str:
    mark = zlib.crc32(f"{owner}/{part.part_id}".encode()).to_bytes(4, "big")
    return f"{owner.rstrip('=')}{base64.urlsafe_b64encode(mark + part.part_id.encode()).decode().rstrip('=')}="


def _body(part: Part) -> tuple[str, str]:
    """HTML and text as Exchange makes them: the HTML body wins, and a text body becomes HTML."""
    markup = part.text("text/html")
    if markup:
        return bodies.rewrite("html", markup)[0], bodies.to_text(markup) or plain(markup)
    return bodies.rewrite("text", part.text("text/plain"))


def _people(part: Part, *headers: str) -> list[dict[str, Any]]:
    return [
        {"emailAddress": {"name": name or address, "address": address}} for name, address in part.addresses(*headers)
    ]


def _importance(part: Part) -> str:
    sent = (part.header("Importance") or part.header("X-Priority")).lower()
    return "high" if sent in ("high", "1") else "low" if sent in ("low", "5") else "normal"


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _meeting(part: Part) -> dict[str, Any]:
    """What a message about a meeting has beside the others; nothing of a message that is none."""
    method = part.meeting_method
    text = next((one.content for one in part.walk() if one.mime_type == "text/calendar" and one.method), b"")
    try:
        events = ICalendar.from_ical(text).walk("VEVENT")
    except (ValueError, IndexError, KeyError):
        events = []
    if not events:
        return {}
    event = events[0]
    if method == "REPLY":
        answer = re.search(rb"PARTSTAT=(\w+)", text)
        method = answer[1].decode().upper() if answer else "ACCEPTED"
    kind, meeting = _MEETINGS.get(method, ("", ""))
    if not kind:
        return {}
    value: dict[str, Any] = {"@odata.type": kind, "meetingMessageType": meeting, "type": "singleInstance"}
    if event.get("RRULE") is not None:
        value["type"] = "seriesMaster"
    value |= {"isOutOfDate": False, "isAllDay": False, "isDelegated": False}
    for name, key in (("startDateTime", "DTSTART"), ("endDateTime", "DTEND")):
        moment = getattr(event.get(key), "dt", None)
        if isinstance(moment, datetime):
            utc = moment.astimezone(UTC) if moment.tzinfo else moment
            value[name] = {"dateTime": f"{utc:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}
        elif moment is not None:
            value["isAllDay"] = True
            value[name] = {"dateTime": f"{moment:%Y-%m-%d}T00:00:00.0000000", "timeZone": "UTC"}
    place = str(event.get("LOCATION") or "")
    value["location"] = {"displayName": place, "locationType": "default", "uniqueIdType": "unknown"}
    if meeting == "meetingRequest":
        value |= {"meetingRequestType": "newMeetingRequest", "responseRequested": True, "allowNewTimeProposals": True}
    if meeting in _RESPONSES:
        value["responseType"] = _RESPONSES[meeting]
    return value
