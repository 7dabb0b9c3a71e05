"""A pair after its first day: changed, paused, looked at before it goes on, deleted; and deletions that wait.

What counts is what the emulated services hold afterwards; the window has to say the same.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.house import House, Sandbox
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace
from tests.e2e.waiting import until

ROW = re.compile(r"^Work \(Google\) → Home \(Microsoft\)")


def copies(sandbox: Sandbox, own: list[str]) -> Counter[str]:
    """The titles in Home beyond the person's own."""
    now, before = Counter(sandbox.titles("Home")), Counter(own)
    assert before <= now, "an event of the person's own is gone"
    return now - before


def add_event(sandbox: Sandbox, calendar: str, title: str, *, hours: int) -> None:
    """A person adds a meeting, so many hours from now."""
    start = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=hours)
    sandbox.add(calendar, title, start.isoformat(), (start + timedelta(minutes=20)).isoformat())


def test_a_person_changes_a_pair_pauses_it_and_looks_before_it_goes_on(
    house: House, person: Person, sandbox: Sandbox, trayer: TrayPlace
) -> None:
    own = sandbox.titles("Home")
    ids = house.sign_in(sandbox, "google", "microsoft")
    house.pair(sandbox, ids["Work"], ids["Home"])
    first = copies(sandbox, own)
    assert set(first) == {"Busy"}
    app = house.start(environ=sandbox.environ)
    person.reads("Everything is in sync.")

    api = house.api("default")

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.ask("GET", "/runs")["runs"]
        return found

    until("the run at the start has ended", lambda: all(run["status"] == "success" for run in runs()))
    seen = len(runs())

    # Its copies shall show more: they are changed where they are.
    person.press("Sync pairs", "radio button")
    person.choose_from_menu(ROW, "Edit…")
    person.reads("Its calendars stay; for other calendars, make another pair.")
    person.press(re.compile("^Title and time"), "radio button")
    person.picture("edit")
    person.press("Save")
    until("the change has been carried out", lambda: [run["status"] for run in runs()[:-seen]] == ["success"])
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]
    assert (pair["sync_mode"], pair["state"]) == ("details", "up_to_date")
    originals = Counter(sandbox.titles("Work"))
    private = sum(event.get("visibility") == "private" for event in sandbox.events("Work"))
    shown = copies(sandbox, own)
    assert shown["Dry run"] == 1
    assert 0 < shown["Busy"] <= private, "only private events are still called busy"
    assert all(number <= originals[title] for title, number in shown.items() if title != "Busy"), "one copy each"

    # Paused, nothing is copied, and the preview says what would be.
    person.choose_from_menu(ROW, "Pause", "Until I resume")
    person.sees("cell", re.compile("^Paused"))
    add_event(sandbox, "Work", "While it slept", hours=3)
    person.press("Activity", "radio button")
    person.press("Sync pairs", "radio button")
    person.choose_from_menu(ROW, "Preview changes…")
    person.reads("1 to add")
    person.reads("Nothing was written yet. The pair is paused until you start it.")
    person.choose_instead("Everything", "Added")
    person.sees("cell", re.compile("^While it slept"))
    person.picture("preview")
    assert copies(sandbox, own) == shown
    assert [runs()[0]["dry_run"], runs()[0]["status"]] == [True, "success"]

    person.press("Start syncing")
    until("the new event has its copy", lambda: copies(sandbox, own)["While it slept"] == 1)
    person.sees("cell", re.compile("^Up to date"))
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]
    assert pair["status"] == "active"
    person.picture("resumed")
    assert app.stop()[0] == 0
    assert "Traceback" not in "".join(app.said["err"])


