"""Sign-ins that do not go well at first: refused at the service, given up in the app."""

from __future__ import annotations

import re

import pytest

from tests.e2e.browser import Browser
from tests.e2e.house import House, Sandbox
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace


@pytest.mark.parametrize(("provider", "name"), [("google", "Google"), ("microsoft", "Microsoft")])
def test_a_person_who_refused_at_first_is_told_so_and_can_try_again(
    house: House, person: Person, sandbox: Sandbox, browser: Browser, trayer: TrayPlace, provider: str, name: str
) -> None:
    app = house.start(environ=sandbox.environ)
    person.press("Connect my calendars")
    person.press(re.compile(f"^{name}:"))
    browser.refuse(person.link())
    person.reads("You chose not to allow access. Nothing was changed.")
    person.picture("refused")
    person.press("Try again")
    browser.consent(person.link(), sandbox.emails[provider])
    person.reads("1 account")
    assert app.stop()[0] == 0


def test_a_person_who_gives_up_is_where_they_were_and_the_old_page_leads_nowhere(
    house: House, person: Person, sandbox: Sandbox, browser: Browser, trayer: TrayPlace
) -> None:
    app = house.start(environ=sandbox.environ)
    person.press("Connect my calendars")
    person.press(re.compile("^Google:"))
    link = person.link()
    person.press("Cancel")
    person.sees("push button", "Connect my calendars")
    browser.allow(link, sandbox.emails["google"])
    assert not browser.title.startswith("Answer received")
    person.sees("push button", "Connect my calendars")
    assert app.stop()[0] == 0
