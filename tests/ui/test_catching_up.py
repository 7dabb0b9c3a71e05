"""The page in view is drawn first; the others follow one by one, and none is ever looked at with old news."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.ui.feed import Snapshot
from tests.ui.conftest import MakeDesk
from tests.ui.desk import Desk
from tests.ui.doubles import calm


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(calm).begin()


@pytest.fixture
def shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages that were brought up, in order."""
    order: list[str] = []
    for name in ("overview", "pairs", "accounts", "activity", "settings"):
        page = getattr(desk.window, name)
        show = page.show_snapshot

        def note(snapshot: Snapshot, name: str = name, show: object = show) -> None:
            order.append(name)
            assert callable(show)
            show(snapshot)

        monkeypatch.setattr(page, "show_snapshot", note)
    return order


def _news(desk: Desk) -> Snapshot:
    assert desk.desktop.feed.latest is not None
    return desk.desktop.feed.latest


def test_the_page_in_view_comes_first_and_the_others_by_themselves(desk: Desk, shown: list[str], qtbot: QtBot) -> None:
    desk.window.show_page("accounts")
    desk.window.show_snapshot(_news(desk))
    assert shown == ["accounts"]
    qtbot.waitUntil(lambda: desk.window.is_up_to_date, timeout=5_000)
    assert sorted(shown) == ["accounts", "activity", "overview", "pairs", "settings"]


def test_a_page_asked_for_meanwhile_is_brought_up_before_it_is_seen(desk: Desk, shown: list[str]) -> None:
    desk.window.show_snapshot(_news(desk))
    desk.window.show_page("pairs")
    assert shown == ["overview", "pairs"]


def test_what_is_forgotten_is_not_shown_any_more(desk: Desk, shown: list[str]) -> None:
    desk.window.show_snapshot(_news(desk))
    desk.window.forget()
    assert desk.window.is_up_to_date
    assert shown == ["overview"]
