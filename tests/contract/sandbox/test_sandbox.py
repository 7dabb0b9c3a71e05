"""The sandbox as a whole: description, control API, who may reach it, and that it forgets nothing it answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.sandbox.faults import SandboxInputError
from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL
from app.sandbox.server import Sandbox
from tests.contract.sandbox.conftest import RunningSandbox, control
from tests.judges.fixture import Judges

_PROCESS = """
import asyncio, json, os, sys
from pathlib import Path
from app.sandbox.observing import OBSERVERS
from app.sandbox.server import Sandbox
from tests.judges.fixture import FINDINGS_FILE
from tests.judges.watched import Telling

OBSERVERS.append(Telling(Path(os.environ[FINDINGS_FILE])).look)

async def main():
    sandbox = Sandbox(Path(sys.argv[1]))
    await sandbox.start()
    print(json.dumps(sandbox.description()), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def events_client(description: dict[str, Any]) -> httpx.Client:
    with control(description) as ctl:
        token = ctl.post("/tokens", json={"email": GOOGLE_EMAIL}).json()["access_token"]
    return httpx.Client(
        base_url=description["google"]["calendar_api"], headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )


def test_the_description_names_everything_a_client_needs(served: dict[str, Any]) -> None:
    assert set(served) == {"google", "microsoft", "control", "env", "accounts"}
    assert served["env"]["KALENDS_GOOGLE_API"].endswith("/calendar/v3")
    assert served["env"]["KALENDS_GRAPH_API"].endswith("/v1.0")
    assert [(row["email"], [calendar["name"] for calendar in row["calendars"]]) for row in served["accounts"]] == [
        (GOOGLE_EMAIL, ["Work", "Team"]),
        (MICROSOFT_EMAIL, ["Home", "Birthdays"]),
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "example.com"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"X-Forwarded-For": "10.0.0.1"}, 421),
        ({"Forwarded": "for=10.0.0.1"}, 421),
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_strangers_are_kept_out_on_all_three_ports(
    served: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    for url in (served["google"]["token_uri"], f"{served['microsoft']['graph_api']}/me", served["control"]["url"]):
        assert httpx.get(url, headers=headers, trust_env=False).status_code == status


def test_the_control_api_needs_its_token_but_describes_itself_to_all(served: dict[str, Any]) -> None:
    url = served["control"]["url"]
    assert httpx.get(f"{url}/state", trust_env=False).status_code == 401
    assert httpx.get(f"{url}/state", headers={"Authorization": "Bearer x"}, trust_env=False).status_code == 401
    paths = httpx.get(f"{url}/openapi.json", trust_env=False).json()["paths"]
    assert {
        "/reset",
        "/accounts",
        "/tokens",
        "/clock",
        "/faults",
        "/behaviour",
        "/requests",
        "/outbox",
        "/state",
    } <= set(paths)


def test_the_control_api_acts_as_the_user_in_both_services(served: dict[str, Any]) -> None:
    event = {
        "title": "Weekly",
        "start": "2026-03-09T09:00:00",
        "end": "2026-03-09T10:00:00",
        "all_day": False,
        "time_zone": "Europe/Berlin",
        "rrule": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4"],
        "exceptions": [
            {"original_start": "2026-03-16T09:00:00", "cancelled": True},
            {"original_start": "2026-03-23T09:00:00", "start": "2026-03-24T09:00:00", "end": "2026-03-24T10:00:00"},
        ],
    }
    with control(served) as ctl:
        for account in served["accounts"]:
            calendar = f"/calendars/{account['calendars'][0]['id']}/events"
            made = ctl.post(calendar, json=event)
            assert made.status_code == 201, made.text
            body = made.json()
            assert (body["title"], body["start"], len(body["exceptions"])) == ("Weekly", event["start"], 2)
            assert body["id"] in [row["id"] for row in ctl.get(calendar).json()["events"]]
            changed = ctl.patch(f"{calendar}/{body['id']}", json={"title": "Changed"})
            assert changed.json()["title"] == "Changed"
            assert ctl.delete(f"{calendar}/{body['id']}").status_code == 204
            assert body["id"] not in [row["id"] for row in ctl.get(calendar).json()["events"]]
            assert ctl.post(calendar, json={"title": "x", "color": "red"}).status_code == 422
        assert ctl.get("/calendars/nothere/events").status_code == 404


def test_accounts_come_and_go(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        spec = {"provider": "google", "email": "leo@example.com", "calendars": [{"name": "Mine", "primary": True}]}
        assert ctl.post("/accounts", json=spec).json()["calendars"][0]["name"] == "Mine"
        assert ctl.post("/accounts", json=spec).status_code == 422
        assert ctl.post("/accounts", json={**spec, "provider": "apple", "email": "x@y"}).status_code == 422
        change = {"downgrade": {"calendar": "leo@example.com", "role": "reader"}}
        assert ctl.patch("/accounts/leo@example.com", json=change).json()["calendars"][0]["role"] == "reader"
        assert ctl.delete("/accounts/leo@example.com").status_code == 204
        assert ctl.patch("/accounts/leo@example.com", json={}).status_code == 404


def test_a_reset_brings_back_the_start(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        before = ctl.get(f"/calendars/{GOOGLE_EMAIL}/events").json()["events"]
        ctl.delete(f"/calendars/{GOOGLE_EMAIL}/events/{before[0]['id']}")
        ctl.put("/clock", json={"advance_seconds": 3600})
        ctl.post("/faults", json={"route": "GET **", "kind": "empty"})
        assert ctl.post("/reset", json={}).status_code == 200
        assert ctl.get(f"/calendars/{GOOGLE_EMAIL}/events").json()["events"] == before
        assert ctl.get("/faults").json() == {"faults": []}


def test_a_reset_to_a_seed_that_cannot_be_made_changes_nothing(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        before = ctl.get(f"/calendars/{GOOGLE_EMAIL}/events").json()
        bad = {"accounts": [{"provider": "google", "email": "a@b.example", "time_zone": "Mars/Base"}]}
        assert ctl.post("/reset", json={"seed": bad}).status_code == 422
        assert ctl.get(f"/calendars/{GOOGLE_EMAIL}/events").json() == before
        assert ctl.post("/reset", json={}).status_code == 200


def test_switches_take_only_values_they_know(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        changed = ctl.patch("/behaviour", json={"google.restore_by_patch": "refuse"})
        assert changed.json()["google.restore_by_patch"]["value"] == "refuse"
        assert ctl.patch("/behaviour", json={"google.restore_by_patch": "perhaps"}).status_code == 422
        assert ctl.patch("/behaviour", json={"google.unknown": 1}).status_code == 422


def test_a_killed_process_loses_nothing_it_answered_for(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    kept: set[str] = set()
    sync_token = ""
    for round_number in range(3):
        process = subprocess.Popen([sys.executable, "-c", _PROCESS, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            description = json.loads(process.stdout.readline())
            with events_client(description) as client:
                listed = client.get("/calendars/primary/events", params={"maxResults": 2500}).json()
                assert kept <= {row["id"] for row in listed["items"]}
                if sync_token:
                    changes = client.get("/calendars/primary/events", params={"syncToken": sync_token}).json()
                    assert {row["id"] for row in changes["items"]} == kept
                else:
                    sync_token = listed["nextSyncToken"]
                for number in range(20):
                    body = {
                        "id": f"kill{round_number}x{number:03d}".replace("x", "0"),
                        "start": {"date": "2026-03-10"},
                        "end": {"date": "2026-03-11"},
                    }
                    assert client.post("/calendars/primary/events", json=body).status_code == 200
                    kept.add(str(body["id"]))
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(20)
            if process.stdout is not None:
                process.stdout.close()
    reopened = Sandbox(path)
    assert kept <= {row["id"] for row in reopened.google.list_events(GOOGLE_EMAIL)}


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(b"not a database at all, but somebody's file " * 50)
    before = path.read_bytes()
    with pytest.raises(SandboxInputError):
        Sandbox(path)
    assert path.read_bytes() == before


def test_a_seed_that_cannot_be_made_leaves_no_world_behind(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    bad = {"accounts": [{"provider": "google", "email": "a@b.example", "calendars": [{"name": "x", "role": "king"}]}]}
    with pytest.raises(SandboxInputError):
        Sandbox(path, seed=bad)
    assert Sandbox(path).world.account(GOOGLE_EMAIL) is not None


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = (Sandbox(random_seed=5).google.list_events(GOOGLE_EMAIL) for _ in range(2))
    assert first == second
    assert first != Sandbox(random_seed=6).google.list_events(GOOGLE_EMAIL)


def test_a_taken_port_is_named(served: dict[str, Any]) -> None:
    port = int(served["control"]["url"].rpartition(":")[2])
    other = RunningSandbox(Sandbox())
    with pytest.raises(SandboxInputError, match=str(port)):
        other.start(google_port=port)
    other.stop()


def test_it_stops_within_two_seconds_with_a_connection_open() -> None:
    running = RunningSandbox(Sandbox())
    description = running.start()
    with events_client(description) as client:
        assert client.get("/calendars/primary/events").status_code == 200
        begun = time.monotonic()
        running.stop()
        assert time.monotonic() - begun < 2


def test_without_a_network_both_services_are_out_of_reach_and_come_back_where_they_were(
    served: dict[str, Any],
) -> None:
    addresses = (f"{served['google']['calendar_api']}/colors", f"{served['microsoft']['graph_api']}/me")
    with control(served) as ctl, events_client(served) as kept_alive:
        assert kept_alive.get("/calendars/primary/events").status_code == 200
        assert ctl.get("/network").json() == {"online": True}
        assert ctl.put("/network", json={"online": False}).json() == {"online": False}
        for address in addresses:
            with pytest.raises(httpx.ConnectError):
                httpx.get(address, trust_env=False)
        with pytest.raises(httpx.TransportError):
            kept_alive.get("/calendars/primary/events")
        assert ctl.put("/network", json={"online": "no"}).json()["field"] == "online"
        assert ctl.put("/network", json={"online": True}).status_code == 200
        for address in addresses:
            assert httpx.get(address, trust_env=False).status_code == 401
        assert kept_alive.get("/calendars/primary/events").status_code == 200


def test_a_reset_brings_the_network_back(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        ctl.put("/network", json={"online": False})
        ctl.post("/reset", json={})
        assert ctl.get("/network").json() == {"online": True}
    assert httpx.get(f"{served['microsoft']['graph_api']}/me", trust_env=False).status_code == 401


def test_the_judges_look_on_in_a_process_of_its_own_too(tmp_path: Path, judges: Judges) -> None:
    judges.allow("there is no parameter bogus")
    process = subprocess.Popen(
        [sys.executable, "-c", _PROCESS, str(tmp_path / "sandbox.db")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        with events_client(json.loads(process.stdout.readline())) as client:
            assert client.get("/calendars/primary/events", params={"bogus": "1"}).status_code == 200
    finally:
        process.kill()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
