"""Foreign text made safe and comparable: Unicode, plain text from HTML, sanitised HTML, and our footer.

Pure and bounded: everything is cut before it is parsed. It must not know any provider's field names.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

import nh3

from app.domain.events import GuestList

MAX_CHARS: Final = 1024 * 1024
"""Nothing longer is looked at (`reliability.md` E2)."""

MAX_MARKUP_CHARS: Final = 256 * 1024
"""Nor more than this of HTML, which takes longer to read."""

CUT_MARK: Final = "…"
FOOTER: Final = "-- Kalends --"
"""What we add to a text stands below this line and is cut off before comparing (`engine.md` §14)."""

_TAGS: Final = frozenset(
    "a b blockquote br code dd div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup table tbody td "
    "th thead tr u ul".split()
)
_DROPPED_WITH_CONTENT: Final = frozenset({"script", "style", "title", "template", "noscript"})
_LINK_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_BLOCKS: Final = frozenset("blockquote dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre table tr ul".split())

# A known tag or a character reference makes a text HTML; "a < b" and "AT&T" do not.
_MARKUP: Final = re.compile(
    rf"<(?:/?(?:{'|'.join(sorted(_TAGS | _DROPPED_WITH_CONTENT))}|html|head|body|font|img|center)\b[^<>]*|!--[^<>]*)>"
    r"|&(?:[a-z]{2,8}|#\d{1,7}|#x[0-9a-f]{1,6});",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"@|://|\bwww\.", re.IGNORECASE)
MOST_GUESTS: Final = 50
"""So many guests are named in a text; the others are counted."""
_NAME_LIMIT: Final = 80
_GUESTS: Final = "Guests:"
_DASH: Final = "- "
_MORE: Final = re.compile(r"and (\d{1,7}) more|(\d{1,7}) without a name", re.ASCII)
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINK: Final = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_FOOTER_PLAIN: Final = re.compile(rf"(?:^|\n)[ \t]*{re.escape(FOOTER)}[ \t]*(?:\n|$)")
_BEFORE_FOOTER: Final = ("<br>", "<p>", "<div>", "<span>", "</p>", "</div>", "</span>")
_TAG: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
# Tags that hold nothing, or that end where the next one begins: they make no depth.
_NOT_NESTING: Final = frozenset("br dd dt hr img input li link meta option p td th tr wbr".split())
_MAX_DEPTH: Final = 500


def clean(text: str) -> str:
    """One line ending, NFC, no NUL and other control characters, no lone surrogates; not trimmed.

    Unicode Standard Annex 15 (NFC); control characters are not allowed in iCalendar text (RFC 5545 §3.1) nor in XML.
    """
    text = text[:MAX_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))


def one_line(text: str, limit: int) -> str:
    """A title or a place: clean, without line breaks, trimmed, cut to `limit` characters."""
    return cut(" ".join(clean(text).split()), limit)


def many_lines(text: str, limit: int) -> str:
    """A description: clean, without blanks at line ends and blank lines at the ends, cut to `limit` characters."""
    lines = [line.rstrip() for line in clean(text).replace("\u00a0", " ").split("\n")]
    return cut("\n".join(lines).strip(), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with a mark where something is missing. Cutting twice changes nothing more."""
    if len(text) <= limit:
        return text
    return text[: limit - len(CUT_MARK)].rstrip() + CUT_MARK


def looks_like_html(text: str) -> bool:
    """Whether a text that may be either holds markup: a known tag, a comment or a character reference."""
    return _MARKUP.search(text[:MAX_CHARS]) is not None


def escape(text: str) -> str:
    """A plain text so that it reads the same where HTML is expected; line breaks stay as they are."""
    return html.escape(text, quote=False)


def sanitise(markup: str) -> str:
    """HTML with harmless tags and web links only: no script, style, image, form, handler. Idempotent.

    Tags nested hundreds deep, which no person writes and which take a parser quadratic time, are taken out altogether.
    """
    markup = clean(markup[:MAX_MARKUP_CHARS])
    if _is_too_deep(markup):
        return escape(re.sub(r"<[^<>]*>", " ", markup)).strip()
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={"a": {"href"}},
        url_schemes=set(_LINK_SCHEMES),
        url_relative="deny",
        link_rel=None,
        strip_comments=True,
    ).strip()


def plain(markup: str, *, keep_line_breaks: bool = False) -> str:
    """The text a person reads in an HTML fragment.

    Args:
        markup: sanitised or not; it is sanitised first.
        keep_line_breaks: line breaks of the source count (Google shows them), else they are mere blanks (HTML).

    Returns:
        Blocks and `<br>` as line breaks, list items with a dash, links as `text <address>` where they differ.
    """
    reader = _PlainText(keep_line_breaks)
    reader.feed(sanitise(markup))
    reader.close()
    return many_lines("".join(reader.parts), MAX_CHARS)