def test_a_person_deletes_a_pair_and_says_each_time_what_becomes_of_its_copies(
    house: House, person: Person, sandbox: Sandbox, trayer: TrayPlace
) -> None:
    own = sandbox.titles("Home")
    ids = house.sign_in(sandbox, "google", "microsoft")
    house.pair(sandbox, ids["Work"], ids["Home"])
    number = copies(sandbox, own).total()
    app = house.start(environ=sandbox.environ)
    api = house.api("default")
    person.reads("Everything is in sync.")
    person.press("Sync pairs", "radio button")

    # Second thoughts: nothing happens.
    person.choose_from_menu(ROW, "Delete…")
    person.reads(f"It has made {number} copies. What shall become of them?")
    person.picture("delete")
    person.press("Cancel")
    person.sees_no("push button", "Delete pair")
    assert len(api.ask("GET", "/sync-pairs")["pairs"]) == 1

    # Kept, they wait for the next pair of the same calendars, which makes no second ones.
    person.choose_from_menu(ROW, "Delete…")
    person.press("Delete pair")
    person.sees("push button", "Create a sync pair")
    assert api.ask("GET", "/sync-pairs")["pairs"] == []
    assert copies(sandbox, own).total() == number
    again(house, person, ids)
    assert copies(sandbox, own).total() == number

    # Removed, the calendar is as it was before Kalends.
    person.choose_from_menu(ROW, "Delete…")
    person.press(re.compile("^Remove the copies"), "radio button")
    person.picture("delete-with-copies")
    person.press(f"Delete pair and {number} copies")
    person.sees("push button", "Create a sync pair")
    until("the copies are gone", lambda: sandbox.titles("Home") == own)

    # Released, they are the person's own from then on: no later pair takes them for its copies.
    again(house, person, ids)
    assert copies(sandbox, own).total() == number
    person.choose_from_menu(ROW, "Delete…")
    person.press(re.compile("^Turn the copies into ordinary events"), "radio button")
    person.press(f"Delete pair, release {number} copies")
    person.sees("push button", "Create a sync pair")
    until("the pair is gone", lambda: api.ask("GET", "/sync-pairs")["pairs"] == [])
    assert copies(sandbox, own).total() == number
    again(house, person, ids)
    assert copies(sandbox, own).total() == 2 * number
    person.picture("after-release")
    assert app.stop()[0] == 0
    assert "Traceback" not in "".join(app.said["err"])


def again(house: House, person: Person, ids: dict[str, str]) -> None:
    """Make the same pair once more in the running app, and wait for its first run."""
    made = house.command(
        "pairs", "add", ids["Work"], ids["Home"], "--direction", "a_to_b", "--interval", "3600", "--json"
    )
    assert made.code == 0, made
    synced = house.command("sync", made.json["id"], "--json")
    assert (synced.code, synced.json["runs"][0]["status"]) == (0, "success")
    person.sees("cell", re.compile("^Up to date"))


