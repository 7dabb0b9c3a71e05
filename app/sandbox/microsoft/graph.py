"""Graph's front door: routing, bearer tokens, scopes, common headers, errors.

What a route does lives in ``mailbox.py``, ``events.py`` and ``delta.py``. Routes that this sandbox does not emulate are
refused as such, never answered with something made up. Reference: provider reference, section 4.
"""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.faults import Fault
from app.sandbox.microsoft.batch import Batch
from app.sandbox.microsoft.errors import GraphError, access_denied
from app.sandbox.microsoft.odata import Query, preferences
from app.sandbox.microsoft.policy import challenge as claims_challenge
from app.sandbox.microsoft.scheduling import zone_finder
from app.sandbox.microsoft.store import Store
from app.sandbox.microsoft.tokens import Tokens
from app.sandbox.microsoft.wire import Form, compact
from app.sandbox.middleware import base_url, handler_faults, header_values
from app.sandbox.world import Account, World

READ_CALENDARS: Final = ("Calendars.Read", "Calendars.ReadWrite", "Calendars.ReadBasic")
WRITE_CALENDARS: Final = ("Calendars.ReadWrite",)
READ_USER: Final = ("User.Read",)
READ_SETTINGS: Final = ("MailboxSettings.Read",)
READ_ZONES: Final = ("User.Read", "MailboxSettings.Read")
_MAX_BODY: Final = 4 * 1024 * 1024
_WHOLE_READ: Final = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
_EXPIRED: Final = {
    "expired": "Access token has expired or is not yet valid.",
    "lifetime": "Lifetime validation failed, the token is expired.",
}
_CRITICAL: Final = (
    "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
    "TokenIssuedBeforeRevocationTimestamp"
)
# Parts of Graph that exist and that this sandbox does not have (yet).
_NOT_EMULATED: Final = frozenset(
    "subscriptions contacts drive people calendargroups getschedule findmeetingtimes "
    "mastercategories attachments extensions accept decline tentativelyaccept cancel forward snoozereminder "
    "dismissreminder users groups".split()
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a route, read and checked so far."""

    method: str
    arguments: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]
    prefer: Mapping[str, str]
    form: Form
    body: Any
    account: Account
    scopes: frozenset[str]
    base: str
    path: str
    faults: Mapping[str, Fault]
    applied: list[str] = field(default_factory=list)

    @property
    def mailbox(self) -> str:
        """The address that keys this person's calendars."""
        return self.account.email.lower()

    def page_size(self, default: int) -> int:
        """``odata.maxpagesize`` between 1 and 1000, noted as applied, else ``default``."""
        text = self.prefer.get("odata.maxpagesize", "")
        if not text.isdigit() or int(text) < 1:
            return default
        self.applied.append(f"odata.maxpagesize={min(int(text), 1000)}")
        return min(int(text), 1000)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answers; ``text`` is JSON, empty for 204 and where ``content`` of another type is answered."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class GraphRoute:
    """One route below ``/v1.0``: fixed segments in any case of letters, ``{name}`` takes one segment."""

    method: str
    path: str
    scopes: tuple[str, ...]
    handler: Handler

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The arguments when these decoded segments fit."""
        parts = self.path.strip("/").split("/")
        if len(parts) != len(segments):
            return None
        arguments: dict[str, str] = {}
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                arguments[part[1:-1]] = segment
            elif part.lower() != segment.lower().removesuffix("()").removeprefix("microsoft.graph."):
                return None
        return arguments


class Graph:
    """The router, an ASGI app for everything below ``/v1.0``.

    Args:
        world: clock, switches, randomness.
        store: calendars and events.
        tokens: what the identity platform handed out.
    """

    def __init__(self, world: World, store: Store, tokens: Tokens) -> None:
        self._world = world
        self._store = store
        self._tokens = tokens
        self._routes: dict[int, list[GraphRoute]] = {}
        # Where the parts of a batch enter; set once the middleware around this router is made.
        self.entrance: ASGIApp = self

    def add(self, routes: list[GraphRoute]) -> None:
        """Serve these routes."""
        for route in routes:
            self._routes.setdefault(route.path.strip("/").count("/") + 1, []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await _read(receive)
        sent = header_values(scope, "client-request-id")
        request_id = str(uuid.UUID(int=self._world.random.getrandbits(128), version=4))
        ids = {"request-id": request_id, "client-request-id": sent[0] if sent else request_id}
        self._store.run_bumps()
        try:
            if body is None:
                raise GraphError(413, "RequestEntityTooLarge", "The request is larger than 4 MB.")
            reply = await self._answer(scope, body)
        except GraphError as error:
            date = f"{self._world.clock.now():%Y-%m-%dT%H:%M:%S}"
            text = compact(error.body(date=date, request_id=request_id, client_request_id=ids["client-request-id"]))
            reply = Reply(error.status, text, error.headers)
        headers = {**ids, **reply.headers}
        if reply.text:
            headers["content-type"] = (
                "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
                if reply.status < 400
                else "application/json"
            )
        content = reply.content or reply.text.encode()
        headers["content-length"] = str(len(content))
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, body: bytes) -> Reply:
        raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        pieces = raw_path.split(b"?")[0].decode("latin-1").strip("/").split("/")[1:]
        segments = [unquote(piece) for piece in pieces]
        account, scopes = self._sign_in(header_values(scope, "authorization"))
        if [segment.lower() for segment in segments] == ["$batch"]:
            scope["route"] = SimpleNamespace(path="/v1.0/$batch")
            if scope["method"] != "POST":
                raise GraphError(405, "BadRequest", "A batch is sent by POST.")
            return Reply(200, await Batch(self._world, self.entrance).run(scope, _json(scope, body)))
        route, arguments = self._find(scope["method"], segments)
        scope["route"] = SimpleNamespace(path=f"/v1.0{route.path}")
        if not scopes & set(route.scopes):
            raise access_denied()
        prefer = preferences(header_values(scope, "prefer"))
        form, applied = self._form(prefer)
        if self._world.behaviour["microsoft.read_basic"] == "bare" and not scopes & _WHOLE_READ:
            form = replace(form, basic=True)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(
            method=scope["method"],
            arguments=arguments,
            query=Query.parse(scope.get("query_string", b"")),
            headers=headers,
            prefer=prefer,
            form=form,
            body=_json(scope, body) if scope["method"] in ("POST", "PATCH") else None,
            account=account,
            scopes=scopes,
            base=base_url(scope),
            path=raw_path.split(b"?")[0].decode("latin-1"),
            faults=handler_faults(scope),
            applied=applied,
        )
        reply = route.handler(call)
        if call.applied:
            reply = replace(reply, headers={**reply.headers, "Preference-Applied": ", ".join(call.applied)})
        return reply

    def _find(self, method: str, segments: list[str]) -> tuple[GraphRoute, dict[str, str]]:
        allowed: set[str] = set()
        for route in self._routes.get(len(segments), []):
            arguments = route.match(segments)
            if arguments is not None:
                if route.method == method:
                    return route, arguments
                allowed.add(route.method)
        if allowed:
            headers = {"Allow": ", ".join(sorted(allowed))}
            raise GraphError(405, "BadRequest", f"The method {method} is not allowed here.", headers=headers)
        for segment in segments:
            if segment.lower().removesuffix("()").removeprefix("microsoft.graph.") in _NOT_EMULATED:
                raise GraphError(501, "NotImplemented", f"The sandbox does not emulate '{segment}'.")
        last = segments[-1] if segments else ""
        raise GraphError(404, "BadRequest", f"Resource not found for the segment '{last}'.")

    def _sign_in(self, headers: list[str]) -> tuple[Account, frozenset[str]]:
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._unauthorized("Access token is empty.")
        grant = self._tokens.find("access", token.strip())
        account = self._world.account(grant.email) if grant else None
        if grant is None or account is None:
            raise self._unauthorized("CompactToken parsing failed with error code: 80049217")
        if self._tokens.is_expired(grant):
            raise self._unauthorized(_EXPIRED[str(self._world.behaviour["microsoft.expired_token_text"])])
        if self._tokens.void_reason(grant):
            able = grant.details.get("cae") and self._world.behaviour["microsoft.revoked_token_answer"] == "claims"
            since = int(self._tokens.valid_from(grant).timestamp()) if able else None
            raise self._unauthorized(_CRITICAL, since)
        since = self._tokens.unmet_challenge(grant)
        if since is not None:
            raise self._unauthorized(_CRITICAL, since)
        return account, frozenset(grant.scopes)

    def _unauthorized(self, message: str, not_before: int | None = None) -> GraphError:
        challenge = (
            'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
            'client_id="00000003-0000-0000-c000-000000000000"'
        )
        if not_before is not None:
            claims = base64.b64encode(claims_challenge(not_before).encode()).decode()
            challenge += f', error="insufficient_claims", claims="{claims}"'
        return GraphError(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": challenge})

    def _form(self, prefer: Mapping[str, str]) -> tuple[Form, list[str]]:
        applied: list[str] = []
        find = zone_finder(self._world.behaviour)
        label = prefer.get("outlook.timezone", "UTC") or "UTC"
        zone = find(label)
        if "outlook.timezone" in prefer:
            applied.append(f'outlook.timezone="{label}"')
        text = prefer.get("outlook.body-content-type", "").lower() == "text"
        if "outlook.body-content-type" in prefer:
            applied.append(f'outlook.body-content-type="{"text" if text else "html"}"')
        immutable = prefer.get("idtype", "").lower() == "immutableid"
        if immutable:
            applied.append('IdType="ImmutableId"')
        return Form(zone, label, immutable, text), applied


async def _read(receive: Receive) -> bytes | None:
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > _MAX_BODY:
            return None
    return content


def _json(scope: Scope, body: bytes) -> Any:
    kinds = header_values(scope, "content-type")
    if not kinds or not re.match(r"application/json\s*(;|$)", kinds[0].lower()):
        raise GraphError(415, "UnsupportedMediaType", "The content type of a body must be application/json.")
    try:
        return json.loads(body, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)
