"""Two things at once: a copy goes while its original becomes something else; two installations keep one pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.pairs import CopyDeleted, DirectionSettings, Mode
from tests.integration.both_ways.test_pairs import PLACES
from tests.integration.both_ways.town import household


@pytest.mark.anyio
@pytest.mark.parametrize("policy", CopyDeleted)
@pytest.mark.parametrize("where", ["google-microsoft", "one-google-account"])
async def test_a_copy_deleted_by_hand_while_its_original_becomes_a_series(
    tmp_path: Path, where: str, policy: CopyDeleted
) -> None:
    settings = DirectionSettings(mode=Mode.FULL, copy_deleted=policy)
    async with household(tmp_path, PLACES[where]) as app:
        await app.pair("A", "B", Mode.FULL, settings=settings)
        away = []
        for source, target in (("A", "B"), ("B", "A")):
            book = app[source]
            app[target].deletes_copy(book.original("Meeting 3"))
            book.changes(book.original("Meeting 3"), rrule=["RRULE:FREQ=WEEKLY;COUNT=4"])
            away += [(target, book.original("Meeting 3"))]
        await app.sync_all()
        app.town.assert_in_step(away if policy is CopyDeleted.STAY_AWAY else ())
        await app.assert_quiet()
