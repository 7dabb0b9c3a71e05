"""What copies show: everything, chosen things, or nothing but busy time (`engine.md` §2, §14)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts import Access, Connection, Provider
from app.domain.events import Availability, Fields, GuestList, Visibility
from app.domain.links import DirectionRecord
from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    Mode,
    PrivateOriginals,
    Reminders,
    Replacement,
)
from app.domain.times import When
from app.engine.transform import copy_fields, title_frame
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
    guests=st.none() | st.just(GuestList((SECRET,), 1)),
    availability=st.sampled_from(Availability),
    visibility=st.sampled_from(Visibility),
    reminders=st.none() | st.just((5, 10)),
    colour=st.none() | st.just(SECRET),
)
TEMPLATES = st.sampled_from(
    ["", "Busy", "{title}", "[{calendar}] {title}", "{account}: {title}{title}", "{titl{title}e}"]
)


SETTINGS = st.fixed_dictionaries(
    {
        "title": TEMPLATES,
        "title_prefix": st.sampled_from(["", "[W] ", "{title}"]),
        "title_replacements": st.sampled_from([(), (Replacement("e", "o"),), (Replacement(".", "x", pattern=True),)]),
        "private_originals": st.sampled_from(PrivateOriginals),
        "detail_fields": st.sampled_from([(), tuple(DetailField)]),
        "guests_in_text": st.booleans(),
        "reminders": st.sampled_from(Reminders),
        "reminder_minutes": st.just(30),
        "availability": st.sampled_from(CopyAvailability),
        "visibility": st.none() | st.sampled_from([CopyVisibility.DEFAULT, CopyVisibility.PRIVATE]),
        "colour": st.none() | st.sampled_from(CopyColour),
    }
)
HIDDEN = (Visibility.PRIVATE, Visibility.CONFIDENTIAL)


@given(FIELDS, SETTINGS)
def test_a_blocker_holds_no_word_of_its_original_whatever_else_is_chosen(
    fields: Fields, settings: dict[str, Any]
) -> None:
    copy = copy_fields(fields, direction(mode=Mode.BLOCKER, **settings), GuestList((SECRET,)))
    assert SECRET not in repr(copy)
    assert SECRET.casefold() not in repr(copy).casefold()
    assert (copy.text, copy.html, copy.place, copy.link) == ("", None, "", "")
    assert copy.title
    assert copy.reminders in ((), (30,))
    # Another original of the same time and availability has the same copy: nothing of this one shows.
    other = Fields(WHEN, title="Other", availability=fields.availability)
    assert copy == copy_fields(other, direction(mode=Mode.BLOCKER, **settings))


@given(FIELDS.filter(lambda fields: fields.visibility in HIDDEN), SETTINGS, st.sampled_from(Mode))
def test_a_private_original_holds_no_word_whatever_else_is_chosen(
    fields: Fields, settings: dict[str, Any], mode: Mode
) -> None:
    settings["private_originals"] = PrivateOriginals.AS_BLOCKER
    if mode is not Mode.BLOCKER:
        settings["visibility"] = CopyVisibility.DEFAULT
    chosen = direction(mode=mode, **settings)
    copy = copy_fields(fields, chosen, GuestList((SECRET,)))
    assert SECRET not in repr(copy)
    assert mode is Mode.BLOCKER or copy.visibility is Visibility.PRIVATE
    assert copy == copy_fields(Fields(WHEN, visibility=Visibility.PRIVATE, availability=fields.availability), chosen)


@given(FIELDS, st.sets(st.sampled_from(DetailField)))
def test_details_show_what_was_chosen_of_text_place_and_link_and_nothing_else(
    fields: Fields, chosen: set[DetailField]
) -> None:
    settings = direction(
        mode=Mode.DETAILS, private_originals=PrivateOriginals.LIKE_OTHERS, detail_fields=tuple(sorted(chosen))
    )
    copy = copy_fields(fields, settings)
    assert copy.place == (fields.place if DetailField.PLACE in chosen else "")
    assert (fields.text in copy.text) == (DetailField.TEXT in chosen)
    if DetailField.TEXT not in chosen:
        assert (copy.text, copy.html) == ("", None)
    else:
        assert (copy.text, copy.html) == (fields.text, fields.html)
    shows_link = DetailField.LINK in chosen and fields.link not in copy.text
    assert copy.link == (fields.link if shows_link else "")


def test_a_prefix_stands_before_every_title_a_blockers_too() -> None:
    fields = Fields(WHEN, title="Stand-up")
    assert copy_fields(fields, direction(mode=Mode.FULL, title_prefix="[W] ")).title == "[W] Stand-up"
    assert copy_fields(fields, direction(mode=Mode.BLOCKER, title_prefix="[W] ")).title == "[W] Busy"
    hidden = Fields(WHEN, title="Stand-up", visibility=Visibility.PRIVATE)
    assert copy_fields(hidden, direction(mode=Mode.FULL, title_prefix="[W] ")).title == "[W] Busy"
    frame = title_frame(direction(mode=Mode.FULL, title_prefix="[W] ", title="» {title} ("))
    assert frame == ("[W] » ", " (")


def test_replacements_are_done_in_the_original_title_only() -> None:
    swaps = (Replacement("project x", "Work"), Replacement(r"\d{2,4}", "#", pattern=True))
    made = direction(mode=Mode.FULL, title="Project X 12: {title}", title_replacements=swaps)
    assert copy_fields(Fields(WHEN, title="About PROJECT X 2026"), made).title == "Project X 12: About Work #"


@pytest.mark.parametrize("mode", [Mode.DETAILS, Mode.FULL])
def test_attributes_are_the_chosen_ones_or_the_originals(mode: Mode) -> None:
    fields = Fields(
        WHEN,
        title="Stand-up",
        availability=Availability.TENTATIVE,
        visibility=Visibility.PUBLIC,
        reminders=(5,),
        colour="sage",
    )
    own = copy_fields(fields, direction(mode=mode, colour=CopyColour.AS_ORIGINAL, reminders=Reminders.COPY))
    assert (own.availability, own.visibility) == (Availability.TENTATIVE, Visibility.PUBLIC)
    assert (own.reminders, own.colour) == ((5,), "sage")
    fixed = copy_fields(
        fields,
        direction(
            mode=mode,
            availability=CopyAvailability.FREE,
            visibility=CopyVisibility.PRIVATE,
            reminders=Reminders.FIXED,
            reminder_minutes=45,
            colour=CopyColour.TOMATO,
        ),
    )
    assert (fixed.availability, fixed.visibility) == (Availability.FREE, Visibility.PRIVATE)
    assert (fixed.reminders, fixed.colour) == ((45,), "tomato")
    assert copy_fields(fields, direction(mode=mode, colour=CopyColour.NONE)).colour is None


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
    assert copy.link == ("" if fields.link in fields.text else fields.link)
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
def test_a_meeting_link_is_kept_apart_from_the_text_which_each_client_adds_it_to(html: str | None) -> None:
    link = 'https://meet.example/?a=1&b="2"'
    copy = copy_fields(Fields(WHEN, text="agenda", html=html, link=link), direction(mode=Mode.FULL))
    assert (copy.text, copy.html, copy.link) == ("agenda", html, link)


def test_a_link_that_the_text_has_is_not_added() -> None:
    fields = Fields(WHEN, text="at https://meet.example/1", link="https://meet.example/1")
    assert copy_fields(fields, direction(mode=Mode.FULL)).text == fields.text
    assert copy_fields(fields, direction(mode=Mode.FULL)).link == ""


GUESTS = GuestList((SECRET,), 2)
TEXT = (DetailField.TEXT,)


@pytest.mark.parametrize(
    ("settings", "listed"),
    [
        ({"mode": Mode.FULL}, True),
        ({"mode": Mode.FULL, "guests_in_text": False}, False),
        ({"mode": Mode.DETAILS, "detail_fields": TEXT}, True),
        ({"mode": Mode.DETAILS, "detail_fields": TEXT, "guests_in_text": False}, False),
        ({"mode": Mode.DETAILS, "detail_fields": (DetailField.PLACE,)}, False),
        ({"mode": Mode.BLOCKER, "detail_fields": TEXT}, False),
    ],
)
def test_guests_are_listed_where_that_was_chosen_and_copies_show_the_text(
    settings: dict[str, Any], listed: bool
) -> None:
    chosen = direction(**{"guests_in_text": True, **settings})
    assert copy_fields(Fields(WHEN), chosen, GUESTS).guests == (GUESTS if listed else None)
    assert copy_fields(Fields(WHEN), chosen).guests is None
    hidden = Fields(WHEN, visibility=Visibility.PRIVATE)
    assert SECRET not in repr(copy_fields(hidden, chosen, GUESTS)), "a private original tells nobody's name"


def test_guests_that_a_text_lists_by_itself_are_not_copied_on() -> None:
    pasted = Fields(WHEN, text="agenda", guests=GUESTS)
    assert copy_fields(pasted, direction(mode=Mode.FULL)).guests is None


def test_an_untitled_event_stays_untitled_in_full_and_is_busy_in_a_blocker() -> None:
    assert copy_fields(Fields(WHEN), direction(mode=Mode.FULL)).title == ""
    assert copy_fields(Fields(WHEN), direction(mode=Mode.BLOCKER, title="{title}")).title == "Busy"


def test_dates_pass_through_untouched() -> None:
    days = When(MONDAY, MONDAY + timedelta(days=2))
    for mode in Mode:
        assert copy_fields(Fields(days), direction(mode=mode)).when == days
