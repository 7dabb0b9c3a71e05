"""Pairs that lead both ways, between services, inside one, and inside one account, through the whole app.

What people do on either side travels to the other once; what we wrote ourselves never comes back as theirs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from tests.integration.both_ways.people import later, occurrence_by_hand, people_edit
from tests.integration.both_ways.town import Household, Place, google, household, microsoft

PLACES: dict[str, dict[str, Place]] = {
    "google-microsoft": {"A": google("ada"), "B": microsoft("ada")},
    "google-google": {"A": google("ada"), "B": google("bob")},
    "microsoft-microsoft": {"A": microsoft("ada"), "B": microsoft("bob")},
    "one-google-account": {"A": google("ada"), "B": google("ada", "Side")},
    "one-microsoft-account": {"A": microsoft("ada"), "B": microsoft("ada", "Side")},
}
FULL = pytest.mark.full
WAYS = (("A", "B"), ("B", "A"))


def all_of_them() -> list[Any]:
    """Every kind of pair in every mode; what only repeats a mode elsewhere runs by command."""
    everyday = {
        ("google-microsoft", Mode.BLOCKER),
        ("google-microsoft", Mode.FULL),
        ("google-google", Mode.DETAILS),
        ("microsoft-microsoft", Mode.FULL),
        ("one-google-account", Mode.FULL),
        ("one-microsoft-account", Mode.BLOCKER),
    }
    return [
        pytest.param(where, mode, id=f"{where}-{mode}", marks=() if (where, mode) in everyday else FULL)
        for where in PLACES
        for mode in Mode
    ]


async def settle(app: Household) -> None:
    """One run of each pair brings all in step; an echo writes nothing."""
    await app.sync_all()
    app.town.assert_in_step()
    await app.assert_quiet()


@pytest.mark.anyio
@pytest.mark.parametrize(("where", "mode"), all_of_them())
async def test_what_people_do_on_either_side_is_on_the_other_once(tmp_path: Path, where: str, mode: Mode) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", mode)
        app.town.assert_in_step()
        assert min(len(app[letter].copies()) for letter in "AB") >= 16
        await app.assert_quiet()

        for number, letter in enumerate("AB"):
            people_edit(app[letter], number)
        await settle(app)

        for letter in "AB":
            book = app[letter]
            for title in ("Meeting 2", "Over midnight", "Day off", "Weekly"):
                book.deletes(book.original(title))
        await settle(app)


# -- copies changed and deleted by hand --------------------------------------------------------------------------------

EVERYDAY = ("google-microsoft", "one-google-account")
EITHER = pytest.mark.parametrize(
    "where", [pytest.param(where, marks=() if where in EVERYDAY else FULL) for where in PLACES]
)


@pytest.mark.anyio
@EITHER
async def test_a_copy_changed_by_hand_is_put_back_on_either_side_and_its_original_is_not_touched(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", Mode.FULL)
        for source, target in WAYS:
            there, here = app[source], app[target]
            here.changes_copy(there.original("Meeting 3"), title="Mine now")
            moved = there.original("Meeting 4")
            here.changes_copy(moved, **later(moved, minutes=90))
            here.changes_copy(there.original("Day off"), title="Not off")
            here.changes_copy(there.original("Daily"), title="Rarely")
            occurrence_by_hand(here, there.original("Weekly"), weeks=10, minutes=180)
        await settle(app)


@pytest.mark.anyio
@EITHER
async def test_a_copy_changed_by_hand_and_kept_stays_so_until_its_original_is_deleted_and_longer(
    tmp_path: Path, where: str
) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        settings = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP)
        pair_id = await app.pair("A", "B", Mode.FULL, settings=settings)
        kept = {}
        for source, target in WAYS:
            there, here = app[source], app[target]
            kept[target] = here.changes_copy(there.original("Meeting 3"), title=f"{target}: mine now")
            here.changes_copy(there.original("Meeting 4"), title=f"{target}: mine too")
        await app.assert_quiet()
        for source, target in WAYS:
            there, here = app[source], app[target]
            there.moves(there.original("Meeting 3"), 15)
            there.deletes(there.original("Meeting 4"))
        await app.sync(pair_id)
        for source, target in WAYS:
            there, here = app[source], app[target]
            titles = [copy["title"] for copy in here.copies()]
            assert titles.count(f"{target}: mine now") == 1
            moved = there.original("Meeting 3 (moved)")
            assert here.copy_of(moved)["title"] == f"{target}: mine now"
            # Released: an ordinary event of that side from now on, whose copy goes to the other.
            assert titles.count(f"{target}: mine too") == 1
        await app.sync(pair_id)
        for source, target in WAYS:
            assert [copy["title"] for copy in app[source].copies()].count(f"{target}: mine too") == 1
            assert [copy["title"] for copy in app[target].copies()].count(f"{target}: mine too") == 1
        app.town.assert_untouched()
        await app.assert_quiet()


@pytest.mark.anyio
@EITHER
@pytest.mark.parametrize("mode", [Mode.BLOCKER, Mode.FULL])
async def test_a_copy_deleted_by_hand_stays_away_on_either_side(tmp_path: Path, where: str, mode: Mode) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", mode)
        away = []
        for source, target in WAYS:
            for title in ("Meeting 3", "Day off", "Daily"):
                original = app[source].original(title)
                app[target].deletes_copy(original)
                away.append((target, original))
        await app.sync_all()
        app.town.assert_in_step(away)
        for source in "AB":
            # Also when its original changes, and with everything read anew.
            app[source].changes(app[source].original("Meeting 3"), location="Elsewhere")
        await app.sync(app.pairs[0], full=True)
        app.town.assert_in_step(away)
        await app.assert_quiet()
        for source in "AB":
            app[source].deletes(app[source].original("Meeting 3"))
        await app.sync_all()
        app.town.assert_in_step([pair for pair in away if "Meeting 3" not in pair[1]["title"]])
        await app.assert_quiet()


@pytest.mark.anyio
@EITHER
async def test_a_copy_deleted_by_hand_comes_back_once_where_that_is_wished(tmp_path: Path, where: str) -> None:
    async with household(tmp_path, PLACES[where]) as app:
        settings = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)
        await app.pair("A", "B", Mode.FULL, settings=settings)
        for _ in range(2):
            for source, target in WAYS:
                for title in ("Meeting 3", "Day off", "Weekly", "Daily"):
                    app[target].deletes_copy(app[source].original(title))
            await settle(app)


@pytest.mark.anyio
@EITHER
async def test_one_date_taken_out_of_a_copied_series_stays_out_and_the_original_keeps_it(
    tmp_path: Path, where: str
) -> None:
    away: dict[str, datetime] = {}
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", Mode.FULL)
        for source, target in WAYS:
            weekly = app[source].original("Weekly")
            gone = datetime.fromisoformat(weekly["start"]) + timedelta(weeks=10)
            copy = app[target].copy_of(weekly)
            taken = [{"original_start": gone.isoformat(), "cancelled": True}]
            app[target].provider.patch_event(app[target].id, copy["id"], {"exceptions": taken})
            away[target] = gone
        await app.sync_all()
        await app.assert_quiet()
        app.town.assert_untouched()
        for source, target in WAYS:
            weekly = app[source].original("Weekly")
            dates = {one["original_start"] for one in app[target].copy_of(weekly)["exceptions"] if one.get("cancelled")}
            assert away[target].isoformat() in dates
