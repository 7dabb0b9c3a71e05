"""What is handed out together when the tests are shared among processes."""

from __future__ import annotations

from tests.sharing import share_of


def test_a_file_stays_whole() -> None:
    first = share_of("tests/unit/engine/test_plan.py::test_one")
    assert first == share_of("tests/unit/engine/test_plan.py::TestMore::test_two[a::b]")
    assert first != share_of("tests/unit/engine/test_run.py::test_one")


def test_the_stories_share_one_desktop() -> None:
    assert share_of("tests/e2e/test_story.py::test_one") == share_of("tests/e2e/test_tray.py::test_two")


def test_long_simulations_go_one_by_one() -> None:
    assert share_of("tests/simulation/test_a.py::test_one") != share_of("tests/simulation/test_a.py::test_two")
