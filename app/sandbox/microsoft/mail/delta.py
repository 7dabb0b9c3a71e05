"""``mailFolders/{id}/messages/delta`` and ``mailFolders/delta``: rounds of pages, with every trap of the real ones.

A token carries the folder, the options of the first request and the change number reached, so that it outlives the
process. The first round tells what lies in the folder; later ones what changed, came or left, a changed message with
its changed properties alone. Reference: Graph ``message: delta``, ``mailFolder: delta``; provider reference, section 6.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.graph import Call, Reply
from app.sandbox.microsoft.listing import CONTEXT, STALE_SECONDS
from app.sandbox.microsoft.mail.filters import Filter
from app.sandbox.microsoft.mail.listing import MAX_PAGE, MailListing
from app.sandbox.microsoft.mail.render import MailRenderer
from app.sandbox.microsoft.mail.store import ROOT, Folder, MailStore, Message
from app.sandbox.microsoft.wire import compact
from app.sandbox.world import World

_OPTIONS: Final = ("$select", "$expand", "$filter", "$orderby", "$top", "changetype")
_RECEIVED: Final = re.compile(
    r"\s*receivedDateTime\s+(ge|gt)\s+(\S+)(?:\s+and\s+receivedDateTime\s+(le|lt)\s+(\S+))?\s*", re.IGNORECASE
)
_REPLAYED: Final = 100
_MESSAGE: Final = "#microsoft.graph.message"


@dataclass(frozen=True, slots=True)
class Position:
    """What a token says.

    Args:
        folder: the folder's id; the root's for rounds of folders.
        generation: the folder's when the round began; a later one makes the token dead.
        options: of the first request.
        base: the change number up to which the round of the beginning tells; what came later is for the next one.
        since: the change number up to which everything was told when this round began; 0 in the first.
        reached: how far a later round has come.
        place: after which message the first round goes on.
        told: how many messages the first round told.
        issued: when the token was made, seconds since 1970.
        final: whether it is a delta token, made at the end of a round.
    """

    folder: str
    generation: int
    options: Mapping[str, str]
    base: int
    since: int = 0
    reached: int = 0
    place: list[Any] | None = None
    told: int = 0
    issued: float = 0.0
    final: bool = False


class MailDelta:
    """The delta functions of mail.

    Args:
        world: clock, switches, the seed for the key of tokens.
        store: records and their changes.
        renderer: makes folders' JSON.
        listing: makes messages' JSON as selected.
    """

    def __init__(self, world: World, store: MailStore, renderer: MailRenderer, listing: MailListing) -> None:
        self._world = world
        self._store = store
        self._renderer = renderer
        self._listing = listing
        self._key = hashlib.sha256(f"microsoft mail delta {world.random_seed}".encode()).digest()

    def messages(self, call: Call, folder: Folder) -> Reply:
        """A page of a folder's messages."""
        position = self._position(call, folder, _OPTIONS)
        # What cannot be selected is refused before anything is told.
        select = self._listing.selection(call, position.options.get("$select"))
        size = call.page_size(self._size(position))
        if position.since:
            rows, following, more = self._changes(call, position, size, select)
        else:
            rows, following, more = self._inventory(call, position, size, select)
        return self._answer(call, rows, following, "Collection(message)", more=more)

    def folders(self, call: Call, root: Folder) -> Reply:
        """A page of the folders of a mailbox; a folder's counts are no change of it."""
        position = self._position(call, root, ("$select", "$top", "includehiddenfolders"))
        hidden = position.options.get("includehiddenfolders", "false").lower() == "true"
        own = [one for one in self._store.folders_of(call.mailbox) if hidden or not one.hidden]
        changed = sorted((one for one in own if one.change > position.reached), key=lambda one: one.change)
        size = call.page_size(self._size(position))
        page = [] if "empty" in call.faults else changed[:size]
        rows: list[dict[str, Any]] = []
        for one in page:
            rows.append({"@odata.type": "#microsoft.graph.mailFolder", **self._listing.folder_value(call, one)})
        more = len(changed) > len(page) and bool(page)
        base = 0 if "empty" in call.faults else position.base
        following = replace(position, base=base, reached=page[-1].change if page else position.reached)
        return self._answer(call, rows, following, "Collection(mailFolder)", more=more)

    # Tokens

    def _position(self, call: Call, folder: Folder, known: tuple[str, ...]) -> Position:
        values = call.query.values
        names = [name for name in ("$skiptoken", "$deltatoken") if name in values]
        allowed = names[:1] or list(known)
        refused = [name for name in values if name not in allowed]
        if refused:
            raise GraphError(
                400,
                "ErrorInvalidUrlQuery",
                f"The following parameters are not supported with change tracking: '{', '.join(refused)}'.",
            )
        if not names:
            self._check_options(call)
            base = self._visible_until(call, folder)
            return Position(folder.id, folder.generation, dict(values), base)
        position = self._decode(values[names[0]], names[0])
        if position.folder != folder.id or position.final != (names[0] == "$deltatoken"):
            raise _bad_token(values[names[0]], names[0])
        lifetime = float(self._world.behaviour["microsoft.delta_token_lifetime_seconds"])
        age = self._world.clock.now().timestamp() - position.issued
        if position.generation != folder.generation or (lifetime and age > lifetime) or "token_dead" in call.faults:
            raise self._gone(call, folder)
        return position

    def _check_options(self, call: Call) -> None:
        query = call.query
        query.whole("$top", 1, 1, MAX_PAGE)
        text = query.get("$filter")
        if text is not None and not _RECEIVED.fullmatch(text):
            raise GraphError(
                400,
                "ErrorInvalidUrlQueryFilter",
                "Change tracking supports $filter only on receivedDateTime with ge or gt.",
            )
        if text is not None:
            Filter(text)
        order = query.get("$orderby")
        if order is not None and order.strip().lower() != "receiveddatetime desc":
            raise GraphError(
                400, "ErrorInvalidUrlQuery", "Change tracking supports $orderby only as 'receivedDateTime desc'."
            )
        if query.get("changetype") not in (None, "created", "updated", "deleted"):
            raise GraphError(
                400, "ErrorInvalidParameter", f"The value '{query.get('changetype')}' of 'changeType' is invalid."
            )

    def _gone(self, call: Call, folder: Folder) -> GraphError:
        headers = {}
        if self._world.behaviour["microsoft.resync_location"]:
            headers["Location"] = f"{call.base}{call.path}?$deltatoken="
        number = folder.generation
        return GraphError(
            410,
            str(self._world.behaviour["microsoft.sync_state_code"]),
            f"The sync state generation is not found; generation={number - 1};[highest={number}][{number}].",
            headers=headers,
        )

    def _answer(
        self, call: Call, rows: list[dict[str, Any]], following: Position, context: str, *, more: bool
    ) -> Reply:
        if "odata.track-changes" in call.prefer:
            call.applied.append("odata.track-changes")
        rows = self._disturb(call, following, rows)
        if not more:
            reached = following.reached if following.since else max(following.base, following.reached)
            following = replace(following, since=max(reached, 1), reached=reached, place=None, final=True)
        else:
            following = replace(following, final=False)
        link, name = ("nextLink", "$skiptoken") if more else ("deltaLink", "$deltatoken")
        address = f"{call.base}{call.path}?{name}={self._encode(following)}"
        return Reply(200, compact({"@odata.context": CONTEXT + context, f"@odata.{link}": address, "value": rows}))

    def _encode(self, position: Position) -> str:
        stamped = replace(position, issued=round(self._world.clock.now().timestamp(), 3))
        content = json.dumps(astuple(stamped), separators=(",", ":")).encode()
        seal = hashlib.blake2s(content, key=self._key, digest_size=12).digest()
        return base64.urlsafe_b64encode(seal + content).decode().rstrip("=")

    def _decode(self, token: str, name: str) -> Position:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _bad_token(token, name) from None
        if hashlib.blake2s(raw[12:], key=self._key, digest_size=12).digest() != raw[:12]:
            raise _bad_token(token, name)
        return Position(*json.loads(raw[12:]))

    def _size(self, position: Position) -> int:
        return int(position.options.get("$top") or self._world.behaviour["microsoft.default_page_size"])

    # Rows

    def _inventory(
        self, call: Call, position: Position, size: int, select: frozenset[str] | None
    ) -> tuple[list[dict[str, Any]], Position, bool]:
        """The first round, by date of receipt or by arrival: neither ever changes, so no message slips through."""
        newest = position.options.get("$orderby") is not None

        def place(message: Message) -> list[Any]:
            return [-message.received.timestamp() if newest else message.born, message.key]

        wanted = self._filter(position)
        found = sorted(
            (
                (place(one), one)
                for one in self._store.live(position.folder)
                if one.born <= position.base and self._passes(call, wanted, one)
            ),
            key=lambda pair: pair[0],
        )
        if position.place is not None:
            found = [pair for pair in found if pair[0] > position.place]
        cap = int(self._world.behaviour["microsoft.mail_delta_filter_cap"])
        if wanted is not None and cap:
            found = found[: max(0, cap - position.told)]
        if "empty" in call.faults:
            # Nothing was told, so nothing counts as told.
            return [], replace(position, base=0), False
        page = found[:size]
        rows = [self._full(call, position, message, select) for _, message in page]
        following = replace(position, place=page[-1][0] if page else position.place, told=position.told + len(page))
        return rows, following, len(found) > size

    def _changes(
        self, call: Call, position: Position, size: int, select: frozenset[str] | None
    ) -> tuple[list[dict[str, Any]], Position, bool]:
        if "empty" in call.faults:
            return [], position, False
        rows = self._replayed(call, position, select)
        size += len(rows)
        # A delta token begins a round, and what was told before it is what the client has.
        since = position.reached if position.final else position.since
        reached = position.reached
        for message in self._visible(call, position):
            if len(rows) == size:
                return rows, replace(position, since=since, reached=reached), True
            row = self._change(call, position, message, since, select)
            if row is not None:
                rows.append(row)
            reached = message.change
        return rows, replace(position, since=since, reached=reached), False

    def _replayed(self, call: Call, position: Position, select: frozenset[str] | None) -> list[dict[str, Any]]:
        """Messages told in an earlier round that come once more, as they are now."""
        share = float(self._world.behaviour["microsoft.delta_replay_share"])
        if not share or not position.final:
            return []
        chance = Random(f"replay:{self._world.random_seed}:{position.folder}:{position.reached}")
        earlier = [one for one in self._store.live(position.folder) if one.change <= position.reached]
        again = [one for one in earlier[-_REPLAYED:] if chance.random() < share]
        return [self._full(call, position, one, select) for one in again]

    def _change(
        self, call: Call, position: Position, message: Message, since: int, select: frozenset[str] | None
    ) -> dict[str, Any] | None:
        kind = "deleted" if message.deleted else "created" if message.born > since else "updated"
        if position.options.get("changetype", kind) != kind:
            return None
        message_id = self._renderer.id(message, call.form)
        if message.deleted:
            moved = message.moved_away and self._world.behaviour["microsoft.mail_move_reason"] == "changed"
            reason = "changed" if moved else "deleted"
            return {"@odata.type": _MESSAGE, "id": message_id, "@removed": {"reason": reason}}
        wanted = self._filter(position)
        if not self._passes(call, wanted, message):
            return None
        full = self._full(call, position, message, select)
        if kind == "created" or self._world.behaviour["microsoft.mail_delta_updates"] == "full":
            return full
        changed = {name for name, number in message.changed.items() if number > since}
        return {
            name: one for name, one in full.items() if name in changed or name in ("@odata.type", "@odata.etag", "id")
        }

    def _full(self, call: Call, position: Position, message: Message, select: frozenset[str] | None) -> dict[str, Any]:
        value = self._listing.shown(call, message, select, position.options.get("$expand"))
        return {"@odata.type": _MESSAGE, **value}

    def _passes(self, call: Call, wanted: Filter | None, message: Message) -> bool:
        return wanted is None or wanted.takes(self._renderer.message(message, call.form))

    def _filter(self, position: Position) -> Filter | None:
        text = position.options.get("$filter")
        return None if text is None else Filter(text)

    def _limit(self, call: Call) -> datetime | None:
        lag = float(self._world.behaviour["microsoft.delta_lag_seconds"])
        if "stale" in call.faults:
            lag = max(lag, call.faults["stale"].seconds or STALE_SECONDS)
        return self._world.clock.now() - timedelta(seconds=lag) if lag else None

    def _visible_until(self, call: Call, folder: Folder) -> int:
        limit = self._limit(call)
        if limit is None or folder.well_known == ROOT:
            return self._world.last_change
        return self._store.last_change_until(folder.id, limit)

    def _visible(self, call: Call, position: Position) -> Iterator[Message]:
        limit = self._limit(call)
        for message in self._store.changed_after(position.folder, position.reached):
            if limit is not None and message.modified > limit:
                # Nothing may be told past a change that is not visible yet, or it would never be told.
                return
            yield message

    def _disturb(self, call: Call, position: Position, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # Seeded by the position, so that a token used again gives the same page again.
        chance = Random(f"{self._world.random_seed}:{position.folder}:{position.reached}:{position.told}")
        share = 1.0 if "duplicate" in call.faults else float(self._world.behaviour["microsoft.delta_duplicate_share"])
        if share:
            rows = [row for one in rows for row in ([one, one] if chance.random() < share else [one])]
        if "reorder" in call.faults or self._world.behaviour["microsoft.delta_row_order"] == "shuffled":
            rows = list(rows)
            chance.shuffle(rows)
        return rows


def _bad_token(token: str, name: str) -> GraphError:
    shown = "$deltaToken" if name == "$deltatoken" else "$skipToken"
    return GraphError(400, "ErrorInvalidParameter", f"The value '{token}' of parameter '{shown}' is invalid.")
