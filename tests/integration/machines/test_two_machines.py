"""Two computers keep one pair; one loses its database, the other is set back to an old copy of its own.

The computers are processes of their own with homes of their own, at the same emulated services. Whatever becomes of
what they remember, nothing is doubled, lost or deleted, and what people made is as they left it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from tests.integration.oracle import assert_in_step, assert_no_harm, before, copies, since
from tests.integration.playground import PASSPHRASE, AppProcess, Playground, playground

WROTE_NOTHING = {"created": 0, "updated": 0, "deleted": 0, "failed": 0, "held": 0}
FULL = pytest.mark.full
CASES = [
    pytest.param(Provider.GOOGLE, False, id="to-microsoft-database-alone"),
    pytest.param(Provider.MICROSOFT, True, id="to-google-whole-folder"),
    pytest.param(Provider.GOOGLE, True, id="to-microsoft-whole-folder", marks=FULL),
    pytest.param(Provider.MICROSOFT, False, id="to-google-database-alone", marks=FULL),
]


class Machine:
    """One of the computers: a home in which the app is started."""

    def __init__(self, play: Playground, home: Path) -> None:
        home.mkdir(exist_ok=True)
        (home / "passphrase").write_text(PASSPHRASE, "utf-8")
        self._play = play
        self.home = home

    async def sync(self) -> AppProcess:
        """Start the app here and let it run until a run ends well, and once more."""
        self._play.home = self.home
        return await self._play.until_well()

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def keep(self, name: str) -> None:
        """Put a copy of everything that is remembered here aside."""
        shutil.copytree(self._data, self.home / name)

    def set_back(self, name: str, *, whole: bool) -> None:
        """Put an old copy in the place of what is remembered here: the whole folder, as a machine's image would be, or
        the database alone."""
        kept = self.home / name
        if whole:
            shutil.rmtree(self._data)
            shutil.copytree(kept, self._data)
            return
        self._remove_database()
        for file in kept.glob("kalends.db*"):
            shutil.copy(file, self._data / file.name)

    def forget(self) -> None:
        """Lose the database; the snapshots and settings stay."""
        self._remove_database()

    def _remove_database(self) -> None:
        files = list(self._data.glob("kalends.db*"))
        assert files
        for file in files:
            file.unlink()


def counts(app: AppProcess, run: int) -> dict[str, Any]:
    """What a run of a start wrote."""
    told: dict[str, Any] = app.runs[run]["counts"]
    return {name: told[name] for name in WROTE_NOTHING}


@pytest.mark.anyio
@pytest.mark.parametrize(("source", "whole"), CASES)
async def test_a_lost_database_and_one_set_back_double_lose_and_delete_nothing(
    tmp_path: Path, source: Provider, whole: bool
) -> None:
    (tmp_path / "one").mkdir()
    async with playground(tmp_path / "one", source, "full", more=10) as play:
        one, two = Machine(play, tmp_path / "one"), Machine(play, tmp_path / "two")
        then = before(play)
        await one.sync()
        full = len(copies(play, then))
        assert counts(await two.sync(), 0) == WROTE_NOTHING
        assert_in_step(play, then)
        one.keep("old")

        # People go on, and each computer carries some of it.
        singles = play.singles()
        play.person_moves(*singles[:3], minutes=30)
        play.person_deletes(singles[3])
        await one.sync()
        play.person_makes(101, 102)
        play.person_changes_occurrences()
        await two.sync()
        then = since(play, then)
        assert_in_step(play, then)
        assert len(copies(play, then)) == full - 1 + 2

        # One forgets everything, the other remembers what was long ago.
        two.forget()
        one.set_back("old", whole=whole)
        await two.sync()
        assert_in_step(play, then)
        await one.sync()
        assert_no_harm(play, then)
        last = await two.sync()
        assert counts(last, 1) == WROTE_NOTHING, last.words()
        assert_in_step(play, then)

        # And they work on: what people change and delete from now on is followed, once.
        singles = play.singles()
        play.person_moves(singles[0], minutes=15)
        play.person_deletes(singles[1])
        await one.sync()
        then = since(play, then)
        last = await two.sync()
        assert counts(last, 1) == WROTE_NOTHING, last.words()
        assert_in_step(play, then)
