"""What a mailbox holds: folders and messages, in memory first and written through to the storage.

Every change takes a number from the world; a list of (number, message) for each folder makes a later delta round cost
only what changed. A message that leaves a folder leaves a grave there. It must not know JSON of the wire or tokens.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from app.sandbox.mail import Letter
from app.sandbox.microsoft import ids
from app.sandbox.mime import Part, base_subject, message_id, read
from app.sandbox.world import World

_FOLDERS: Final = "microsoft.mail.folders"
_MESSAGES: Final = "microsoft.mail.messages"

ROOT: Final = "msgfolderroot"
_DEFAULTS: Final = (
    ("archive", "Archive"),
    ("conversationhistory", "Conversation History"),
    ("deleteditems", "Deleted Items"),
    ("drafts", "Drafts"),
    ("inbox", "Inbox"),
    ("junkemail", "Junk Email"),
    ("outbox", "Outbox"),
    ("sentitems", "Sent Items"),
)
_HIDDEN: Final = "Conversation Action Settings"


@dataclass(slots=True)
class Folder:
    """One folder. ``parent`` is None for the root, which is not listed."""

    id: str
    mailbox: str
    name: str
    well_known: str | None
    parent: str | None
    hidden: bool
    change: int
    generation: int = 1


@dataclass
class Message:
    """A message in its folder, or the grave it left in one.

    ``born`` numbers its coming into this folder, ``change`` its last change, ``changed`` that of single properties.
    """

    key: str
    folder: str
    raw: bytes
    received: datetime
    created: datetime
    modified: datetime
    conversation: str
    is_read: bool
    flagged: bool
    is_draft: bool
    categories: list[str]
    born: int = 0
    change: int = 0
    moves: int = 0
    deleted: bool = False
    moved_away: bool = False
    changed: dict[str, int] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def part(self) -> Part:
        """The message taken apart."""
        return read(self.raw)

    @cached_property
    def message_id(self) -> str:
        """Its Message-ID."""
        return message_id(self.raw)


_PLAIN: Final = (
    "folder conversation is_read flagged is_draft categories born change moves deleted moved_away changed".split()
)
_MOMENTS: Final = ("received", "created", "modified")


class MailStore:
    """Folders and messages of every Microsoft account of the world.

    Args:
        world: clock, storage, change numbers and randomness; an existing storage is continued.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.folders: dict[str, Folder] = {key: Folder(**row) for key, row in world.storage.items(_FOLDERS)}
        self.messages: dict[str, Message] = {}
        self._changes: dict[str, list[tuple[int, str]]] = {key: [] for key in self.folders}
        self._live: dict[str, dict[str, None]] = {key: {} for key in self.folders}
        self._named: dict[tuple[str, str], str] = {}
        for key, row in world.storage.items(_MESSAGES):
            self.messages[key] = _from_storage(key, row)
            self._name(self.messages[key])
        for message in sorted(self.messages.values(), key=lambda one: one.change):
            self._changes[message.folder].append((message.change, message.key))
            if not message.deleted:
                self._live[message.folder][message.key] = None

    # Folders

    def ensure(self, mailbox: str) -> Folder:
        """The root of a mailbox, made with the folders that every one has when it is new."""
        mailbox = mailbox.lower()
        root = next((one for one in self.folders.values() if one.mailbox == mailbox and one.well_known == ROOT), None)
        if root is None:
            root = self.add_folder(mailbox, "Top of Information Store", None, well_known=ROOT)
            for well_known, name in _DEFAULTS:
                self.add_folder(mailbox, name, root.id, well_known=well_known)
            self.add_folder(mailbox, _HIDDEN, root.id, hidden=True)
        return root

    def add_folder(
        self, mailbox: str, name: str, parent: str | None, *, well_known: str | None = None, hidden: bool = False
    ) -> Folder:
        """Make a folder; its id follows from its mailbox, name and place."""
        digest = hashlib.sha256(f"{self._world.random_seed}:{mailbox}:{parent}:{name}".encode()).digest()
        folder_id = "AQMkADAwATM0MDAAMS1iNT" + base64.urlsafe_b64encode(digest).decode().rstrip("=") + "AAA="
        folder = Folder(folder_id, mailbox, name, well_known, parent, hidden, self._world.change())
        self.put_folder(folder)
        return folder

    def put_folder(self, folder: Folder) -> None:
        """Add or replace a folder."""
        self.folders[folder.id] = folder
        self._changes.setdefault(folder.id, [])
        self._live.setdefault(folder.id, {})
        row = {name: getattr(folder, name) for name in Folder.__dataclass_fields__}
        self._world.storage.put(_FOLDERS, folder.id, row)

    def folders_of(self, mailbox: str) -> list[Folder]:
        """Every folder of a mailbox but the root, by name."""
        self.ensure(mailbox)
        own = [one for one in self.folders.values() if one.mailbox == mailbox.lower() and one.parent is not None]
        return sorted(own, key=lambda one: (one.name.lower(), one.id))

    def children(self, folder: Folder) -> list[Folder]:
        """The folders right below one, by name."""
        return [one for one in self.folders_of(folder.mailbox) if one.parent == folder.id]

    def folder(self, mailbox: str, name: str) -> Folder | None:
        """A folder of a mailbox by its id or well-known name."""
        self.ensure(mailbox)
        found = self.folders.get(name)
        if found is not None and found.mailbox == mailbox.lower():
            return found
        own = (one for one in self.folders.values() if one.mailbox == mailbox.lower())
        return next((one for one in own if one.well_known == name.lower()), None)

    def forget(self, mailbox: str) -> None:
        """Remove a mailbox without a trace."""
        own = {key for key, one in self.folders.items() if one.mailbox == mailbox.lower()}
        for key in [key for key, message in self.messages.items() if message.folder in own]:
            del self.messages[key]
            self._world.storage.delete(_MESSAGES, key)
        self._named = {name: key for name, key in self._named.items() if name[0] != mailbox.lower()}
        for key in own:
            del self.folders[key], self._changes[key], self._live[key]
            self._world.storage.delete(_FOLDERS, key)

    # Messages

    def add(self, folder: Folder, letter: Letter) -> Message:
        """Store a new message."""
        now = self._world.clock.now()
        message = Message(
            key=self._world.new_id(24, "0123456789abcdef"),
            folder=folder.id,
            raw=letter.mime,
            received=letter.received.replace(microsecond=0),
            created=now,
            modified=now,
            conversation="",
            is_read=not letter.unread,
            flagged=letter.flagged,
            is_draft=folder.well_known == "drafts",
            categories=list(letter.categories),
        )
        message.conversation = self._conversation(folder.mailbox, message) or message.key
        self.messages[message.key] = message
        self._name(message)
        self._live[folder.id][message.key] = None
        self._arrive(message)
        return message

    def touch(self, message: Message, *properties: str) -> None:
        """Give a message a new change number, note which properties changed, and store it."""
        message.change = self._world.change()
        message.modified = self._world.clock.now()
        message.changed.update(dict.fromkeys(properties, message.change))
        message.cache.clear()
        self._changes[message.folder].append((message.change, message.key))
        self._world.storage.put(_MESSAGES, message.key, _to_storage(message))

    def delete(self, message: Message) -> None:
        """Turn a message into its grave."""
        message.deleted = True
        self._live[message.folder].pop(message.key, None)
        self.touch(message)

    def move(self, message: Message, folder: Folder) -> None:
        """Move a message: gone here, born there, under the same immutable id."""
        grave = Message(
            **{name: getattr(message, name) for name in (*_PLAIN, *_MOMENTS, "raw")},
            key=f"{message.key}@{message.moves}",
        )
        grave.moved_away, grave.changed = True, {}
        self.messages[grave.key] = grave
        self._live[message.folder].pop(message.key, None)
        # Entries of the old folder must not lead to the message in its new one.
        self._changes[message.folder] = [entry for entry in self._changes[message.folder] if entry[1] != message.key]
        self.delete(grave)
        message.folder = folder.id
        message.moves += 1
        self._live[folder.id][message.key] = None
        self._arrive(message)

    def live(self, folder_id: str) -> list[Message]:
        """The messages in a folder, in the order they came into it."""
        return [self.messages[key] for key in self._live[folder_id]]

    def live_of(self, mailbox: str) -> list[Message]:
        """Every message of a mailbox, newest first."""
        found = [one for folder in self.folders_of(mailbox) for one in self.live(folder.id)]
        return sorted(found, key=lambda one: (one.received, one.key), reverse=True)

    def changed_after(self, folder_id: str, change: int) -> Iterator[Message]:
        """Messages and graves of a folder whose last change is later, in the order of change."""
        entries = self._changes[folder_id]
        for at in range(bisect_right(entries, change, key=lambda entry: entry[0]), len(entries)):
            number, key = entries[at]
            message = self.messages[key]
            if message.change == number:
                yield message

    def last_change_until(self, folder_id: str, limit: datetime) -> int:
        """The last change number before the first change that is later than a moment."""
        last = 0
        for message in self.changed_after(folder_id, 0):
            if message.modified > limit:
                return last
            last = message.change
        return self._world.last_change

    def id_of(self, message: Message, *, immutable: bool) -> str:
        """The id of a message: the immutable one, or the ordinary one that changes with its folder."""
        mark = None if immutable else ids.folder_mark(message.folder, message.moves)
        return ids.encode(message.key.partition("@")[0], None, mark)

    def find(self, mailbox: str, text: str) -> Message | None:
        """The message of a mailbox that an id of either form names."""
        reference = ids.decode(text)
        message = self.messages.get(reference.key) if reference else None
        if reference is None or message is None or message.deleted or reference.original is not None:
            return None
        if self.folders[message.folder].mailbox != mailbox.lower():
            return None
        mark = ids.folder_mark(message.folder, message.moves)
        return message if reference.folder in (None, mark) else None

    def _arrive(self, message: Message) -> None:
        message.changed = {}
        self.touch(message)
        message.born = message.change
        self._world.storage.put(_MESSAGES, message.key, _to_storage(message))

    def _conversation(self, mailbox: str, message: Message) -> str | None:
        named = set(f"{message.part.header('References')} {message.part.header('In-Reply-To')}".split())
        if not named:
            return None
        topic = base_subject(message.part.header("Subject"))
        for name in sorted(named):
            other = self.messages.get(self._named.get((mailbox, name), ""))
            if other is not None and base_subject(other.part.header("Subject")) == topic:
                return other.conversation
        return None

    def _name(self, message: Message) -> None:
        if message.message_id and "@" not in message.key:
            self._named.setdefault((self.folders[message.folder].mailbox, message.message_id), message.key)


def _to_storage(message: Message) -> dict[str, Any]:
    row = {name: getattr(message, name) for name in _PLAIN}
    row |= {name: getattr(message, name).isoformat() for name in _MOMENTS}
    return {**row, "raw": message.raw.decode("latin-1")}


def _from_storage(key: str, row: dict[str, Any]) -> Message:
    moments = {name: datetime.fromisoformat(row[name]) for name in _MOMENTS}
    return Message(**{**row, **moments, "key": key, "raw": row["raw"].encode("latin-1")})