def test_many_deletions_wait_until_the_person_has_answered_in_the_window(
    house: House, person: Person, sandbox: Sandbox, trayer: TrayPlace
) -> None:
    own = sandbox.titles("Home")
    ids = house.sign_in(sandbox, "google", "microsoft")
    house.pair(sandbox, ids["Work"], ids["Home"])
    before = copies(sandbox, own).total()
    app = house.start(environ=sandbox.environ)
    api = house.api("default")
    person.reads("Everything is in sync.")

    # Half of the week vanishes from the source; its copies do not, until somebody says so.
    names = (
        "Dry run",
        "Retro",
        "Board dinner",
        "Conference talk",
        "Night release",
        "Call with Tokyo",
        "Offsite Lisbon",
    )
    gone = [event for event in sandbox.events("Work") if event["title"] in names]
    assert len(gone) == len(names)
    sandbox.delete("Work", gone)
    trayer.choose("Sync now")
    person.press(re.compile("^Review"))
    person.reads("7 copied events would be removed")
    person.picture("held")
    person.press("Decide later")
    assert copies(sandbox, own).total() == before
    (hold,) = api.ask("GET", "/holds")["holds"]
    assert (hold["expected"], hold["answer"]) == (len(names), None)

    person.press(re.compile("^Review"))
    person.press("Keep the copies")
    person.sees_no("push button", "Decide later")
    person.sees_no("push button", re.compile("^Review"))
    trayer.choose("Sync now")
    until("a run after the answer went well", lambda: api.ask("GET", "/runs")["runs"][0]["status"] == "success")
    person.reads("Everything is in sync.")
    assert copies(sandbox, own).total() == before
    assert not [hold for hold in api.ask("GET", "/holds")["holds"] if hold["answer"] is None]

    # Others vanish, and this time it was meant.
    others = ("Pitch New York", "Workshop: pricing", "Car to the garage", "Performance talk", "Handover to New York")
    more = [
        event for event in sandbox.events("Work") if event["title"] in (*others, "Customer call Boston", "Conference")
    ]
    assert len(more) == len(others) + 2
    sandbox.delete("Work", more)
    trayer.choose("Sync now")
    person.press(re.compile("^Review"))
    person.reads("7 copied events would be removed")
    person.press("Remove them now")
    person.sees_no("push button", "Decide later")
    until("the copies are gone", lambda: copies(sandbox, own).total() == before - len(more))
    person.sees_no("push button", re.compile("^Review"))
    person.reads("Everything is in sync.")
    person.picture("decided")
    assert app.stop()[0] == 0
    assert "Traceback" not in "".join(app.said["err"])


def test_one_pair_is_synced_from_the_tray_and_activity_tells_it_apart(
    house: House, person: Person, sandbox: Sandbox, tray: TrayPlace
) -> None:
    own = sandbox.titles("Home")
    ids = house.sign_in(sandbox, "google", "microsoft")
    work = house.pair(sandbox, ids["Work"], ids["Home"])
    team = house.pair(sandbox, ids["Team"], ids["Home"], "--mode", "details")
    before = copies(sandbox, own)
    app = house.start(environ=sandbox.environ)
    api = house.api("default")
    tray.wait_for_icon()
    person.reads("Everything is in sync.")

    def runs_of(pair_id: str) -> list[dict[str, object]]:
        return [run for run in api.ask("GET", "/runs")["runs"] if run["pair_id"] == pair_id]

    seen = len(runs_of(work))
    add_event(sandbox, "Work", "Only later", hours=4)
    add_event(sandbox, "Team", "Release party", hours=5)
    tray.choose("Sync one pair", "Team (Google) → Home (Microsoft)")
    until("the event of that pair has its copy", lambda: copies(sandbox, own)["Release party"] == 1)
    until("its run has ended", lambda: runs_of(team)[0]["status"] == "success")
    assert len(runs_of(work)) == seen
    assert copies(sandbox, own) - before == Counter({"Release party": 1})

    # Activity shows this run among all, alone, and event by event.
    person.press("Activity", "radio button")
    person.sees("cell", "1 added")
    person.choose_instead("All pairs", "Team (Google) → Home (Microsoft)")
    until("only that pair's runs are listed", lambda: person.count("cell", "Work → Home") == 0)
    assert person.count("cell", "Team → Home") == len(runs_of(team))
    person.press("1 added", "cell")
    person.sees("table", "What this run did")
    person.sees("cell", re.compile("Release party"))
    person.picture("run-details")
    story = api.ask("GET", f"/runs/{runs_of(team)[0]['id']}")
    added = [action for action in story["actions"] if action["action"] == "create"]
    assert [action["title"] for action in added] == ["Release party"]

    person.choose_instead("All results", "Failed")
    person.reads("No run matches")
    person.picture("no-run-matches")
    person.press("Show all runs")
    until("all runs are listed", lambda: person.count("cell", "Work → Home") == len(runs_of(work)))
    tray.choose("Quit Kalends")
    assert house.ended(app) == 0
    assert "Traceback" not in "".join(app.said["err"])
