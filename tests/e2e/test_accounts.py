"""The page of accounts: one is added, tried, mended before anything failed, and removed; at the service too."""

from __future__ import annotations

import re

from tests.e2e.browser import Browser
from tests.e2e.house import House, Sandbox
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace
from tests.e2e.waiting import until


def test_a_person_adds_an_account_tries_it_signs_in_again_and_removes_it(
    house: House, person: Person, sandbox: Sandbox, browser: Browser, trayer: TrayPlace
) -> None:
    google, microsoft = sandbox.emails["google"], sandbox.emails["microsoft"]
    house.sign_in(sandbox, "microsoft")
    app = house.start(environ=sandbox.environ)
    api = house.api("default")

    def accounts() -> dict[str, str]:
        listed = house.command("accounts", "list", "--json").json
        return {one["email"]: one["status"] for one in listed["accounts"]}

    person.press("Accounts", "radio button")
    person.press("Add account")
    person.press(re.compile("^Google:"))
    browser.consent(person.link(), google)
    person.sees("panel", re.compile(f"^Google · {google}, Connected, not used"))
    assert accounts() == {google: "connected", microsoft: "connected"}
    person.picture("added")

    person.press(re.compile(f"^Test Google · {google}"))
    person.reads("It works: Google answered just now.")

    # Signed in again though nothing was wrong: still one account, and no second one at its side.
    person.press(re.compile(f"^Reconnect Google · {google}"))
    person.reads(f"Sign in to Google as {google}")
    browser.consent(person.link(), google)
    person.sees_no("label", f"Sign in to Google as {google}")
    assert accounts() == {google: "connected", microsoft: "connected"}

    # The person takes the permission back at the service; a test finds out, and the card says what mends it.
    sandbox.end_sign_in(google)
    person.press(re.compile(f"^Test Google · {google}"))
    person.sees("panel", re.compile(f"^Google · {google}, Sign in again"))
    person.picture("ended")
    assert accounts()[google] == "needs_signin"
    person.press(re.compile(f"^Reconnect Google · {google}"))
    browser.consent(person.link(), google)
    person.sees("panel", re.compile(f"^Google · {google}, Connected"))

    # While a pair uses it, it stays; afterwards it goes, here and at Google.
    calendars = {one["calendar_name"]: one["id"] for one in api.ask("GET", "/connections")["connections"]}
    made = house.command("pairs", "add", calendars["Work"], calendars["Home"], "--paused", "--json")
    assert made.code == 0, made
    person.sees("panel", re.compile(f"^Google · {google}, Connected, used by 1 sync pair"))
    person.press(re.compile(f"^More for Google · {google}"))
    person.press("Remove…", "menu item")
    person.reads("These sync pairs use it.")
    person.picture("in-use")
    person.press("Cancel")
    assert house.command("pairs", "remove", made.json["id"], "--json").code == 0
    person.sees("panel", re.compile(f"^Google · {google}, Connected, not used"))
    before = sandbox.asked("google:POST /revoke")
    person.press(re.compile(f"^More for Google · {google}"))
    person.press("Remove…", "menu item")
    person.picture("remove")
    person.press("Remove account")
    until("the account is gone", lambda: accounts() == {microsoft: "connected"})
    person.sees_no("panel", re.compile(f"^Google · {google}"))
    until("Google was told", lambda: sandbox.asked("google:POST /revoke") == before + 1)
    person.picture("removed")
    assert app.stop()[0] == 0
    assert "Traceback" not in "".join(app.said["err"])
