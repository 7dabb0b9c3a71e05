"""Gmail put together, and what a person does to a mailbox (`EmulatedMail`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from app.sandbox.faults import SandboxInputError
from app.sandbox.google.batch import Batch
from app.sandbox.google.mail import switches
from app.sandbox.google.mail.access import GmailAccess, error_response
from app.sandbox.google.mail.errors import not_found
from app.sandbox.google.mail.methods import Methods
from app.sandbox.google.mail.quota import Units
from app.sandbox.google.mail.render import Renderer, label
from app.sandbox.google.mail.store import SYSTEM_LABELS, Mailbox, MailStore, Message
from app.sandbox.google.oauth import OAuth
from app.sandbox.mail import check, compose, read_mailbox
from app.sandbox.middleware import Recorded
from app.sandbox.observing import Observed
from app.sandbox.world import World

MAX_BATCH: Final = 100
BATCH_PATHS: Final = ("/batch", "/batch/gmail/v1")
_PLACES: Final = {
    "inbox": ("INBOX",),
    "sentitems": ("SENT",),
    "drafts": ("DRAFT",),
    "deleteditems": ("TRASH",),
    "junkemail": ("SPAM",),
    "archive": (),
}
_WHERE: Final = ("TRASH", "SPAM", "DRAFT", "INBOX", "SENT")
_NAMES: Final = {labels[0]: name for name, labels in _PLACES.items() if labels}


class Gmail:
    """Gmail for the Google accounts of a world.

    Args:
        world: what both services share.
        oauth: which access tokens live.
    """

    def __init__(self, world: World, oauth: OAuth) -> None:
        self._world = world
        switches.declare(world.behaviour)
        self._store = MailStore(world)
        self._renderer = Renderer(world)
        access = GmailAccess(world, oauth, self._store, Units(world))
        self._methods = Methods(world, access, self._store, self._renderer)

    def routes(self) -> list[Route]:
        """Every path of Gmail, its batches too."""
        methods = self._methods.routes()
        parts = Recorded(Router(methods, redirect_slashes=False, default=_unknown), self._world, "google")
        batch = Batch(Observed(parts, "google"), self._world, MAX_BATCH)
        return [*methods, *(Route(path, batch.answer, methods=["POST"]) for path in BATCH_PATHS)]

    # EmulatedMail

    def folders(self, email: str) -> list[dict[str, Any]]:
        """Labels as folders: `[{"id", "name", "total", "unread"}]`."""
        box = self._box(email)
        rows = [label(box, one, counts=True) for one in (*SYSTEM_LABELS, *box.labels)]
        return [
            {"id": row["id"], "name": row["name"], "total": row["messagesTotal"], "unread": row["messagesUnread"]}
            for row in rows
        ]

    def add_folder(self, email: str, name: str) -> dict[str, Any]:
        """Make a label."""
        if not name.strip():
            raise SandboxInputError("A folder needs a name.", "name")
        box = self._box(email)
        label_id = self._store.add_label(box, name)
        self._world.commit()
        return {"id": label_id, "name": box.labels.get(label_id, label_id), "total": 0, "unread": 0}

    def messages(self, email: str) -> list[dict[str, Any]]:
        """Everything in the mailbox, newest first."""
        box = self._box(email)
        return [_shown(box, one) for one in box.newest_first()]

    def deliver(self, email: str, message: dict[str, Any]) -> dict[str, Any]:
        """A message arrives, or lies there since its `date`."""
        box = self._box(email)
        made = self._world.new_id(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        letter = compose(message, self._world.clock.now(), f"<CA{made}@mail.gmail.com>")
        if letter.categories:
            raise SandboxInputError("A message at Google has labels and no categories.", "categories")
        labels = [*self._place(box, letter.folder), *(self._store.add_label(box, one) for one in letter.labels)]
        labels += ["UNREAD"] * letter.unread + ["STARRED"] * letter.flagged
        stored = self._store.add(box, letter.mime, letter.received, labels)
        self._world.commit()
        return _shown(box, stored)

    def change(self, email: str, message_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The person moves, reads, flags or labels a message; `labels` are those of their own it has then."""
        check(changes)
        box, message = self._find(email, message_id)
        if changes.get("categories"):
            raise SandboxInputError("A message at Google has labels and no categories.", "categories")
        add: list[str] = []
        remove: list[str] = []
        if changes.get("folder"):
            place = self._place(box, str(changes["folder"]))
            add += place
            remove += [one for one in (*_WHERE, *box.labels) if one not in place and one != "SENT"]
        if "labels" in changes:
            wanted = [self._store.add_label(box, one) for one in changes["labels"]]
            add += wanted
            remove = [one for one in {*remove, *box.labels} if one not in add]
        for name, label_id in (("unread", "UNREAD"), ("flagged", "STARRED")):
            if name in changes:
                (add if changes[name] else remove).append(label_id)
        self._store.relabel(box, message, add, remove)
        self._world.commit()
        return _shown(box, message)

    def delete(self, email: str, message_id: str) -> None:
        """The person deletes a message for good."""
        self._store.delete(*self._find(email, message_id))
        self._world.commit()

    def expire_positions(self, email: str) -> None:
        """Every history id handed out so far is too old from now on."""
        self._store.expire(self._box(email))
        self._world.commit()

    def state(self) -> dict[str, Any]:
        """Every mailbox in Gmail's own shape, by address."""
        found: dict[str, Any] = {}
        for account in self._world.accounts.values():
            if account.provider == "google":
                box = self._store.box(account.email)
                found[account.email] = {
                    "historyId": str(box.history_id),
                    "labels": [label(box, one) for one in (*SYSTEM_LABELS, *box.labels)],
                    "messages": [self._renderer.message(one, "metadata", ()) for one in box.newest_first()],
                }
        return found

    # For the service around it

    def seed(self, email: str, spec: Any) -> None:
        """Fill a new account's mailbox from `{"folders": [name…], "messages": […]}`, oldest first."""
        folders, messages = read_mailbox(spec)
        for name in folders:
            self.add_folder(email, name)
        for message in messages:
            self.deliver(email, message)

    def forget(self, email: str) -> None:
        """Remove an account's mail."""
        self._store.remove_box(email)

    def _box(self, email: str) -> Mailbox:
        account = self._world.account(email)
        if account is None or account.provider != "google":
            raise KeyError(email)
        return self._store.box(account.email)

    def _find(self, email: str, message_id: str) -> tuple[Mailbox, Message]:
        box = self._box(email)
        return box, box.messages[message_id]

    def _place(self, box: Mailbox, folder: str) -> list[str]:
        if folder.lower() in _PLACES:
            return list(_PLACES[folder.lower()])
        return [self._store.add_label(box, folder)]


def _shown(box: Mailbox, message: Message) -> dict[str, Any]:
    where = next((one for one in _WHERE if one in message.labels), None)
    own = [box.labels[one] for one in message.labels if one in box.labels]
    return {
        "id": message.id,
        "thread_id": message.thread_id,
        "folder": _NAMES[where] if where else (own[0] if own else "archive"),
        "labels": own,
        "unread": "UNREAD" in message.labels,
        "flagged": "STARRED" in message.labels,
        "from": message.part.header("From"),
        "to": message.part.header("To"),
        "subject": message.part.header("Subject"),
        "received": datetime.fromtimestamp(message.received_ms / 1000, UTC).isoformat(),
        "message_id": message.message_id,
    }


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    await error_response(not_found())(scope, receive, send)
