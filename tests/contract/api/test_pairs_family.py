"""`contract/api.md` §6 and the documented examples: what each route of the pairs family answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import httpx
import pytest

from app.api.application import build_api
from app.domain.accounts import Provider
from app.domain.errors import (
    AuthExpiredError,
    KalendsError,
    OfflineError,
    SignInError,
    StorageError,
    ThrottledError,
    VaultError,
)
from app.domain.keys import KeyKind
from app.domain.pairs import CopyColour, Direction, HoursFilter, Mode, PairStatus, Replacement, Weekday
from app.domain.runs import Counts, RunError, RunStatus, Trigger
from app.services.moments import to_text
from app.services.views import PairChange
from tests.contract.api.conftest import Key
from tests.contract.api.core_double import COPIES, GOING, NOW, Double, conn, make_double, pair_id, ulid
from tests.contract.api.test_order_of_checks import code, details

pytestmark = pytest.mark.anyio

API = "/api/v1"
PAIR = f"{API}/sync-pairs/{pair_id(1)}"


# --- the documented examples ------------------------------------------------------------------------------------------

EXAMPLES: list[tuple[str, str, Any]] = [
    (
        "GET",
        "/connections",
        {
            "connections": [
                {
                    "id": "conn_abc123",
                    "provider": "google",
                    "email": "you@gmail.com",
                    "calendar_name": "My Calendar",
                    "status": "active",
                    "last_synced_at": "2026-03-28T10:00:00Z",
                }
            ]
        },
    ),
    (
        "GET",
        "/sync-pairs",
        {
            "pairs": [
                {
                    "id": "pair_xyz789",
                    "connection_a_id": "conn_abc123",
                    "connection_b_id": "conn_def456",
                    "sync_mode": "blocker",
                    "direction": "bidirectional",
                    "status": "active",
                    "last_synced_at": "2026-03-28T10:00:00Z",
                }
            ]
        },
    ),
    (
        "POST",
        f"/sync-pairs/{pair_id(1)}/trigger",
        {
            "success": True,
            "sync_id": "sync_run_123",
            "events_processed": 12,
            "events_created": 2,
            "events_updated": 0,
            "events_deleted": 1,
        },
    ),
    (
        "GET",
        f"/logs?pair_id={pair_id(1)}",
        {
            "logs": [
                {
                    "id": "log_456",
                    "pair_id": "pair_xyz789",
                    "status": "success",
                    "events_synced": 12,
                    "duration_ms": 843,
                    "created_at": "2026-03-28T10:00:00Z",
                }
            ],
            "total": 48,
            "page": 1,
        },
    ),
]


def assert_covers(answer: Any, example: Any, where: str = "") -> None:
    """An answer has every field of an example, with values of the same type and the same form of id."""
    assert type(answer) is type(example), where
    if isinstance(example, dict):
        for name, value in example.items():
            assert name in answer, f"{where}.{name}"
            assert_covers(answer[name], value, f"{where}.{name}")
    elif isinstance(example, list):
        assert answer, where
        for one in answer:
            assert_covers(one, example[0], f"{where}[]")
    elif isinstance(example, str) and where.endswith("id"):
        assert answer.rpartition("_")[0] == example.rpartition("_")[0], where
    elif isinstance(example, str) and where.endswith("_at"):
        assert answer == to_text(datetime.fromisoformat(answer)), where


@pytest.mark.parametrize(("method", "path", "example"), EXAMPLES)
async def test_each_documented_example_is_covered(
    client: httpx.AsyncClient, key: Key, method: str, path: str, example: Any
) -> None:
    await client.post(f"{PAIR}/trigger", headers=key())
    answer = await client.request(method, f"{API}{path}", headers=key())
    assert answer.status_code == 200
    assert_covers(answer.json(), example)


# --- connections ------------------------------------------------------------------------------------------------------


async def test_a_connection_says_where_it_is_and_whether_we_may_write(client: httpx.AsyncClient, key: Key) -> None:
    answer = await client.get(f"{API}/connections/{conn(3)}", headers=key())
    assert answer.json() == {
        "id": conn(3),
        "provider": "google",
        "email": "person1@example.org",
        "calendar_name": "Calendar 3",
        "status": "active",
        "last_synced_at": "2026-03-28T10:00:00Z",
        "account_id": f"acct_{ulid(1)}",
        "access": "reader",
        "expires_at": None,
        "calendar_id": "calendar3@example.org",
        "time_zone": "Europe/Berlin",
        "sandbox": True,
        "problem": None,
    }


async def test_a_connection_is_known_by_its_stream_id_too(client: httpx.AsyncClient, key: Key) -> None:
    answer = await client.get(f"{API}/connections/cal_{ulid(3)}", headers=key())
    assert answer.json()["id"] == conn(3)
    body = {"connection_a_id": f"cal_{ulid(1)}", "connection_b_id": conn(4)}
    made = await client.post(f"{API}/sync-pairs", json=body, headers=key())
    assert made.json()["connection_a_id"] == conn(1)


async def test_connecting_answers_202_and_the_attempt_can_be_followed(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    shown = key()
    answer = await client.post(f"{API}/connections", json={"provider": "google", "calendar": "team"}, headers=shown)
    assert answer.status_code == 202
    begun = answer.json()
    assert set(begun) == {"authorization_url", "attempt_id", "expires_at"}
    assert begun["expires_at"] == "2026-03-28T10:10:00Z"
    assert double.world.calls == [("begin", (Provider.GOOGLE, "team"))]
    location = answer.headers["Location"]
    assert location == f"{API}/connections/attempts/{begun['attempt_id']}"
    assert (await client.get(location, headers=shown)).json() == {
        "status": "pending",
        "connection_ids": [],
        "error": None,
    }
    await double.core.connections.finish(begun["attempt_id"])
    assert (await client.get(location, headers=shown)).json()["connection_ids"] == [conn(1)]


async def test_reconnecting_answers_as_connecting_does(client: httpx.AsyncClient, key: Key) -> None:
    answer = await client.post(f"{API}/connections/{conn(1)}/reconnect", headers=key())
    assert answer.status_code == 202
    assert set(answer.json()) == {"authorization_url", "attempt_id", "expires_at"}


async def test_a_connection_that_pairs_use_is_not_let_go(client: httpx.AsyncClient, key: Key) -> None:
    used = await client.delete(f"{API}/connections/{conn(1)}", headers=key())
    assert code(used) == (409, "connection_in_use")
    free = await client.delete(f"{API}/connections/{conn(3)}", headers=key())
    assert (free.status_code, free.content) == (204, b"")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SignInError("No client.", code="client_missing"), (409, "client_missing")),
        (VaultError("Locked.", code="vault_locked", fix="Unlock it."), (409, "vault_locked")),
        (AuthExpiredError("Ended."), (409, "needs_sign_in")),
        (OfflineError("No network."), (503, "unavailable")),
        (ThrottledError("Slower.", retry_after_seconds=11.2), (503, "unavailable")),
        (StorageError("Full.", code="database_full"), (503, "unavailable")),
        (KalendsError("Stopping.", code="unavailable"), (503, "unavailable")),
        (KalendsError("Odd."), (500, "server_error")),
    ],
)
async def test_what_a_person_must_settle_is_409_and_what_passes_is_503(
    client: httpx.AsyncClient, double: Double, key: Key, error: KalendsError, expected: tuple[int, str]
) -> None:
    double.world.broken = error
    answer = await client.post(f"{API}/connections", json={"provider": "google"}, headers=key())
    assert code(answer) == expected
    assert ("Retry-After" in answer.headers) == (expected[0] == 503)
    if isinstance(error, ThrottledError):
        assert answer.headers["Retry-After"] == "12"
    if isinstance(error, VaultError):
        assert answer.json()["error"]["message"] == "Locked. Unlock it."


# --- what a key sees --------------------------------------------------------------------------------------------------


async def test_a_test_key_neither_sees_nor_makes_anything_real(
    client: httpx.AsyncClient, key: Key, double: Double
) -> None:
    shown = key("*", kind=KeyKind.TEST)
    seen = (await client.get(f"{API}/connections", headers=shown)).json()["connections"]
    assert [one["id"] for one in seen] == [conn(1), conn(2), conn(3)]
    for method, path in (
        ("GET", f"/connections/{conn(4)}"),
        ("DELETE", f"/connections/{conn(4)}"),
        ("POST", f"/connections/{conn(4)}/reconnect"),
    ):
        assert code(await client.request(method, f"{API}{path}", headers=shown)) == (404, "not_found")
    attempt = await double.core.connections.begin(Provider.GOOGLE)
    body = {"provider": "google"}
    assert code(await client.post(f"{API}/connections", json=body, headers=shown)) == (403, "forbidden")
    assert code(await client.get(f"{API}/connections/attempts/{attempt.id}", headers=shown)) == (404, "not_found")


async def test_a_key_limited_to_some_connections_or_pairs_finds_no_others(client: httpx.AsyncClient, key: Key) -> None:
    few = key("*", connection_ids=(conn(1),))
    assert len((await client.get(f"{API}/connections", headers=few)).json()["connections"]) == 1
    assert (await client.get(f"{API}/sync-pairs", headers=few)).json() == {"pairs": []}
    other = key("*", pair_ids=(pair_id(2),))
    for method, path in (("GET", PAIR), ("PATCH", PAIR), ("DELETE", PAIR), ("POST", f"{PAIR}/trigger")):
        for shown in (few, other):
            assert code(await client.request(method, path, headers=shown)) == (404, "not_found")
    for shown in (few, other):
        answer = await client.post(f"{API}/connections", json={"provider": "google"}, headers=shown)
        assert code(answer) == (403, "forbidden")


# --- sync pairs -------------------------------------------------------------------------------------------------------


async def test_a_new_pair_has_the_documented_defaults(client: httpx.AsyncClient, key: Key) -> None:
    body = {"connection_a_id": conn(1), "connection_b_id": conn(4)}
    answer = await client.post(f"{API}/sync-pairs", json=body, headers=key())
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{API}/sync-pairs/{made['id']}"
    defaults = {"sync_mode": "blocker", "direction": "bidirectional", "status": "active", "interval_seconds": 300}
    assert {name: made[name] for name in defaults} == defaults
    assert set(made) >= {"state", "next_run_at", "paused_until", "pause_reason", "held", "settings"}
    assert made["settings"]["filters"]["declined"] is True


async def test_settings_that_are_given_are_kept_and_the_rest_stays_at_its_default(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    body = {
        "connection_a_id": conn(1),
        "connection_b_id": conn(4),
        "sync_mode": "full",
        "direction": "bidirectional",
        "settings": {"title": "Away", "filters": {"free": True, "shorter_than_seconds": 600}},
        "settings_b_to_a": {"sync_mode": "blocker", "window_ahead_days": 90},
    }
    made = (await client.post(f"{API}/sync-pairs", json=body, headers=key())).json()
    pair = double.world.pairs[made["id"]]
    assert (pair.settings.title, pair.settings.mode, pair.settings.filters.free) == ("Away", Mode.FULL, True)
    assert pair.settings.filters.declined is True
    assert pair.settings_b_to_a is not None
    assert (pair.settings_b_to_a.mode, pair.settings_b_to_a.window_ahead_days) == (Mode.BLOCKER, 90)
    assert pair.settings_b_to_a.title == "Away"
    assert made["settings_b_to_a"]["sync_mode"] == "blocker"


async def test_many_pairs_are_made_together_and_bad_ones_are_named_by_place(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    good = {"connection_a_id": conn(1), "connection_b_id": conn(4)}
    bad = {"connection_a_id": conn(9), "connection_b_id": conn(4)}
    shown = key()
    refused = await client.post(f"{API}/sync-pairs", json=[good, bad], headers=shown)
    assert code(refused) == (422, "validation_error")
    assert set(details(refused)) == {"[1].connection_a_id"}
    alone = await client.post(f"{API}/sync-pairs", json=[bad], headers=shown)
    assert set(details(alone)) == {"[0].connection_a_id"}
    single = await client.post(f"{API}/sync-pairs", json=bad, headers=shown)
    assert set(details(single)) == {"connection_a_id"}
    assert len(double.world.pairs) == 1
    made = await client.post(
        f"{API}/sync-pairs", json=[good, {"connection_a_id": conn(3), "connection_b_id": conn(4)}], headers=shown
    )
    assert made.status_code == 201
    assert [one["connection_a_id"] for one in made.json()["pairs"]] == [conn(1), conn(3)]
    too_many = await client.post(f"{API}/sync-pairs", json=[good] * 101, headers=shown)
    assert code(too_many) == (422, "validation_error")


async def test_a_direction_that_is_taken_is_409_and_names_the_pair(client: httpx.AsyncClient, key: Key) -> None:
    body = {"connection_a_id": conn(2), "connection_b_id": conn(1)}
    answer = await client.post(f"{API}/sync-pairs", json=body, headers=key())
    assert code(answer) == (409, "direction_taken")
    assert details(answer) == {"pair_id": pair_id(1)}


async def test_pairs_are_listed_by_status_and_by_page(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    whole = (await client.get(f"{API}/sync-pairs", headers=shown)).json()
    assert set(whole) == {"pairs"}
    assert (await client.get(f"{API}/sync-pairs?status=paused", headers=shown)).json() == {"pairs": []}
    page = (await client.get(f"{API}/sync-pairs?per_page=1", headers=shown)).json()
    assert (len(page["pairs"]), page["total"], page["page"], page["per_page"]) == (1, 1, 1, 1)


async def test_a_pair_can_be_sent_back_as_it_was_given(client: httpx.AsyncClient, double: Double, key: Key) -> None:
    shown = key()
    given = (await client.get(PAIR, headers=shown)).json()
    answer = await client.patch(PAIR, json=given, headers=shown)
    assert (answer.status_code, answer.json()) == (200, given)
    assert not double.world.calls


async def test_a_pair_passes_as_it_was_given_though_a_run_ended_meanwhile(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    shown = key()
    given = (await client.get(PAIR, headers=shown)).json()
    paused = await client.patch(PAIR, json={"status": "paused", "reason": "move"}, headers=shown)
    assert paused.json()["state"] == "paused"
    answer = await client.patch(PAIR, json={**given, "interval_seconds": 900}, headers=shown)
    assert answer.status_code == 200
    assert (answer.json()["interval_seconds"], answer.json()["status"]) == (900, "active")


@pytest.mark.parametrize(
    "change",
    [
        {"id": pair_id(2)},
        {"connection_a_id": conn(3)},
        {"connection_b_id": None},
        {"last_synced_at": "2000-01-01T00:00:00Z"},
        {"state": "held"},
        {"held": 3},
        {"held": False},
        {"next_run_at": None},
        {"pause_reason": "lunch"},
        {"created_at": "2026-03-28T10:00:00Z"},
    ],
)
async def test_a_changed_read_only_field_is_422(
    client: httpx.AsyncClient, double: Double, key: Key, change: dict[str, Any]
) -> None:
    answer = await client.patch(PAIR, json={**change, "status": "paused"}, headers=key())
    assert code(answer) == (422, "validation_error")
    assert set(details(answer)) == set(change)
    assert not double.world.calls


async def test_the_same_moment_in_other_words_is_unchanged(client: httpx.AsyncClient, key: Key) -> None:
    same = {"last_synced_at": "2026-03-28T11:00:00.000+01:00", "connection_a_id": f"cal_{ulid(1)}"}
    assert (await client.patch(PAIR, json=same, headers=key())).status_code == 200


async def test_only_what_changes_is_handed_on(client: httpx.AsyncClient, double: Double, key: Key) -> None:
    shown = key()
    given = (await client.get(PAIR, headers=shown)).json()
    wanted = {**given, "sync_mode": "details", "direction": "a_to_b", "settings": {"title": "{title}"}}
    answer = (await client.patch(PAIR, json=wanted, headers=shown)).json()
    assert (answer["sync_mode"], answer["direction"], answer["settings"]["title"]) == ("details", "a_to_b", "{title}")
    ((_, change),) = double.world.calls
    assert isinstance(change, PairChange)
    assert (change.mode, change.direction) == (Mode.DETAILS, Direction.A_TO_B)
    assert (change.status, change.interval_seconds, change.settings_b_to_a) == (None, None, None)


async def test_looks_of_copies_are_given_kept_and_shown(client: httpx.AsyncClient, double: Double, key: Key) -> None:
    looks = {
        "title_prefix": "[W] ",
        "title_replacements": [{"find": "a+b", "pattern": True}, {"find": "x", "by": "y"}],
        "detail_fields": ["place", "link"],
        "guests_in_text": True,
        "availability": "free",
        "visibility": "private",
        "colour": "sage",
        "reminders": "fixed",
        "reminder_minutes": 45,
    }
    shown = (await client.patch(PAIR, json={"settings": looks}, headers=key())).json()
    looks["title_replacements"] = [
        {"find": "a+b", "by": "", "pattern": True},
        {"find": "x", "by": "y", "pattern": False},
    ]
    assert {name: shown["settings"][name] for name in looks} == looks
    ((_, change),) = double.world.calls
    assert isinstance(change, PairChange)
    assert change.settings is not None
    assert change.settings.title_replacements == (Replacement("a+b", "", pattern=True), Replacement("x", "y"))
    assert change.settings.colour is CopyColour.SAGE


async def test_filters_by_words_and_hours_are_given_kept_shown_and_taken_back(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    hours = {"weekdays": ["MO", "TU"], "start": "22:00", "end": "06:30", "zone": "Europe/Berlin", "only": False}
    sent = {"words": [{"words": ["lunch"], "whole_words": True}], "hours": hours}
    shown = (await client.patch(PAIR, json={"settings": {"filters": sent}}, headers=key())).json()
    filters = shown["settings"]["filters"]
    assert filters["words"] == [{"words": ["lunch"], "within": "either", "whole_words": True, "only": False}]
    assert filters["hours"] == hours
    assert filters["declined"] is True
    ((_, change),) = double.world.calls
    assert isinstance(change, PairChange)
    assert change.settings is not None
    monday, tuesday = Weekday.MONDAY, Weekday.TUESDAY
    assert change.settings.filters.hours == HoursFilter(
        (monday, tuesday), time(22), time(6, 30), "Europe/Berlin", only=False
    )
    back = await client.patch(PAIR, json={"settings": {"filters": {"hours": None, "words": []}}}, headers=key())
    assert (back.json()["settings"]["filters"]["hours"], back.json()["settings"]["filters"]["words"]) == (None, [])


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"hours": {"weekdays": [], "start": "09:00", "end": "10:00", "zone": "UTC"}}, "hours.weekdays"),
        ({"hours": {"weekdays": ["MO"], "start": "9:00", "end": "10:00", "zone": "UTC"}}, "hours.start"),
        ({"hours": {"weekdays": ["MO"], "start": "09:00", "end": "24:00", "zone": "UTC"}}, "hours.end"),
        ({"hours": {"weekdays": ["MO"], "start": "09:00", "end": "10:00"}}, "hours.zone"),
        ({"words": [{"words": []}]}, "words[0].words"),
        ({"words": [{"words": ["x"], "regex": True}]}, "words[0].regex"),
    ],
)
async def test_filters_that_cannot_be_read_are_refused_by_their_whole_path(
    client: httpx.AsyncClient, key: Key, filters: dict[str, Any], field: str
) -> None:
    answer = await client.patch(PAIR, json={"settings": {"filters": filters}}, headers=key())
    assert answer.status_code == 422
    assert set(details(answer)) == {f"settings.filters.{field}"}


async def test_settings_of_one_direction_can_be_given_and_taken_back(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    own = {"settings_b_to_a": {"title": "Elsewhere"}}
    given = (await client.patch(PAIR, json=own, headers=shown)).json()
    assert given["settings_b_to_a"]["title"] == "Elsewhere"
    assert given["settings"]["title"] == ""
    back = (await client.patch(PAIR, json={"settings_b_to_a": None}, headers=shown)).json()
    assert back["settings_b_to_a"] is None


async def test_pausing_takes_until_and_reason_and_resuming_clears_them(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    wish = {"status": "paused", "until": "2026-04-01T00:00:00+02:00", "reason": "deploy"}
    paused = (await client.patch(PAIR, json=wish, headers=shown)).json()
    assert (paused["status"], paused["paused_until"]) == ("paused", "2026-03-31T22:00:00Z")
    assert paused["pause_reason"] == "deploy"
    other = (await client.patch(PAIR, json={"status": "active", "reason": "lunch"}, headers=shown)).json()
    assert other["status"] == "paused"
    active = (await client.patch(PAIR, json={"status": "active"}, headers=shown)).json()
    assert (active["status"], active["paused_until"], active["pause_reason"]) == ("active", None, None)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (PAIR, {"until": "2026-04-01"}, "until"),
        (PAIR, {"status": "active", "until": "2026-04-01"}, "until"),
        (PAIR, {"reason": "x"}, "reason"),
        (PAIR, {"status": None}, "status"),
        (PAIR, {"direction": "sideways"}, "direction"),
        (f"{API}/sync-pairs", {"status": "active", "until": "2026-04-01"}, "until"),
        (f"{API}/sync-pairs", {"reason": "x"}, "status"),
        (f"{PAIR}?copies=remove", {"direction": "a_to_b"}, "copies"),
    ],
)
async def test_a_change_that_makes_no_sense_is_422(
    client: httpx.AsyncClient, double: Double, key: Key, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.patch(path, json=body, headers=key())
    assert code(answer) == (422, "validation_error")
    assert set(details(answer)) == {field}
    assert not double.world.calls


async def test_all_pairs_pause_and_those_paused_for_a_reason_resume(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    shown = key()
    paused = await client.patch(f"{API}/sync-pairs", json={"status": "paused", "reason": "deploy"}, headers=shown)
    assert [one["status"] for one in paused.json()["pairs"]] == ["paused"]
    for reason, status in (("lunch", "paused"), ("deploy", "active")):
        body = {"status": "active", "reason": reason}
        answer = await client.patch(f"{API}/sync-pairs", json=body, headers=shown)
        assert [one["status"] for one in answer.json()["pairs"]] == [status]
    assert double.world.pairs[pair_id(1)].status is PairStatus.ACTIVE


async def test_a_change_that_takes_copies_away_is_told_with_their_number_where_it_is_asked_for(
    client: httpx.AsyncClient, key: Key
) -> None:
    narrower = {"settings": {"filters": {"all_day": True}}}
    asked = await client.patch(f"{PAIR}?expected=0", json=narrower, headers=key("write:pairs"))
    assert code(asked) == (409, "count_changed")
    assert details(asked) == {"expected": str(GOING)}
    refused = await client.patch(f"{PAIR}?expected={GOING}", json=narrower, headers=key("write:pairs"))
    assert code(refused) == (403, "forbidden")
    may = key("write:pairs", "approve:deletions")
    assert (await client.patch(f"{PAIR}?expected={GOING}", json=narrower, headers=may)).status_code == 200
    assert set(details(await client.patch(f"{PAIR}?expected=-1", json=narrower, headers=may))) == {"expected"}
    assert (await client.patch(PAIR, json=narrower, headers=key("write:pairs"))).status_code == 200


async def test_deleting_keeps_releases_or_removes_the_copies(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    for expected in ("", "&expected=3"):
        answer = await client.delete(f"{PAIR}?copies=remove{expected}", headers=shown)
        assert code(answer) == (409, "count_changed")
        assert details(answer) == {"expected": str(COPIES)}
    assert set(details(await client.delete(f"{PAIR}?copies=burn", headers=shown))) == {"copies"}
    removed = await client.delete(f"{PAIR}?copies=remove&expected={COPIES}", headers=shown)
    assert removed.status_code == 202
    assert removed.headers["Location"] == f"{API}/runs/{removed.json()['sync_id']}"
    assert removed.headers["Content-Type"] == "application/json"
    assert code(await client.delete(PAIR, headers=shown)) == (404, "not_found")


@pytest.mark.parametrize(("query", "status"), [("", 204), ("?copies=keep", 204), ("?copies=release", 202)])
async def test_copies_are_kept_unless_asked_otherwise(
    client: httpx.AsyncClient, key: Key, query: str, status: int
) -> None:
    assert (await client.delete(f"{PAIR}{query}", headers=key())).status_code == status


# --- trigger ----------------------------------------------------------------------------------------------------------


async def test_a_trigger_answers_with_the_counts_of_the_run(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    answer = await client.post(f"{PAIR}/trigger", json={}, headers=key())
    body = answer.json()
    assert answer.status_code == 200
    assert body.pop("sync_id") in double.world.runs
    assert body == {
        "success": True,
        "events_processed": 12,
        "events_created": 2,
        "events_updated": 0,
        "events_deleted": 1,
        "status": "success",
        "events_skipped": 0,
        "events_held": 0,
        "events_failed": 0,
        "errors": [],
    }
    assert double.world.calls == [("request", (Trigger.API, False, False))]


@pytest.mark.parametrize(
    ("result", "counts", "errors", "reason", "expected"),
    [
        (RunStatus.HELD, Counts(held=3), (), None, (True, "held", [])),
        (RunStatus.PARTIAL, Counts(failed=1), (), None, (False, "partial", [])),
        (RunStatus.FAILED, Counts(), (RunError("offline", "No.", conn(1)),), None, (False, "failed", ["offline"])),
        (RunStatus.PARTIAL, Counts(), (RunError("needs_sign_in", "No."),), None, (False, "partial", ["needs_sign_in"])),
        (RunStatus.SKIPPED, Counts(), (), "throttled", (False, "skipped", ["throttled"])),
        (RunStatus.INTERRUPTED, Counts(), (), "stopped", (False, "failed", ["stopped"])),
    ],
)
async def test_a_run_that_failed_is_still_200_with_its_errors(
    client: httpx.AsyncClient,
    double: Double,
    key: Key,
    result: RunStatus,
    counts: Counts,
    errors: tuple[RunError, ...],
    reason: str | None,
    expected: tuple[bool, str, list[str]],
) -> None:
    world = double.world
    world.result, world.counts, world.errors, world.reason = result, counts, errors, reason
    answer = await client.post(f"{PAIR}/trigger", headers=key())
    body = answer.json()
    assert answer.status_code == 200
    assert (body["success"], body["status"], [error["code"] for error in body["errors"]]) == expected
    assert all(error["message"] for error in body["errors"])


async def test_a_run_that_takes_longer_is_202_and_is_joined(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    double.world.runs_end_at_once = False
    shown = key()
    first = await client.post(f"{PAIR}/trigger?wait=0", headers=shown)
    assert first.status_code == 202
    assert (first.json()["success"], first.json()["status"]) == (False, "running")
    location = first.headers["Location"]
    assert location == f"{API}/runs/{first.json()['sync_id']}"
    assert (await client.get(location, headers=shown)).json()["status"] == "queued"
    short = await client.post(f"{PAIR}/trigger?wait=0.01", headers=shown)
    assert (short.status_code, short.json()["sync_id"]) == (202, first.json()["sync_id"])
    double.sync.waited.clear()
    waiting = asyncio.create_task(client.post(f"{PAIR}/trigger", headers=shown))
    await double.sync.waited.wait()
    double.sync.end(first.json()["sync_id"])
    joined = await waiting
    assert (joined.status_code, joined.json()["sync_id"]) == (200, first.json()["sync_id"])
    assert joined.json()["status"] == "success"


async def test_a_paused_pair_is_not_synced_but_can_be_planned(
    client: httpx.AsyncClient, double: Double, key: Key
) -> None:
    shown = key()
    await client.patch(PAIR, json={"status": "paused"}, headers=shown)
    assert code(await client.post(f"{PAIR}/trigger", headers=shown)) == (409, "pair_paused")
    planned = await client.post(f"{PAIR}/trigger", json={"dry_run": True}, headers=shown)
    assert planned.status_code == 200
    (entry,) = planned.json()["plan"]
    assert (entry["action"], entry["reason"], entry["title"]) == ("create", "new", "Stand-up")


async def test_a_dry_run_needs_to_read_and_a_real_one_to_write(client: httpx.AsyncClient, key: Key) -> None:
    dry = {"dry_run": True}
    assert (await client.post(f"{PAIR}/trigger", json=dry, headers=key("read:pairs"))).status_code == 200
    assert code(await client.post(f"{PAIR}/trigger", json=dry, headers=key("write:pairs"))) == (403, "forbidden")
    assert code(await client.post(f"{PAIR}/trigger", headers=key("read:pairs"))) == (403, "forbidden")


# --- history, holds, status -------------------------------------------------------------------------------------------


async def test_a_log_row_carries_the_ulid_of_its_run(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    sync_id = (await client.post(f"{PAIR}/trigger", headers=shown)).json()["sync_id"]
    body = (await client.get(f"{API}/logs", headers=shown)).json()
    assert (body["total"], body["page"], body["per_page"]) == (1, 1, 50)
    (row,) = body["logs"]
    assert row["sync_id"] == sync_id
    assert row["id"] == sync_id.replace("sync_run_", "log_")
    assert (row["events_synced"], row["duration_ms"], row["status"]) == (12, 843, "success")


async def test_logs_are_filtered_by_what_was_asked(client: httpx.AsyncClient, double: Double, key: Key) -> None:
    query = (
        f"pair_id={pair_id(1)}&connection_id=cal_{ulid(1)}&status=failed&page=2&per_page=9"
        "&since=2026-03-28T10:00:00+01:00&until=2026-03-28T10:00:00Z"
    )
    assert (await client.get(f"{API}/logs?{query}", headers=key())).status_code == 200
    since, until = datetime(2026, 3, 28, 9, tzinfo=UTC), datetime(2026, 3, 28, 10, tzinfo=UTC)
    assert double.world.calls == [("logs", (pair_id(1), conn(1), RunStatus.FAILED, since, until, 2, 9))]


async def test_a_run_tells_its_story(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    sync_id = (await client.post(f"{PAIR}/trigger", headers=shown)).json()["sync_id"]
    listed = (await client.get(f"{API}/runs?pair_id={pair_id(1)}", headers=shown)).json()
    run = (await client.get(f"{API}/runs/{sync_id}", headers=shown)).json()
    assert [one["id"] for one in listed["runs"]] == [sync_id]
    assert "actions" not in listed["runs"][0]
    assert run["id"] == run["sync_id"] == sync_id
    assert run["actions"][0]["action"] == "create"
    assert (run["trigger"], run["dry_run"], run["created_at"]) == ("api", False, "2026-03-28T10:00:00Z")


async def test_a_hold_is_approved_with_its_number_or_rejected(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    (hold,) = (await client.get(f"{API}/holds", headers=shown)).json()["holds"]
    assert (hold["expected"], hold["cause"], hold["answer"]) == (7, "mass_delete", None)
    path = f"{API}/holds/{hold['id']}"
    wrong = await client.post(f"{path}/approve", json={"expected": 6}, headers=shown)
    assert code(wrong) == (409, "count_changed")
    assert details(wrong) == {"expected": "7"}
    right = await client.post(f"{path}/approve", json={"expected": 7}, headers=shown)
    assert right.json()["answer"] == "approved"
    assert (await client.post(f"{path}/reject", headers=shown)).json()["answer"] == "kept"


async def test_the_status_is_one_object(client: httpx.AsyncClient, key: Key) -> None:
    body = (await client.get(f"{API}/status", headers=key())).json()
    assert (body["state"], body["pairs"], body["last_synced_at"]) == ("held", 1, to_text(NOW))
    assert body["problems"][0]["action"] == "review_hold"


async def test_a_test_key_may_connect_in_a_demo(key: Key) -> None:
    demo = make_double(sandbox=True)
    shown = demo.keys.create("a test", ["*"], KeyKind.TEST).text
    api = build_api(demo.core, control_token="t", instance_secret="s")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1:5545") as client:
        answer = await client.post(f"{API}/connections", json={"provider": "google"}, headers={"X-API-Key": shown})
        attempt = await client.get(answer.headers["Location"], headers={"X-API-Key": shown})
    assert (answer.status_code, attempt.status_code) == (202, 200)


async def test_what_of_a_run_can_be_undone_is_shown_and_then_undone_by_a_run_of_its_own(
    client: httpx.AsyncClient, key: Key, double: Double
) -> None:
    shown = key("read:pairs", "write:pairs", "approve:deletions")
    sync_id = (await client.post(f"{API}/sync-pairs/{pair_id(1)}/trigger", json={}, headers=shown)).json()["sync_id"]
    path = f"{API}/runs/{sync_id}/undo"
    seen = (await client.get(path, headers=shown)).json()
    assert (seen["possible"], seen["left_alone"], seen["already_undone"]) == (1, 0, 0)
    assert seen["changes"][0] == {
        "event_id": "evt_1",
        "occurrence": "",
        "action": "update",
        "state": "possible",
        "sentence": "It can be undone.",
        "title": "Stand-up",
        "starts_at": "2026-03-28T10:00:00Z",
        "all_day": False,
    }
    refused = await client.post(path, json={}, headers=key("read:pairs", "write:pairs"))
    assert refused.status_code == 403
    started = await client.post(path, json={"events": ["evt_1"]}, headers=shown)
    assert started.status_code == 202
    assert started.headers["Location"] == f"{API}/runs/{started.json()['sync_id']}"
    assert ("undo", (sync_id, frozenset({"evt_1"}))) in double.world.calls
    bad: tuple[dict[str, Any], ...] = ({"events": []}, {"events": [""]}, {"events": "evt_1"}, {"event": "evt_1"})
    for wrong in bad:
        assert (await client.post(path, json=wrong, headers=shown)).status_code == 422
    assert (await client.post(f"{API}/runs/sync_run_x/undo", json={}, headers=shown)).status_code == 404


async def test_what_is_undone_already_is_a_conflict(client: httpx.AsyncClient, key: Key, double: Double) -> None:
    shown = key("*")
    sync_id = (await client.post(f"{API}/sync-pairs/{pair_id(1)}/trigger", json={}, headers=shown)).json()["sync_id"]
    double.world.runs[sync_id] = replace(double.world.runs[sync_id], trigger=Trigger.UNDO)
    answer = await client.post(f"{API}/runs/{sync_id}/undo", json={}, headers=shown)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_undone")
