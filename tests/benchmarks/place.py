"""Where the app is measured: a home with two accounts and one pair, the services in a process of theirs.

The app is started as a person starts it; only `beating_app` adds something of its own, and says so.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.contract.auth.browser import Person
from tests.integration.cli.program import ROOT, SECONDS, Service

GOOGLE, MICROSOFT = "ana.work@example.com", "ana.home@example.net"
RUN_SECONDS = 600.0
_APP = ("-m", "app")


class Place:
    """A home, and what is started in it.

    Args:
        environ: of the desktop session.
        folder: for the seed; an existing folder.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.environ = dict(environ)
        self._folder = folder
        self._services: list[Service] = []

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> Service:
        """Start a Python program with these arguments; it goes on."""
        process = subprocess.Popen(
            (sys.executable, *words),
            env={**self.environ, **(environ or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        service = Service(process)
        self._services.append(service)
        return service

    def start_app(self, *words: str) -> Service:
        """Start the app with these words after its name."""
        return self.start(*_APP, *words)

    def ask(self, *words: str) -> dict[str, Any]:
        """Run a command of the app to its end; its JSON answer."""
        done = subprocess.run(
            (sys.executable, *_APP, *words, "--json"),
            env=self.environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def furnish(self, events: int) -> None:
        """Start the services, sign in to both, and make a paused pair from Google's calendar to Microsoft's.

        Args:
            events: how many the source holds.
        """
        seed = self._folder / f"{events}-events.json"
        seed.write_text(json.dumps(_seed(events)), "utf-8")
        sandbox = self.start(*_APP, "sandbox", "--json", "--seed", str(seed))
        self.environ |= json.loads(sandbox.line("{", stream="out"))["env"]
        for provider, email in (("google", GOOGLE), ("microsoft", MICROSOFT)):
            waiting = self.start_app("accounts", "add", provider, "--no-browser", "--jsonl")
            begun = json.loads(waiting.line("authorization_url", stream="out"))
            asyncio.run(Person(email).visit(begun["authorization_url"]))
            assert waiting.process.wait(SECONDS) == 0, waiting.said
        accounts = self.ask("accounts", "list")["accounts"]
        calendars = {
            calendar["name"]: calendar["connection_id"] for account in accounts for calendar in account["calendars"]
        }
        self.ask("pairs", "add", calendars["Work"], calendars["Home"], "--direction", "a_to_b", "--paused")

    @contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """The local API of the running app, with a key."""
        key = self.ask("keys", "create", "--label", "measurement")["key"]
        file = Path(self.environ["XDG_RUNTIME_DIR"]) / "kalends" / "api.json"
        url = json.loads(file.read_text("utf-8"))["url"]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=SECONDS, trust_env=False) as client:
            yield client

    def close(self) -> None:
        """End what is left."""
        for service in self._services:
            if service.process.poll() is None:
                service.stop()
            service.close()


def _seed(events: int) -> dict[str, Any]:
    """One after the other in the weeks around now, so that all lie in the window of a pair."""
    first = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0) - timedelta(days=20)
    work = [
        {
            "title": f"Appointment {number} of the weekly planning",
            "description": f"Agenda of appointment {number}: what was done, what comes next, and who does it.",
            "location": f"Room {number % 40}",
            "start": (first + timedelta(minutes=30 * number)).isoformat(),
            "end": (first + timedelta(minutes=30 * number + 25)).isoformat(),
            "all_day": False,
            "time_zone": "Europe/Berlin",
        }
        for number in range(events)
    ]
    people: tuple[tuple[str, str, str, list[dict[str, Any]]], ...] = (
        (GOOGLE, "google", "Work", work),
        (MICROSOFT, "microsoft", "Home", []),
    )
    return {
        "accounts": [
            {
                "provider": provider,
                "email": email,
                "display_name": "Ana Moreau",
                "time_zone": "Europe/Berlin",
                "calendars": [{"name": name, "primary": True, "events": there}],
            }
            for email, provider, name, there in people
        ]
    }
