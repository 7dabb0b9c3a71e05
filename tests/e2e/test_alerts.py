"""A sign-in that ends while nobody looks: the desktop is told, the icon too, and both forget it once it is mended."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.browser import Browser
from tests.e2e.house import Api, House, Sandbox
from tests.e2e.notifications import Notifications
from tests.e2e.person import Person
from tests.e2e.trays import NotifierTray
from tests.e2e.waiting import until


def test_an_ended_sign_in_reaches_the_person_and_is_mended_from_the_notification(
    house: House,
    person: Person,
    sandbox: Sandbox,
    browser: Browser,
    notifier: NotifierTray,
    notifications: Notifications,
) -> None:
    google, microsoft = sandbox.emails["google"], sandbox.emails["microsoft"]
    app = house.start(environ=sandbox.environ)
    person.press("Connect my calendars")
    person.press(re.compile("^Google:"))
    browser.consent(person.link(), google)
    person.press("Connect another account")
    person.press(re.compile("^Microsoft:"))
    browser.consent(person.link(), microsoft)
    person.reads("2 accounts")
    api = house.api("default")
    connections = {one["calendar_name"]: one["id"] for one in api.ask("GET", "/connections")["connections"]}
    made = house.command("pairs", "add", connections["Work"], connections["Home"], "--direction", "a_to_b", "--json")
    assert made.code == 0, made
    person.reads("Everything is in sync.")
    first = len(sandbox.titles("Home"))
    assert app.stop()[0] == 0
    app = house.start("run", "--hidden", environ=sandbox.environ)
    api = house.api("default")
    until("the run at the start was good", lambda: (len(runs(api)), runs(api)[0]["status"]) == (2, "success"))
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]

    # The permission is taken back at the service. Nobody looks; a run finds out.
    sandbox.end_sign_in(google)
    start = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=3)
    sandbox.add("Work", "Salary talk", start.isoformat(), (start + timedelta(minutes=20)).isoformat())
    api.ask("POST", f"/sync-pairs/{pair['id']}/trigger")
    until("its run has ended", lambda: runs(api)[0]["status"] == "failed")
    assert api.ask("GET", f"/sync-pairs/{pair['id']}")["state"] == "needs_signin"
    until("the icon says so", lambda: notifier.tooltip.startswith("Kalends — sign in again"))

    # What nobody asks for is skipped, with its reason on record.
    api.ask("PATCH", f"/sync-pairs/{pair['id']}", {"status": "paused"})
    api.ask("PATCH", f"/sync-pairs/{pair['id']}", {"status": "active"})
    until("a run was skipped", lambda: runs(api)[0]["status"] == "skipped")
    assert runs(api)[0]["reason"] == "needs_sign_in"

    # The desktop is told, once, of no event.
    (notified,) = until("the desktop is told", lambda: list(notifications.shown.values()))
    assert notified.title == "An account needs you to sign in again"
    assert notified.body == f"Google ended the sign-in for {google}. 1 pair is waiting."
    assert notified.actions[0::2] == ("default", "reconnect", "remind_tomorrow")
    assert notified.hints["desktop-entry"] == "kalends"
    person.sees_no_window()

    # Its button leads to the sign-in; what follows comes by itself.
    notifications.press(notified, "reconnect")
    person.reads(f"Sign in to Google as {google}")
    person.picture("reconnect")
    browser.consent(person.link(), google)
    until("the next run, which nobody asked for, is good", lambda: len(sandbox.titles("Home")) == first + 1)
    until("the notification is withdrawn", lambda: not notifications.shown)
    until("the icon is as before", lambda: notifier.tooltip.startswith("Kalends — up to date"))
    person.reads("Everything is in sync.")
    assert len(notifications.all) == 1
    notifier.choose("Quit Kalends")
    assert house.ended(app) == 0
    assert "Traceback" not in "".join(app.said["err"])


def runs(api: Api) -> list[dict[str, Any]]:
    """All runs, the newest first."""
    found: list[dict[str, Any]] = api.ask("GET", "/runs")["runs"]
    return found
