"""A sandbox in a process of its own with very many events in one Outlook calendar, for `bench_sandbox_graph.py`.

Run as `python tests/benchmarks/graph_server.py COUNT`; it prints one line of JSON when it serves, and ends when its
input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.sandbox.server import Sandbox

EMAIL = "grace@example.com"


def fill(sandbox: Sandbox, count: int) -> str:
    """Make the events; returns the id of their calendar."""
    calendar = str(sandbox.microsoft.calendars(EMAIL)[0]["id"])
    with sandbox.world.storage.held():
        for number in range(count):
            day = f"2026-{1 + number % 12:02}-{1 + number % 28:02}"
            sandbox.microsoft.create_event(
                calendar,
                {
                    "title": f"Event {number}",
                    "description": f"Notes of event {number}",
                    "location": f"Room {number % 40}",
                    "start": f"{day}T{8 + number % 10:02}:00:00",
                    "end": f"{day}T{8 + number % 10:02}:45:00",
                    "time_zone": "Europe/Berlin",
                },
            )
    return calendar


async def main(count: int) -> None:
    """Serve until the input ends."""
    account = {"provider": "microsoft", "email": EMAIL, "time_zone": "Europe/Berlin"}
    sandbox = Sandbox(seed={"accounts": [account]})
    calendar = fill(sandbox, count)
    # What is measured is the service, not how often it may be asked.
    sandbox.world.behaviour.set("microsoft.requests_per_ten_minutes", 0)
    await sandbox.start()
    token = sandbox.microsoft.issue_tokens(EMAIL, None, 36_000)["access_token"]
    where = {"base": sandbox.description()["microsoft"]["graph_api"], "token": token, "calendar": calendar}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await sandbox.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
