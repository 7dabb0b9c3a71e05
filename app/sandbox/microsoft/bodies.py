"""What Exchange makes of an event's body: HTML is sanitised and wrapped, text becomes HTML, both can be read as text.

What is read back never equals what was written; a client that compares the HTML finds a change where there is none. It
must not know events.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import nh3

PREVIEW_CHARACTERS = 255

_HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
_FROM_TEXT = (
    _HEAD + '\r\n<meta name="Generator" content="Microsoft Exchange Server">\r\n<!-- converted from text -->\r\n'
    "<style><!-- .EmailQuote {{ margin-left: 1pt; padding-left: 4pt; border-left: #800000 2px solid; }} --></style>"
    '</head>\r\n<body>\r\n<font size="2"><span style="font-size:11pt;"><div class="PlainText">{}</div></span></font>'
    "</body>\r\n</html>\r\n"
)
BEFORE_TEXT, AFTER_TEXT = (part.replace("{{", "{").replace("}}", "}") for part in _FROM_TEXT.split("{}"))
_FROM_HTML = _HEAD + "\r\n</head>\r\n<body>\r\n{}\r\n</body>\r\n</html>\r\n"
_BREAKING = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"})
_HIDDEN = frozenset({"head", "style", "script", "title"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BREAKING:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def to_text(markup: str) -> str:
    """The readable text of an HTML body, lines ended by CR LF."""
    parser = _Text()
    parser.feed(markup)
    parser.close()
    lines = [line.strip() for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip().replace("\n", "\r\n")


def from_text(content: str) -> str:
    """The HTML that Exchange makes of a plain text, empty for a blank one."""
    inner = inside(content)
    return BEFORE_TEXT + inner + AFTER_TEXT if inner else ""


def inside(content: str) -> str:
    """A plain text as it stands in that HTML, between ``BEFORE_TEXT`` and ``AFTER_TEXT``; empty for a blank one."""
    if not content.strip():
        return ""
    return html.escape(content, quote=False).replace("\r\n", "\n").replace("\n", "<br>\r\n")


def rewrite(content_type: str, content: str) -> tuple[str, str]:
    """Store a body as Exchange does.

    Args:
        content_type: ``text`` or ``html``, as sent.
        content: the body sent.

    Returns:
        The HTML and the text that reads answer from now on.
    """
    if not content.strip():
        return "", ""
    if content_type == "text":
        return from_text(content), content.replace("\r\n", "\n").replace("\n", "\r\n")
    inner = re.search(r"<body[^>]*>(.*?)</body>", content, re.DOTALL | re.IGNORECASE)
    clean = nh3.clean(inner[1] if inner else content)
    return _FROM_HTML.format(clean.strip()), to_text(clean)
