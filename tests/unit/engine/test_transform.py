"""What copies show: everything, chosen things, or nothing but busy time (`engine.md` §2, §14)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts import Access, Connection, Provider
from app.domain.events import Availability, Fields, Visibility
from app.domain.links import DirectionRecord
from app.domain.pairs import DirectionSettings, Mode, PrivateOriginals, Reminders
from app.domain.times import When
from app.engine.transform import copy_fields
from tests.fakes.calendar import wall

MONDAY = date(2026, 11, 23)
WHEN = When(wall(MONDAY, 9), wall(MONDAY, 10), "Europe/Berlin")
SECRET = "Zebra"
TEXTS = st.text(max_size=12).map(lambda text: f"{text}{SECRET}{text}")


def end(name: str) -> Connection:
    return Connection(
        f"conn_{name}", "acct_1", Provider.GOOGLE, f"{name}@example.com", f"google:{name}", name, Access.WRITER, "UTC"
    )


def direction(**settings: object) -> DirectionRecord:
    chosen = DirectionSettings(**settings)  # type: ignore[arg-type]  # by name
    return DirectionRecord("dir_1", "pair_1", "key", end("work"), end("home"), chosen)


FIELDS = st.builds(
    Fields,
    when=st.just(WHEN),
    title=TEXTS,
    text=TEXTS,
    html=st.none() | TEXTS,
    place=TEXTS,
    link=TEXTS,
    availability=st.sampled_from(Availability),
    visibility=st.sampled_from(Visibility),
    reminders=st.none() | st.just((5, 10)),
    colour=st.none() | st.just(SECRET),
)
TEMPLATES = st.sampled_from(
    ["", "Busy", "{title}", "[{calendar}] {title}", "{account}: {title}{title}", "{titl{title}e}"]
)


@given(FIELDS, TEMPLATES, st.sampled_from(PrivateOriginals))
def test_a_blocker_holds_no_word_of_its_original_whatever_its_template(
    fields: Fields, template: str, private: PrivateOriginals
) -> None:
    copy = copy_fields(fields, direction(mode=Mode.BLOCKER, title=template, private_originals=private))
    assert SECRET not in repr(copy)
    assert copy.title
    assert copy.visibility is Visibility.PRIVATE
    assert copy.reminders == ()


@given(FIELDS.filter(lambda fields: fields.visibility in (Visibility.PRIVATE, Visibility.CONFIDENTIAL)), TEMPLATES)
def test_a_private_original_holds_no_word_in_any_mode(fields: Fields, template: str) -> None:
    for mode in Mode:
        assert SECRET not in repr(copy_fields(fields, direction(mode=mode, title=template)))


@given(FIELDS)
def test_details_show_the_title_and_the_time_and_nothing_else(fields: Fields) -> None:
    settings = direction(mode=Mode.DETAILS, private_originals=PrivateOriginals.LIKE_OTHERS)
    copy = copy_fields(fields, settings)
    assert copy.title == fields.title.strip()
    assert (copy.when, copy.availability, copy.visibility) == (fields.when, fields.availability, fields.visibility)
    assert SECRET not in repr((copy.text, copy.html, copy.place, copy.link, copy.colour))


@given(FIELDS)
def test_a_full_copy_keeps_time_place_and_availability(fields: Fields) -> None:
    copy = copy_fields(fields, direction(mode=Mode.FULL, private_originals=PrivateOriginals.LIKE_OTHERS))
    assert (copy.when, copy.place, copy.availability) == (fields.when, fields.place, fields.availability)
    assert copy.title == fields.title.strip()
    assert fields.text.strip() in copy.text
    assert copy.link == ""
    assert copy.reminders == ()


def test_a_template_fills_in_each_name_once_and_no_name_inside_a_title() -> None:
    fields = Fields(WHEN, title="{account} {calendar}")
    copy = copy_fields(fields, direction(mode=Mode.FULL, title="[{calendar}] {title}"))
    assert copy.title == "[work] {account} {calendar}"


def test_reminders_are_copied_only_when_asked_for() -> None:
    fields = Fields(WHEN, reminders=(10,))
    assert copy_fields(fields, direction(mode=Mode.FULL, reminders=Reminders.COPY)).reminders == (10,)
    assert copy_fields(fields, direction(mode=Mode.FULL)).reminders == ()


@pytest.mark.parametrize("html", [None, "<b>agenda</b>"])
def test_a_meeting_link_stands_below_the_text(html: str | None) -> None:
    link = 'https://meet.example/?a=1&b="2"'
    copy = copy_fields(Fields(WHEN, text="agenda", html=html, link=link), direction(mode=Mode.FULL))
    assert copy.text == f"agenda\n\n-- Kalends --\n{link}"
    assert copy.html is None or ("&amp;b=&quot;2&quot;" in copy.html and copy.html.startswith("<b>agenda</b>"))


def test_a_link_that_the_text_has_is_not_added() -> None:
    fields = Fields(WHEN, text="at https://meet.example/1", link="https://meet.example/1")
    assert copy_fields(fields, direction(mode=Mode.FULL)).text == fields.text


def test_an_untitled_event_stays_untitled_in_full_and_is_busy_in_a_blocker() -> None:
    assert copy_fields(Fields(WHEN), direction(mode=Mode.FULL)).title == ""
    assert copy_fields(Fields(WHEN), direction(mode=Mode.BLOCKER, title="{title}")).title == "Busy"


def test_dates_pass_through_untouched() -> None:
    days = When(MONDAY, MONDAY + timedelta(days=2))
    for mode in Mode:
        assert copy_fields(Fields(days), direction(mode=mode)).when == days
