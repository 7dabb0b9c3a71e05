"""The control API: what a test or a person does to the emulated services beside them (`contract/cli.md`).

Every call but `/openapi.json` needs the bearer token that `kalends sandbox --json` printed. Acting as the user never
checks scopes. Events are in domain shape (see `EmulatedProvider`).
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from fastapi import Body, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.sandbox.faults import SandboxInputError
from app.sandbox.middleware import header_values
from app.sandbox.world import EmulatedProvider, World

Json = dict[str, Any]


class Controlled(Protocol):
    """What the control API needs of the sandbox."""

    world: World
    control_token: str

    @property
    def providers(self) -> tuple[EmulatedProvider, ...]:
        """Both services."""
        ...

    def provider(self, name: str) -> EmulatedProvider:
        """The service of that name."""
        ...

    def provider_of(self, calendar_id: str) -> EmulatedProvider:
        """The service that has this calendar."""
        ...

    def reset(self, seed: Json | None = None, random_seed: int | None = None) -> None:
        """Back to the start."""
        ...


class _Guard:
    """Checks the token, and makes what was done durable before it is answered."""

    def __init__(self, app: ASGIApp, sandbox: Controlled) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = (header_values(scope, "authorization") or [""])[0]
        scheme, _, token = sent.partition(" ")
        known = scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), self._sandbox.control_token.encode()
        )
        if not known and scope["path"] != "/openapi.json":
            refusal = JSONResponse({"error": "The control API needs its token."}, 401, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return

        async def committed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._sandbox.world.commit()
            await send(message)

        await self._app(scope, receive, committed)


def control_app(sandbox: Controlled) -> ASGIApp:
    """The control API as an ASGI application.

    Args:
        sandbox: what it controls; asked anew at each call, since a reset makes a new world.
    """
    app = FastAPI(title="Kalends sandbox control", docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.exception_handler(SandboxInputError)
    async def _bad_input(_: Request, error: SandboxInputError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(KeyError)
    async def _not_found(_: Request, error: KeyError) -> JSONResponse:
        return JSONResponse({"error": f"There is no {error.args[0]!r}."}, 404)

    _world_routes(app, sandbox)
    _account_routes(app, sandbox)
    _event_routes(app, sandbox)
    return _Guard(app, sandbox)


def _world_routes(app: FastAPI, sandbox: Controlled) -> None:
    @app.post("/reset")
    async def reset(body: Json = Body(default={})) -> Json:
        sandbox.reset(body.get("seed"), body.get("random_seed"))
        return {"random_seed": sandbox.world.random_seed}

    @app.get("/clock")
    async def clock() -> Json:
        return {"now": sandbox.world.clock.now().isoformat()}

    @app.put("/clock")
    async def set_clock(body: Json) -> Json:
        if body.get("now") is not None:
            try:
                sandbox.world.clock.set(datetime.fromisoformat(str(body["now"])))
            except ValueError as error:
                raise SandboxInputError(f"{body['now']!r} is no moment with an offset.") from error
        if body.get("advance_seconds") is not None:
            sandbox.world.clock.advance(float(body["advance_seconds"]))
        sandbox.world.save_clock()
        return {"now": sandbox.world.clock.now().isoformat()}

    @app.get("/faults")
    async def faults() -> Json:
        return {"faults": [fault.as_dict() for fault in sandbox.world.faults.all()]}

    @app.post("/faults", status_code=201)
    async def add_fault(body: Json) -> Json:
        return sandbox.world.faults.add(body).as_dict()

    @app.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        sandbox.world.faults.clear()

    @app.delete("/faults/{fault_id}", status_code=204)
    async def remove_fault(fault_id: str) -> None:
        if not sandbox.world.faults.remove(fault_id):
            raise KeyError(fault_id)

    @app.get("/behaviour")
    async def behaviour() -> Json:
        return sandbox.world.behaviour.as_dict()

    @app.patch("/behaviour")
    async def set_behaviour(body: Json) -> Json:
        for name, value in body.items():
            sandbox.world.behaviour.set(name, value)
        return sandbox.world.behaviour.as_dict()

    @app.get("/requests")
    async def requests(provider: str | None = None) -> Json:
        log = sandbox.world.requests
        return {"counts": dict(log.counts), "requests": [entry.as_dict() for entry in log.entries(provider)]}

    @app.delete("/requests", status_code=204)
    async def clear_requests() -> None:
        sandbox.world.requests.clear()

    @app.get("/outbox")
    async def outbox() -> Json:
        return {"invitations": [item.as_dict() for item in sandbox.world.outbox.all()]}

    @app.get("/state")
    async def state() -> Json:
        answer: Json = {provider.name: provider.state() for provider in sandbox.providers}
        return {**answer, "change": sandbox.world.last_change, "now": sandbox.world.clock.now().isoformat()}


def _account_routes(app: FastAPI, sandbox: Controlled) -> None:
    def shown(email: str) -> Json:
        account = sandbox.world.account(email)
        if account is None:
            raise KeyError(email)
        calendars = sandbox.provider(account.provider).calendars(account.email)
        return {
            "provider": account.provider,
            "email": account.email,
            "display_name": account.display_name,
            "time_zone": account.time_zone,
            "testing_mode": account.testing_mode,
            "calendars": calendars,
        }

    @app.get("/accounts")
    async def accounts() -> Json:
        return {"accounts": [shown(email) for email in sandbox.world.accounts]}

    @app.post("/accounts", status_code=201)
    async def add_account(body: Json) -> Json:
        if not isinstance(body.get("email"), str) or "@" not in body["email"]:
            raise SandboxInputError("An account needs an email address.")
        account = sandbox.provider(str(body.get("provider"))).seed_account(body)
        return shown(account.email)

    @app.patch("/accounts/{email}")
    async def change_account(email: str, body: Json) -> Json:
        shown(email)
        account = sandbox.world.accounts[email.lower()]
        provider = sandbox.provider(account.provider)
        known = {"expire_access", "revoke", "change_password", "testing_mode", "downgrade", "kill_cursors"}
        unknown = sorted(set(body) - known)
        if unknown:
            raise SandboxInputError(f"An account has no switch {unknown[0]!r}.")
        if "testing_mode" in body:
            sandbox.world.put_account(replace(account, testing_mode=bool(body["testing_mode"])))
        if body.get("expire_access"):
            provider.expire_access(email)
        if body.get("change_password"):
            provider.change_password(email)
        if body.get("revoke"):
            provider.revoke(email)
        if body.get("kill_cursors"):
            for calendar in provider.calendars(email):
                provider.kill_cursors(calendar["id"])
        if body.get("downgrade"):
            provider.set_role(str(body["downgrade"].get("calendar")), str(body["downgrade"].get("role")))
        return shown(email)

    @app.delete("/accounts/{email}", status_code=204)
    async def delete_account(email: str) -> None:
        shown(email)
        sandbox.provider(sandbox.world.accounts[email.lower()].provider).delete_account(email)

    @app.post("/tokens")
    async def tokens(body: Json) -> Json:
        email = str(body.get("email"))
        shown(email)
        provider = sandbox.provider(sandbox.world.accounts[email.lower()].provider)
        issued = provider.issue_tokens(email, body.get("scopes"), int(body.get("lifetime_seconds") or 3599))
        return {key: issued[key] for key in ("access_token", "refresh_token", "expires_in")}


def _event_routes(app: FastAPI, sandbox: Controlled) -> None:
    @app.get("/calendars/{calendar_id}/events")
    async def events(calendar_id: str) -> Json:
        return {"events": sandbox.provider_of(calendar_id).list_events(calendar_id)}

    @app.post("/calendars/{calendar_id}/events", status_code=201)
    async def create(calendar_id: str, body: Json) -> Json:
        return sandbox.provider_of(calendar_id).create_event(calendar_id, body)

    @app.patch("/calendars/{calendar_id}/events/{event_id}")
    async def patch(calendar_id: str, event_id: str, body: Json) -> Json:
        return sandbox.provider_of(calendar_id).patch_event(calendar_id, event_id, body)

    @app.delete("/calendars/{calendar_id}/events/{event_id}", status_code=204)
    async def delete(calendar_id: str, event_id: str) -> None:
        sandbox.provider_of(calendar_id).delete_event(calendar_id, event_id)

    @app.post("/calendars/{calendar_id}/events/{event_id}/respond")
    async def respond(calendar_id: str, event_id: str, body: Json) -> Json:
        answer = {"response": body.get("response")}
        return sandbox.provider_of(calendar_id).patch_event(calendar_id, event_id, answer)
