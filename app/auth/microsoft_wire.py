"""How msal's requests leave: the real authority in msal and its cache, the override on the wire (`providers.md` §8.4).

msal takes nothing but https authorities; this is its `http_client`. Failures become our errors here, so that they are
neither kept by msal's hidden cache of answers nor mistaken for a refusal of the sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from app.auth.addresses import MICROSOFT_ORIGIN, MicrosoftAddresses, is_loopback
from app.domain.errors import OfflineError, UnavailableError

REQUEST_SECONDS: Final = 20.0


class WireResponse:
    """What msal reads of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        self.status_code = response.status_code
        self.text = response.text
        self.headers = dict(response.headers)

    def raise_for_status(self) -> None:
        """Raises UnavailableError for an error status."""
        if self.status_code >= 400:
            raise UnavailableError("Microsoft did not answer as it should.", status=self.status_code)


class TurningClient:
    """msal's `http_client`: sends requests for Microsoft's sign-in host to where it is now. Follows no redirect."""

    def __init__(self, addresses: MicrosoftAddresses) -> None:
        self._origin = addresses.origin
        # A proxy for the world has no business between us and ourselves.
        self._client = httpx.Client(timeout=REQUEST_SECONDS, trust_env=not is_loopback(addresses.origin))

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> WireResponse:
        """As msal calls it; options of other libraries are not taken."""
        return self._send("GET", url, params, None, headers)

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> WireResponse:
        """As msal calls it; options of other libraries are not taken."""
        return self._send("POST", url, params, data, headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        data: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> WireResponse:
        # Merged by hand: httpx replaces a query when it is given any `params`, an empty one too.
        request = self._client.build_request(method, turned(url, self._origin), data=data, headers=headers)
        if params:
            request.url = request.url.copy_merge_params(dict(params))
        try:
            response = self._client.send(request)
        except httpx.TransportError as error:
            raise OfflineError("Microsoft cannot be reached.", reason=type(error).__name__) from error
        if response.status_code >= 500 or response.status_code == 429:
            raise UnavailableError("Microsoft cannot answer at the moment.", status=response.status_code)
        return WireResponse(response)


def turned(url: str, origin: str) -> str:
    """An address of Microsoft's sign-in host at the origin in force; any other as it is."""
    if url == MICROSOFT_ORIGIN or url.startswith(f"{MICROSOFT_ORIGIN}/"):
        return origin + url.removeprefix(MICROSOFT_ORIGIN)
    return url
