"""Who can reach this port: programs on this computer, and no page of another origin (`reliability.md` §4.2–3).

Pure: looks at the headers of a request and nothing else. Host names are compared exactly; a name that resolves to this
computer by a trick of DNS is another name (RFC 9110 §7.2, Fetch §3.2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from app.api.errors import Refusal

_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT: Final = 80
_FOREIGN_SITES: Final = ("cross-site", "same-site")
_METHODS: Final = "GET, POST, PATCH, DELETE"
_REQUEST_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-ID"
_ANSWER_HEADERS: Final = (
    "Location, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-ID"
)
_PREFLIGHT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Reach:
    """The rules.

    Args:
        allowed_hosts: further values of `Host`, `name:port`, which may also come with forwarding headers.
        allowed_origins: origins of pages that may call.
    """

    allowed_hosts: Collection[str] = ()
    allowed_origins: Collection[str] = ()

    def refusal(self, headers: Headers, port: int) -> Refusal | None:
        """Why a request may not come in: 400, 421 or 403, in this order; None when it may."""
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return Refusal(400, "bad_request", "A request names exactly one host.")
        host = hosts[0].lower()
        if host not in {name.lower() for name in self.allowed_hosts} and (
            not _is_ours(host, port) or any(_forwards(name) for name in headers)
        ):
            return Refusal(421, "misdirected_request", "This address answers programs on this computer only.")
        if not self._may_come_from(headers, host):
            return Refusal(403, "forbidden", "Pages of other origins may not call this API.")
        return None

    def cors(self, headers: Headers) -> Mapping[str, str]:
        """What lets an allowed page read the answer; nothing for everyone else, and never credentials."""
        origin = headers.get("origin", "")
        if not self._allowed(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _ANSWER_HEADERS,
            "Vary": "Origin",
        }

    def preflight(self, method: str, headers: Headers) -> Mapping[str, str] | None:
        """The headers that answer a preflight of an allowed page; None when a request is no such thing."""
        if method != "OPTIONS" or "access-control-request-method" not in headers or not self.cors(headers):
            return None
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        }

    def _may_come_from(self, headers: Headers, host: str) -> bool:
        origins = headers.getlist("origin")
        if origins and all(self._allowed(origin) for origin in origins):
            return True
        ours = all(origin.lower() == f"http://{host}" for origin in origins)
        return ours and not any(site.lower() in _FOREIGN_SITES for site in headers.getlist("sec-fetch-site"))

    def _allowed(self, origin: str) -> bool:
        return origin.lower() in {allowed.lower() for allowed in self.allowed_origins}


def _is_ours(host: str, port: int) -> bool:
    accepted = {f"{name}:{port}" for name in _NAMES}
    return host in accepted or (port == _HTTP_PORT and host in _NAMES)


def _forwards(name: str) -> bool:
    return name == "forwarded" or name.startswith("x-forwarded-")
