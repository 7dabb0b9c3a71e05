"""``$batch``: up to twenty requests in one, each through the same door as alone, answered in any order.

It knows no routes. Reference: "Combine multiple HTTP requests using JSON batching".
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope

from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.limits import MAX_CONCURRENT, Lanes, throttled
from app.sandbox.microsoft.wire import compact
from app.sandbox.middleware import ConnectionDropped
from app.sandbox.world import World

MAX_BATCH: Final = 20


class Batch:
    """Runs the parts of a batch.

    Args:
        world: switches and randomness.
        entrance: the ASGI app that each part enters.
    """

    def __init__(self, world: World, entrance: ASGIApp) -> None:
        self._world = world
        self._entrance = entrance

    async def run(self, scope: Scope, body: Any) -> str:
        """The JSON answer; ``scope`` is the batch's own request. Raises GraphError for a malformed batch."""
        requests = _batch_requests(body)
        waiting = {str(item["id"]): item for item in requests}
        statuses: dict[str, int] = {}
        answers: list[str] = []
        order = list(waiting)
        self._world.random.shuffle(order)
        lanes: Lanes | None = scope.get("sandbox.lanes")
        width = lanes.widen(min(len(order), MAX_CONCURRENT)) if lanes else MAX_CONCURRENT
        while order:
            ready = [one for one in order if all(other in statuses for other in waiting[one].get("dependsOn") or [])]
            if not ready:
                raise GraphError(400, "BadRequest", "The dependencies of the batch form a circle or name no request.")
            for number, name in enumerate(ready):
                order.remove(name)
                # Outlook works on four parts at a time; what meets a mailbox that others keep busy is refused alone.
                crowded = number % MAX_CONCURRENT >= width
                status, text = await self._part(scope, waiting[name], statuses, crowded=crowded)
                statuses[name] = status
                answers.append(text)
        return f'{{"responses":[{",".join(answers)}]}}'

    async def _part(
        self, scope: Scope, item: Mapping[str, Any], statuses: Mapping[str, int], *, crowded: bool
    ) -> tuple[int, str]:
        name = str(item["id"])
        if any(statuses[other] >= 400 for other in item.get("dependsOn") or []):
            return self._refused(
                name, GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
            )
        lanes: Lanes | None = scope.get("sandbox.lanes")
        refusal = lanes.count() if lanes else None
        rate = float(self._world.behaviour["microsoft.batch_throttled_share"])
        if crowded or (rate and self._world.random.random() < rate):
            refusal = throttled("Application is over its MailboxConcurrency limit.", 1)
        if refusal is not None:
            return self._refused(name, refusal)
        answer = _Collected()
        try:
            await self._entrance(_part_scope(scope, item), _body_of(item), answer)
        except ConnectionDropped:
            return self._refused(name, GraphError(504, "generalException", "The service dropped this request."))
        head = compact({"id": name, "status": answer.status, "headers": answer.headers})
        text = answer.text()
        return answer.status, f'{head[:-1]},"body":{text}}}' if text else head

    def _refused(self, name: str, refusal: GraphError) -> tuple[int, str]:
        request_id = str(uuid.UUID(int=self._world.random.getrandbits(128), version=4))
        date = f"{self._world.clock.now():%Y-%m-%dT%H:%M:%S}"
        body = refusal.body(date=date, request_id=request_id, client_request_id=request_id)
        headers = {"Content-Type": "application/json", **refusal.headers}
        return refusal.status, compact({"id": name, "status": refusal.status, "headers": headers, "body": body})


def _batch_requests(body: Any) -> list[dict[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(requests) > MAX_BATCH:
        raise GraphError(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MAX_BATCH}.")
    names: set[str] = set()
    for item in requests:
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("id", "method", "url")):
            raise GraphError(400, "BadRequest", "A batch request needs an id, a method and a url.")
        if item["id"] in names:
            raise GraphError(400, "BadRequest", f"Duplicate request id '{item['id']}' in the batch.")
        names.add(item["id"])
        given = item.get("headers") or {}
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise GraphError(400, "BadRequest", f"The headers of request '{item['id']}' are no names with texts.")
        needed = item.get("dependsOn") or []
        if not isinstance(needed, list) or not all(isinstance(name, str) for name in needed):
            raise GraphError(400, "BadRequest", f"'dependsOn' of request '{item['id']}' is no list of ids.")
        if item.get("body") is not None and "content-type" not in {name.lower() for name in given}:
            raise GraphError(
                400,
                "BadRequest",
                "Write request id : {} does not contain Content-Type header or body.".format(item["id"]),
            )
        if urlsplit(item["url"]).scheme or "$batch" in item["url"].lower():
            raise GraphError(400, "BadRequest", f"The url of request '{item['id']}' must be relative to the version.")
        if not set(needed) <= {other.get("id") for other in requests if isinstance(other, dict)}:
            raise GraphError(400, "BadRequest", f"Request '{item['id']}' depends on one that is not in the batch.")
    return requests


def _part_scope(scope: Scope, item: Mapping[str, Any]) -> Scope:
    path, _, query = item["url"].partition("?")
    raw_path = ("/v1.0/" + path.lstrip("/")).encode("utf-8")
    inherited = [pair for pair in scope["headers"] if pair[0] in (b"host", b"authorization", b"user-agent")]
    own = [
        (str(key).lower().encode("latin-1"), str(value).encode("utf-8"))
        for key, value in (item.get("headers") or {}).items()
    ]
    own = [pair for pair in own if pair[0] not in (b"host", b"authorization")]
    return {
        **{key: value for key, value in scope.items() if key not in ("route", "sandbox.faults")},
        "method": item["method"].upper(),
        "raw_path": raw_path,
        "path": unquote(raw_path.decode()),
        "query_string": query.encode("utf-8"),
        "headers": inherited + own,
        "sandbox.part": True,
    }


def _body_of(item: Mapping[str, Any]) -> Receive:
    content = b"" if item.get("body") is None else compact(item["body"]).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


class _Collected:
    """Takes an answer as ASGI messages."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {"content-type": "Content-Type", "retry-after": "Retry-After", "location": "Location"}
            names |= {"preference-applied": "Preference-Applied", "www-authenticate": "WWW-Authenticate"}
            for key, value in message["headers"]:
                name = key.decode("latin-1").lower()
                if name in names:
                    self.headers[names[name]] = value.decode("latin-1")
        else:
            self.body += message.get("body", b"")

    def text(self) -> str:
        """The body as JSON: what is none comes as a string of base64."""
        if not self.body or "json" in self.headers.get("Content-Type", "json"):
            return self.body.decode()
        return compact(base64.b64encode(self.body).decode())
