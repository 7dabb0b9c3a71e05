"""What must never be read in a log: secrets and people's words (`reliability.md` §4.37, fault F5).

Three nets, each sufficient where it applies: by the name of a field, by the look of a value, and by the exact values
that were registered as secret. Pure but for the register.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
_SHORTEST_SECRET: Final = 6
_SECRETS_KEPT: Final = 256

_SECRET_FIELDS: Final = re.compile(
    r"(?i)(?:^|[_\-.])(?:authorization|cookie|set-cookie|password|passphrase|secret|token|code|code_verifier|verifier"
    r"|api_?key|x-api-key|id_token|client_info|state|nonce|assertion|credential|credentials)$"
)
_PRIVATE_FIELDS: Final = frozenset(
    "title subject summary description text html body place location link attendees organizer snippet display_name "
    "email login_hint".split()
)
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # Our own API keys and webhook secrets; Google's tokens and codes; Microsoft's; JSON web tokens; client secrets.
    (re.compile(r"\b(?:cs_live|cs_test|wbk|whsec)_[A-Za-z0-9+/=_\-]{8,}"), HIDDEN),
    (re.compile(r"\bya29\.[\w\-.]+"), HIDDEN),
    (re.compile(r"(?<!\w)1//[\w\-]{8,}"), HIDDEN),
    (re.compile(r"(?<!\w)4/[\w\-]{10,}"), HIDDEN),
    (re.compile(r"(?<!\w)[01M]\.[A-Z]{1,3}[\w.\-!*]{20,}"), HIDDEN),
    (re.compile(r"\beyJ[\w\-]{8,}\.[\w\-]+(?:\.[\w\-]*)*"), HIDDEN),
    (re.compile(r"GOCSPX-[\w\-]+"), HIDDEN),
    # What stands behind a telling name, in headers, queries, forms, JSON and reprs.
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{6,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)\b(access_token|refresh_token|id_token|token|code|state|code_verifier|code_challenge|client_secret"
            r"|client_info|password|passphrase|secret|api_key|nonce|login_hint|\$?(?:delta|skip|sync|page)token)"
            r"(\\?[\"']?\s*[=:]\s*\\?[\"']?)(?!\[hidden\])[^\s&\"'\\,;}\])]{4,}"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?i)\b[a-z0-9._%+\-]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)+"), "[address]"),
)


class Redactor:
    """Hides secrets in what is about to be written. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._values: tuple[str, ...] = ()

    def register(self, secret: str) -> None:
        """Hide this exact text from now on, wherever it appears, as it is or encoded for JSON or a URL.

        Texts shorter than six characters are ignored: hiding them would hide ordinary words. Only the newest few
        hundred are remembered: tokens are replaced every hour, and every line is searched for all of them.
        """
        if len(secret) < _SHORTEST_SECRET:
            return
        # As it is, inside a repr, and both of them inside JSON; then as part of an address.
        shown = {secret, repr(secret)[1:-1], repr(secret.encode())[2:-1], secret.replace("'", "\\'")}
        forms = {form for text in shown for form in (text, json.dumps(text)[1:-1])}
        forms |= {json.dumps(text, ensure_ascii=False)[1:-1] for text in shown}
        forms |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
        with self._lock:
            self._secrets[secret] = frozenset(forms)
            self._secrets.move_to_end(secret)
            if len(self._secrets) > _SECRETS_KEPT:
                self._secrets.popitem(last=False)
            # Longest first: a secret may begin with another one.
            everything = {form for known in self._secrets.values() for form in known}
            self._values = tuple(sorted(everything, key=len, reverse=True))

    def text(self, text: str) -> str:
        """A text without registered values and without what looks like a secret or an e-mail address."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of a log line, values of secret and private names hidden at any depth."""
        return {str(name): self._value(str(name), value) for name, value in fields.items()}

    def _value(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if _SECRET_FIELDS.search(name) is not None or name.lower() in _PRIVATE_FIELDS:
            # Numbers under such a name are statuses and counts, not words or keys.
            return value if isinstance(value, int | float) else HIDDEN
        if isinstance(value, Mapping):
            return self.fields(value)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item) for item in value]
        return value
