"""Domain values survive the way into the database and back exactly."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import (
    Availability,
    Event,
    EventKind,
    Fields,
    GuestList,
    Marker,
    Recurrence,
    Response,
    Special,
    Visibility,
)
from app.domain.links import CopyForm, Draft, Intent, IntentState, Op
from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    FilteredLater,
    Filters,
    HoursFilter,
    Mode,
    PrivateOriginals,
    Reminders,
    Replacement,
    Weekday,
    Within,
    WordFilter,
)
from app.domain.times import Moment, When
from app.store import codec

# Any text that a service's JSON can hold: hostile calendars have zero bytes and lone halves of surrogate pairs. (Two
# halves side by side are one character as soon as any JSON was read.)
words = st.text(st.characters(), max_size=12).map(lambda text: str(json.loads(json.dumps(text))))
dates = st.dates(date(1, 1, 1), date(9999, 12, 31))
walls = st.datetimes()
instants = st.datetimes(timezones=st.just(UTC))
moments: st.SearchStrategy[Moment] = st.one_of(dates, walls, instants)
hashes = st.dictionaries(words, words, max_size=4)


@st.composite
def whens(draw: st.DrawFn) -> When:
    """Timed, floating or all-day."""
    if draw(st.booleans()):
        return When(draw(dates), draw(dates))
    return When(draw(walls), draw(walls), draw(st.sampled_from(["Europe/Berlin", "UTC"])), draw(st.booleans()))


guest_lists = st.none() | st.builds(GuestList, st.lists(words, max_size=3).map(tuple), st.integers(0, 99))
fields = st.builds(
    Fields,
    when=whens(),
    title=words,
    text=words,
    html=st.none() | words,
    place=words,
    link=words,
    guests=guest_lists,
    availability=st.sampled_from(Availability),
    visibility=st.sampled_from(Visibility),
    reminders=st.none() | st.lists(st.integers(0, 40320), max_size=3).map(tuple),
    colour=st.none() | words,
    recurrence=st.none() | st.builds(Recurrence, st.lists(words, max_size=2).map(tuple)),
)
markers = st.builds(Marker, words, words, st.integers(0, 9), words, st.booleans())
events = st.builds(
    Event,
    id=words,
    etag=words,
    kind=st.sampled_from(EventKind),
    gone=st.booleans(),
    fields=st.none() | fields,
    series_id=st.none() | words,
    original_start=st.none() | moments,
    cancelled=st.lists(moments, max_size=3).map(tuple),
    ical_uid=st.none() | words,
    marker=st.none() | markers,
    marker_known=st.booleans(),
    transaction_id=st.none() | words,
    response=st.sampled_from(Response),
    special=st.sampled_from(Special),
    organised_elsewhere=st.booleans(),
    guests=st.booleans(),
    guest_list=guest_lists,
    categories=st.lists(words, max_size=2).map(tuple),
    web_link=st.none() | words,
    updated_at=st.none() | instants,
)
intents = st.builds(
    Intent,
    id=st.integers(1, 10**9),
    direction_id=words,
    run_id=words,
    op=st.sampled_from(Op),
    original_id=words,
    occ=words,
    copy_key=words,
    copy_id=words,
    generation=st.integers(0, 9),
    stamp=words,
    form=st.sampled_from(CopyForm),
    parent=words,
    target_id=words,
    occurrence_start=st.none() | moments,
    etag=words,
    draft=st.none() | st.builds(Draft, fields, markers, st.lists(moments, max_size=2).map(tuple)),
    wanted=hashes,
    original_hashes=hashes,
    cancelled=st.lists(words, max_size=2).map(tuple),
    before=st.none() | events,
    reason=words,
    title=words,
    state=st.sampled_from(IntentState),
    first_try_at=st.none() | instants,
    last_try_at=st.none() | instants,
    tries=st.integers(0, 9),
)
settings = st.builds(
    DirectionSettings,
    mode=st.sampled_from(Mode),
    title=words,
    private_originals=st.sampled_from(PrivateOriginals),
    filters=st.builds(
        Filters,
        declined=st.booleans(),
        cancelled=st.booleans(),
        working_location=st.booleans(),
        birthdays=st.booleans(),
        free=st.none() | st.booleans(),
        tentative=st.booleans(),
        all_day=st.booleans(),
        shorter_than_seconds=st.integers(0, 86400),
        already_there=st.booleans(),
        words=st.lists(
            st.builds(
                WordFilter,
                st.lists(words, max_size=2).map(tuple),
                st.sampled_from(Within),
                st.booleans(),
                st.booleans(),
            ),
            max_size=2,
        ).map(tuple),
        hours=st.none()
        | st.builds(
            HoursFilter,
            st.lists(st.sampled_from(Weekday), max_size=7).map(tuple),
            st.builds(time, st.integers(0, 23), st.integers(0, 59)),
            st.builds(time, st.integers(0, 23), st.integers(0, 59)),
            words,
            st.booleans(),
        ),
    ),
    reminders=st.sampled_from(Reminders),
    reminder_minutes=st.integers(0, 40320),
    detail_fields=st.lists(st.sampled_from(DetailField), max_size=3).map(tuple),
    guests_in_text=st.booleans(),
    title_prefix=words,
    title_replacements=st.lists(st.builds(Replacement, words, words, st.booleans()), max_size=2).map(tuple),
    availability=st.sampled_from(CopyAvailability),
    visibility=st.none() | st.sampled_from(CopyVisibility),
    colour=st.none() | st.sampled_from(CopyColour),
    copy_edited=st.sampled_from(CopyEdited),
    copy_deleted=st.sampled_from(CopyDeleted),
    filtered_later=st.sampled_from(FilteredLater),
    window_back_days=st.integers(0, 4000),
    window_ahead_days=st.integers(0, 4000),
)


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    text = codec.event_to_text(event)
    back = codec.event_from_text(text)
    assert back == event
    assert codec.event_to_text(back) == text
    assert text.isascii()


@given(events)
def test_enums_and_moments_come_back_with_their_types(event: Event) -> None:
    back = codec.event_from_text(codec.event_to_text(event))
    assert type(back.kind) is EventKind
    assert type(back.original_start) is type(event.original_start)
    assert [(type(m), getattr(m, "tzinfo", None)) for m in back.cancelled] == [
        (type(m), getattr(m, "tzinfo", None)) for m in event.cancelled
    ]


@given(intents)
def test_an_intent_comes_back_as_it_was(intent: Intent) -> None:
    back = codec.intent_from_text(
        codec.intent_to_text(intent),
        id=intent.id,
        state=intent.state,
        first_try_at=intent.first_try_at,
        last_try_at=intent.last_try_at,
        tries=intent.tries,
    )
    assert back == intent
    assert type(back.op) is Op
    assert type(back.form) is CopyForm


@given(settings)
def test_settings_come_back_as_they_were(value: DirectionSettings) -> None:
    back = codec.settings_from_text(codec.settings_to_text(value))
    assert back == value
    assert type(back.mode) is Mode
    assert type(back.filtered_later) is FilteredLater
    assert {type(name) for name in back.detail_fields} <= {DetailField}


def test_settings_of_an_older_version_have_the_defaults_of_what_came_later() -> None:
    text = '{"mode":"full","title":"","filters":{"declined":false},"window_back_days":7}'
    expected = DirectionSettings(mode=Mode.FULL, filters=Filters(declined=False), window_back_days=7)
    assert codec.settings_from_text(text) == expected


@given(instants, instants)
def test_instants_sort_as_text_like_they_do_in_time(one: datetime, other: datetime) -> None:
    texts = codec.instant_to_text(one), codec.instant_to_text(other)
    assert texts[0] is not None
    assert texts[1] is not None
    assert (texts[0] < texts[1]) == (one < other)
    assert codec.instant_from_text(texts[0]) == one


@given(hashes, st.dictionaries(words, st.tuples(words, st.integers(0, 9)), max_size=4))
def test_hashes_and_rewrites_come_back_as_they_were(
    plain: dict[str, str], rewrites: dict[str, tuple[str, int]]
) -> None:
    assert codec.hashes_from_text(codec.hashes_to_text(plain)) == plain
    assert codec.rewrites_from_text(codec.rewrites_to_text(rewrites)) == rewrites