def first_link(text: str) -> str:
    """The first web address in a text, empty if there is none."""
    found = _LINK.search(text[:MAX_CHARS])
    return found.group().rstrip(".,;:!?)]}") if found else ""


def web_link(address: object) -> str:
    """An address if it is one that may be opened (http, https; `reliability.md` E8), else empty."""
    text = address.strip() if isinstance(address, str) else ""
    return text if _LINK.fullmatch(text) else ""


def with_footer(text: str, link: str, guests: GuestList | None = None) -> str:
    """A plain text with a meeting link and the guests' names below our line; unchanged without any."""
    below = _below(link, guests)
    return "\n".join((f"{text}\n\n{FOOTER}", *below)).lstrip("\n") if below else text


def with_footer_html(markup: str, link: str, guests: GuestList | None = None) -> str:
    """A fragment with a meeting link and the guests' names below our line; unchanged without any."""
    below = _below(link, guests)
    return "<br>".join((f"{markup}<br><br>{FOOTER}", *map(escape, below))) if below else markup


def split_footer(text: str) -> tuple[str, str]:
    """Undo `with_footer`: the text above our line, and the link below it (empty if there is none)."""
    found = _FOOTER_PLAIN.search(text)
    if found is None:
        return text, ""
    return text[: found.start()].rstrip(), first_link(text[found.end() :])


def guest_list(names: Iterable[object]) -> GuestList | None:
    """The people on an event, by name.

    Args:
        names: what the service calls each of them; whoever has no name, or an address for one, is counted only.

    Returns:
        None where there is nobody.
    """
    told = [one_line(name, _NAME_LIMIT) if isinstance(name, str) else "" for name in names]
    named = sorted((name for name in told if name and not _ADDRESS.search(name)), key=lambda one: (one.casefold(), one))
    if not told:
        return None
    shown = tuple(named[:MOST_GUESTS])
    return GuestList(shown, len(told) - len(shown))


def guests_below(text: str) -> GuestList | None:
    """The guests that a plain text lists below our line, as `with_footer` wrote them; None if it lists none."""
    found = _FOOTER_PLAIN.search(text)
    lines = [line.strip() for line in text[found.end() :].split("\n")] if found is not None else []
    if _GUESTS not in lines:
        return None
    names: list[str] = []
    more = 0
    for line in filter(None, lines[lines.index(_GUESTS) + 1 :]):
        counted = _MORE.fullmatch(line)
        if counted is not None:
            more = int(counted[1] or counted[2])
        if not line.startswith(_DASH) or len(names) == MOST_GUESTS:
            break
        names.append(line.removeprefix(_DASH))
    return GuestList(tuple(names), more)


def split_footer_html(markup: str) -> tuple[str, str]:
    """Undo `with_footer_html`, also after a service added tags of its own around it."""
    begin = markup.find(FOOTER)
    if begin < 0:
        return markup, ""
    end = begin
    while True:
        blank = end > 0 and markup[end - 1].isspace()
        tag = next((tag for tag in _BEFORE_FOOTER if markup.endswith(tag, 0, end)), "")
        if not blank and not tag:
            break
        end -= len(tag) or 1
    return sanitise(markup[:end]), html.unescape(first_link(markup[begin + len(FOOTER) :]))


def _below(link: str, guests: GuestList | None) -> list[str]:
    """The lines that stand below ours."""
    lines = [link] if link else []
    if guests is not None:
        lines += [_GUESTS, *(f"{_DASH}{name}" for name in guests.names)]
        if guests.more:
            lines.append(f"and {guests.more} more" if guests.names else f"{guests.more} without a name")
    return lines


def _is_too_deep(markup: str) -> bool:
    """Whether tags are nested deeper than anybody writes."""
    if markup.count("<") <= _MAX_DEPTH:
        return False
    depth = 0
    for found in _TAG.finditer(markup):
        if found[2].lower() in _NOT_NESTING:
            continue
        depth = max(0, depth - 1) if found[1] else depth + 1
        if depth > _MAX_DEPTH:
            return True
    return False


class _PlainText(HTMLParser):
    """Collects the readable text of a sanitised fragment."""

    def __init__(self, keep_line_breaks: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._keep = keep_line_breaks
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._break()
            if tag == "li":
                self.parts.append("- ")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._break()
        elif tag == "a" and self._links:
            address, begin = self._links.pop()
            shown = "".join(self.parts[begin:]).strip()
            if address and shown not in (address, address.removeprefix("mailto:").removeprefix("tel:")):
                self.parts.append(f" <{address}>" if shown else address)

    def handle_data(self, data: str) -> None:
        if not self._keep:
            data = re.sub(r"[ \t\n]+", " ", data)
            if not self.parts or self.parts[-1].endswith("\n"):
                data = data.lstrip(" ")
        if data:
            self.parts.append(data)

    def _break(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
