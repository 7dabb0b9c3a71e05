"""Everything can be read out, reached by key and told apart: names, tab order, contrast, plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface, QColor
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QRadioButton,
    QTableView,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.domain.accounts import Provider
from app.domain.notices import Topic
from app.domain.pairs import Mode
from app.ui.hold_sheet import HoldSheet
from app.ui.pair_sheet import PairSheet
from app.ui.sign_in_sheet import SignInSheet
from app.ui.theme import DARK, LIGHT, Colours
from app.ui.widgets import IconButton
from app.ui.window import MainWindow
from app.ui.words import Tone
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, demo, empty
from tests.ui.hands import button, click, press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def welcome(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(empty).begin().window


def overview(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(busy).begin().window


def the_demo(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(lambda _profile: demo()).begin().window


def activity(make_desk: MakeDesk, qtbot: QtBot) -> MainWindow:
    desk = make_desk(busy).begin()
    desk.window.overview.run_wanted.emit("sync_run_02")
    qtbot.waitUntil(desk.window.activity.details.isVisible)
    return desk.window


def the_log(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    desk.window.show_page("activity")
    desk.window.activity.show_log()
    qtbot.waitUntil(lambda: desk.window.activity.log.table.model().rowCount() > 0)
    desk.window.activity.log.table.selectRow(0)
    return desk.window


def stop_following(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.stop_following(desk.core.known_connections[0])
    qtbot.waitUntil(lambda: "made" in sheet.count.text())
    return sheet


def choice_of_service(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(empty).begin().desktop.connect_account()


def waiting_for_sign_in(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(empty).begin()
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.GOOGLE)
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    return sheet


def held(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    window = make_desk(busy).begin().window
    click(button(window, "Review"))
    sheet = the(HoldSheet, window)
    qtbot.waitUntil(sheet.keep_button.isEnabled)
    return sheet


def pairs(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    window = make_desk(busy).begin().window
    window.show_page("pairs")
    return window


def accounts(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    window = make_desk(busy).begin().window
    window.show_page("accounts")
    return window


def settings(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    window = make_desk(busy).begin().window
    window.show_page("settings")
    qtbot.waitUntil(window.settings.keys.table.isVisible)
    return window


def new_pair(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    sheet = make_desk(busy).begin().desktop.sheets.new_pair()
    assert sheet is not None
    click(sheet.more_button)
    return sheet


def both_ways(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.edit_pair(desk.core.known_pairs[0])
    click(sheet.more_button)
    click(sheet.own)
    edited = sheet.options.edits.edited
    edited.setCurrentIndex(edited.findData("write_back"))
    return sheet


def why(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    sheet = make_desk(busy).begin().desktop.sheets.why("team")
    qtbot.waitUntil(lambda: "2 events fit." in words(sheet))
    return sheet


def checkup(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    sheet = make_desk(busy).begin().desktop.sheets.checkup()
    qtbot.waitUntil(lambda: "Sign in again." in words(sheet))
    return sheet


def preview(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.preview(desk.core.known_pairs[0])
    qtbot.waitUntil(sheet.sync_button.isEnabled)
    return sheet


def deleting(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])
    qtbot.waitUntil(lambda: "36" in sheet.count.text())
    return sheet


def pausing(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(busy).begin().desktop.sheets.pause_all_until()


def new_key(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    sheet = make_desk(busy).begin().desktop.sheets.new_key()
    sheet.choice.choose("custom")
    return sheet


def removing_an_account(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    desk = make_desk(busy).begin()
    return desk.desktop.sheets.remove_account(desk.window.accounts.usages[0])


def licences(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(busy).begin().desktop.sheets.licences()


def helping(make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    return make_desk(busy).begin().window.show_help()


VIEWS = [
    welcome,
    overview,
    the_demo,
    activity,
    the_log,
    stop_following,
    choice_of_service,
    waiting_for_sign_in,
    held,
    pairs,
    accounts,
    settings,
    new_pair,
    both_ways,
    why,
    checkup,
    preview,
    deleting,
    pausing,
    new_key,
    removing_an_account,
    licences,
    helping,
]


@pytest.fixture(params=VIEWS, ids=lambda view: view.__name__)
def view(request: pytest.FixtureRequest, make_desk: MakeDesk, qtbot: QtBot) -> QWidget:
    """Every window and sheet in turn."""
    made: QWidget = request.param(make_desk, qtbot)
    return made


def focusable(root: QWidget) -> Iterator[QWidget]:
    for widget in root.findChildren(QWidget):
        takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        if widget.isVisible() and widget.isEnabled() and takes_focus:
            yield widget


def test_whatever_takes_the_focus_has_a_name(view: QWidget) -> None:
    found = list(focusable(view))
    nameless = []
    for widget in found:
        spoken = QAccessible.queryAccessibleInterface(widget)
        if not spoken.text(QAccessible.Text.Name).strip():
            nameless.append(widget)
    assert found
    assert nameless == []


ROLES: tuple[tuple[type[QWidget], QAccessible.Role], ...] = (
    (QComboBox, QAccessible.Role.ComboBox),
    (QRadioButton, QAccessible.Role.RadioButton),
    (QCheckBox, QAccessible.Role.CheckBox),
    (QToolButton, QAccessible.Role.Button),
    (QAbstractSpinBox, QAccessible.Role.SpinBox),
    (QLineEdit, QAccessible.Role.EditableText),
    (QTableView, QAccessible.Role.Table),
    (QListWidget, QAccessible.Role.List),
)


def expected_role(widget: QWidget) -> QAccessible.Role | None:
    """What a screen reader should call a widget."""
    if isinstance(widget, QPushButton):
        return QAccessible.Role.ButtonMenu if widget.menu() is not None else QAccessible.Role.Button
    return next((role for kind, role in ROLES if isinstance(widget, kind)), None)


def test_whatever_takes_the_focus_is_called_what_it_is(view: QWidget) -> None:
    wrong = []
    for widget in focusable(view):
        spoken = QAccessible.queryAccessibleInterface(widget)
        role = expected_role(widget)
        if role is not None and (spoken.role() is not role or not spoken.state().focusable):
            wrong.append((widget.accessibleName(), spoken.role().name))
    assert wrong == []


def spoken_buttons(window: QWidget) -> dict[str, tuple[QAccessible.Role, bool]]:
    """Role and whether it is chosen, of every button that is seen, by its name."""
    found = {}
    for widget in window.findChildren(QAbstractButton):
        if widget.isVisible():
            spoken = QAccessible.queryAccessibleInterface(widget)
            assert spoken.state().focusable
            found[spoken.text(QAccessible.Text.Name)] = (spoken.role(), bool(spoken.state().checked))
    return found


def test_pages_and_row_buttons_are_told_apart(make_desk: MakeDesk, qtbot: QtBot) -> None:
    found = spoken_buttons(pairs(make_desk, qtbot))
    names = {name for name, (role, _on) in found.items() if role is QAccessible.Role.RadioButton}
    assert names == {"Overview", "Sync pairs", "Accounts", "Activity", "Settings"}
    assert [name for name in names if found[name][1]] == ["Sync pairs"]
    work = "Private (Google) ⇄ Calendar (Microsoft)"
    for name in (f"Sync {work} now", f"Edit {work}", f"More for {work}", "Resume Private (Google) → Work (Google)"):
        assert found[name] == (QAccessible.Role.Button, False)


def told_downwards(spoken: QAccessibleInterface) -> Iterator[str]:
    """The names of the buttons that a screen reader meets on its way from a window to its parts."""
    for number in range(spoken.childCount()):
        child = spoken.child(number)
        if child is not None:
            if child.role() is QAccessible.Role.Button and not child.state().invisible:
                yield child.text(QAccessible.Text.Name)
            yield from told_downwards(child)


@pytest.mark.parametrize("page", [overview, pairs, settings])
def test_a_screen_reader_finds_the_buttons_of_rows_on_its_way_through_the_window(
    make_desk: MakeDesk, qtbot: QtBot, page: Callable[[MakeDesk, QtBot], MainWindow]
) -> None:
    window = page(make_desk, qtbot)
    seen = [b.accessibleName() for b in window.findChildren(IconButton) if b.isVisible()]
    seen += [b.accessibleName() for b in window.findChildren(QPushButton) if b.isVisible() and "Revoke" in b.text()]
    assert len(seen) > 1
    assert set(seen) <= set(told_downwards(QAccessible.queryAccessibleInterface(window)))


def test_the_buttons_of_rows_lie_on_their_rows_and_come_after_their_table(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = pairs(make_desk, qtbot)
    assert isinstance(window, MainWindow)
    table, ends = window.pairs.table, window.pairs.row_ends
    for width in (1120, 940):
        window.resize(width, 720)
        qtbot.waitUntil(lambda width=width: window.width() == width)  # type: ignore[misc]  # the bound of this turn
        for row in range(table.model().rowCount()):
            buttons = ends.of(row)
            assert buttons is not None
            assert buttons.isVisible()
            middle = buttons.mapTo(window, buttons.rect().center())
            cell = table.visualRect(table.model().index(row, 5))
            assert table.viewport().mapTo(window, cell.center()).y() == pytest.approx(middle.y(), abs=2)
            assert table.viewport().mapTo(window, cell.topRight()).x() >= middle.x()
    first = ends.of(0)
    assert first is not None
    following: QWidget | None = table.nextInFocusChain()
    while following is not None and (following.focusPolicy() == Qt.FocusPolicy.NoFocus or not following.isVisible()):
        following = following.nextInFocusChain()
    assert following is not None
    assert first.isAncestorOf(following)


def test_segments_are_choices_and_say_which_is_chosen(make_desk: MakeDesk, qtbot: QtBot) -> None:
    found = spoken_buttons(settings(make_desk, qtbot))
    segments = {name: found[name] for name in ("System", "Light", "Dark")}
    assert {role for role, _on in segments.values()} == {QAccessible.Role.RadioButton}
    assert [name for name, (_role, on) in segments.items() if on] == ["Light"]


def test_the_arrow_keys_go_through_the_pages(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(busy).begin().window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    buttons = window.sidebar.buttons
    buttons["overview"].setFocus()
    press(buttons["overview"], Qt.Key.Key_Down)
    assert window.pairs.isVisible()
    assert buttons["pairs"].isChecked()
    assert QApplication.focusWidget() is buttons["pairs"]
    press(buttons["pairs"], Qt.Key.Key_Up)
    assert window.overview.isVisible()


def test_the_ring_comes_back_with_the_focus_when_a_sheet_closes(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(busy).begin().window
    window.show_page("accounts")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    opener = window.accounts.add_button
    opener.setFocus(Qt.FocusReason.TabFocusReason)
    assert opener.property("ring")
    press(opener, Qt.Key.Key_Space)
    sheet = the(SignInSheet, window)
    qtbot.waitUntil(lambda: not opener.property("ring"))
    first = sheet.focusWidget()
    qtbot.waitUntil(lambda: bool(first.property("ring")))
    press(sheet, Qt.Key.Key_Escape)
    window.activateWindow()  # the window manager's part
    qtbot.waitUntil(lambda: QApplication.focusWidget() is opener and bool(opener.property("ring")))


def test_a_sheet_that_a_click_opened_shows_no_ring(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(busy).begin().window
    window.show_page("accounts")
    click(window.accounts.add_button)
    sheet = the(SignInSheet, window)
    sheet.activateWindow()
    qtbot.waitUntil(lambda: sheet.focusWidget().hasFocus())
    assert not sheet.focusWidget().property("ring")


def test_no_ring_appears_by_itself_when_the_first_pair_takes_the_place_of_its_button(
    make_desk: MakeDesk, qtbot: QtBot
) -> None:
    def without(profile: str) -> CoreDouble:
        core = busy(profile)
        core.known_pairs = []
        return core

    desk = make_desk(without).begin()
    window = desk.window
    window.show_page("pairs")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    click(window.pairs.first_button)
    sheet = the(PairSheet, window)
    click(sheet.save_button)
    qtbot.waitUntil(window.pairs.table.isVisible)
    qtbot.waitUntil(lambda: window.findChild(PairSheet) is None)
    ringed = [widget for widget in window.findChildren(QWidget) if widget.isVisible() and widget.property("ring")]
    assert [widget.accessibleName() for widget in ringed] == []


def ringed(window: QWidget) -> list[str]:
    return [widget.accessibleName() for widget in window.findChildren(QWidget) if is_shown_with_ring(widget)]


def is_shown_with_ring(widget: QWidget) -> bool:
    return widget.isVisible() and bool(widget.property("ring") or widget.property("ringed"))


@pytest.mark.parametrize("by_key", [False, True], ids=["clicked", "by key"])
@pytest.mark.parametrize("page", ["overview", "accounts"])
def test_no_ring_jumps_elsewhere_when_what_has_the_focus_is_made_anew(
    make_desk: MakeDesk, qtbot: QtBot, page: str, by_key: bool
) -> None:
    desk = make_desk(busy).begin()
    window = desk.window
    window.show_page(page)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    shown, *_others = [b for b in window.findChildren(QPushButton) if b.isVisible() and b.text().strip() == "Reconnect"]
    name = shown.accessibleName()
    shown.setFocus(Qt.FocusReason.TabFocusReason if by_key else Qt.FocusReason.MouseFocusReason)

    def change(core: CoreDouble) -> None:
        core.problems = core.problems[::-1]
        core.known_accounts = [replace(account, display_name="Another") for account in core.known_accounts]
        core.notices.announce(Topic.ACCOUNT_CHANGED)

    desk.ask(change)
    qtbot.waitUntil(lambda: not any(b is shown for b in window.findChildren(QPushButton)))
    after = window.focusWidget()
    assert after.accessibleName() == name
    assert after.isVisible()
    assert ringed(window) == ([name] if by_key else [])


def test_no_ring_jumps_elsewhere_when_what_has_the_focus_is_done(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    window = desk.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    shown = button(window, "Review")
    shown.setFocus(Qt.FocusReason.MouseFocusReason)

    def repair(core: CoreDouble) -> None:
        core.problems = []
        core.notices.announce(Topic.ACCOUNT_CHANGED)

    desk.ask(repair)
    qtbot.waitUntil(lambda: not any(b is shown for b in window.findChildren(QPushButton)))
    assert ringed(window) == []
    assert window.focusWidget() is None or not window.focusWidget().property("ring")


def test_a_table_that_gets_the_focus_by_key_shows_it_before_a_row_is_chosen(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = pairs(make_desk, qtbot)
    assert isinstance(window, MainWindow)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    table = window.pairs.table
    before = table.grab().toImage()
    table.setFocus(Qt.FocusReason.TabFocusReason)
    assert table.property("ring")
    assert table.grab().toImage() != before
    table.setFocus(Qt.FocusReason.MouseFocusReason)
    window.sidebar.help_button.setFocus(Qt.FocusReason.TabFocusReason)
    assert not table.property("ring")


def test_every_combo_box_has_a_label_that_says_what_is_chosen(view: QWidget) -> None:
    # On Linux a combo box is called by what is chosen in it; what that is for is its label's to say.
    nameless = []
    for combo in view.findChildren(QComboBox):
        if combo.isVisible():
            spoken = QAccessible.queryAccessibleInterface(combo)
            labels = [other for other, _relation in spoken.relations(QAccessible.RelationFlag.Label)]
            if [label.text(QAccessible.Text.Name) for label in labels] != [combo.accessibleName()]:
                nameless.append((combo.accessibleName(), [label.text(QAccessible.Text.Name) for label in labels]))
    assert nameless == []


def test_the_walk_would_find_a_button_without_a_name(qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QToolButton

    window = QWidget()
    qtbot.addWidget(window)
    bad = QToolButton(window)
    bad.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.show()
    with pytest.raises(AssertionError):
        test_whatever_takes_the_focus_has_a_name(window)


def test_buttons_that_are_an_icon_only_show_their_name_as_tooltip(view: QWidget) -> None:
    for found in view.findChildren(QAbstractButton):
        worded = found.text() or any(label.text() for label in found.findChildren(QLabel))
        if found.isVisible() and not worded:
            assert found.accessibleName() in found.toolTip().replace("&amp;", "&")


def _is_reached_by_arrows(widget: QWidget) -> bool:
    """One of several choices that is not the chosen one: Tab reaches the group, the arrow keys go through it."""
    if not isinstance(widget, QAbstractButton) or widget.group() is None:
        return False
    return widget.group().exclusive() and not widget.isChecked()


def test_the_arrow_keys_go_through_choices(make_desk: MakeDesk, qtbot: QtBot) -> None:
    sheet = make_desk(busy).begin().desktop.sheets.new_pair()
    assert sheet is not None
    sheet.activateWindow()
    qtbot.waitUntil(sheet.isActiveWindow)
    assert (sheet.ways.value, sheet.modes.value) == (False, Mode.BLOCKER)
    sheet.ways.buttons[False].setFocus()
    press(sheet.ways.buttons[False], Qt.Key.Key_Right)
    assert sheet.ways.value
    sheet.modes.options[Mode.BLOCKER].setFocus()
    press(sheet.modes.options[Mode.BLOCKER], Qt.Key.Key_Right)
    press(sheet.modes.options[Mode.DETAILS], Qt.Key.Key_Right)
    assert sheet.modes.value is Mode.FULL


def test_the_tab_key_reaches_everything_and_comes_round(view: QWidget, qtbot: QtBot) -> None:
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    expected = {widget for widget in focusable(view) if not _is_reached_by_arrows(widget)}
    reached: set[QWidget] = set()
    for _ in range(3 * len(expected) + 3):
        here = QApplication.focusWidget() or view
        if here in expected:
            reached.add(here)
        press(here, Qt.Key.Key_Tab)
    assert expected - reached == set()


def test_every_label_shows_plain_text(view: QWidget) -> None:
    labels = [label for label in view.findChildren(QLabel) if label.text()]
    assert labels
    assert [label.text() for label in labels if label.textFormat() is not Qt.TextFormat.PlainText] == []


def test_tables_have_names_and_their_rows_a_summary(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = activity(make_desk, qtbot)
    tables = [table for table in window.findChildren(QTableView) if table.model().rowCount()]
    assert len(tables) == 5
    for table in tables:
        assert table.accessibleName()
        spoken = table.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken
    pairs = window.overview.pair_table.model()
    assert pairs.index(3, 0).data(Qt.ItemDataRole.AccessibleTextRole) == (
        "Work (Google) → Calendar (Microsoft), One way, busy only, Sign in again, Google ended the sign-in."
    )


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts: list[float] = []
    made = QColor(colour)
    for value in (made.redF(), made.greenF(), made.blueF()):
        parts.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_is_readable_on_its_ground(colours: Colours) -> None:
    grounds = (colours.page, colours.sidebar, colours.card, colours.hover, colours.row_selected)
    pairs = [(text, ground) for text in (colours.text, colours.muted) for ground in grounds]
    pairs += [(colours.accent, colours.card), (colours.accent, colours.page)]
    pairs += [(colours.on_accent, colours.accent), (colours.on_accent, colours.accent_hover)]
    pairs += [(colours.on_selected, colours.selected)]
    pairs += [(colours.text, colours.tone(tone).ground) for tone in Tone]
    pairs += [(colours.tone(tone).text, colours.tone(tone).ground) for tone in Tone]
    weak = {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5}
    assert weak == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_focus_ring_stands_out(colours: Colours) -> None:
    for ground in (colours.page, colours.card, colours.sidebar):
        assert contrast(colours.focus, ground) >= 3
