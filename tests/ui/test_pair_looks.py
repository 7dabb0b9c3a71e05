"""Looks, words and hours in the sheet of a pair: what is filled in is what is asked for, and what was there stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.domain.errors import FieldError
from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    Filters,
    HoursFilter,
    Mode,
    Reminders,
    Replacement,
    Weekday,
    Within,
    WordFilter,
)
from app.services.views import NewPair
from app.ui.option_texts import WordsLine, replacements_from, replacements_text, words_from, words_texts
from app.ui.pair_draft import PairDraft
from app.ui.pair_options import PairOptions
from app.ui.pair_sheet import PairSheet
from app.ui.theme import Theme
from tests.ui.desk import Desk
from tests.ui.doubles import busy
from tests.ui.hands import click, the, words

OFFICE = HoursFilter(tuple(Weekday)[:5], time(9), time(17), "Europe/Berlin")
RICH = DirectionSettings(
    mode=Mode.DETAILS,
    title_prefix="[W] ",
    title_replacements=(Replacement("Project X", "Work"), Replacement(r"\d+", "#", pattern=True)),
    detail_fields=(DetailField.LINK, DetailField.TEXT),
    availability=CopyAvailability.FREE,
    visibility=CopyVisibility.PRIVATE,
    colour=CopyColour.TOMATO,
    reminders=Reminders.FIXED,
    reminder_minutes=45,
    filters=Filters(
        free=True,
        words=(WordFilter(("lunch", "gym")), WordFilter(("client",), only=True)),
        hours=replace(OFFICE, start=time(22, 10), end=time(6), only=False),
    ),
)
BEYOND_A_LINE = replace(
    RICH,
    title_replacements=(Replacement("a; b = c", "d"),),
    filters=Filters(words=(WordFilter(("a, b",), Within.CATEGORY),)),
)


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    made = make_desk(busy).begin()
    made.window.show_page("pairs")
    return made


@pytest.fixture
def options(theme: Theme, qtbot: QtBot) -> PairOptions:
    made = PairOptions(theme)
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize("settings", [RICH, BEYOND_A_LINE, DirectionSettings(), DirectionSettings(mode=Mode.FULL)])
def test_settings_that_were_only_looked_at_stay_as_they_were(options: PairOptions, settings: DirectionSettings) -> None:
    options.show_settings(settings, both=True)
    assert options.settings() == settings


def test_what_does_not_fit_a_line_cannot_be_edited_and_says_so(options: PairOptions) -> None:
    options.show_settings(BEYOND_A_LINE, both=True)
    options.show()
    assert not options.looks.swaps.isEnabled()
    assert not options.filters.without.isEnabled()
    assert "stays as it is" in words(options)
    options.show_settings(RICH, both=True)
    assert options.looks.swaps.isEnabled()
    assert options.looks.swaps.text() == r"Project X = Work; /\d+/ = #"


def test_busy_time_is_not_offered_what_would_tell_of_its_original(options: PairOptions) -> None:
    settings = replace(
        RICH, visibility=CopyVisibility.AS_ORIGINAL, colour=CopyColour.AS_ORIGINAL, reminders=Reminders.COPY
    )
    options.show_settings(settings, both=True)
    options.show_kind(Mode.BLOCKER, both=True)
    made = options.settings()
    assert (made.visibility, made.colour, made.reminders) == (None, None, Reminders.NONE)


def test_looks_words_and_hours_are_asked_for_as_they_are_set(desk: Desk, qtbot: QtBot) -> None:
    click(desk.window.pairs.new_button)
    sheet = the(PairSheet, desk.window)
    click(sheet.modes.options[Mode.DETAILS])
    click(sheet.more_button)
    looks, filters = sheet.options.looks, sheet.options.filters
    click(looks.shown[DetailField.PLACE])
    assert "with title, time and place." in words(sheet)
    looks.prefix.setText("[W] ")
    looks.swaps.setText("stand = Sit")
    assert "becomes “[W] Sit-up”" in words(sheet)
    assert not looks.minutes.isVisible()
    looks.reminders.setCurrentIndex(looks.reminders.findData("fixed"))
    assert looks.minutes.isVisible()
    looks.minutes.setValue(30)
    filters.without.text.setText("lunch, gym")
    assert not filters.hours_part.isVisible()
    filters.hours.setCurrentIndex(filters.hours.findData("only"))
    assert filters.hours_part.isVisible()
    click(filters.days[Weekday.SATURDAY])
    click(sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("create")))
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    assert made.settings is not None
    assert made.settings.detail_fields == (DetailField.PLACE,)
    assert (made.settings.title_prefix, made.settings.title_replacements) == ("[W] ", (Replacement("stand", "Sit"),))
    assert (made.settings.reminders, made.settings.reminder_minutes) == (Reminders.FIXED, 30)
    assert made.settings.filters.words == (WordFilter(("lunch", "gym")),)
    hours = made.settings.filters.hours
    assert hours is not None
    assert hours.weekdays == tuple(Weekday)[:6]
    assert hours.zone, "the source calendar's zone is offered"


def test_every_choice_has_a_label_also_where_hours_and_minutes_are_chosen(options: PairOptions) -> None:
    options.show_settings(RICH, both=True)
    options.show()
    for combo in options.findChildren(QComboBox):
        spoken = QAccessible.queryAccessibleInterface(combo)
        labels = [other for other, _relation in spoken.relations(QAccessible.RelationFlag.Label)]
        named = [label.text(QAccessible.Text.Name) for label in labels]
        assert not combo.isVisible() or named == [combo.accessibleName()]


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("title_prefix", "prefix"),
        ("title_replacements[1]", "replacements"),
        ("settings.reminder_minutes", "reminders"),
        ("filters.words[0]", "words"),
        ("filters.hours.zone", "hours"),
        ("filters.hours.weekdays", "hours"),
    ],
)
def test_a_reason_of_the_core_stands_where_it_belongs(field: str, place: str) -> None:
    assert PairDraft().places([FieldError(field, "No.")]) == {place: "No."}


PARTS = st.text(alphabet="ab=;/, ", max_size=8)


@given(st.lists(st.builds(Replacement, PARTS, PARTS, st.booleans()), max_size=3).map(tuple))
def test_replacements_in_a_line_come_back_the_same_or_have_none(values: tuple[Replacement, ...]) -> None:
    text = replacements_text(values)
    assert text is None or replacements_from(text) == values


@given(
    st.lists(
        st.builds(
            WordFilter,
            st.lists(PARTS, max_size=3).map(tuple),
            st.sampled_from(Within),
            whole_words=st.booleans(),
            only=st.booleans(),
        ),
        max_size=3,
    ).map(tuple)
)
def test_words_in_a_line_come_back_the_same_or_have_none(rules: tuple[WordFilter, ...]) -> None:
    told = words_texts(rules)
    assert told is None or words_from(*told) == rules


def test_usual_replacements_and_words_fit_a_line() -> None:
    assert replacements_text(RICH.title_replacements) is not None
    assert words_texts(RICH.filters.words) == (WordsLine("lunch, gym"), WordsLine("client"))


def test_each_rule_for_words_has_options_of_its_own(options: PairOptions) -> None:
    rules = (
        WordFilter(("lunch",), Within.TITLE, whole_words=True),
        WordFilter(("client",), Within.CATEGORY, only=True),
    )
    options.show_settings(replace(RICH, filters=Filters(words=rules)), both=True)
    without, only = options.filters.without, options.filters.only
    assert without.isEnabled()
    assert (without.line(), only.line()) == (
        WordsLine("lunch", Within.TITLE, whole_words=True),
        WordsLine("client", Within.CATEGORY),
    )
    click(only.whole)
    without.within.setCurrentIndex(without.within.findData(str(Within.EITHER)))
    assert options.settings().filters.words == (
        WordFilter(("lunch",), Within.EITHER, whole_words=True),
        WordFilter(("client",), Within.CATEGORY, whole_words=True, only=True),
    )


def test_what_is_cancelled_is_said_to_be_left_out_in_any_case(options: PairOptions) -> None:
    for chosen in (True, False):
        settings = replace(RICH, filters=replace(RICH.filters, cancelled=chosen))
        options.show_settings(settings, both=True)
        assert options.filters.cancelled.isChecked()
        assert not options.filters.cancelled.isEnabled()
        assert options.settings() == settings


def test_guests_are_offered_where_copies_show_notes(options: PairOptions) -> None:
    options.show()
    looks = options.looks
    for mode, fields, offered in (
        (Mode.FULL, (), True),
        (Mode.DETAILS, (DetailField.TEXT,), True),
        (Mode.DETAILS, (DetailField.PLACE,), False),
        (Mode.BLOCKER, (DetailField.TEXT,), False),
    ):
        settings = replace(RICH, mode=mode, detail_fields=fields, guests_in_text=True)
        options.show_settings(settings, both=True)
        assert looks.guests.isVisible() is offered
        assert looks.guests.isChecked()
        assert options.settings().guests_in_text, "what is not shown is not lost"
    options.show_settings(replace(RICH, mode=Mode.DETAILS, detail_fields=()), both=True)
    assert not looks.guests.isVisible()
    click(looks.shown[DetailField.TEXT])
    assert looks.guests.isVisible()
    click(looks.guests)
    assert options.settings().guests_in_text
