"""Mail in the sandbox's own shape: what a seed or the control API says of a message, and the MIME made of it.

A message is a dictionary: `from`, `to`, `cc`, `bcc`, `reply_to` (texts like `Ana <ana@example.com>`, the last four
also lists), `subject`, `text`, `html`, `date` (RFC 3339; now when absent), `attachments`
(`[{"filename", "content_type"?, "text"? | "base64"?, "inline"?, "content_id"?}]`), `message_id`, `in_reply_to`,
`references`, `headers` (further ones), `invitation` (iCalendar text with a METHOD), `importance` (`low`, `normal`,
`high`), `folder`, `unread` (true when absent), `flagged`, `labels` (Google), `categories` (Microsoft); or `mime`, a
whole message as text, with only the last five beside it. `folder` is `inbox` (when absent), `sentitems`, `drafts`,
`archive`, `deleteditems`, `junkemail` or the name of a folder, whose name is a label's at Google; folders within
folders are told apart by `/`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Any, Final, Protocol

from app.sandbox.faults import SandboxInputError

WELL_KNOWN: Final = ("inbox", "drafts", "sentitems", "deleteditems", "junkemail", "archive")
"""Folders that every mailbox has."""

_TEXTS: Final = frozenset(
    "from subject text html date message_id in_reply_to references invitation importance folder mime".split()
)
_PEOPLE: Final = ("to", "cc", "bcc", "reply_to")
_LISTS: Final = frozenset(_PEOPLE)
_PLACES: Final = frozenset({"folder", "unread", "flagged", "labels", "categories"})
_FLAGS: Final = frozenset({"unread", "flagged"})
_FIELDS: Final = _TEXTS | _LISTS | _PLACES | {"attachments", "headers"}
_ATTACHMENT: Final = frozenset({"filename", "content_type", "text", "base64", "inline", "content_id"})


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be put into a mailbox: its MIME form, and where and how it lies there."""

    mime: bytes
    received: datetime
    folder: str
    unread: bool
    flagged: bool
    labels: tuple[str, ...]
    categories: tuple[str, ...]


