"""How the app lives on a desktop: once at a time, with a tray, without, with one that comes late; and how it ends."""

from __future__ import annotations

import re

import pytest

from tests.e2e.house import House
from tests.e2e.person import Person
from tests.e2e.trays import NotifierTray, TrayPlace
from tests.e2e.waiting import until

PROMISED_SECONDS = 5.0


def test_a_second_start_shows_the_window_of_the_first_and_ends_well(
    house: House, person: Person, trayer: TrayPlace
) -> None:
    app = house.start()
    person.reads("Welcome to Kalends")
    trayer.wait_for_icon()
    person.closes_the_window(answer="Kalends goes on in the tray")
    person.press("Close the window")
    person.sees_no_window()

    second = house.command()
    assert (second.code, second.out) == (0, "")
    assert "already running" in second.err
    person.reads("Welcome to Kalends")
    assert app.process.poll() is None
    assert app.stop()[0] == 0


def test_windows_are_refused_while_kalends_runs_without_them(house: House) -> None:
    service = house.start("serve")
    service.line("is running")
    second = house.command("run", "--window")
    assert second.code == 8
    assert "already running without windows" in second.err
    assert service.stop()[0] == 0


def test_sigterm_ends_the_app_in_order_and_in_time(house: House, person: Person, trayer: TrayPlace) -> None:
    app = house.start("run", "--profile", "demo")
    person.reads("Everything is in sync.")
    code, seconds = app.stop()
    assert code == 0
    assert seconds < PROMISED_SECONDS
    assert house.ended(app) == 0
    assert not house.api_file("demo").exists()
    assert app.said == {"out": [], "err": []}


def test_without_a_tray_the_window_says_how_the_app_goes_on_and_closing_asks(house: House, person: Person) -> None:
    app = house.start()
    person.reads("Welcome to Kalends")
    person.reads("This desktop shows no status icons")
    person.picture("no-tray")
    person.closes_the_window(answer="Go on syncing while the window is closed?")
    person.picture("closing")
    person.press("Keep syncing")
    person.sees_no_window()
    assert app.process.poll() is None

    assert house.command().code == 0
    person.reads("Welcome to Kalends")
    person.press_keys("ctrl+q")
    assert house.ended(app) == 0


@pytest.mark.parametrize("host", ["trayer", "notifier"])
def test_a_tray_that_comes_after_the_app_gets_its_icon(
    house: House, person: Person, request: pytest.FixtureRequest, host: str
) -> None:
    app = house.start("run", "--hidden", "--profile", "demo")
    house.api("demo")
    person.sees_no_window()
    tray: TrayPlace = request.getfixturevalue(host)
    tray.wait_for_icon()
    tray.open()
    person.reads("Everything is in sync.")
    tray.choose("Quit Kalends")
    assert house.ended(app) == 0


def test_the_icon_says_how_it_is_going_and_its_menu_offers_what_can_be_done(
    house: House, person: Person, notifier: NotifierTray
) -> None:
    app = house.start("run", "--profile", "demo")
    person.reads("Everything is in sync.")
    assert notifier.tooltip.startswith("Kalends — up to date, checked ")
    labels = notifier.labels()
    assert labels[0].startswith("✓  Up to date · checked ")
    assert [
        label for label in labels if label in ("Open Kalends", "Sync now", "Pause", "Activity…", "Quit Kalends")
    ] == [
        "Open Kalends",
        "Sync now",
        "Pause",
        "Activity…",
        "Quit Kalends",
    ]
    notifier.choose("Pause", "Until I resume")
    until("the icon says that syncing is paused", lambda: "paused" in notifier.tooltip)
    notifier.choose("Activity…")
    person.sees("table", "Runs")
    notifier.choose("Quit Kalends")
    assert house.ended(app) == 0


def test_everything_can_be_reached_without_a_mouse(house: House, person: Person, trayer: TrayPlace) -> None:
    app = house.start()
    person.reads("Welcome to Kalends")
    person.move_to(re.compile("^Try the demo"))
    person.picture("focus")
    person.press_keys("space")
    person.reads("Everything is in sync.")
    person.move_to("Sync now")
    person.press_keys("space")
    person.move_to("Overview", "radio button")
    person.move_to("Activity", "radio button", key="Down")
    person.sees("table", "Runs")
    person.press_keys("ctrl+q")
    assert house.ended(app) == 0
