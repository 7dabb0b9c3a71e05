"""The table models without any window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.domain.pairs import Direction
from app.domain.runs import ActionResult, Verb
from app.ui.action_list import ActionFilter, ActionList
from app.ui.key_model import KeyModel
from app.ui.pair_list_model import PairListModel
from app.ui.pair_model import PairModel
from app.ui.pair_rows import PairRows
from app.ui.run_model import ActionModel, RunModel
from app.ui.tables import KEY, SECOND_LINE, SIGN
from app.ui.theme import Theme
from tests.ui.doubles import action, busy, now


def filled() -> list[QAbstractItemModel]:
    world = busy()
    pairs, runs, actions = PairModel(now), RunModel(now), ActionModel(now)
    pairs.show_pairs(tuple(world.known_pairs))
    runs.show_runs(tuple(world.known_runs[:20]), {"pair_1": "Private ⇄ Calendar"})
    actions.show_actions(world.stories["sync_run_02"])
    ends, keys = PairListModel(now), KeyModel(now)
    ends.show_pairs(tuple(world.known_pairs))
    keys.show_keys((*world.known_keys, replace(world.known_keys[0], id="key_4")))
    found = ActionFilter(actions, actions)
    found.narrow("in", -1)
    return [pairs, runs, actions, ends, keys, found]


@pytest.mark.parametrize("number", range(6))
def test_the_models_obey_qt(number: int, qapp: object) -> None:
    model = filled()[number]
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert tester.model() is model
    assert model.rowCount() > 3


def test_the_same_pairs_are_updated_in_place_and_others_reset() -> None:
    world = busy()
    model = PairModel(now)
    resets: list[bool] = []
    model.modelReset.connect(lambda: resets.append(True))
    model.show_pairs(tuple(world.known_pairs))
    model.show_pairs(tuple(replace(view, held=7) for view in world.known_pairs))
    assert len(resets) == 1
    assert model.index(4, 1).data() == "7 on hold"
    model.show_pairs(tuple(world.known_pairs[1:]))
    assert len(resets) == 2
    assert model.index(0, 0).data(KEY) == "pair_2"


def _told(model: QAbstractItemModel) -> list[tuple[int, int]]:
    """The first and last row of each change that is told of from now on."""
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    return told


@pytest.mark.parametrize("kind", [PairModel, PairListModel])
def test_a_reading_touches_only_the_rows_of_pairs_that_say_something_else(kind: type[PairRows]) -> None:
    pairs = tuple(busy().known_pairs)
    model = kind(now)
    model.show_pairs(pairs)
    told = _told(model)
    model.show_pairs(tuple(replace(view) for view in pairs))
    model.tick()
    assert told == []
    model.show_pairs((*pairs[:4], replace(pairs[4], held=7), *pairs[5:]))
    assert told == [(4, 4)]


def test_time_that_passes_touches_only_the_rows_that_say_it() -> None:
    moment = now()
    pairs = tuple(busy().known_pairs)
    model = PairModel(lambda: moment)
    model.show_pairs(pairs)
    told = _told(model)
    moment += timedelta(seconds=1)
    model.tick()
    assert told == []
    moment += timedelta(minutes=3)
    before = [view.pair.last_synced_at is not None for view in pairs]
    model.tick()
    assert 0 < len(told) <= sum(before)


def test_a_reading_touches_only_the_rows_of_runs_that_say_something_else() -> None:
    runs = tuple(busy().known_runs[:5])
    names = {run.pair_id: "Private ⇄ Calendar" for run in runs}
    model = RunModel(now)
    model.show_runs(runs, names)
    told = _told(model)
    model.show_runs(tuple(replace(run) for run in runs), dict(names))
    assert told == []
    further = replace(runs[2], counts=replace(runs[2].counts, created=runs[2].counts.created + 1))
    model.show_runs((*runs[:2], further, *runs[3:]), names)
    assert told == [(2, 2)]
    model.show_runs((*runs[:2], further, *runs[3:]), {})
    assert told[1:] == [(row, row) for row in range(5)]


def test_both_ends_are_shown_in_the_direction_of_the_events() -> None:
    world = busy()
    model = PairListModel(now)
    backwards = replace(world.known_pairs[1], pair=replace(world.known_pairs[1].pair, direction=Direction.B_TO_A))
    model.show_pairs((backwards, world.known_pairs[5]))
    assert [model.index(0, column).data() for column in range(3)] == ["Calendar", "Familie Lindqvist & Osei", "One way"]
    assert model.index(0, 0).data(SECOND_LINE) == "ana.lindqvist@outlook.com"
    assert model.index(0, 4).data(SECOND_LINE) == "every 5 min"
    assert model.index(1, 4).data() == "–", "a paused pair has no next run"
    assert model.index(1, 2).data(SECOND_LINE) == "Title and time"


def test_a_choice_of_kind_shows_failures_of_every_kind() -> None:
    model = ActionModel(now)
    model.show_actions(
        (
            action(1, Verb.CREATE, "One", "New.", ActionResult.FAILED),
            action(2, Verb.HOLD, "Two", "Gone."),
            action(3, Verb.CREATE, "Three", "New."),
        )
    )
    found = ActionFilter(model, model)
    found.narrow("", 4)
    assert [found.index(row, 1).data() for row in range(found.rowCount())] == ["One", "Two"]


def test_runs_of_a_pair_that_is_gone_say_so() -> None:
    world = busy()
    model = RunModel(now)
    model.show_runs(tuple(world.known_runs[:2]), {"pair_1": "Private ⇄ Calendar"})
    assert [model.index(row, 1).data() for row in range(2)] == ["Removed pair", "Private ⇄ Calendar"]


def test_titles_of_others_are_never_markup() -> None:
    model = ActionModel(now)
    model.show_actions((action(1, Verb.CREATE, "<img src=x>", "New in <Work>."),))
    assert model.index(0, 1).data() == "<img src=x>"
    assert model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole) == "<span>&lt;img src=x&gt;</span>"


def test_an_all_day_event_keeps_its_written_date() -> None:
    model = ActionModel(now)
    model.show_actions((replace(action(15, Verb.CREATE, "Holiday", "New."), all_day=True),))
    assert model.index(0, 1).data(SECOND_LINE) == "Mon 23 Nov 2026, all day"


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (ActionResult.PLANNED, "Remove"),
        (ActionResult.DONE, "Removed"),
        (ActionResult.FAILED, "Failed"),
        (ActionResult.HELD, "Waits for you"),
        (ActionResult.WAITING, "Waiting"),
    ],
)
def test_an_action_says_what_became_of_it(result: ActionResult, word: str) -> None:
    model = ActionModel(now)
    model.show_actions((action(1, Verb.DELETE, "1:1", "Cancelled.", result),))
    assert model.index(0, 0).data(SIGN).word == word


def test_what_is_up_to_date_is_not_among_what_is_left_out(qtbot: QtBot, theme: Theme) -> None:
    actions = ActionList(theme, "Actions", now)
    qtbot.addWidget(actions)
    same = replace(action(2, Verb.SKIP, "Standup", "Its copy is as it should be."), reason="nothing_to_do")
    actions.show_actions((action(1, Verb.SKIP, "Lunch", "You declined it."), same))
    for kind, title in (("Left out", "Lunch"), ("Up to date", "Standup")):
        actions.kind.setCurrentIndex(actions.kind.findText(kind))
        shown = actions.table.model()
        assert [shown.index(row, 1).data() for row in range(shown.rowCount())] == [title]
