"""The demo's menu *Make something happen*: what it offers, what it asks for, what it says."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.domain.errors import NotFoundError
from app.services.happenings import DemoAct, Happened
from app.ui.demo_menu import DemoMenu
from tests.ui.conftest import MakeDesk
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, demo


class DemoDouble:
    """Notes what is to happen."""

    def __init__(self) -> None:
        self.acts: list[DemoAct] = []
        self.error: NotFoundError | None = None

    async def happen(self, act: DemoAct) -> Happened:
        """Nothing happens, but it is told."""
        if self.error is not None:
            raise self.error
        self.acts.append(act)
        return Happened(f"It was: {act}.", None, act is not DemoAct.GO_OFFLINE)


def begin(make_desk: MakeDesk) -> tuple[Desk, DemoDouble]:
    """The window in the demo."""
    happening = DemoDouble()

    def core(profile: str) -> CoreDouble:
        made = demo(profile)
        setattr(made, "demo", happening)  # noqa: B010 - the double of the core has no demo of its own
        return made

    return make_desk(core).begin(), happening


def offered(menu: QMenu) -> list[str]:
    """What the menu offers when it opens."""
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions()]


def _says(menu: DemoMenu, act: DemoAct) -> bool:
    return menu.said.text() == f"It was: {act}."


def choose(menu: QMenu, text: str) -> None:
    """Choose an entry."""
    offered(menu)
    next(action for action in menu.actions() if action.text() == text).trigger()


def test_the_demo_offers_four_things_to_happen_and_asks_for_the_chosen_one(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk, happening = begin(make_desk)
    menu = desk.window.demo_strip.happen
    assert desk.window.demo_strip.isVisible()
    assert offered(menu.menu) == [
        *("Move an event", "Expire the Google sign-in", "Go offline", "Empty the Work calendar"),
    ]
    for text, act in (
        ("Move an event", DemoAct.MOVE_EVENT),
        ("Expire the Google sign-in", DemoAct.END_SIGN_IN),
        ("Empty the Work calendar", DemoAct.EMPTY_CALENDAR),
    ):
        choose(menu.menu, text)
        qtbot.waitUntil(partial(_says, menu, act))
    assert happening.acts == [DemoAct.MOVE_EVENT, DemoAct.END_SIGN_IN, DemoAct.EMPTY_CALENDAR]


def test_whoever_went_offline_is_offered_the_way_back(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk, _ = begin(make_desk)
    menu = desk.window.demo_strip.happen
    choose(menu.menu, "Go offline")
    qtbot.waitUntil(lambda: "Go back online" in offered(menu.menu))
    choose(menu.menu, "Go back online")
    qtbot.waitUntil(lambda: "Go offline" in offered(menu.menu))


def test_what_cannot_happen_is_told_as_any_failure_is(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk, happening = begin(make_desk)
    happening.error = NotFoundError("There is no appointment left to move.")
    choose(desk.window.demo_strip.happen.menu, "Move an event")
    qtbot.waitUntil(desk.window.messages.isVisible)
    assert not desk.window.demo_strip.happen.said.isVisible()
