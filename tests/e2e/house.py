"""The app under test as a person has it: started in a desktop session with a home of its own, with its command line
and its local API beside it; and the emulated services in a process of theirs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.contract.auth.browser import Person as PersonAtPage
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

    def sign_in(self, sandbox: Sandbox, *providers: str) -> dict[str, str]:
        """Sign in to services before the app is opened; the ids of all calendars by name."""
        for provider in providers:
            waiting = self.start("accounts", "add", provider, "--no-browser", "--jsonl", environ=sandbox.environ)
            page = json.loads(waiting.line("authorization_url", stream="out"))["authorization_url"]
            asyncio.run(PersonAtPage(sandbox.emails[provider]).visit(page))
            assert waiting.process.wait(SECONDS) == 0, waiting.said
        listed = self.command("accounts", "list", "--json")
        return {
            calendar["name"]: calendar["connection_id"]
            for account in listed.json["accounts"]
            for calendar in account["calendars"]
        }

    def pair(self, sandbox: Sandbox, source: str, target: str, *words: str) -> str:
        """Make a one-way pair of two calendars, by their ids, before the app is opened, and sync it; its id. Nothing
        but the story makes it run again: it looks for changes once an hour.
        """
        asked = ("pairs", "add", source, target, "--direction", "a_to_b", "--interval", "3600", *words, "--json")
        made = self.command(*asked, environ=sandbox.environ)
        assert made.code == 0, made
        synced = self.command("sync", made.json["id"], "--json", environ=sandbox.environ)
        assert synced.code == 0, synced
        return str(made.json["id"])

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

    def events(self, calendar: str) -> list[dict[str, Any]]:
        """All events and series in a calendar."""
        answer = self._control.ask("GET", f"/calendars/{self._calendars[calendar]}/events")
        found: list[dict[str, Any]] = answer["events"]
        return found

    def titles(self, calendar: str) -> list[str]:
        """The titles of all events in a calendar."""
        return [event["title"] for event in self.events(calendar)]

    def add(self, calendar: str, title: str, start: str, end: str) -> None:
        """A person makes an event; the times are UTC, without an offset."""
        body = {"title": title, "start": start, "end": end, "all_day": False, "time_zone": "UTC"}
        self._control.ask("POST", f"/calendars/{self._calendars[calendar]}/events", body)

    def delete(self, calendar: str, events: Sequence[Mapping[str, Any]]) -> None:
        """A person deletes events."""
        for event in events:
            self._control.ask("DELETE", f"/calendars/{self._calendars[calendar]}/events/{event['id']}")

    def asked(self, route: str) -> int:
        """How often a service was asked for something since it began, by method and path."""
        counts: dict[str, int] = self._control.ask("GET", "/requests")["counts"]
        return sum(number for asked, number in counts.items() if route in asked)

    def end_sign_in(self, email: str) -> None:
        """A person takes back, at the service, what they had allowed."""
        self._control.ask("PATCH", f"/accounts/{email}", {"revoke": True})
