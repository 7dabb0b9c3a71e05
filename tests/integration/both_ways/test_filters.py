"""Filters by words and hours through the whole app: what is left out has no copy, and an echo writes nothing."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from app.domain.pairs import DirectionSettings, Filters, HoursFilter, Mode, Weekday, WordFilter
from app.services.views import PairChange
from tests.integration.both_ways.test_pairs import PLACES, WAYS
from tests.integration.both_ways.town import household

MORNINGS = HoursFilter(tuple(Weekday), time(6), time(10), "Europe/Berlin")
MONDAYS = HoursFilter((Weekday.MONDAY,), time(0), time(0), "Europe/Berlin", only=False)


@pytest.mark.anyio
@pytest.mark.parametrize("hours", [MORNINGS, MONDAYS], ids=["only-mornings", "never-mondays"])
async def test_what_words_and_hours_leave_out_has_no_copy_and_an_echo_writes_nothing(
    tmp_path: Path, hours: HoursFilter
) -> None:
    filters = Filters(words=(WordFilter(("day off", "3"), whole_words=True),), hours=hours)
    async with household(tmp_path, PLACES["google-microsoft"]) as app:
        pair_id = await app.pair("A", "B", settings=DirectionSettings(mode=Mode.FULL, filters=filters))
        await app.assert_quiet()
        for source, target in WAYS:
            titles = {str(copy["title"]) for copy in app[target].copies()}
            assert titles
            assert f"{source} Meeting 3" not in titles
            assert f"{source} Day off" not in titles
        app.town.assert_untouched()

        # Wider again: what was left out comes, and rests too.
        wider = DirectionSettings(mode=Mode.FULL)
        await app.core.pairs.update(pair_id, PairChange(settings=wider))
        await app.sync(pair_id)
        app.town.assert_in_step()
        await app.assert_quiet()
