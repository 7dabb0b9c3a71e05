"""Every Google account's mailbox: messages, labels and the history of changes; in memory, written through.

State only: it checks no token and knows no JSON of the wire. A history record keeps what it said when it was made.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from app.sandbox.mime import Part, base_subject, message_id, read, words
from app.sandbox.world import World

_BOXES: Final = "google.mail.boxes"
_MESSAGES: Final = "google.mail.messages"
_HISTORY: Final = "google.mail.history"

SYSTEM_LABELS: Final = (
    "CHAT SENT INBOX IMPORTANT TRASH DRAFT SPAM CATEGORY_FORUMS CATEGORY_UPDATES CATEGORY_PERSONAL "
    "CATEGORY_PROMOTIONS CATEGORY_SOCIAL STARRED UNREAD"
).split()

ADDED, DELETED, LABELS_ADDED, LABELS_REMOVED = "messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"


def history_id(change: int) -> int:
    """The history id of a change number: it grows, and leaves gaps (guide "Synchronize clients")."""
    return 1_000_000 + change * 11 + zlib.crc32(str(change).encode()) % 7


@dataclass
class Message:
    """One message. `received_ms` are milliseconds since 1970; `change` numbers the last change of it."""

    id: str
    thread_id: str
    raw: bytes
    received_ms: int
    labels: list[str]
    change: int

    @cached_property
    def part(self) -> Part:
        """The message taken apart."""
        return read(self.raw)

    @cached_property
    def message_id(self) -> str:
        """Its Message-ID."""
        return message_id(self.raw)

    @cached_property
    def words(self) -> list[str]:
        """What a search without an operator looks through."""
        people = " ".join(f"{name} {address}" for name, address in self.part.addresses("from", "to", "cc", "bcc"))
        names = " ".join(part.filename for part in self.part.attachments)
        return words(f"{people} {self.part.header('Subject')} {self.part.readable} {names}")

    @cached_property
    def snippet(self) -> str:
        """The beginning of the text, on one line."""
        return " ".join(self.part.readable.split())[:200]


@dataclass(frozen=True, slots=True)
class Record:
    """One change of a mailbox. `labels` are those added or removed, `label_ids` all of the message after it."""

    change: int
    at: str
    kind: str
    message_id: str
    thread_id: str
    labels: tuple[str, ...]
    label_ids: tuple[str, ...]


@dataclass(slots=True)
class Mailbox:
    """One account's mail. `floor` is the history id below which a start is too old; `change` the latest change."""

    email: str
    change: int
    floor: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    watch: dict[str, Any] | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    threads: dict[str, list[str]] = field(default_factory=dict)
    by_message_id: dict[str, str] = field(default_factory=dict)

    @property
    def history_id(self) -> int:
        """The latest history id."""
        return history_id(self.change)

    def newest_first(self) -> list[Message]:
        """Every message, by date."""
        return sorted(self.messages.values(), key=lambda one: (-one.received_ms, one.id))

    def thread(self, thread_id: str) -> list[Message]:
        """The messages of a conversation, oldest first."""
        own = [self.messages[key] for key in self.threads.get(thread_id, [])]
        return sorted(own, key=lambda one: (one.received_ms, one.id))

    def label_id(self, name: str) -> str | None:
        """The label of an id, or of a name in any case of letters."""
        if name.upper() in SYSTEM_LABELS:
            return name.upper()
        if name in self.labels:
            return name
        wanted = name.lower().replace(" ", "-")
        return next((key for key, own in self.labels.items() if own.lower().replace(" ", "-") == wanted), None)


