"""Microsoft's own client works against the emulated Graph over loopback, and finds what it expects of the real one."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.seed import MICROSOFT_EMAIL
from app.sandbox.server import Sandbox

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-judges" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROGRAM = ROOT / "tests" / "judges" / "msgraph_client.py"
DEADLINE_SECONDS = 90


async def _run(sandbox: Sandbox) -> dict[str, Any]:
    """What the program saw. It gets nothing of this process's environment that could lead it elsewhere."""
    tokens = sandbox.microsoft.issue_tokens(MICROSOFT_EMAIL, None, 3600)
    where = {"graph_api": sandbox.description()["microsoft"]["graph_api"], "token": tokens["access_token"]}
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        PROGRAM,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            told, complaints = await process.communicate(json.dumps(where).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode("utf-8", "replace")
    seen: dict[str, Any] = json.loads(told)
    return seen


@pytest.mark.anyio
async def test_msgraph_sdk_lives_a_day_with_the_emulated_graph() -> None:
    if not PYTHON.exists():
        pytest.skip("there is no .venv-judges; python3 packaging/dev.py test contract makes it")
    sandbox = Sandbox()
    await sandbox.start()
    try:
        seen = await _run(sandbox)
        asked = [f"{entry.method} {entry.path}" for entry in sandbox.world.requests.entries()]
    finally:
        await sandbox.stop()
    assert any(one.endswith("/calendarView/delta()") for one in asked)
    assert seen["me"] == {"mail": MICROSOFT_EMAIL, "time_zone": "W. Europe Standard Time"}
    assert seen["zones"] > 100
    assert seen["calendars"] == [
        {"name": "Home", "can_edit": True, "owner": MICROSOFT_EMAIL},
        {"name": "Birthdays", "can_edit": False, "owner": MICROSOFT_EMAIL},
    ]
    key, value = seen["event"].pop("extended")[0]
    assert (key.endswith("Name judgesKey"), value) == (True, "one")
    assert seen["event"] == {
        "subject": "Lunch",
        "start": ["2026-03-10T12:00:00.0000000", "W. Europe Standard Time"],
        "text": ["text", "Bring a coat"],
        "created": True,
        # What the library's own model of an event has no place for.
        "unknown": ["@odata.context", "@odata.etag"],
    }
    assert seen["found"] == [True]
    first = [(row["type"], row["subject"], row["removed"]) for row in seen["first_round"]]
    assert first == [
        ("singleInstance", "Lunch", False),
        ("seriesMaster", "Choir", False),
        *[("occurrence", None, False)] * 4,
    ]
    assert seen["patched"] == ["Late lunch", True]
    assert [(row["type"], row["subject"]) for row in seen["second_round"]] == [("singleInstance", "Late lunch")]
    assert seen["third_round"] == [[True, True]]
    # UTC, as no zone was asked for; summer time begins on 29 March.
    days = [("12", "18"), ("19", "18"), ("26", "18")]
    assert seen["view"] == [
        *[["occurrence", True, f"2026-03-{day}T{hour}:00:00.0000000"] for day, hour in days],
        ["occurrence", True, "2026-04-02T17:00:00.0000000"],
    ]
    assert seen["instances"] == 4
    assert seen["error"] == [404, "ErrorItemNotFound", True]
    mail = seen["mail"]
    assert {"Inbox", "Drafts", "Sent Items", "Receipts", "Health"} <= set(mail["folders"])
    assert mail["message"].pop("from") == "mum@example.net"
    assert mail["message"] == {"subject": True, "body": "text", "received": True, "files": True}
    assert mail["files"] == [["FileAttachment", True]]
    assert mail["mime"]
    assert mail["types"] == ["EventMessage", "EventMessageRequest", "Message"]
    assert mail["inbox"][0] == mail["inbox"][1] > 5
    assert (mail["again"], mail["error"]) == (0, [404, "ErrorItemNotFound"])
