"""Settings, used as a person uses them: the look, and a key for a script."""

from __future__ import annotations

import json
import re

from tests.e2e.house import Api, House
from tests.e2e.person import Person
from tests.e2e.trays import TrayPlace


def test_a_person_chooses_the_dark_look_and_makes_a_key_that_a_script_can_use(
    house: House, person: Person, trayer: TrayPlace
) -> None:
    app = house.start("run", "--profile", "demo")
    person.reads("Everything is in sync.")
    person.press("Settings", "radio button")
    person.press("Dark", "radio button")
    person.sees_darkness()
    person.picture("dark")
    person.move_to("New key")
    person.press_keys("space")
    person.reads("Lets a script or another program talk to Kalends on this computer.")
    person.move_to("Name", "text")
    person.write("my script")
    person.press("Create key")
    key = person.field("The new key")
    assert re.fullmatch(r"cs_test_\w+", key), "a key of the demo opens the demo alone"
    person.picture("key")
    person.press("Done")
    person.sees("cell", re.compile("my script"))

    address = json.loads(house.api_file("demo").read_text("utf-8"))
    api = Api(f"{address['url']}/api/v1", key)
    assert [pair["state"] for pair in api.ask("GET", "/sync-pairs")["pairs"]] == ["up_to_date"]
    api.close()
    person.press_keys("ctrl+q")
    assert house.ended(app) == 0
