"""Rings and diamonds of pairs over three and four accounts, through the whole app: a copy is never a source.

Each original has one copy for each way that leads from its own calendar, no chain of copies, and no number of rounds
makes more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.domain.pairs import CopyDeleted, CopyEdited, Direction, DirectionSettings, Mode
from tests.integration.both_ways.people import people_edit
from tests.integration.both_ways.town import Household, Place, google, household, meeting, microsoft

ONE_WAY, BOTH = Direction.A_TO_B, Direction.BIDIRECTIONAL
THREE: dict[str, Place] = {"A": google("ada"), "B": microsoft("bob"), "C": google("cleo")}
OTHER_THREE: dict[str, Place] = {"A": microsoft("ada"), "B": google("bob"), "C": microsoft("cleo")}
FOUR: dict[str, Place] = {**THREE, "D": microsoft("dan")}
RING = (("A", "B"), ("B", "C"), ("C", "A"))
DIAMOND = (("A", "B"), ("A", "C"), ("B", "D"), ("C", "D"))


async def play(app: Household, pairs: Sequence[tuple[str, str]], direction: Direction, mode: Mode) -> None:
    """Several rounds, people editing and deleting everywhere between them."""
    for a, b in pairs:
        await app.pair(a, b, mode, direction)
    # The first pairs have seen the copies that the last ones made.
    await app.sync_all()
    app.town.assert_in_step()
    await app.assert_quiet()
    first = {letter: len(book.copies()) for letter, book in app.town.books.items()}
    assert sum(first.values()) >= 16 * len(app.town.ways)

    for number, book in enumerate(app.town.books.values()):
        people_edit(book, number)
    # All at once: a pair may see in its source a copy that another one is just writing there.
    await app.sync_together()
    app.town.assert_in_step()
    await app.assert_quiet()

    for number, book in enumerate(app.town.books.values()):
        for title in ("Meeting 2", "Weekly", "Day off"):
            book.deletes(book.original(title))
        book.makes(meeting(30, number))
        book.moves(book.original("Meeting 3"), 60)
    # In another order: who comes first must not matter.
    for pair_id in reversed(app.pairs):
        await app.sync(pair_id)
    app.town.assert_in_step()
    await app.assert_quiet()

    for pair_id in app.pairs:
        await app.sync(pair_id, full=True)
    app.town.assert_in_step()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("places", "direction", "mode"),
    [
        pytest.param(THREE, ONE_WAY, Mode.FULL, id="one-way-full", marks=pytest.mark.full),
        pytest.param(THREE, BOTH, Mode.FULL, id="both-ways-full"),
        pytest.param(OTHER_THREE, BOTH, Mode.BLOCKER, id="both-ways-blocker"),
        pytest.param(OTHER_THREE, ONE_WAY, Mode.DETAILS, id="one-way-details", marks=pytest.mark.full),
        pytest.param(OTHER_THREE, BOTH, Mode.FULL, id="others-both-ways-full", marks=pytest.mark.full),
    ],
)
async def test_a_ring_of_three_accounts_neither_chains_nor_multiplies(
    tmp_path: Path, places: dict[str, Place], direction: Direction, mode: Mode
) -> None:
    async with household(tmp_path, places) as app:
        await play(app, RING, direction, mode)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("direction", "mode"),
    [
        pytest.param(ONE_WAY, Mode.FULL, marks=pytest.mark.full),
        (BOTH, Mode.FULL),
        pytest.param(BOTH, Mode.BLOCKER, marks=pytest.mark.full),
    ],
)
async def test_a_diamond_of_four_accounts_brings_no_original_to_the_other_end(
    tmp_path: Path, direction: Direction, mode: Mode
) -> None:
    async with household(tmp_path, FOUR) as app:
        await play(app, DIAMOND, direction, mode)


@pytest.mark.anyio
@pytest.mark.parametrize("policy", [CopyDeleted.STAY_AWAY, CopyDeleted.RESTORE])
async def test_a_copy_deleted_in_one_corner_of_a_ring_concerns_that_corner_alone(
    tmp_path: Path, policy: CopyDeleted
) -> None:
    settings = DirectionSettings(mode=Mode.FULL, copy_deleted=policy)
    async with household(tmp_path, THREE) as app:
        for a, b in RING:
            await app.pair(a, b, Mode.FULL, BOTH, settings)
        away = []
        for source, target in RING:
            original = app[source].original("Meeting 3")
            app[target].deletes_copy(original)
            away.append((target, original))
        await app.sync_all()
        app.town.assert_in_step(away if policy is CopyDeleted.STAY_AWAY else ())
        await app.assert_quiet()
        for letter in "ABC":
            app[letter].deletes(app[letter].original("Meeting 3"))
        await app.sync_all()
        app.town.assert_in_step()
        await app.assert_quiet()


@pytest.mark.anyio
async def test_what_is_done_to_one_copy_in_a_ring_goes_to_its_original_and_from_there_to_the_other_copy(
    tmp_path: Path,
) -> None:
    settings = DirectionSettings(
        mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK, copy_deleted=CopyDeleted.DELETE_ORIGINAL
    )
    async with household(tmp_path, THREE) as app:
        for a, b in RING:
            await app.pair(a, b, Mode.FULL, BOTH, settings)
        wished = []
        for source, target in RING:
            there, here = app[source], app[target]
            renamed, deleted = there.original("Meeting 3"), there.original("Meeting 4")
            wished.append((there, renamed))
            here.changes_copy(renamed, title=f"{source} Renamed in {target}")
            here.deletes_copy(deleted)
            there.versions.pop(deleted["id"])
        # A corner that ran before the original changed learns of it in its next run.
        await app.sync_all()
        await app.sync_all()
        for source, target in RING:
            titles = [event["title"] for book in app.town.books.values() for event in book.events()]
            assert titles.count(f"{source} Renamed in {target}") == len(app.town.books)
            assert not [title for title in titles if title == f"{source} Meeting 4"]
        for book, original in wished:
            book.accepts(original)
        app.town.assert_in_step()
        await app.assert_quiet()
