"""The demo, from the first start to the runs in Activity, with the mouse alone."""

from __future__ import annotations

import re

from tests.e2e.house import House
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace
from tests.e2e.waiting import until


def test_a_person_tries_the_demo_syncs_it_once_more_and_finds_both_runs(
    house: House, person: Person, trayer: TrayPlace
) -> None:
    app = house.start()
    person.reads("Welcome to Kalends")
    person.picture("welcome")

    person.press(re.compile("^Try the demo"))
    person.reads("Demo – nothing leaves this computer.")
    person.reads("Everything is in sync.")
    person.picture("overview")
    api = house.api("demo")
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]
    assert (pair["state"], pair["status"]) == ("up_to_date", "active")
    (first,) = api.ask("GET", "/runs")["runs"]
    assert first["status"] == "success"
    assert first["events_created"] > 20

    person.press("Sync now")
    until("a second run is recorded", lambda: len(api.ask("GET", "/logs")["logs"]) == 2)

    person.press("Activity", "radio button")
    until("both runs are listed", lambda: person.count("cell", "Done") == 2)
    person.sees("cell", "No changes")
    person.picture("activity")

    person.press("Leave demo")
    person.reads("Welcome to Kalends")
    trayer.choose("Quit Kalends")
    assert house.ended(app) == 0
