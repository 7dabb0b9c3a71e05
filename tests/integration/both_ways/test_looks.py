"""What copies are told to look like comes to rest at both services: written once, an echo writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    Filters,
    Mode,
    PrivateOriginals,
    Reminders,
    Replacement,
)
from app.services.views import PairChange
from tests.integration.both_ways.test_pairs import PLACES, WAYS
from tests.integration.both_ways.town import Household, Json, household, meeting

ORIGINALS: tuple[Json, ...] = (
    meeting(1, 1),
    {**meeting(2, 2), "description": "Agenda <b>bold</b>", "location": "Room 4"},
    {**meeting(3, 3), "title": "Secret project", "busy": "tentative"},
)
LOOKS: dict[str, DirectionSettings] = {
    "details": DirectionSettings(
        mode=Mode.DETAILS,
        detail_fields=tuple(DetailField),
        title_prefix="[W] ",
        title_replacements=(Replacement("secret", "Open"), Replacement(r"\d+", "#", pattern=True)),
        private_originals=PrivateOriginals.LIKE_OTHERS,
        reminders=Reminders.FIXED,
        reminder_minutes=45,
        visibility=CopyVisibility.PRIVATE,
        colour=CopyColour.SAGE,
    ),
    "full": DirectionSettings(
        mode=Mode.FULL,
        title="{title} ({calendar})",
        availability=CopyAvailability.OUT_OF_OFFICE,
        visibility=CopyVisibility.DEFAULT,
        reminders=Reminders.COPY,
        colour=CopyColour.AS_ORIGINAL,
    ),
    "blocker": DirectionSettings(
        mode=Mode.BLOCKER,
        filters=Filters(free=False),
        title="Away",
        title_prefix="» ",
        availability=CopyAvailability.TENTATIVE,
        visibility=CopyVisibility.DEFAULT,
        reminders=Reminders.FIXED,
        reminder_minutes=0,
        colour=CopyColour.TOMATO,
    ),
}


def titles(app: Household, letter: str) -> list[Any]:
    return sorted(str(copy["title"]) for copy in app[letter].copies())


@pytest.mark.anyio
@pytest.mark.parametrize("look", LOOKS)
async def test_chosen_looks_are_written_once_and_rest_at_both_services(tmp_path: Path, look: str) -> None:
    async with household(tmp_path, PLACES["google-microsoft"]) as app:
        pair_id = await app.pair("A", "B", settings=LOOKS[look], mode=LOOKS[look].mode)
        await app.assert_quiet()
        before = {letter: titles(app, letter) for letter in "AB"}
        assert all(len(found) >= 16 for found in before.values())
        app.town.assert_untouched()

        # Any other look, and back again: copies change in place.
        ids = {letter: {copy["id"] for copy in app[letter].copies()} for letter in "AB"}
        other = LOOKS["blocker" if look == "details" else "details"]
        for settings in (other, LOOKS[look]):
            await app.core.pairs.update(pair_id, PairChange(mode=settings.mode, settings=settings))
            await app.sync(pair_id)
            await app.assert_quiet()
        assert {letter: titles(app, letter) for letter in "AB"} == before
        assert {letter: {copy["id"] for copy in app[letter].copies()} for letter in "AB"} == ids
        app.town.assert_untouched()


@pytest.mark.anyio
async def test_a_prefix_and_replacements_stand_in_the_titles_of_copies(tmp_path: Path) -> None:
    events = {letter: [dict(original) for original in ORIGINALS] for letter in "AB"}
    async with household(tmp_path, PLACES["google-microsoft"], events) as app:
        await app.pair("A", "B", mode=Mode.DETAILS, settings=LOOKS["details"])
        for _, target in WAYS:
            assert any("Open project" in title for title in titles(app, target))
            assert all(title.startswith("[W] ") and "Secret" not in title for title in titles(app, target))
            rooms = [copy.get("location") for copy in app[target].copies()]
            assert "Room 4" in rooms


JONAS: Json = {"email": "jonas.weber@example.org", "name": "Weber, Jonas <b>"}
HANA: Json = {"email": "hana@example.org", "name": "Hana & Co"}


@pytest.mark.anyio
async def test_guests_are_listed_by_name_at_both_services_and_the_list_is_followed(tmp_path: Path) -> None:
    invited = {**meeting(1, 1), "description": "Agenda <b>bold</b> & more", "attendees": [JONAS, HANA]}
    events = {letter: [dict(invited), meeting(2, 2)] for letter in "AB"}
    settings = DirectionSettings(mode=Mode.FULL, guests_in_text=True)
    async with household(tmp_path, PLACES["google-microsoft"], events) as app:
        pair_id = await app.pair("A", "B", settings=settings)
        await app.assert_quiet()
        for _, target in WAYS:
            told = [str(copy.get("description")) for copy in app[target].copies()]
            (listed,) = [one for one in told if "Guests:" in one]
            assert "Weber, Jonas" in listed
            assert "Hana" in listed
            assert not any("@example.org" in one for one in told)
            assert not any(copy.get("attendees") for copy in app[target].copies())
        for source, target in WAYS:
            original = next(event for event in app[source].people() if event.get("attendees"))
            app[source].changes(original, attendees=[HANA])
            app.town.accept_mails()
            await app.sync(pair_id)
            (listed,) = [str(c["description"]) for c in app[target].copies() if "Guests:" in str(c.get("description"))]
            assert "Jonas" not in listed
            assert "Agenda" in listed
        await app.assert_quiet()
        app.town.assert_untouched()
