"""How requests to Google's OAuth endpoints leave: the real https addresses in every library, the override on the wire.

Client configurations always hold Google's addresses, so that no library has to be told that http is fine
(`architecture.md`, "Decided"): an adapter mounted on the `requests` session turns them where an override is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from app.auth.addresses import GOOGLE_AUTH_URI, GOOGLE_REVOKE_URI, GOOGLE_TOKEN_URI, GoogleAddresses, is_loopback

REQUEST_SECONDS: Final = 20.0


class TurningAdapter(HTTPAdapter):
    """Sends requests for known addresses to where they are now; with a time limit on every one.

    Args:
        turns: real address to the one in force.
    """

    def __init__(self, turns: Mapping[str, str]) -> None:
        self._turns = dict(turns)
        super().__init__()

    def send(  # as the base class says
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = request.url or ""
        target = self._turns.get(url.partition("?")[0], url)
        if target != url:
            request.url = target
        if is_loopback(target):
            # A proxy for the world has no business between us and ourselves.
            proxies = None
        return super().send(request, stream=stream, timeout=REQUEST_SECONDS, verify=verify, cert=cert, proxies=proxies)


def mount(session: requests.Session, addresses: GoogleAddresses) -> None:
    """Make a session go to the addresses in force, follow no redirect and send no login of a `.netrc`."""
    turns = {GOOGLE_TOKEN_URI: addresses.token_uri, GOOGLE_REVOKE_URI: addresses.revoke_uri}
    session.mount("https://", TurningAdapter(turns))
    session.max_redirects = 0
    session.auth = _unchanged


def authorization_page(url: str, addresses: GoogleAddresses) -> str:
    """The address of the consent page for the browser: Google's, or the override with the same query."""
    if addresses.auth_uri == GOOGLE_AUTH_URI:
        return url
    return f"{addresses.auth_uri}?{urlsplit(url).query}"


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
