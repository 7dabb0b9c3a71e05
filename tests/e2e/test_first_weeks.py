"""The whole story of a person with two real accounts: connect, keep in step, sign in again, pause, quit.

Once with an icon embedded in trayer and once with one that registers on the bus. Google and Microsoft are emulated, in
a process of their own; the browser, the keyring, the screen and the app are real.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.e2e.browser import Browser
from tests.e2e.desktop import Session
from tests.e2e.house import House, Sandbox
from tests.e2e.notifications import Notifications
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace
from tests.e2e.waiting import until


def test_a_person_connects_both_services_keeps_them_in_step_and_signs_in_again(
    session: Session,
    house: House,
    person: Person,
    sandbox: Sandbox,
    browser: Browser,
    notifications: Notifications,
    tray: TrayPlace,
) -> None:
    app = house.start(environ=sandbox.environ)
    tray.wait_for_icon()
    person.reads("Welcome to Kalends")
    person.picture("welcome")

    # Connect both services, in the browser.
    google, microsoft = sandbox.emails["google"], sandbox.emails["microsoft"]
    person.press("Connect my calendars")
    person.picture("choose-a-service")
    person.press(re.compile("^Google:"))
    person.reads("Waiting for the sign-in…")
    person.picture("waiting-for-google")
    browser.consent(person.link(), google)
    person.reads("1 account")
    person.picture("google-connected")
    person.press("Connect another account")
    person.press(re.compile("^Microsoft:"))
    browser.consent(person.link(), microsoft)
    person.reads("2 accounts")
    person.picture("both-connected")
    items = session.caller.call(
        *("org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.Secret.Service"),
        *("SearchItems", "a{ss}", {"service": "Kalends"}),
    )
    assert [len(found) for found in items] == [1, 0], "the keyring holds one key, and it is unlocked"

    # Make a pair; it runs at once.
    own = sandbox.titles("Home")
    person.press("Sync pairs", "radio button")
    person.press("Create a sync pair")
    person.choose("From", "Work")
    person.choose("To", "Home")
    person.press("One way", "radio button")
    person.picture("new-pair")
    person.press("Create and sync")
    person.reads("Up to date")
    person.picture("pairs")
    api = house.api("default")
    (pair,) = api.ask("GET", "/sync-pairs")["pairs"]
    assert (pair["direction"], pair["sync_mode"], pair["state"]) == ("a_to_b", "blocker", "up_to_date")
    person.press("Overview", "radio button")
    person.reads("Everything is in sync.")
    person.picture("in-sync")
    first = copies(sandbox, own)
    assert first > 20

    # Sync now from the tray copies what was added meanwhile.
    add_event(sandbox, hours=1)
    tray.choose("Sync now")
    until("the new event has its copy", lambda: copies(sandbox, own) == first + 1)
    person.reads("Everything is in sync.")

    # Activity has a row for each run, and tells what the last one did.
    person.press("Activity", "radio button")
    person.press("1 added", "cell")
    person.sees("table", "What this run did")
    person.sees("cell", re.compile("^Call 1"))
    person.picture("activity")
    rows = api.ask("GET", "/runs")["runs"]
    assert person.count("cell", "Work → Home") == len(rows)
    assert [(row["trigger"], row["events_created"]) for row in rows[:1]] == [("manual", 1)]
    person.press("Overview", "radio button")

    # The person takes the permission back; Kalends says so, and what mends it does.
    sandbox.end_sign_in(google)
    add_event(sandbox, hours=2)
    tray.choose("Sync now")
    person.reads(f"Google ended the sign-in for {google}. 1 pair is waiting.")
    person.picture("sign-in-ended")
    assert copies(sandbox, own) == first + 1
    (notified,) = until("the desktop is told", lambda: list(notifications.shown.values()))
    assert notified.title == "An account needs you to sign in again"
    person.press(re.compile("^Reconnect"))
    person.reads(f"Sign in to Google as {google}")
    browser.consent(person.link(), google)
    until("the next run, which nobody asked for, is good", lambda: copies(sandbox, own) == first + 2)
    person.reads("Everything is in sync.")
    person.sees_no("push button", re.compile("^Reconnect"))
    until("the notification is withdrawn", lambda: not notifications.shown)
    person.picture("signed-in-again")

    # Pause and go on.
    tray.choose("Pause", "Until I resume")
    person.reads("Syncing is paused.")
    assert [pair["status"] for pair in api.ask("GET", "/sync-pairs")["pairs"]] == ["paused"]
    person.picture("paused")
    tray.choose("Resume syncing")
    person.reads("Everything is in sync.")

    # Closed, the window goes and the icon stays; pressing that brings it back.
    person.closes_the_window(answer="Kalends goes on in the tray")
    person.press("Close the window")
    person.sees_no_window()
    assert api.ask("GET", "/status")["state"] == "up_to_date"
    tray.open()
    person.reads("Everything is in sync.")

    tray.choose("Quit Kalends")
    assert house.ended(app) == 0
    assert not house.api_file("default").exists()
    assert "Traceback" not in "".join(app.said["err"])


def copies(sandbox: Sandbox, own: list[str]) -> int:
    """How many events the calendar Home has beyond a person's own; those are all busy blocks."""
    titles = sandbox.titles("Home")
    assert titles.count("Busy") - own.count("Busy") == len(titles) - len(own)
    return len(titles) - len(own)


def add_event(sandbox: Sandbox, *, hours: int) -> None:
    """A person adds a meeting to the calendar Work, so many hours from now."""
    start = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=hours)
    sandbox.add("Work", f"Call {hours}", start.isoformat(), (start + timedelta(minutes=20)).isoformat())
