"""The routes of mail below ``/me``: folders, messages, attachments, delta rounds. An app's writing is refused."""

from __future__ import annotations

from typing import Final

from app.sandbox.microsoft.errors import GraphError, access_denied, not_found
from app.sandbox.microsoft.graph import Call, GraphRoute, Reply
from app.sandbox.microsoft.listing import CONTEXT
from app.sandbox.microsoft.mail.delta import MailDelta
from app.sandbox.microsoft.mail.listing import MailListing, sees_bodies
from app.sandbox.microsoft.mail.render import MailRenderer
from app.sandbox.microsoft.mail.store import Folder, MailStore, Message
from app.sandbox.microsoft.wire import compact

READ_MAIL: Final = ("Mail.Read", "Mail.ReadBasic")
READ_BODIES: Final = ("Mail.Read",)
WRITE_MAIL: Final = ("Mail.ReadWrite",)
SEND_MAIL: Final = ("Mail.Send",)


class MailRoutes:
    """Answers requests about mail.

    Args:
        store: the records.
        renderer: makes JSON of attachments.
        listing: makes pages.
        delta: makes rounds.
    """

    def __init__(self, store: MailStore, renderer: MailRenderer, listing: MailListing, delta: MailDelta) -> None:
        self._store = store
        self._renderer = renderer
        self._listing = listing
        self._delta = delta

    def routes(self) -> list[GraphRoute]:
        """The routes of this module, fixed segments before names."""
        folders, one = "/me/mailFolders", "/me/mailFolders/{folder}"
        found = [
            GraphRoute("GET", folders, READ_MAIL, self._folders),
            GraphRoute("GET", f"{folders}/delta", READ_MAIL, self._folders_delta),
            GraphRoute("GET", one, READ_MAIL, self._folder),
            GraphRoute("GET", f"{one}/childFolders", READ_MAIL, self._children),
            GraphRoute("GET", f"{one}/messages/delta", READ_MAIL, self._messages_delta),
            GraphRoute("GET", "/me/messages/delta", READ_MAIL, self._no_delta),
            GraphRoute("POST", folders, WRITE_MAIL, self._write),
            GraphRoute("PATCH", one, WRITE_MAIL, self._write),
            GraphRoute("DELETE", one, WRITE_MAIL, self._write),
            GraphRoute("POST", "/me/sendMail", SEND_MAIL, self._write),
        ]
        for base in ("/me/messages", f"{one}/messages"):
            message = f"{base}/{{message}}"
            found += [
                GraphRoute("GET", base, READ_MAIL, self._messages),
                GraphRoute("POST", base, WRITE_MAIL, self._write),
                GraphRoute("GET", message, READ_MAIL, self._message),
                GraphRoute("PATCH", message, WRITE_MAIL, self._write),
                GraphRoute("DELETE", message, WRITE_MAIL, self._write),
                GraphRoute("GET", f"{message}/$value", READ_BODIES, self._mime),
                GraphRoute("GET", f"{message}/attachments", READ_BODIES, self._attachments),
                GraphRoute("GET", f"{message}/attachments/{{attachment}}", READ_BODIES, self._attachment),
                GraphRoute("GET", f"{message}/attachments/{{attachment}}/$value", READ_BODIES, self._attachment_value),
                GraphRoute("POST", f"{message}/move", WRITE_MAIL, self._write),
                GraphRoute("POST", f"{message}/copy", WRITE_MAIL, self._write),
                GraphRoute("POST", f"{message}/send", SEND_MAIL, self._write),
            ]
        return found

    # Folders

    def _folders(self, call: Call) -> Reply:
        return self._listing.folders(call, self._store.children(self._store.ensure(call.mailbox)))

    def _children(self, call: Call) -> Reply:
        return self._listing.folders(call, self._store.children(self._named(call)))

    def _folder(self, call: Call) -> Reply:
        folder = self._named(call)
        call.query.allow("$select")
        context = f"{CONTEXT}users('{call.account.subject}')/mailFolders/$entity"
        return Reply(200, compact({"@odata.context": context, **self._listing.folder_value(call, folder)}))

    def _folders_delta(self, call: Call) -> Reply:
        return self._delta.folders(call, self._store.ensure(call.mailbox))

    def _named(self, call: Call) -> Folder:
        folder = self._store.folder(call.mailbox, call.arguments["folder"])
        if folder is None:
            raise not_found()
        return folder

    # Messages

    def _messages(self, call: Call) -> Reply:
        if "folder" not in call.arguments:
            return self._listing.many(call, self._store.live_of(call.mailbox))
        return self._listing.many(call, self._store.live(self._named(call).id))

    def _messages_delta(self, call: Call) -> Reply:
        return self._delta.messages(call, self._named(call))

    def _no_delta(self, call: Call) -> Reply:
        raise GraphError(400, "BadRequest", "Change tracking is not supported against 'microsoft.graph.message'.")

    def _message(self, call: Call) -> Reply:
        return self._listing.one(call, self._found(call))

    def _mime(self, call: Call) -> Reply:
        return Reply(200, headers={"content-type": "text/plain"}, content=self._found(call).raw)

    def _found(self, call: Call) -> Message:
        message = self._store.find(call.mailbox, call.arguments["message"])
        if message is None or ("folder" in call.arguments and message.folder != self._named(call).id):
            raise not_found()
        return message

    # Attachments

    def _attachments(self, call: Call) -> Reply:
        call.query.allow("$select", "$top", "$skip")
        rows = self._renderer.attachments(self._found(call), call.form)
        select = call.query.select()
        if select is not None:
            rows = [
                {key: one for key, one in row.items() if key in select or key in ("@odata.type", "id")} for row in rows
            ]
        context = f"{CONTEXT}users('{call.account.subject}')/messages('{call.arguments['message']}')/attachments"
        return Reply(200, compact({"@odata.context": context, "value": rows}))

    def _attachment(self, call: Call) -> Reply:
        call.query.allow("$select")
        message = self._found(call)
        part = self._renderer.attachment_part(message, call.arguments["attachment"])
        row = next(
            (
                one
                for one in self._renderer.attachments(message, call.form)
                if part is not None and self._renderer.attachment_part(message, one["id"]) == part
            ),
            None,
        )
        if row is None:
            raise not_found()
        context = (
            f"{CONTEXT}users('{call.account.subject}')/messages('{call.arguments['message']}')/attachments/$entity"
        )
        return Reply(200, compact({"@odata.context": context, **row}))

    def _attachment_value(self, call: Call) -> Reply:
        part = self._renderer.attachment_part(self._found(call), call.arguments["attachment"])
        if part is None:
            raise not_found()
        return Reply(200, headers={"content-type": part.mime_type}, content=part.content)

    # What an app would write

    def _write(self, call: Call) -> Reply:
        """Reached by no token: the scopes it needs are never granted here."""
        if not sees_bodies(call):
            raise access_denied()
        raise GraphError(501, "NotImplemented", f"The sandbox does not emulate {call.method} of mail.")
