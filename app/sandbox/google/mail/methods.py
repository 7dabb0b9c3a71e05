"""The methods of Gmail's API: what each answers, and what it refuses (Gmail API v1 reference)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.google.mail.access import Call, GmailAccess, Handler, error_response
from app.sandbox.google.mail.errors import GmailError, forbidden, invalid, not_found
from app.sandbox.google.mail.pages import Pages
from app.sandbox.google.mail.query import Search
from app.sandbox.google.mail.render import Renderer, label, record
from app.sandbox.google.mail.store import (
    ADDED,
    DELETED,
    LABELS_ADDED,
    LABELS_REMOVED,
    SYSTEM_LABELS,
    Mailbox,
    MailStore,
    Message,
    Record,
)
from app.sandbox.middleware import handler_faults
from app.sandbox.world import World

BASE: Final = "/gmail/v1/users/{user}"
_DEFAULT_PAGE: Final = 100
_MAX_PAGE: Final = 500
_MAX_BATCH_MODIFY: Final = 1000
_STALE_SECONDS: Final = 60.0
_KINDS: Final = {
    "messageAdded": ADDED,
    "messageDeleted": DELETED,
    "labelAdded": LABELS_ADDED,
    "labelRemoved": LABELS_REMOVED,
}
_FIXED: Final = frozenset({"SENT", "DRAFT", "CHAT"})
"""Labels that nobody can put on or take off."""


class Methods:
    """Answers checked calls.

    Args:
        world: clock, switches and seed.
        access: checks the calls.
        store: the mailboxes.
        renderer: makes JSON.
    """

    def __init__(self, world: World, access: GmailAccess, store: MailStore, renderer: Renderer) -> None:
        self._world = world
        self._access = access
        self._store = store
        self._renderer = renderer
        self._pages = Pages(world.random_seed)

    def routes(self) -> list[Route]:
        """Every route, with what is not emulated."""
        messages, threads = f"{BASE}/messages", f"{BASE}/threads"
        found = [
            self._route("GET", f"{BASE}/profile", "getProfile", self._profile),
            self._route("POST", f"{BASE}/watch", "watch", self._watch),
            self._route("POST", f"{BASE}/stop", "stop", self._stop),
            self._route("GET", f"{BASE}/labels", "labels.list", self._labels),
            self._route("GET", f"{BASE}/labels/{{id}}", "labels.get", self._label),
            self._route("GET", f"{BASE}/history", "history.list", self._history),
            self._route("GET", messages, "messages.list", self._messages),
            self._route("POST", f"{messages}/batchModify", "messages.batchModify", self._batch_modify),
            self._route("GET", f"{messages}/{{id}}", "messages.get", self._message),
            self._route("DELETE", f"{messages}/{{id}}", "messages.delete", self._delete),
            self._route("POST", f"{messages}/{{id}}/modify", "messages.modify", self._modify),
            self._route("POST", f"{messages}/{{id}}/trash", "messages.trash", self._trash),
            self._route("POST", f"{messages}/{{id}}/untrash", "messages.untrash", self._untrash),
            self._route(
                "GET", f"{messages}/{{id}}/attachments/{{attachment}}", "messages.attachments.get", self._attachment
            ),
            self._route("GET", threads, "threads.list", self._threads),
            self._route("GET", f"{threads}/{{id}}", "threads.get", self._thread),
        ]
        others = Route(f"{BASE}/{{rest:path}}", _not_emulated)
        others.methods = None  # every verb there is
        return [*found, others]

    def _route(self, verb: str, path: str, method: str, handler: Handler) -> Route:
        # Starlette adds HEAD to a GET by itself; Gmail has none.
        route = Route(path, self._access.endpoint(method, handler), methods=[verb])
        route.methods = {verb}
        return route

    # The mailbox

    def _profile(self, call: Call) -> dict[str, Any]:
        account = self._world.account(call.box.email)
        return {
            "emailAddress": account.email if account else call.box.email,
            "messagesTotal": len(call.box.messages),
            "threadsTotal": len(call.box.threads),
            "historyId": str(call.box.history_id),
        }

    def _watch(self, call: Call) -> dict[str, Any]:
        topic = call.body.get("topicName") or ""
        if not re.fullmatch(r"projects/[^/]+/topics/[^/]+", topic):
            raise invalid("Invalid topicName does not match projects/*/topics/*")
        self._known_labels(call.box, call.body.get("labelIds") or [])
        lifetime = float(self._world.behaviour["google.gmail_watch_lifetime_seconds"])
        expiration = int((self._world.clock.now() + timedelta(seconds=lifetime)).timestamp() * 1000)
        call.box.watch = {"topicName": topic, "labelIds": call.body.get("labelIds"), "expiration": expiration}
        self._store.put_box(call.box)
        return {"historyId": str(call.box.history_id), "expiration": str(expiration)}

    def _stop(self, call: Call) -> None:
        call.box.watch = None
        self._store.put_box(call.box)

    def _labels(self, call: Call) -> dict[str, Any]:
        return {"labels": [label(call.box, one) for one in (*SYSTEM_LABELS, *call.box.labels)]}

    def _label(self, call: Call) -> dict[str, Any]:
        name = str(call.request.path_params["id"])
        if name not in SYSTEM_LABELS and name not in call.box.labels:
            raise not_found()
        return label(call.box, name, counts=True)

    # Messages and threads

    def _messages(self, call: Call) -> dict[str, Any]:
        found, following = self._listing(call, self._found(call))
        faulty = _disturbed(call, found, self._world.random)
        rows = [{"id": one.id, "threadId": one.thread_id} for one in faulty]
        return {**({"messages": rows} if rows else {}), **following}

    def _threads(self, call: Call) -> dict[str, Any]:
        newest: dict[str, Message] = {}
        for message in self._found(call):
            newest.setdefault(message.thread_id, message)
        found, following = self._listing(call, list(newest.values()))
        rows = []
        for message in _disturbed(call, found, self._world.random):
            whole = call.box.thread(message.thread_id)
            shown = self._shown(call, whole[-1], "minimal")
            history = max(int(self._shown(call, one, "minimal")["historyId"]) for one in whole)
            rows.append({"id": message.thread_id, "snippet": shown["snippet"], "historyId": str(history)})
        return {**({"threads": rows} if rows else {}), **following}

    def _found(self, call: Call) -> list[Message]:
        params = call.request.query_params
        text = params.get("q", "")
        if text and call.metadata_only:
            raise forbidden("Metadata scope does not support 'q' parameter")
        wanted = self._known_labels(call.box, params.getlist("labelIds"))
        search = Search(text, call.box, self._world.clock.now())
        hidden = {"SPAM", "TRASH"} - set(wanted)
        if params.get("includeSpamTrash") == "true" or search.names_hidden:
            hidden = set()
        return [
            one
            for one in call.box.newest_first()
            if set(wanted) <= set(one.labels) and not hidden & set(one.labels) and search.finds(one)
        ]

    def _listing(self, call: Call, rows: Sequence[Message]) -> tuple[list[Message], dict[str, Any]]:
        """One page, which goes on after the last message told, whatever was delivered or deleted meanwhile."""
        params, size = call.request.query_params, self._size(call)
        place = self._pages.place(call.box.email, call.method, params)
        faults = handler_faults(call.request.scope)
        if "token_dead" in faults and place is not None:
            raise invalid("Invalid pageToken")
        if "stale" in faults:
            limit = self._world.clock.now() - timedelta(seconds=faults["stale"].seconds or _STALE_SECONDS)
            rows = [one for one in rows if one.received_ms <= limit.timestamp() * 1000]
        if place is not None:
            rows = [one for one in rows if [-one.received_ms, one.id] > place]
        if "empty" in faults:
            rows = []
        page = list(rows[:size])
        # The estimate is none once there is a further page: the service is known to say 201 for any number.
        following: dict[str, Any] = {"resultSizeEstimate": len(rows) if len(rows) <= size else max(201, size + 1)}
        if len(rows) > size:
            last = page[-1]
            following["nextPageToken"] = self._pages.token(
                call.box.email, call.method, params, [-last.received_ms, last.id]
            )
        return page, following

    def _size(self, call: Call) -> int:
        size = int(call.request.query_params.get("maxResults", "0")) or _DEFAULT_PAGE
        if size > _MAX_PAGE and self._world.behaviour["google.gmail_max_results_over_limit"] == "refuse":
            raise invalid(f"Invalid maxResults: {size}")
        return min(size, _MAX_PAGE)

    def _message(self, call: Call) -> dict[str, Any]:
        return self._shown(call, self._named(call), self._format(call))

    def _thread(self, call: Call) -> dict[str, Any]:
        form, thread_id = self._format(call), _checked_id(call)
        messages = call.box.thread(thread_id)
        if not messages:
            raise not_found()
        shown = [self._shown(call, one, form) for one in messages]
        return {"id": thread_id, "historyId": max((one["historyId"] for one in shown), key=int), "messages": shown}

    def _format(self, call: Call) -> str:
        form = call.request.query_params.get("format", "full")
        if call.metadata_only and form in ("full", "raw"):
            raise forbidden(f"Metadata scope doesn't allow format {form.upper()}")
        return form

    def _shown(self, call: Call, message: Message, form: str) -> dict[str, Any]:
        sees = not call.metadata_alone or bool(self._world.behaviour["google.gmail_metadata_snippet"])
        headers = call.request.query_params.getlist("metadataHeaders")
        return self._renderer.message(message, form, headers, snippet=sees)

    def _attachment(self, call: Call) -> dict[str, Any]:
        if call.metadata_only:
            raise forbidden("Metadata scope doesn't allow attachments")
        message = self._named(call)
        found = self._renderer.attachment(message, str(call.request.path_params["attachment"]))
        if found is None:
            raise invalid("Invalid attachment token")
        return found

    def _named(self, call: Call) -> Message:
        message = call.box.messages.get(_checked_id(call))
        if message is None:
            raise not_found()
        return message

    # Changes

    def _modify(self, call: Call) -> dict[str, Any]:
        message = self._named(call)
        self._change(call, [message], self._changed_labels(call))
        return self._after(message)

    def _batch_modify(self, call: Call) -> None:
        names = call.body.get("ids") or []
        if not names or len(names) > _MAX_BATCH_MODIFY:
            raise invalid(f"Number of ids must be between 1 and {_MAX_BATCH_MODIFY}.")
        labels = self._changed_labels(call)
        # Ids that are not there are passed over: the method promises nothing of them.
        self._change(call, [call.box.messages[one] for one in names if one in call.box.messages], labels)

    def _changed_labels(self, call: Call) -> tuple[list[str], list[str]]:
        add, remove = (call.body.get(name) or [] for name in ("addLabelIds", "removeLabelIds"))
        if not add and not remove:
            raise invalid("No label add or removes specified")
        if set(add) & set(remove):
            raise invalid("Cannot both add and remove the same label")
        if len(add) > 100 or len(remove) > 100:
            raise invalid("Too many labels")
        self._known_labels(call.box, [*add, *remove])
        for one in (*add, *remove):
            if one in _FIXED:
                raise invalid(f"Invalid label: {one}")
        return add, remove

    def _change(self, call: Call, messages: Iterable[Message], labels: tuple[list[str], list[str]]) -> None:
        for message in messages:
            self._store.relabel(call.box, message, *labels)

    def _trash(self, call: Call) -> dict[str, Any]:
        message = self._named(call)
        self._store.relabel(call.box, message, ["TRASH"], ["INBOX", "SPAM"])
        return self._after(message)

    def _untrash(self, call: Call) -> dict[str, Any]:
        message = self._named(call)
        self._store.relabel(call.box, message, [], ["TRASH"])
        return self._after(message)

    def _delete(self, call: Call) -> None:
        self._store.delete(call.box, self._named(call))

    def _after(self, message: Message) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": message.id, "threadId": message.thread_id}
        return {**shown, "labelIds": list(message.labels)} if message.labels else shown

    # History

    def _history(self, call: Call) -> dict[str, Any]:
        params, box = call.request.query_params, call.box
        text, faults = params.get("startHistoryId", ""), handler_faults(call.request.scope)
        if not text or int(text) == 0:
            raise invalid("Missing/invalid parameter: startHistoryId")
        lifetime = float(self._world.behaviour["google.gmail_history_lifetime_seconds"])
        if lifetime:
            self._store.forget_before(box, lifetime)
        start = int(text)
        is_future = start > box.history_id
        if "token_dead" in faults or start < box.floor:
            raise not_found()
        if is_future and self._world.behaviour["google.gmail_future_history_id"] == "not_found":
            raise not_found()
        wanted = self._known_labels(box, params.getlist("labelId"))
        kinds = {_KINDS[name] for name in params.getlist("historyTypes")} or set(_KINDS.values())
        place = self._pages.place(box.email, call.method, params)
        if place is not None:
            start = max(start, int(place[0]))
        rows = self._store.changes(box, start)
        if "stale" in faults:
            limit = self._world.clock.now() - timedelta(seconds=faults["stale"].seconds or _STALE_SECONDS)
            rows = [one for one in rows if one.at <= limit.isoformat()]
        if "empty" in faults:
            rows = []
        # What the answer's history id stands for must have been told: it lags behind with the rows of a stale answer.
        reached = str(box.history_id)
        if "stale" in faults or "empty" in faults:
            reached = record(rows[-1])["id"] if rows else text
        return self._history_page(call, rows, kinds, wanted, reached)

    def _history_page(
        self, call: Call, rows: list[Record], kinds: set[str], wanted: Sequence[str], reached: str
    ) -> dict[str, Any]:
        def fits(one: Record) -> bool:
            return one.kind in kinds and (not wanted or bool(set(wanted) & {*one.labels, *one.label_ids}))

        size = self._size(call)
        if self._world.behaviour["google.gmail_history_pages"] == "full":
            rows = [one for one in rows if fits(one)]
        page = rows[:size]
        shown = [record(one) for one in page if fits(one)]
        body: dict[str, Any] = {"historyId": reached}
        if shown:
            body["history"] = _disturbed(call, shown, self._world.random)
        if len(rows) > size:
            place = [int(record(page[-1])["id"])]
            token = self._pages.token(call.box.email, call.method, call.request.query_params, place)
            body["nextPageToken"] = token
        return body

    def _known_labels(self, box: Mailbox, names: Sequence[str]) -> Sequence[str]:
        for name in names:
            if name not in SYSTEM_LABELS and name not in box.labels:
                raise invalid(f"Invalid label: {name}")
        return names


def _checked_id(call: Call) -> str:
    name = str(call.request.path_params["id"])
    if not re.fullmatch(r"[0-9a-f]{1,16}", name):
        raise invalid("Invalid id value")
    return name


def _disturbed(call: Call, rows: list[Any], random: Random) -> list[Any]:
    faults = handler_faults(call.request.scope)
    if "duplicate" in faults:
        rows = [row for row in rows for _ in range(2)]
    if "reorder" in faults:
        rows = list(rows)
        random.shuffle(rows)
    return rows


async def _not_emulated(request: Request) -> Response:
    known = re.compile(r"(drafts|settings|labels|threads|messages)(/|$)")
    if known.match(str(request.path_params["rest"])):
        what = f"{request.method} {request.path_params['rest']}"
        return error_response(GmailError(501, "notImplemented", f"The sandbox does not emulate {what}."))
    return error_response(GmailError(404, "notFound", "Method not found."))
