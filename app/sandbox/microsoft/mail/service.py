"""Outlook's mail put together, and what a person does to a mailbox (``EmulatedMail``)."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from app.sandbox.faults import SandboxInputError
from app.sandbox.mail import WELL_KNOWN, check, compose, read_mailbox
from app.sandbox.microsoft.graph import GraphRoute
from app.sandbox.microsoft.mail import switches
from app.sandbox.microsoft.mail.delta import MailDelta
from app.sandbox.microsoft.mail.listing import MailListing
from app.sandbox.microsoft.mail.render import MailRenderer
from app.sandbox.microsoft.mail.routes import MailRoutes
from app.sandbox.microsoft.mail.store import Folder, MailStore, Message
from app.sandbox.microsoft.wire import Form
from app.sandbox.microsoft.zones import resolve
from app.sandbox.world import World

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class OutlookMail:
    """Mail for the Microsoft accounts of a world.

    Args:
        world: shared state; an existing storage is continued.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        switches.declare(world.behaviour)
        self._store = MailStore(world)
        self._renderer = MailRenderer(world, self._store)
        listing = MailListing(world, self._renderer)
        delta = MailDelta(world, self._store, self._renderer, listing)
        self._routes = MailRoutes(self._store, self._renderer, listing, delta)

    def routes(self) -> list[GraphRoute]:
        """The routes of mail."""
        return self._routes.routes()

    # EmulatedMail

    def folders(self, email: str) -> list[dict[str, Any]]:
        """``[{"id", "name", "total", "unread"}]``; a folder within another is named with ``/``."""
        return [self._folder_row(one) for one in self._store.folders_of(self._mailbox(email))]

    def add_folder(self, email: str, name: str) -> dict[str, Any]:
        """Make a folder, and those it lies in."""
        row = self._folder_row(self._place(self._mailbox(email), name, make=True))
        self._world.commit()
        return row

    def messages(self, email: str) -> list[dict[str, Any]]:
        """Everything in the mailbox, newest first."""
        return [self._row(one) for one in self._store.live_of(self._mailbox(email))]

    def deliver(self, email: str, message: dict[str, Any]) -> dict[str, Any]:
        """A message arrives, or lies there since its ``date``."""
        mailbox = self._mailbox(email)
        made = self._world.new_id(28, _LETTERS)
        letter = compose(message, self._world.clock.now(), f"<{made}@EUR02P123.prod.outlook.com>")
        if letter.labels:
            raise SandboxInputError("A message at Microsoft has categories and no labels.", "labels")
        stored = self._store.add(self._place(mailbox, letter.folder, make=True), letter)
        self._world.commit()
        return self._row(stored)

    def change(self, email: str, message_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The person moves, reads, flags or categorises a message."""
        check(changes)
        if changes.get("labels"):
            raise SandboxInputError("A message at Microsoft has categories and no labels.", "labels")
        mailbox = self._mailbox(email)
        message = self._found(mailbox, message_id)
        changed: list[str] = []
        for name, wire, current, wanted in (
            ("unread", "isRead", message.is_read, not changes.get("unread")),
            ("flagged", "flag", message.flagged, changes.get("flagged")),
            ("categories", "categories", message.categories, changes.get("categories")),
        ):
            if name in changes and current != wanted:
                changed.append(wire)
        if changed:
            message.is_read = not changes["unread"] if "unread" in changes else message.is_read
            message.flagged = bool(changes.get("flagged", message.flagged))
            message.categories = list(changes.get("categories", message.categories))
            self._store.touch(message, *changed)
        if changes.get("folder"):
            folder = self._place(mailbox, str(changes["folder"]), make=True)
            if folder.id != message.folder:
                self._store.move(message, folder)
        self._world.commit()
        return self._row(message)

    def delete(self, email: str, message_id: str) -> None:
        """The person deletes a message for good."""
        self._store.delete(self._found(self._mailbox(email), message_id))
        self._world.commit()

    def expire_positions(self, email: str) -> None:
        """Every delta token of the mailbox handed out so far is answered 410 from now on."""
        root = self._store.ensure(self._mailbox(email))
        for folder in (root, *self._store.folders_of(root.mailbox)):
            folder.generation += 1
            self._store.put_folder(folder)
        self._world.commit()

    def state(self) -> dict[str, Any]:
        """Folders and messages of each account in Graph's shape, immutable ids and UTC, by address."""
        form = Form(resolve("UTC"), "UTC", immutable=True, text=False)
        return {
            account.email: {
                "folders": [self._renderer.folder(one) for one in self._store.folders_of(account.email)],
                "messages": [self._renderer.message(one, form) for one in self._store.live_of(account.email)],
            }
            for account in self._world.accounts.values()
            if account.provider == "microsoft"
        }

    # For the service around it

    def rename_folder(self, email: str, name: str, new_name: str) -> dict[str, Any]:
        """The person renames a folder of their own."""
        folder = self._place(self._mailbox(email), name, make=False)
        if folder.well_known is not None or not new_name.strip():
            raise SandboxInputError("Only a folder of one's own can be renamed.", "name")
        folder.name, folder.change = new_name, self._world.change()
        self._store.put_folder(folder)
        self._world.commit()
        return self._folder_row(folder)

    def seed(self, email: str, spec: Any) -> None:
        """Fill a new account's mailbox from ``{"folders": [name…], "messages": […]}``, oldest first."""
        self._store.ensure(email)
        folders, messages = read_mailbox(spec)
        for name in folders:
            self.add_folder(email, name)
        for message in messages:
            self.deliver(email, message)

    def forget(self, email: str) -> None:
        """Remove an account's mail."""
        self._store.forget(email)

    def translated(self, mailbox: str, message_id: str, *, immutable: bool) -> str | None:
        """The id of a message in the other form; None when there is no such message."""
        message = self._store.find(mailbox, message_id)
        return None if message is None else self._store.id_of(message, immutable=immutable)

    def _mailbox(self, email: str) -> str:
        account = self._world.account(email)
        if account is None or account.provider != "microsoft":
            raise KeyError(email)
        self._store.ensure(email)
        return email.lower()

    def _found(self, mailbox: str, message_id: str) -> Message:
        message = self._store.find(mailbox, message_id)
        if message is None:
            raise KeyError(message_id)
        return message

    def _place(self, mailbox: str, name: str, *, make: bool) -> Folder:
        """A folder by its well-known name, id, or names from the top with ``/`` between."""
        found = self._store.folder(mailbox, name)
        if found is not None:
            return found
        at = self._store.ensure(mailbox)
        steps = [step.strip() for step in name.split("/") if step.strip()]
        if not steps:
            raise SandboxInputError("A folder needs a name.", "folder")
        for step in steps:
            below = next((one for one in self._store.children(at) if one.name.lower() == step.lower()), None)
            if below is None and not make:
                raise KeyError(name)
            at = below or self._store.add_folder(mailbox, step, at.id)
        return at

    def _path(self, folder: Folder) -> str:
        if folder.well_known in WELL_KNOWN:
            return str(folder.well_known)
        parent = self._store.folders.get(folder.parent or "")
        return folder.name if parent is None or parent.parent is None else f"{self._path(parent)}/{folder.name}"

    def _folder_row(self, folder: Folder) -> dict[str, Any]:
        messages = self._store.live(folder.id)
        unread = sum(not one.is_read for one in messages)
        return {"id": folder.id, "name": self._path(folder), "total": len(messages), "unread": unread}

    def _row(self, message: Message) -> dict[str, Any]:
        return {
            "id": self._store.id_of(message, immutable=True),
            "thread_id": message.conversation,
            "folder": self._path(self._store.folders[message.folder]),
            "categories": list(message.categories),
            "unread": not message.is_read,
            "flagged": message.flagged,
            "from": message.part.header("From"),
            "to": message.part.header("To"),
            "subject": message.part.header("Subject"),
            "received": message.received.astimezone(UTC).isoformat(),
            "message_id": message.message_id,
        }
