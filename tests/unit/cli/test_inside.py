"""Without a running app the same commands work on a core in this process, and print the API's objects."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.accounts import Provider
from app.domain.pairs import Direction, Mode, PairStatus
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, meeting
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble

PAIR = {
    *("id", "connection_a_id", "connection_b_id", "sync_mode", "direction", "status", "last_synced_at", "state"),
    *("problem", "next_run_at", "paused_until", "pause_reason", "held", "interval_seconds", "settings"),
    *("settings_b_to_a", "created_at"),
}
TRIGGER = {
    *("success", "sync_id", "status", "errors", "events_processed", "events_created", "events_updated"),
    *("events_deleted", "events_skipped", "events_held", "events_failed"),
}


@pytest.fixture
def ends(host: HostDouble) -> tuple[str, str]:
    """Ids of *Work* and *Home*, signed in."""

    async def sign_in() -> tuple[str, str]:
        return await host.world.connect(Provider.GOOGLE), await host.world.connect(Provider.MICROSOFT)

    return asyncio.run(sign_in())


@pytest.fixture
def pair_id(host: HostDouble, ends: tuple[str, str]) -> str:
    """A pair of both, paused."""
    new = NewPair(*ends, mode=Mode.BLOCKER, direction=Direction.A_TO_B, status=PairStatus.PAUSED)
    return host.world.core.pairs.create([new])[0].pair.id


def test_it_says_that_it_works_in_this_process_and_stops_the_core(kalends: Kalends, host: HostDouble) -> None:
    ended = kalends("status", "--json")
    assert ended.code == 0
    assert ended.json["state"] == "nothing_to_sync"
    assert "not running; working in this process (profile default)" in ended.err
    assert host.calls == [("open", "default", False), ("stop", "default")]


def test_accounts_show_their_calendars(kalends: Kalends, ends: tuple[str, str]) -> None:
    accounts = kalends("accounts", "list", "--json").json["accounts"]
    assert [account["provider"] for account in accounts] == ["google", "microsoft"]
    assert set(accounts[0]) == {"id", "provider", "email", "status", "expires_at", "calendars", "problem"}
    assert {one["connection_id"] for account in accounts for one in account["calendars"]} >= set(ends)
    assert set(accounts[0]["calendars"][0]) == {"connection_id", "name", "access"}
    assert "ana@example.com" in kalends("accounts", "list").out


def test_an_account_is_tested_and_removed(kalends: Kalends, ends: tuple[str, str]) -> None:
    account = kalends("accounts", "list", "--json").json["accounts"][0]
    assert kalends("accounts", "test", account["id"], "--json").json == {"account": account}
    assert kalends("accounts", "remove", account["id"], "--json").json == {"account": account}
    assert kalends("accounts", "remove", account["id"]).code == 6


def test_an_account_that_pairs_use_stays(kalends: Kalends, pair_id: str) -> None:
    account = kalends("accounts", "list", "--json").json["accounts"][0]
    ended = kalends("accounts", "remove", account["id"], "--json")
    assert (ended.code, ended.json["error"]["code"]) == (1, "connection_in_use")


def test_a_pair_is_made_changed_paused_resumed_synced_and_removed(kalends: Kalends, ends: tuple[str, str]) -> None:
    made = kalends("pairs", "add", *ends, "--direction", "a_to_b", "--title", "Away", "--paused", "--json").json
    assert set(made) == PAIR
    assert (made["direction"], made["status"], made["settings"]["title"]) == ("a_to_b", "paused", "Away")
    pair_id = made["id"]
    changed = kalends(
        "pairs", "edit", pair_id, "--mode", "full", "--interval", "900", "--ahead-days", "90", "--json"
    ).json
    assert (changed["sync_mode"], changed["interval_seconds"]) == ("full", 900)
    assert (changed["settings"]["window_ahead_days"], changed["settings"]["title"]) == (90, "Away")
    ended = kalends("sync", pair_id, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (1, "pair_paused")
    resumed = kalends("pairs", "resume", pair_id, "--json")
    assert resumed.json["status"] == "active"
    # What the command set off has ended with it.
    assert [one["status"] for one in kalends("runs", "list", "--json").json["runs"]] == ["success"]
    run = kalends("sync", pair_id, "--json").json["runs"][0]
    assert set(run) == {*TRIGGER, "pair_id"}
    assert run["success"] is True
    paused = kalends("pairs", "pause", "--all", "--until", "2036-01-02", "--reason", "move", "--json").json["pairs"]
    assert [(one["status"], one["pause_reason"]) for one in paused] == [("paused", "move")]
    assert kalends("pairs", "list", "--status", "active", "--json").json == {"pairs": []}
    assert "Work (google)" in kalends("pairs", "list").out
    assert kalends("pairs", "remove", pair_id).code == 0
    assert kalends("pairs", "list", "--json").json == {"pairs": []}
    assert kalends("sync", "--json").json == {"runs": []}


def test_every_setting_can_be_told_when_a_pair_is_made_and_later(kalends: Kalends, ends: tuple[str, str]) -> None:
    told = (
        *("--mode", "details", "--show", "place", "--show", "link", "--prefix", "[W] ", "--title", "{title}!"),
        *("--replace", "a=b", "--replace-pattern", r"\d{2}=#=", "--private", "skip", "--availability", "free"),
        *("--visibility", "private", "--colour", "sage", "--reminders", "fixed", "--reminder-minutes", "45"),
        *("--leave-out", "all-day", "--leave-out", "free", "--take-in", "declined", "--shorter-than", "10"),
        *("--without-word", "lunch", "--without-word", "gym", "--only-word", "work", "--whole-words"),
        *("--words-in", "title", "--only-hours", "fr-mo,we 22:00-06:30 Europe/Berlin", "--back-days", "3"),
        *("--copy-edited", "keep", "--copy-deleted", "restore", "--conflict", "keep_both"),
        *("--guests", "--filtered-later", "leave", "--ahead-days", "60", "--write-back", "title"),
    )
    made = kalends("pairs", "add", *ends, "--direction", "a_to_b", *told, "--paused", "--json").json
    later = kalends("pairs", "add", *ends, "--direction", "b_to_a", "--paused", "--json").json
    changed = kalends("pairs", "edit", later["id"], *told, "--json").json
    assert made["settings"] == changed["settings"]
    assert made["sync_mode"] == changed["sync_mode"] == "details"
    settings = made["settings"]
    filters = settings.pop("filters")
    rule = {"within": "title", "whole_words": True}
    assert filters["words"] == [
        {**rule, "words": ["lunch", "gym"], "only": False},
        {**rule, "words": ["work"], "only": True},
    ]
    days = ["FR", "SA", "SU", "MO", "WE"]
    hours = {"weekdays": days, "start": "22:00", "end": "06:30", "zone": "Europe/Berlin", "only": True}
    assert filters["hours"] == hours
    assert (filters["all_day"], filters["free"], filters["declined"], filters["birthdays"]) == (True, True, False, True)
    assert filters["shorter_than_seconds"] == 600
    assert (
        settings.items()
        >= {
            "detail_fields": ["place", "link"],
            "guests_in_text": True,
            "title": "{title}!",
            "title_prefix": "[W] ",
            "title_replacements": [
                {"find": "a", "by": "b", "pattern": False},
                {"find": r"\d{2}", "by": "#=", "pattern": True},
            ],
            "private_originals": "skip",
            "availability": "free",
            "visibility": "private",
            "colour": "sage",
            "reminders": "fixed",
            "reminder_minutes": 45,
            "copy_edited": "keep",
            "copy_deleted": "restore",
            "conflict": "keep_both",
            "filtered_later": "leave",
            "write_back_fields": ["title"],
            "window_back_days": 3,
            "window_ahead_days": 60,
        }.items()
    )
    nothing = ("--no-guests", "--no-replace", "--any-words", "--any-hours", "--show", "none", "--visibility", "by-mode")
    plain = kalends("pairs", "edit", made["id"], *nothing, "--colour", "by-mode", "--json").json["settings"]
    assert (plain["title_replacements"], plain["filters"]["words"], plain["filters"]["hours"]) == ([], [], None)
    assert (plain["detail_fields"], plain["visibility"], plain["colour"]) == ([], None, None)
    assert plain["guests_in_text"] is False
    assert plain["filters"]["all_day"] is True


def test_the_way_back_has_settings_of_its_own_until_they_are_the_same_again(
    kalends: Kalends, ends: tuple[str, str]
) -> None:
    made = kalends("pairs", "add", *ends, "--paused", "--title", "Away", "--json").json
    assert made["settings_b_to_a"] is None
    own = kalends("pairs", "edit", made["id"], "--b-to-a", "--mode", "full", "--prefix", "x", "--json").json
    assert (own["sync_mode"], own["settings"]["title_prefix"]) == ("blocker", "")
    back = own["settings_b_to_a"]
    assert (back["sync_mode"], back["title_prefix"], back["title"]) == ("full", "x", "Away")
    again = kalends("pairs", "edit", made["id"], "--b-to-a", "--ahead-days", "9", "--json").json["settings_b_to_a"]
    assert (again["sync_mode"], again["window_ahead_days"]) == ("full", 9)
    same = kalends("pairs", "edit", made["id"], "--b-to-a-same", "--prefix", "y", "--json").json
    assert (same["settings_b_to_a"], same["settings"]["title_prefix"]) == (None, "y")
    later = kalends("pairs", "edit", made["id"], "--title", "Out", "--json").json
    assert later["settings_b_to_a"] is None, "it follows the other way's from then on"


def test_settings_that_cannot_be_are_refused_by_their_field(kalends: Kalends, pair_id: str) -> None:
    ended = kalends("pairs", "edit", pair_id, "--replace-pattern", "(a+)+=x", "--json")
    assert ended.code == 2
    (detail,) = ended.json["error"]["details"]
    assert detail["field"] == "title_replacements[0]"
    assert "repeated group" in detail["message"]


def test_a_preview_plans_and_writes_nothing(kalends: Kalends, pair_id: str) -> None:
    ended = kalends("pairs", "preview", pair_id, "--json")
    assert ended.code == 0
    assert set(ended.json) == {*TRIGGER, "plan"}


def test_runs_and_logs_are_pages_of_the_api(kalends: Kalends, ends: tuple[str, str]) -> None:
    made = kalends("pairs", "add", *ends, "--json").json
    page = kalends("runs", "list", "--pair", made["id"], "--json").json
    assert (set(page), page["total"]) == ({"runs", "total", "page", "per_page"}, 1)
    run = page["runs"][0]
    assert set(run) >= {*TRIGGER, "id", "pair_id", "trigger", "dry_run", "created_at", "duration_ms", "reason"}
    story = kalends("runs", "show", run["id"], "--json").json
    assert story == {**run, "actions": []}
    logs = kalends("logs", "--status", "success", "--since", "2000-01-01", "--json").json
    assert [log["sync_id"] for log in logs["logs"]] == [run["id"]]
    assert kalends("logs", "--until", "2000-01-01", "--json").json["total"] == 0
    assert run["id"] in kalends("runs", "list").out
    assert "success" in kalends("logs").out


def test_a_key_is_shown_once(kalends: Kalends) -> None:
    made = kalends("keys", "create", "--label", "x", "--scope", "read:logs", "--expires", "2100-01-01", "--json").json
    assert set(made) == {"id", "key", "kind", "scopes", "label", "expires_at"}
    assert (made["key"][:8], made["scopes"]) == ("cs_live_", ["read:logs"])
    listed = kalends("keys", "list", "--json")
    assert made["key"] not in listed.out
    assert [key["id"] for key in listed.json["keys"]] == [made["id"]]
    assert kalends("keys", "revoke", made["id"], "--json").json["revoked_at"] is not None
    assert kalends("keys", "revoke", "key_none").code == 6
    assert made["id"] in kalends("keys", "list").out


def test_a_bad_scope_is_named(kalends: Kalends) -> None:
    ended = kalends("keys", "create", "--label", "x", "--scope", "read:everything")
    assert ended.code == 2
    assert "'read:everything' is no scope" in ended.err


def test_holds_are_answered_by_id(kalends: Kalends) -> None:
    assert kalends("holds", "list", "--json").json == {"holds": []}
    assert kalends("holds", "approve", "hold_none", "--expected", "3").code == 6
    assert kalends("holds", "reject", "hold_none").code == 6


def test_without_a_running_app_a_sync_always_waits(kalends: Kalends) -> None:
    assert "waiting until it is done" in kalends("sync", "--no-wait").err


def test_status_for_people_shows_the_pairs(kalends: Kalends, pair_id: str) -> None:
    out = kalends("status").out
    assert out.startswith("Syncing is paused.")
    assert pair_id in out


def test_without_a_running_app_there_is_nothing_to_stop(kalends: Kalends, pair_id: str) -> None:
    assert kalends("sync", "--stop", "--json").json == {"runs": []}
    assert kalends("sync", pair_id, "--stop").code == 0
    assert kalends("sync", "pair_01J0000000000000000000000A", "--stop").code == 6


def test_a_run_is_undone_after_looking_at_it(kalends: Kalends, host: HostDouble, pair_id: str) -> None:
    host.world.work.put(meeting("a1", wall(MONDAY, 9)))
    kalends("pairs", "resume", pair_id)
    run_id = kalends("runs", "list", "--json").json["runs"][0]["id"]
    seen = kalends("runs", "undo", run_id, "--dry-run", "--json").json
    assert (seen["possible"], [change["event_id"] for change in seen["changes"]]) == (1, ["a1"])
    assert len(host.world.home.living()) == 1
    undone = kalends("runs", "undo", run_id, "--event", "a1", "--json")
    assert (undone.code, undone.json["trigger"], undone.json["events_deleted"]) == (0, "undo", 1)
    assert host.world.home.living() == []
    assert kalends("runs", "undo", run_id).code == 1
