"""The running app, asked over `/local/v1` with the token of its start. Standard library only, to be quick."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.cli.host import Running
from app.domain.errors import (
    ConflictError,
    FieldError,
    InputError,
    KalendsError,
    NotFoundError,
    UnavailableError,
)

PREFIX = "/local/v1"
ANSWER_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 240.0
"""How long one request may ask the app to wait; longer waits are several requests."""
_LOOK_AGAIN_SECONDS = 1.0


class Unreachable(KalendsError):
    """No app answers."""

    code = "app_unreachable"


class Remote:
    """Asks the running app, one request a connection.

    Args:
        running: where it is, proved to be ours.
    """

    in_process = False

    def __init__(self, running: Running) -> None:
        self._running = running

    @property
    def profile(self) -> str:
        """Which profile the app runs."""
        return self._running.profile

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        wait_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """One request; its JSON answer, `{}` where there is none.

        Args:
            path: below `/local/v1`, e.g. `/status`.
            wait_seconds: how long the app may take over it, besides the usual time.

        Raises:
            Unreachable: it does not answer.
            KalendsError: it refused, with its code.
        """
        address = urlsplit(self._running.url)
        target = PREFIX + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._running.token}"}
        content = None
        if method != "GET":
            content = json.dumps(body or {}).encode()
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=ANSWER_SECONDS + wait_seconds
        )
        try:
            connection.request(method, target, body=content, headers=headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                "The running Kalends does not answer.", fix="Try again; `kalends quit` ends it."
            ) from error
        finally:
            connection.close()
        answer = _parsed(text)
        if response.status >= http.client.BAD_REQUEST:
            raise _refusal(response.status, answer)
        return answer

    def sync(self, pair_ids: list[str] | None, *, full: bool, wait_seconds: float) -> dict[str, Any]:
        """`POST /sync`, followed until the runs ended or time is up."""
        end = time.monotonic() + wait_seconds
        first = min(wait_seconds, LONGEST_WAIT_SECONDS)
        body = {"full": full} | ({} if pair_ids is None else {"pair_ids": pair_ids})
        answer = self.ask("POST", "/sync", query={"wait": first}, body=body, wait_seconds=first)
        return {"runs": [self._followed(run, end) for run in answer["runs"]]}

    def trigger(self, pair_id: str, *, dry_run: bool, full: bool, wait_seconds: float) -> dict[str, Any]:
        """`POST /sync-pairs/{id}/trigger`, followed until the run ended or time is up."""
        end = time.monotonic() + wait_seconds
        first = min(wait_seconds, LONGEST_WAIT_SECONDS)
        answer = self.ask(
            "POST",
            f"/sync-pairs/{pair_id}/trigger",
            query={"wait": first},
            body={"dry_run": dry_run, "full": full},
            wait_seconds=first,
        )
        return self._followed(answer, end)

    def undo(self, run_id: str, events: list[str], *, wait_seconds: float) -> dict[str, Any]:
        """`POST /runs/{id}/undo`; the run that does it, once it ended or time is up."""
        end = time.monotonic() + wait_seconds
        body = {"events": events} if events else {}
        started = self.ask("POST", f"/runs/{run_id}/undo", body=body)
        while True:
            run = self.ask("GET", f"/runs/{started['sync_id']}")
            if run["finished_at"] is not None or time.monotonic() >= end:
                return run
            time.sleep(_LOOK_AGAIN_SECONDS)

    def attempt(self, attempt_id: str, *, wait_seconds: float) -> dict[str, Any]:
        """How a sign-in stands, once it ended or time is up."""
        end = time.monotonic() + wait_seconds
        while True:
            left = min(max(0.0, end - time.monotonic()), LONGEST_WAIT_SECONDS)
            answer = self.ask("GET", f"/accounts/attempts/{attempt_id}", query={"wait": left}, wait_seconds=left)
            if answer["status"] != "pending" or time.monotonic() >= end:
                return answer

    def _followed(self, answer: dict[str, Any], end: float) -> dict[str, Any]:
        while answer["status"] == "running" and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN_SECONDS)
            run = self.ask("GET", f"/runs/{answer['sync_id']}")
            status = "running" if run["status"] == "queued" else run["status"]
            answer = {**answer, **{name: run[name] for name in answer if name in run}, "status": status}
            if run["dry_run"] and status != "running":
                answer["plan"] = run["actions"]
        return answer


def _parsed(text: bytes) -> dict[str, Any]:
    if not text:
        return {}
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("What answers at the running app's address is not Kalends.")
    return answer


def _refusal(status: int, answer: Mapping[str, Any]) -> KalendsError:
    told: Mapping[str, Any] = answer.get("error") or {}
    message = str(told.get("message") or f"The running Kalends answered with status {status}.")
    code = str(told["code"]) if told.get("code") else None
    details = [FieldError(str(one["field"]), str(one["message"])) for one in told.get("details") or ()]
    if status == http.client.NOT_FOUND:
        return NotFoundError(message, code=code)
    if status == http.client.CONFLICT:
        return ConflictError(message, code=code, details=details)
    if status in (http.client.UNPROCESSABLE_ENTITY, http.client.BAD_REQUEST):
        return InputError(details[0].message if details else message, code=code, details=details)
    if status == http.client.SERVICE_UNAVAILABLE:
        return UnavailableError(message, code=code)
    return KalendsError(message, code=code)
