"""Pages of messages and folders, and single ones, by the query options of a request. It neither finds nor changes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from app.sandbox.microsoft.errors import GraphError, access_denied
from app.sandbox.microsoft.graph import Call, Reply
from app.sandbox.microsoft.listing import CONTEXT, STALE_SECONDS
from app.sandbox.microsoft.mail.filters import Filter, Search, ordering
from app.sandbox.microsoft.mail.render import BODIES, FOLDER_PROPERTIES, ON_DEMAND, PROPERTIES, MailRenderer, only
from app.sandbox.microsoft.mail.store import Folder, Message
from app.sandbox.microsoft.odata import expansions
from app.sandbox.microsoft.wire import compact
from app.sandbox.world import World

MAX_PAGE: Final = 1000
_MAX_FOUND: Final = 1000
"""Messages that a $search finds at most."""


def sees_bodies(call: Call) -> bool:
    """Whether the token reads more than Mail.ReadBasic shows."""
    return "Mail.Read" in call.scopes


class MailListing:
    """Renders messages and folders as a request asks.

    Args:
        world: switches, the clock and randomness.
        renderer: makes the JSON.
    """

    def __init__(self, world: World, renderer: MailRenderer) -> None:
        self._world = world
        self._renderer = renderer

    def selection(self, call: Call, text: str | None) -> frozenset[str] | None:
        """The names of ``$select``, checked against what messages have and what the token shows.

        Raises:
            GraphError: 400 for an unknown name, 403 for one that the token must not see.
        """
        if text is None:
            return None
        select = frozenset(item.strip() for item in text.split(",") if item.strip())
        _refuse_unknown(select, PROPERTIES, "Message")
        hidden = select & BODIES
        if hidden and not sees_bodies(call) and self._world.behaviour["microsoft.mail_read_basic"] == "refused":
            raise access_denied()
        return None if "*" in select else select

    def shown(
        self, call: Call, message: Message, select: frozenset[str] | None, expand: str | None = None
    ) -> dict[str, Any]:
        """One message as selected and expanded."""
        whole = self._renderer.message(message, call.form)
        if select is None:
            value = {name: one for name, one in whole.items() if name not in ON_DEMAND}
        else:
            value = only(whole, select)
        if not sees_bodies(call):
            value = {name: one for name, one in value.items() if name not in BODIES}
        for name in expansions(expand):
            if name != "attachments":
                raise GraphError(400, "ErrorInvalidUrlQuery", f"The property '{name}' cannot be expanded here.")
            if not sees_bodies(call):
                raise access_denied()
            value["attachments"] = self._renderer.attachments(message, call.form)
        return value

    def one(self, call: Call, message: Message) -> Reply:
        """A single message."""
        call.query.allow("$select", "$expand")
        select = self.selection(call, call.query.get("$select"))
        value = self.shown(call, message, select, call.query.get("$expand"))
        context = f"{CONTEXT}users('{call.account.subject}')/messages/$entity"
        return Reply(200, compact({"@odata.context": context, **value}))

    def many(self, call: Call, messages: Sequence[Message]) -> Reply:
        """A page of messages, newest first unless another order is asked for."""
        query = call.query
        query.allow("$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count", "$search", "$skiptoken")
        select = self.selection(call, query.get("$select"))
        if "empty" in call.faults:
            messages = ()
        if "stale" in call.faults:
            limit = self._world.clock.now() - timedelta(seconds=call.faults["stale"].seconds or STALE_SECONDS)
            messages = [one for one in messages if one.modified <= limit]
        found = self._searched(call, messages) if query.get("$search") is not None else self._filtered(call, messages)
        top = query.whole(
            "$top", call.page_size(int(self._world.behaviour["microsoft.default_page_size"])), 1, MAX_PAGE
        )
        skip = self._skip(call)
        page = found[skip : skip + top]
        if "duplicate" in call.faults:
            page = [one for one in page for _ in range(2)]
        if "reorder" in call.faults:
            page = list(page)
            self._world.random.shuffle(page)
        answer: dict[str, Any] = {"@odata.context": f"{CONTEXT}users('{call.account.subject}')/messages"}
        if (query.get("$count") or "false").lower() == "true":
            answer["@odata.count"] = len(found)
        answer["value"] = [self.shown(call, one, select, query.get("$expand")) for one in page]
        if skip + top < len(found):
            answer["@odata.nextLink"] = _next_link(call, skip + top)
        return Reply(200, compact(answer))

    def folders(self, call: Call, folders: Sequence[Folder]) -> Reply:
        """A page of folders; hidden ones only when asked for."""
        query = call.query
        query.allow("$select", "$top", "$skip", "$count", "$filter", "includehiddenfolders")
        if (query.get("includehiddenfolders") or "false").lower() != "true":
            folders = [one for one in folders if not one.hidden]
        if query.get("$filter") is not None:
            folders = _named(query.get("$filter") or "", folders)
        top = query.whole(
            "$top", call.page_size(int(self._world.behaviour["microsoft.default_page_size"])), 1, MAX_PAGE
        )
        skip = query.whole("$skip", 0, 0, 100_000)
        answer: dict[str, Any] = {"@odata.context": f"{CONTEXT}users('{call.account.subject}')/mailFolders"}
        if (query.get("$count") or "false").lower() == "true":
            answer["@odata.count"] = len(folders)
        answer["value"] = [self.folder_value(call, one) for one in folders[skip : skip + top]]
        if skip + top < len(folders):
            answer["@odata.nextLink"] = _next_link(call, skip + top)
        return Reply(200, compact(answer))

    def folder_value(self, call: Call, folder: Folder) -> dict[str, Any]:
        """A folder as selected."""
        value = self._renderer.folder(folder)
        select = call.query.select()
        if select is None or "*" in select:
            return value
        _refuse_unknown(select, FOLDER_PROPERTIES, "MailFolder")
        return only(value, select)

    def _filtered(self, call: Call, messages: Sequence[Message]) -> list[Message]:
        text, order = call.query.get("$filter"), call.query.get("$orderby")
        found = sorted(messages, key=lambda one: (one.received, one.key), reverse=True)
        wanted = Filter(text) if text is not None else None
        if wanted is not None:
            found = [one for one in found if wanted.takes(self._renderer.message(one, call.form))]
        if order:
            for key, down in reversed(ordering(order, wanted)):
                keys = {one.key: key(self._renderer.message(one, call.form)) for one in found}
                found.sort(key=lambda one, keys=keys: keys[one.key], reverse=down)  # type: ignore[misc]  # mypy: lambda defaults
        return found

    def _searched(self, call: Call, messages: Sequence[Message]) -> list[Message]:
        for name, code in (("$filter", "SearchWithFilter"), ("$orderby", "SearchWithOrderBy")):
            if call.query.get(name) is not None:
                shown = {"$filter": "$filter", "$orderby": "$orderBy"}[name]
                raise GraphError(400, code, f"The query parameter '{shown}' is not supported with '$search'.")
        if call.query.get("$skip") is not None:
            raise GraphError(400, "SearchWithSkip", "The query parameter '$skip' is not supported with '$search'.")
        wanted = Search(call.query.get("$search") or "")
        found = [one for one in messages if wanted.takes(self._renderer.message(one, call.form))]
        found.sort(key=lambda one: (one.received, one.key), reverse=True)
        return found[:_MAX_FOUND]

    def _skip(self, call: Call) -> int:
        token = call.query.get("$skiptoken")
        if token is None:
            return call.query.whole("$skip", 0, 0, 10_000_000)
        try:
            text = base64.urlsafe_b64decode(token).decode()
        except (binascii.Error, ValueError):
            text = ""
        if not text.isascii() or not text.isdigit() or call.query.get("$search") is None:
            raise GraphError(400, "ErrorInvalidUrlQuery", f"The value '{token}' of parameter '$skipToken' is invalid.")
        return int(text[:9])


def _next_link(call: Call, skip: int) -> str:
    options = {name: value for name, value in call.query.values.items() if name not in ("$skip", "$skiptoken")}
    if "$search" in options:
        options["$skiptoken"] = base64.urlsafe_b64encode(str(skip).encode()).decode()
    else:
        options["$skip"] = str(skip)
    return f"{call.base}{call.path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())


def _named(text: str, folders: Sequence[Folder]) -> list[Folder]:
    words = text.strip().split(None, 2)
    if len(words) != 3 or words[0].lower() != "displayname" or words[1].lower() != "eq" or words[2][:1] != "'":
        raise GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
    wanted = words[2].strip("'").replace("''", "'").lower()
    return [one for one in folders if one.name.lower() == wanted]


def _refuse_unknown(select: frozenset[str], known: frozenset[str], kind: str) -> None:
    unknown = sorted(select - known - {"*"})
    if unknown:
        raise GraphError(
            400,
            "RequestBroker--ParseUri",
            f"Could not find a property named '{unknown[0]}' on type 'Microsoft.OutlookServices.{kind}'.",
        )
