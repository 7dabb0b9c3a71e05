"""What syncs at the moment, in the overview and the row menu; and sign-ins that end soon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.domain.notices import Topic
from app.domain.pairs import PairState
from app.domain.runs import Phase, Trigger
from app.services.views import SIGN_IN_EXPIRES, Problem, Progress, RollUp
from app.ui import menus, pair_list_model, pair_model, words
from app.ui.notes import Note
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, calm
from tests.ui.hands import button, click

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]

GOING = Progress("pair_1", "sync_run_1", Phase.WRITING, 45, 120)


def syncing(profile: str) -> CoreDouble:
    core = calm(profile)
    core.state, core.sentence = RollUp.SYNCING, "Syncing your calendars…"
    core.go_on(GOING)
    return core


def test_an_idle_overview_shows_no_progress(make_desk: MakeDesk) -> None:
    assert not make_desk(calm).begin().window.overview.progress.isVisible()


def test_the_overview_counts_a_run_without_reading_anything_and_stops_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(syncing).begin()
    progress = desk.window.overview.progress
    line = progress.lines["pair_1"]
    assert progress.isVisible()
    assert line.words.text() == "Private ⇄ Calendar: Copying 45 of 120 events…"
    assert line.bar.share == 45 / 120
    assert line.stop_button.accessibleName() == "Stop syncing Private ⇄ Calendar"
    reads = len(desk.called("overall"))
    desk.ask(lambda core: core.go_on(replace(GOING, done=90)))
    qtbot.waitUntil(lambda: line.words.text() == "Private ⇄ Calendar: Copying 90 of 120 events…")
    assert len(desk.called("overall")) == reads
    click(line.stop_button)
    qtbot.waitUntil(lambda: line.words.text() == "Private ⇄ Calendar: Stopping…")
    assert desk.called("interrupt") == [("interrupt", "pair_1")]
    assert not line.stop_button.isVisible()

    def end(core: CoreDouble) -> None:
        core.state = RollUp.UP_TO_DATE
        core.known_pairs = [replace(view, progress=None) for view in core.known_pairs]
        core.notices.announce(Topic.RUN_FINISHED, pair_id="pair_1")

    desk.ask(end)
    qtbot.waitUntil(lambda: not progress.isVisible())


def test_the_rows_of_pairs_count_too_and_no_other_cell_is_painted(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def on_their_way(profile: str) -> CoreDouble:
        core = syncing(profile)
        core.known_pairs[0] = replace(core.known_pairs[0], state=PairState.SYNCING)
        return core

    desk = make_desk(on_their_way).begin()
    model = desk.window.overview.pair_table.model()
    rows = desk.window.pairs.table.model()
    told: list[tuple[int, int, int, int]] = []
    assert model.index(0, pair_model.STATUS).data() == "Syncing 45 of 120"
    model.dataChanged.connect(lambda a, b: told.append((a.row(), a.column(), b.row(), b.column())))
    desk.ask(lambda core: core.go_on(replace(GOING, done=90)))
    qtbot.waitUntil(lambda: model.index(0, pair_model.STATUS).data() == "Syncing 90 of 120")
    assert rows.index(0, pair_list_model.STATUS).data() == "Syncing 90 of 120"
    assert told == [(0, pair_model.STATUS, 0, pair_model.STATUS)]


def test_a_run_whose_numbers_nobody_knows_yet_says_what_it_is_busy_with(make_desk: MakeDesk) -> None:
    def reading(profile: str) -> CoreDouble:
        core = syncing(profile)
        core.go_on(Progress("pair_1", "sync_run_1", Phase.READING))
        core.go_on(Progress("pair_2", "sync_run_2"))
        return core

    lines = make_desk(reading).begin().window.overview.progress.lines
    assert lines["pair_1"].words.text() == "Private ⇄ Calendar: Reading the calendars…"
    assert lines["pair_1"].bar.share == 0.0
    assert lines["pair_2"].words.text().endswith(": Waiting for its turn…")


def test_words_of_progress_fit_their_number_and_what_is_done() -> None:
    assert replace(GOING, done=0, total=1).sentence == "Copying 0 of 1 event…"
    assert replace(GOING, total=1200, done=1100).sentence == "Copying 1,100 of 1,200 events…"
    assert replace(GOING, command="remove").sentence == "Removing copies: 45 of 120…"
    assert replace(GOING, phase=Phase.COMPARING).sentence == "Comparing events…"
    assert [replace(GOING, phase=phase).short for phase in (None, *Phase)] == [
        "waiting for its turn",
        "reading",
        "comparing events",
        "45 of 120",
    ]


def test_the_menu_of_a_pair_that_syncs_stops_it_and_the_others_go_on(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(syncing).begin()
    view, other = desk.core.known_pairs
    menu = QMenu()
    desk_commands = desk.desktop.commands

    def texts(which: int) -> list[str]:
        menus.fill_pair(menu, (view, other)[which], desk_commands, desk.desktop.tray._now, lambda *_: None)
        return [action.text() for action in menu.actions()]

    assert "Sync now" in texts(1)
    assert texts(0)[0] == "Stop this sync"
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: desk.called("interrupt") == [("interrupt", "pair_1")])


def test_every_trigger_has_its_words() -> None:
    assert set(words.TRIGGER_WORDS) == set(Trigger)
    assert set(words.STARTED_WORDS) == set(Trigger)


def test_a_sign_in_that_ends_soon_has_a_card_with_its_fix(make_desk: MakeDesk, qtbot: QtBot) -> None:
    sentence = "Google ends the sign-in for ana@gmail.com in 47 hours. Sign in again to go on syncing."

    def expiring(profile: str) -> CoreDouble:
        core = calm(profile)
        core.problems = [Problem(SIGN_IN_EXPIRES, sentence, "reconnect", account_id="acct_g")]
        return core

    desk = make_desk(expiring).begin()
    (card,) = [note for note in desk.window.overview.findChildren(Note) if note.isVisible()]
    assert card.sentence == sentence
    click(button(card, "Reconnect"))
    qtbot.waitUntil(lambda: desk.called("reconnect") == [("reconnect", "acct_g")])
