"""Foreign text made safe and comparable."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import GuestList
from app.providers import text

WORDS = st.text(max_size=60)
MARKUP = st.lists(
    st.one_of(
        WORDS,
        st.sampled_from(
            [
                "<p>", "</p>", "<br>", "<b>", "</b>", "<a href='https://e.org/?a=1&b=2'>", "</a>", "<script>",
                "</script>",
                "<img src=x onerror=y>", "<!-- c -->", "&amp;", "&lt;", "&nbsp;", "<ul><li>", "</li></ul>", "<",
                ">", "\n",
                "<table><tr><td>", "<style>p{}</style>", "<a href='javascript:x'>", text.FOOTER,
            ]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip


def test_text_is_brought_to_one_form() -> None:
    assert text.clean("Cafe\u0301\r\nx\ry\x00\x07\ud800z\tä") == "Café\nx\nyz\tä"
    assert text.one_line("  a \n\t b  ", 10) == "a b"
    assert text.many_lines("\n\n a  \n\n b\u00a0\n\n", 100) == "a\n\n b"


def test_what_is_too_long_is_cut_with_a_mark() -> None:
    assert text.cut("abcdef", 6) == "abcdef"
    assert text.cut("abcdefg", 6) == "abcde…"
    assert text.cut(text.cut("abc defg", 5), 5) == text.cut("abc defg", 5)


@pytest.mark.parametrize(
    "value", ["<b>x</b>", "a<br>b", "&amp;", "&#39;", "<A HREF='x'>", "<!-- x -->", "<br/>", "</p>"]
)
def test_markup_is_recognised(value: str) -> None:
    assert text.looks_like_html(value)


@pytest.mark.parametrize("value", ["a < b", "a <b and c", "AT&T", "x <ada@example.org> y", "1 & 2;", "<bogus>", ""])
def test_plain_text_is_not_taken_for_markup(value: str) -> None:
    assert not text.looks_like_html(value)


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<img src=http://x/y onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<p onclick=alert(1) style='background:url(http://x)'>x</p>",
        "<iframe src=http://x></iframe>",
        "<form action=http://x><input></form>",
        "<svg><script>alert(1)</script></svg>",
        "<style>@import 'http://x'</style>",
    ],
)
def test_nothing_active_and_nothing_loaded_from_afar_remains(markup: str) -> None:
    cleaned = text.sanitise(markup)
    for word in ("script", "alert", "http:", "src", "onclick", "style", "iframe", "form", "data:"):
        assert word not in cleaned, cleaned


@given(MARKUP)
def test_sanitising_twice_changes_nothing_more(markup: str) -> None:
    once = text.sanitise(markup)
    assert text.sanitise(once) == once


def test_text_nested_beyond_all_reason_is_kept_without_its_tags() -> None:
    assert text.plain("<div>" * 5000 + "deep" + "</div>" * 5000) == "deep"
    assert text.sanitise("<div>" * 5000 + "<script>") == ""


def test_a_long_flat_text_keeps_its_tags() -> None:
    assert text.sanitise("<p>a<br>" * 2000).count("<p>") == 2000


def test_html_reads_as_a_person_reads_it() -> None:
    markup = (
        "<p>Hello  <b>you</b></p><ul><li>one</li><li>two &amp; three</li></ul>See <a href='https://e.org/a'>here</a>"
    )
    assert text.plain(markup) == "Hello you\n- one\n- two & three\nSee here <https://e.org/a>"
    assert text.plain("<a href='https://e.org/a'>https://e.org/a</a>") == "https://e.org/a"
    assert text.plain("<html><head><title>T</title></head><body>\n<p>a</p>\n</body></html>") == "a"


def test_line_breaks_of_the_source_count_only_where_they_are_shown() -> None:
    assert text.plain("a\nb<br>c") == "a b\nc"
    assert text.plain("a\nb<br>c", keep_line_breaks=True) == "a\nb\nc"


@given(WORDS)
def test_an_escaped_text_reads_as_itself(value: str) -> None:
    wanted = text.many_lines(value, 1000)
    assert text.plain(text.escape(wanted), keep_line_breaks=True) == wanted


@given(MARKUP)
def test_no_markup_makes_the_reader_fail(markup: str) -> None:
    assert isinstance(text.plain(markup), str)


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<b",
        "&",
        "<div>",
        "<a href=x>",
        "&#",
        "\u0301",
        "<!--",
        "<p>-- Kalends --",
        "<ul><li>",
        "<b><p>",
        "<br>\n",
        "\n ",
    ],
)
def test_long_hostile_text_takes_no_long_time(unit: str) -> None:
    hostile = unit * (1_000_000 // len(unit))
    began = time.process_time()
    text.looks_like_html(hostile)
    text.split_footer(hostile)
    text.split_footer_html(text.sanitise(hostile))
    text.plain(hostile)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("above", ["", "Agenda", "two\n\nlines"])
def test_a_link_below_our_line_is_found_again(above: str) -> None:
    link = "https://meet.example.com/a?b=1&c=2"
    assert text.split_footer(text.with_footer(above, link)) == (above, link)
    assert text.with_footer(above, "") == above
    markup = f"<p>{above}</p>"
    back, found = text.split_footer_html(text.sanitise(text.with_footer_html(markup, link)))
    assert (text.plain(back), found) == (text.plain(markup), link)


@given(st.lists(st.none() | st.text(max_size=120), max_size=80), st.sampled_from(["", "Agenda", "two\n\nlines"]))
def test_guests_below_our_line_are_found_again_whatever_they_are_called(names: list[str | None], above: str) -> None:
    guests = text.guest_list(names)
    plain = text.with_footer(above, "https://meet.example.com/a", guests)
    assert text.guests_below(plain) == guests
    assert text.split_footer(plain) == (above, "https://meet.example.com/a")
    markup = text.sanitise(text.with_footer_html(f"<p>{above}</p>", "", guests))
    assert text.guests_below(text.plain(markup)) == guests
    assert text.split_footer_html(markup)[1] == ""


def test_guests_are_named_in_one_order_and_counted_beyond_fifty() -> None:
    names = [f"Guest {number:03d}" for number in range(10_000)]
    guests = text.guest_list(reversed(names))
    assert guests == text.guest_list(names) == GuestList(tuple(names[:50]), 9_950)
    shown = text.with_footer("", "", guests)
    assert shown.splitlines()[-1] == "and 9950 more"
    assert len(shown) < 5_000


@pytest.mark.parametrize("name", ["ana@example.org", "Ana (ana@example.org)", "https://e.org", "www.e.org", "", "  "])
def test_an_address_is_no_name(name: str) -> None:
    guests = text.guest_list([name])
    assert guests == GuestList((), 1)
    assert text.with_footer("", "", guests).splitlines() == [text.FOOTER, "Guests:", "1 without a name"]


def test_nobody_is_no_list() -> None:
    assert text.guest_list([]) is None
    assert text.guests_below("Guests:\n- Ana") is None
    assert text.guests_below(f"{text.FOOTER}\nhttps://e.org") is None


def test_text_without_our_line_stays_whole() -> None:
    assert text.split_footer("a -- Kalends -- b") == ("a -- Kalends -- b", "")
    assert text.split_footer_html("<p>a</p>") == ("<p>a</p>", "")


@pytest.mark.parametrize(
    "address", ["javascript:x", "file:///etc", "smb://x", "", None, 5, "https://a b", "x https://a"]
)
def test_only_web_addresses_are_links(address: object) -> None:
    assert text.web_link(address) == ""


def test_a_link_is_found_in_a_sentence() -> None:
    assert text.first_link("join (https://e.org/a).") == "https://e.org/a"
    assert text.first_link("nothing") == ""