class MailStore:
    """The mailboxes, each made when first asked for.

    Args:
        world: clock, storage, change numbers and randomness; an existing storage is continued.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._boxes: dict[str, Mailbox] = {}
        for email, row in world.storage.items(_BOXES):
            self._boxes[email] = Mailbox(**row)
        for key, row in world.storage.items(_MESSAGES):
            email = key.rpartition("/")[0]
            self._keep(self._boxes[email], Message(**{**row, "raw": row["raw"].encode("latin-1")}))
        for key, row in world.storage.items(_HISTORY):
            record = Record(**{**row, "labels": tuple(row["labels"]), "label_ids": tuple(row["label_ids"])})
            self._boxes[key.rpartition("/")[0]].records.append(record)

    def box(self, email: str) -> Mailbox:
        """The mailbox of an account."""
        email = email.lower()
        if email not in self._boxes:
            self._boxes[email] = Mailbox(email, self._world.change())
            self.put_box(self._boxes[email])
        return self._boxes[email]

    def put_box(self, box: Mailbox) -> None:
        """Write what is said of a mailbox as a whole."""
        row = {name: getattr(box, name) for name in ("email", "change", "floor", "labels", "watch")}
        self._world.storage.put(_BOXES, box.email, row)

    def remove_box(self, email: str) -> None:
        """Forget an account's mail."""
        box = self._boxes.pop(email.lower(), None)
        if box is not None:
            for message_id in box.messages:
                self._world.storage.delete(_MESSAGES, f"{box.email}/{message_id}")
            for record in box.records:
                self._world.storage.delete(_HISTORY, _record_key(box, record))
            self._world.storage.delete(_BOXES, box.email)

    def add_label(self, box: Mailbox, name: str) -> str:
        """The id of the user's label of that name, made when there is none."""
        found = box.label_id(name)
        if found is None:
            number = max((int(key.rpartition("_")[2]) for key in box.labels), default=0) + 1
            found = f"Label_{number}"
            box.labels[found] = name
            self.put_box(box)
        return found

    def add(self, box: Mailbox, raw: bytes, received: datetime, labels: Iterable[str]) -> Message:
        """Store a new message, in the conversation it answers."""
        name = f"19{self._world.new_id(14, '0123456789abcdef')}"
        received_ms = int(received.timestamp() * 1000)
        message = Message(name, name, raw, received_ms, list(dict.fromkeys(labels)), 0)
        message.thread_id = self._conversation(box, message) or message.id
        self._keep(box, message)
        self._record(box, message, ADDED, message.labels)
        return message

    def relabel(self, box: Mailbox, message: Message, add: Iterable[str], remove: Iterable[str]) -> None:
        """Add and remove labels; what is there already, or not there, is no change."""
        removed = [label for label in dict.fromkeys(remove) if label in message.labels]
        added = [label for label in dict.fromkeys(add) if label not in message.labels]
        message.labels = [label for label in message.labels if label not in removed] + added
        if added:
            self._record(box, message, LABELS_ADDED, added)
        if removed:
            self._record(box, message, LABELS_REMOVED, removed)

    def delete(self, box: Mailbox, message: Message) -> None:
        """Remove a message for good."""
        del box.messages[message.id]
        box.threads[message.thread_id].remove(message.id)
        if not box.threads[message.thread_id]:
            del box.threads[message.thread_id]
        if box.by_message_id.get(message.message_id) == message.id:
            del box.by_message_id[message.message_id]
        self._record(box, message, DELETED, message.labels)
        self._world.storage.delete(_MESSAGES, f"{box.email}/{message.id}")

    def changes(self, box: Mailbox, start: int) -> list[Record]:
        """The records after a history id, oldest first."""
        at = bisect_right(box.records, start, key=lambda record: history_id(record.change))
        return box.records[at:]

    def forget_before(self, box: Mailbox, lifetime_seconds: float) -> None:
        """Drop the records that are older than this; a start before a dropped one is too old from then on."""
        limit = (self._world.clock.now() - timedelta(seconds=lifetime_seconds)).isoformat()
        count = next((number for number, record in enumerate(box.records) if record.at >= limit), len(box.records))
        if count:
            for record in box.records[:count]:
                self._world.storage.delete(_HISTORY, _record_key(box, record))
            box.floor = max(box.floor, history_id(box.records[count - 1].change))
            del box.records[:count]
            self.put_box(box)

    def expire(self, box: Mailbox) -> None:
        """Make every history id handed out so far too old."""
        box.change = self._world.change()
        box.floor = box.history_id
        self.put_box(box)

    def _record(self, box: Mailbox, message: Message, kind: str, labels: Iterable[str]) -> None:
        message.change = box.change = self._world.change()
        record = Record(
            change=message.change,
            at=self._world.clock.now().isoformat(),
            kind=kind,
            message_id=message.id,
            thread_id=message.thread_id,
            labels=tuple(labels),
            label_ids=tuple(message.labels),
        )
        box.records.append(record)
        self._world.storage.put(_HISTORY, _record_key(box, record), asdict(record))
        self.put_box(box)
        if kind != DELETED:
            row = {name: getattr(message, name) for name in ("id", "thread_id", "received_ms", "labels", "change")}
            row["raw"] = message.raw.decode("latin-1")
            self._world.storage.put(_MESSAGES, f"{box.email}/{message.id}", row)

    def _keep(self, box: Mailbox, message: Message) -> None:
        box.messages[message.id] = message
        box.threads.setdefault(message.thread_id, []).append(message.id)
        if message.message_id:
            box.by_message_id.setdefault(message.message_id, message.id)

    def _conversation(self, box: Mailbox, message: Message) -> str | None:
        """Guide "Manage threads": the references must lead to a message of the same subject."""
        named = f"{message.part.header('References')} {message.part.header('In-Reply-To')}".split()
        for one in reversed(named):
            earlier = box.messages.get(box.by_message_id.get(one, ""))
            if earlier is not None and base_subject(earlier.part.header("Subject")) == base_subject(
                message.part.header("Subject")
            ):
                return earlier.thread_id
        return None


def _record_key(box: Mailbox, record: Record) -> str:
    return f"{box.email}/{record.change:012d}"
