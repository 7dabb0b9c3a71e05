"""Mail, as the person or the world does it to a mailbox: messages arrive, are moved, read, flagged, deleted.

Form alone is checked here; what a message is made of, `mail.py` of the sandbox says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.sandbox.control.answers import NOT_FOUND, REFUSALS, Answer, Controlled, UnknownError
from app.sandbox.control.shapes import Strict, Text, absent
from app.sandbox.mail import EmulatedMail

T = TypeVar("T")
Name = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
People = Text | list[Text]


class Attachment(Strict):
    """A file of a message, as text or as base64."""

    filename: Name
    content_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=200)] = absent()
    text: Text = absent()
    base64: str = absent()
    inline: bool = False
    content_id: Name = absent()


class NewMessage(Strict):
    """A message that arrives, or lies there since its date; or a whole MIME message beside its place."""

    model_config = ConfigDict(populate_by_name=False)

    sender: Text = absent(alias="from", examples=["Leo Park <leo@example.net>"])
    to: People = absent()
    cc: People = absent()
    bcc: People = absent()
    reply_to: People = absent()
    subject: Text = absent()
    text: Text = absent()
    html: Text = absent()
    date: Text = absent(description="A moment with an offset; now when it is left out.")
    attachments: list[Attachment] = absent()
    message_id: Text = absent()
    in_reply_to: Text = absent()
    references: Text = absent()
    headers: dict[str, Text] = absent(description="Further headers.")
    invitation: Text = absent(description="iCalendar text with a METHOD.")
    importance: Literal["low", "normal", "high"] = absent()
    mime: str = absent(description="The whole message; then only its date and place beside it.")
    folder: Name = absent(description="`inbox`, `sentitems`, `drafts`, `archive`, `deleteditems`, `junkemail`, a name.")
    unread: bool = True
    flagged: bool = False
    labels: list[Name] = absent(description="Google.")
    categories: list[Name] = absent(description="Microsoft.")

    def given(self) -> dict[str, Any]:
        """The fields that were sent, as `EmulatedMail` takes them."""
        return self.model_dump(exclude_unset=True, by_alias=True)


class MessageChange(Strict):
    """What a person changes at a message; only the fields given change."""

    folder: Name = absent()
    unread: bool = absent()
    flagged: bool = absent()
    labels: list[Name] = absent(description="Google: those of the person's own that it has from now on.")
    categories: list[Name] = absent(description="Microsoft.")


class NewFolder(Strict):
    """A folder, at Google a label; `/` puts it within another."""

    name: Name


class FolderRow(BaseModel):
    """A folder or label."""

    id: str
    name: str
    total: int
    unread: int


class Folders(BaseModel):
    """Every folder of a mailbox."""

    folders: list[FolderRow]


class MessageRow(BaseModel):
    """A message as it lies in its mailbox."""

    model_config = ConfigDict(extra="allow")

    id: str
    thread_id: str
    folder: str
    unread: bool
    flagged: bool
    subject: str
    received: str
    message_id: str


class Messages(BaseModel):
    """Every message of a mailbox, newest first."""

    messages: list[MessageRow]


def router(sandbox: Controlled) -> APIRouter:
    """The calls of this family."""
    routes = APIRouter(responses={**REFUSALS, **NOT_FOUND}, prefix="/mail/{email}")

    def mail(email: str) -> EmulatedMail:
        account = sandbox.world.account(email)
        if account is None:
            raise UnknownError("account", email)
        return sandbox.provider(account.provider).mail

    def done(act: Callable[[], T], message_id: str) -> T:
        try:
            return act()
        except KeyError as error:
            raise UnknownError("message", message_id) from error

    @routes.get("/folders", response_model=Folders)
    async def folders(email: str) -> Answer:
        """Folders with their counts; at Google labels."""
        return Answer({"folders": mail(email).folders(email)})

    @routes.post("/folders", status_code=201, response_model=FolderRow)
    async def add_folder(email: str, body: NewFolder) -> Answer:
        """Make a folder or label; one of that name is answered as it is."""
        return Answer(mail(email).add_folder(email, body.name), 201)

    @routes.get("/messages", response_model=Messages)
    async def messages(email: str) -> Answer:
        """Everything in the mailbox."""
        return Answer({"messages": mail(email).messages(email)})

    @routes.post("/messages", status_code=201, response_model=MessageRow)
    async def deliver(email: str, body: NewMessage) -> Answer:
        """Let a message arrive."""
        return Answer(mail(email).deliver(email, body.given()), 201)

    @routes.patch("/messages/{message_id}", response_model=MessageRow)
    async def change(email: str, message_id: str, body: MessageChange) -> Answer:
        """Move, read, flag, label or categorise a message, as the person does."""
        box = mail(email)
        return Answer(done(lambda: box.change(email, message_id, body.given()), message_id))

    @routes.delete("/messages/{message_id}", status_code=204)
    async def delete(email: str, message_id: str) -> None:
        """Delete a message for good."""
        box = mail(email)
        done(lambda: box.delete(email, message_id), message_id)

    @routes.post("/expire", status_code=204)
    async def expire(email: str) -> None:
        """Every history id and delta token handed out so far is too old from now on."""
        mail(email).expire_positions(email)

    return routes
