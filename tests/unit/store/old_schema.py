"""Writes a database of this version of Kalends, as SQL, for the versions after it to upgrade in a test.

Whoever lands a migration runs `python -m tests.unit.store.old_schema tests/data/schemas/NAME.sql`, NAME being that of
the newest migration, and commits the file; no file there is ever changed. Imports only what every version has had.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from app.domain.ledger import Closing
from app.domain.links import Copy, IntentState, Link
from app.domain.runs import ActionRecord, ActionResult, Run, RunStatus, Trigger, Verb
from app.store import Store
from tests.unit.store.samples import NOW, clock, exception, intent, series, single, world


def fill(path: Path) -> None:
    """A database in use: accounts, a pair, views, a link with its copy, the journal, a run with its story."""
    with Store.open(path, now=clock) as store:
        here = world(store)
        here.read(single("a"), single("b", title="Lunch"), series("s"), exception("s", 9), full=True)
        here.read(single("their-own"), calendar="conn_home", full=True)
        here.everything_planned()
        ledger, direction = store.ledger, here.direction.id
        store.runs.add(Run("sync_run_1", "pair_1", Trigger.MANUAL, RunStatus.QUEUED, NOW))
        done, _ = ledger.open_intents([intent(here.direction, "a"), intent(here.direction, "b")], NOW)
        link = Link(direction, "a", copy_key="key-a", base_original={"title": "x"})
        copy = Copy(direction, "key-a", event_id="id-a", stamp="here.1")
        line = ActionRecord(
            direction, "a", "", Verb.CREATE, "new", "It is new.", ActionResult.DONE, ("title",), "Dentist", NOW, False
        )
        ledger.close_intents([Closing(replace(done, state=IntentState.APPLIED), link, copy, line)], NOW)
        store.state.put("demo_data_key", "00" * 32)


def dump(path: Path) -> str:
    """A database as SQL that makes an equal one, with what its header says."""
    with closing(sqlite3.connect(path)) as connection:
        header = [
            f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};"
            for name in ("application_id", "user_version")
        ]
        return "\n".join([*connection.iterdump(), *header]) + "\n"


def main(to: str) -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kalends.db"
        fill(path)
        Path(to).write_text(dump(path), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
