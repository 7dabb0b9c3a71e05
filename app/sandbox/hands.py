"""What a person makes happen in the demo: each act goes over the sandbox's control API, as anybody's would.

No service is touched past it, and nothing is told to the app: it finds out by itself, as it does with real calendars.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx

from app.domain.errors import ConflictError, NotFoundError
from app.sandbox.server import Sandbox

_TIMEOUT_SECONDS: Final = 20.0
_LATER: Final = timedelta(hours=2)


class Hands:
    """One person's hands on the services. Every act raises ConflictError where the sandbox will not do it.

    Args:
        sandbox: started, since its control API is asked over its socket.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def online(self) -> bool:
        """Whether the services can be reached."""
        return self._sandbox.online

    async def move_event(self, calendar_id: str) -> str:
        """Move the next single appointment of a calendar by two hours; its title.

        Raises:
            NotFoundError: there is none to move.
        """
        here = _events(calendar_id)
        now = datetime.fromisoformat((await self._ask("GET", "/clock"))["now"])
        listed = (await self._ask("GET", here))["events"]
        single = [event for event in listed if not event["all_day"] and not event.get("rrule") and _is_own(event)]
        if not single:
            raise NotFoundError("There is no appointment left to move.")
        coming = [event for event in single if _start(event) > now]
        event = min(coming, key=_start) if coming else max(single, key=_start)
        start = datetime.fromisoformat(event["start"]) + _LATER
        await self._ask("POST", f"{here}/{_quoted(event['id'])}/move", {"start": start.isoformat()})
        return str(event["title"])

    async def end_sign_in(self, email: str) -> None:
        """Take back, at the service, what the person had allowed."""
        await self._ask("PATCH", f"/accounts/{_quoted(email)}", {"revoke": True})

    async def set_online(self, online: bool) -> None:
        """Take both services off the network, or bring them back."""
        await self._ask("PUT", "/network", {"online": online})

    async def empty(self, calendar_id: str) -> int:
        """Delete everything in a calendar; how much it was."""
        here = _events(calendar_id)
        listed = (await self._ask("GET", here))["events"]
        for event in listed:
            await self._ask("DELETE", f"{here}/{_quoted(event['id'])}")
        return len(listed)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        control = self._sandbox.description()["control"]
        headers = {"Authorization": f"Bearer {control['token']}"}
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False, verify=False) as client:  # noqa: S501 - loopback only, no TLS is spoken
            answer = await client.request(method, control["url"] + path, headers=headers, json=body)
        if answer.is_error:
            raise ConflictError(str(answer.json()["error"]))
        return answer.json() if answer.content else None


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _events(calendar_id: str) -> str:
    return f"/calendars/{_quoted(calendar_id)}/events"


def _is_own(event: Mapping[str, Any]) -> bool:
    """Whether it is an appointment that takes time: of others, and of what is shown as free, the demo has no copy."""
    ordinary = event.get("response") is None and event.get("kind", "default") == "default"
    return ordinary and event.get("busy", "busy") != "free"


def _start(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["start"]).replace(tzinfo=ZoneInfo(event.get("time_zone") or "UTC"))
