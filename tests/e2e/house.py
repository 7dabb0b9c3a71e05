"""The app under test as a person has it: started in a desktop session with a home of its own, with its command line
and its local API beside it; and the emulated services in a process of theirs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.processes import members
from tests.e2e.waiting import SECONDS, until
from tests.integration.cli.program import Ended, Service
from tests.judges.fixture import command, watching

ROOT = Path(__file__).resolve().parents[2]


class Api:
    """A JSON API on this computer.

    Args:
        url: its base.
        token: a key or token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS, trust_env=False
        )

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request; its JSON answer, None where there is none."""
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


class House:
    """A home, and what a person starts in it.

    Args:
        environ: of the desktop session.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._services: list[Service] = []
        self._apis: list[Api] = []

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> Service:
        """Start the program, which goes on; its process leads a session of its own."""
        process = subprocess.Popen(
            command(*words),
            env={**self._environ, **watching(), **(environ or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        service = Service(process)
        self._services.append(service)
        return service

    def command(self, *words: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end."""
        done = subprocess.run(
            command(*words),
            env={**self._environ, **watching(), **(environ or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def api(self, profile: str) -> Api:
        """The local API of a running profile, with a key that a person makes."""
        file = self.api_file(profile)
        until(f"the profile {profile} is running", file.exists)
        made = self.command("keys", "create", "--label", "end to end", "--profile", profile, "--json")
        assert (made.code, made.err) == (0, "")
        address = json.loads(file.read_text("utf-8"))
        return self._kept(Api(f"{address['url']}/api/v1", made.json["key"]))

    def api_file(self, profile: str) -> Path:
        """Where a running app says its address."""
        folder = Path(self._environ["XDG_RUNTIME_DIR"]) / "kalends"
        return folder / ("" if profile == "default" else profile) / "api.json"

    def sandbox(self) -> Sandbox:
        """Start the emulated services."""
        service = self.start("sandbox", "--json")
        described = json.loads(service.line("{", stream="out"))
        control = described["control"]
        return Sandbox(described, self._kept(Api(control["url"], control["token"])))

    def ended(self, service: Service) -> int:
        """Wait for the end of a program, and of all it had started; its exit code."""
        code = service.process.wait(SECONDS)
        until("nothing of it is left", lambda: not members(service.process.pid))
        return code

    def close(self) -> None:
        """End what is left."""
        for api in self._apis:
            api.close()
        for service in self._services:
            service.close()

    def _kept(self, api: Api) -> Api:
        self._apis.append(api)
        return api


class Sandbox:
    """The emulated services, and what their people do there."""

    def __init__(self, described: Mapping[str, Any], control: Api) -> None:
        self._control = control
        self._calendars = {
            calendar["name"]: calendar["id"] for account in described["accounts"] for calendar in account["calendars"]
        }
        self.emails = {account["provider"]: account["email"] for account in described["accounts"]}
        self.environ: Mapping[str, str] = described["env"]

    def titles(self, calendar: str) -> list[str]:
        """The titles of all events in a calendar."""
        answer = self._control.ask("GET", f"/calendars/{self._calendars[calendar]}/events")
        return [event["title"] for event in answer["events"]]

    def add(self, calendar: str, title: str, start: str, end: str) -> None:
        """A person makes an event; the times are UTC, without an offset."""
        body = {"title": title, "start": start, "end": end, "all_day": False, "time_zone": "UTC"}
        self._control.ask("POST", f"/calendars/{self._calendars[calendar]}/events", body)

    def end_sign_in(self, email: str) -> None:
        """A person takes back, at the service, what they had allowed."""
        self._control.ask("PATCH", f"/accounts/{email}", {"revoke": True})