class EmulatedMail(Protocol):
    """A service's mail as the control API uses it: what a person does to the mailbox, beside any token.

    Messages are answered as `{"id", "thread_id", "folder", "labels" | "categories", "unread", "flagged", "from", "to",
    "subject", "received", "message_id"}`. Raises `SandboxInputError` for input that cannot be used and `KeyError` for
    an unknown account, message or folder.
    """

    def folders(self, email: str) -> list[dict[str, Any]]:
        """`[{"id", "name", "total", "unread"}]`."""
        ...

    def add_folder(self, email: str, name: str) -> dict[str, Any]:
        """Make a folder (a label at Google); a `/` in the name makes it one within another."""
        ...

    def messages(self, email: str) -> list[dict[str, Any]]:
        """Everything in the mailbox, newest first."""
        ...

    def deliver(self, email: str, message: dict[str, Any]) -> dict[str, Any]:
        """A message arrives, or lies there since `date`; see the module's text for its fields."""
        ...

    def change(self, email: str, message_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The person moves (`folder`), reads (`unread`), flags (`flagged`), labels or categorises a message."""
        ...

    def delete(self, email: str, message_id: str) -> None:
        """The person deletes a message for good."""
        ...

    def expire_positions(self, email: str) -> None:
        """Every history id or delta token of the mailbox handed out so far is answered as too old from now on."""
        ...

    def state(self) -> dict[str, Any]:
        """Every mailbox in the service's own wire shape, by address, for oracles."""
        ...


def compose(spec: Mapping[str, Any], now: datetime, message_id: str) -> Letter:
    """Make the MIME message of a description.

    Args:
        spec: as the module's text says.
        now: when it arrives, unless `date` says otherwise.
        message_id: what its Message-ID is, unless the description has one.

    Raises:
        SandboxInputError: a field is unknown or has a value of a wrong kind.
    """
    check(spec, _FIELDS)
    received = _moment(spec["date"]) if spec.get("date") else now
    if spec.get("mime"):
        others = sorted(set(spec) - _PLACES - {"mime", "date"})
        if others:
            raise SandboxInputError(f"A message given as mime has no {others[0]!r} beside it.", others[0])
        mime = re.sub(r"\r?\n", "\r\n", str(spec["mime"])).encode("utf-8", "surrogateescape")
    else:
        mime = _mime(spec, received, message_id)
    return Letter(
        mime=mime,
        received=received,
        folder=str(spec.get("folder") or "inbox"),
        unread=bool(spec.get("unread", True)),
        flagged=bool(spec.get("flagged", False)),
        labels=tuple(spec.get("labels") or ()),
        categories=tuple(spec.get("categories") or ()),
    )


def read_mailbox(spec: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Folders and messages of a new account's `mail`: `{"folders": [name…], "messages": […]}`, oldest first.

    Raises:
        SandboxInputError: it is of another form.
    """
    if not isinstance(spec, dict) or set(spec) - {"folders", "messages"}:
        raise SandboxInputError("The field 'mail' of an account has folders and messages.", "mail")
    folders, messages = spec.get("folders") or [], spec.get("messages") or []
    if not _are_texts(folders) or not all(name.strip() for name in folders):
        raise SandboxInputError("The field 'folders' of a mailbox is a list of names.", "mail.folders")
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise SandboxInputError("The field 'messages' of a mailbox is a list of messages.", "mail.messages")
    return list(folders), messages


def check(spec: Mapping[str, Any], known: frozenset[str] = _PLACES) -> None:
    """Refuse unknown fields of a message and values of wrong kinds.

    Raises:
        SandboxInputError: with the name of the field.
    """
    unknown = sorted(set(spec) - known)
    if unknown:
        raise SandboxInputError(f"A message has no field {unknown[0]!r} here.", unknown[0])
    for name, value in spec.items():
        if name in _TEXTS and not (value is None or isinstance(value, str)):
            raise SandboxInputError(f"The field {name!r} of a message is a text.", name)
        if name in _FLAGS and not isinstance(value, bool):
            raise SandboxInputError(f"The field {name!r} of a message is true or false.", name)
        if name in _LISTS and not isinstance(value, str) and not _are_texts(value):
            raise SandboxInputError(f"The field {name!r} of a message is a text or a list of texts.", name)
        if name in ("labels", "categories") and not _are_texts(value):
            raise SandboxInputError(f"The field {name!r} of a message is a list of texts.", name)
    headers = spec.get("headers") or {}
    if not isinstance(headers, dict) or not _are_texts(list(headers.values())):
        raise SandboxInputError("The field 'headers' of a message maps names to texts.", "headers")
    if spec.get("importance") not in (None, "low", "normal", "high"):
        raise SandboxInputError("The field 'importance' of a message is low, normal or high.", "importance")


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SandboxInputError(
            f"The field 'date' of a message is a moment with an offset, not {text!r}.", "date"
        ) from error
    if moment.tzinfo is None:
        raise SandboxInputError("The field 'date' of a message needs an offset.", "date")
    if not 1970 <= moment.year <= 2200:
        raise SandboxInputError("The field 'date' of a message lies between 1970 and 2200.", "date")
    return moment


def _mime(spec: Mapping[str, Any], received: datetime, message_id: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    headers: list[tuple[str, str, str]] = [
        ("from", "From", str(spec.get("from") or "")),
        *((name, name.title().replace("_", "-"), _people(spec.get(name), name)) for name in _PEOPLE),
        ("subject", "Subject", str(spec.get("subject") or "")),
        ("date", "Date", format_datetime(received)),
        ("message_id", "Message-ID", str(spec.get("message_id") or message_id)),
        ("in_reply_to", "In-Reply-To", str(spec.get("in_reply_to") or "")),
        ("references", "References", str(spec.get("references") or spec.get("in_reply_to") or "")),
        ("importance", "Importance", "" if spec.get("importance") in (None, "normal") else str(spec["importance"])),
        *(("headers", name, value) for name, value in (spec.get("headers") or {}).items()),
    ]
    # Plain headers are written as they are: the library takes milliseconds to parse each of them first.
    plain = "".join(
        f"{name}: {value}\r\n"
        for field, name, value in headers
        if (value or name == "Subject") and not _header(message, name, value, field)
    )
    try:
        _content(message, spec)
        _bound(message, str(spec.get("message_id") or message_id))
        return plain.encode("ascii") + message.as_bytes()
    except SandboxInputError:
        raise
    except (MessageError, ValueError, LookupError, AttributeError) as error:
        # The standard library has many ways to say that a text or a type makes no message.
        raise SandboxInputError(f"No message can be made of this ({error}).") from error


def _header(message: EmailMessage, name: str, value: str, field: str) -> bool:
    """Put a header that needs encoding or folding into a message; False for one that can be written as it is."""
    try:
        if not re.fullmatch(r"(?!(?i:content-|mime-version$))[!-9;-~]+", name):
            raise ValueError(f"{name!r} is no name of a header that can be chosen")
        if re.fullmatch(r"[ -~]{0,900}", value):
            return False
        value.encode()
        message[name] = value
        return True
    except (MessageError, ValueError, LookupError, AttributeError) as error:
        raise SandboxInputError(f"The field {field!r} of a message makes no header ({error}).", field) from error


def _bound(message: EmailMessage, message_id: str) -> None:
    """Boundaries that follow from the message: those of the standard library are drawn by chance."""
    seed = hashlib.sha256(message_id.encode()).hexdigest()[:20]
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{number:03d}_{seed}")


def _people(value: Any, field: str) -> str:
    if not value:
        return ""
    text = value if isinstance(value, str) else ", ".join(value)
    if any(not address for _, address in getaddresses([text])):
        raise SandboxInputError(f"{text!r} is no list of addresses.", field)
    return text


def _content(message: EmailMessage, spec: Mapping[str, Any]) -> None:
    text, markup, meeting = spec.get("text"), spec.get("html"), spec.get("invitation")
    if text is not None or (markup is None and meeting is None):
        message.set_content(text or "")
    if markup is not None:
        if text is None:
            message.set_content(markup, subtype="html")
        else:
            message.add_alternative(markup, subtype="html")
    if meeting is not None:
        method = re.search(r"(?im)^METHOD:(\w+)", meeting)
        parameters = {"method": method[1].upper() if method else "REQUEST"}
        if text is None and markup is None:
            message.set_content(meeting, subtype="calendar", params=parameters)
        else:
            message.add_alternative(meeting, subtype="calendar", params=parameters)
    attachments = spec.get("attachments") or []
    if not isinstance(attachments, list):
        raise SandboxInputError("The field 'attachments' of a message is a list.", "attachments")
    for one in attachments:
        _attach(message, one)


def _attach(message: EmailMessage, one: Any) -> None:
    if not isinstance(one, dict) or not isinstance(one.get("filename"), str) or set(one) - _ATTACHMENT:
        raise SandboxInputError(
            f"An attachment has a filename, and of {sorted(_ATTACHMENT)} what it needs.", "attachments"
        )
    try:
        content = (
            base64.b64decode(one["base64"], validate=True)
            if one.get("base64") is not None
            else str(one.get("text") or "").encode()
        )
    except (binascii.Error, ValueError, TypeError) as error:
        raise SandboxInputError(f"The attachment {one['filename']!r} is no base64.", "attachments") from error
    kind = str(one.get("content_type") or "application/octet-stream")
    if kind.count("/") != 1:
        raise SandboxInputError(f"{kind!r} is no content type.", "attachments")
    main, _, sub = kind.partition("/")
    cid = f"<{one['content_id']}>" if one.get("content_id") else None
    disposition = "inline" if one.get("inline") else "attachment"
    if kind == "message/rfc822":
        raise SandboxInputError("A message within a message is given as mime.", "attachments")
    message.add_attachment(
        content, maintype=main, subtype=sub, filename=one["filename"], cid=cid, disposition=disposition
    )
