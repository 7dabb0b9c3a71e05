"""Where the providers are and as whom we sign in: environment over configuration over the built-in production values.

The names are those of `contract/cli.md`. Plain http is taken for loopback addresses only: a token must never travel
in the clear. The environment is an argument; nothing here reads `os.environ`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.domain.errors import FieldError, InputError, SignInError

GOOGLE_AUTH_URI: Final = "https://accounts.google.com/o/oauth2/v2/auth"
GOOGLE_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address, no secret
GOOGLE_REVOKE_URI: Final = "https://oauth2.googleapis.com/revoke"
MICROSOFT_ORIGIN: Final = "https://login.microsoftonline.com"

_PRODUCTION: Final[Mapping[str, Mapping[str, str]]] = {
    "google": {
        "calendar_api": "https://www.googleapis.com/calendar/v3",
        "gmail_api": "https://gmail.googleapis.com/gmail/v1",
        "auth_uri": GOOGLE_AUTH_URI,
        "token_uri": GOOGLE_TOKEN_URI,
        "revoke_uri": GOOGLE_REVOKE_URI,
    },
    "microsoft": {"graph_api": "https://graph.microsoft.com/v1.0", "authority": f"{MICROSOFT_ORIGIN}/common"},
}
_VARIABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "google": {
        "calendar_api": "KALENDS_GOOGLE_API",
        "gmail_api": "KALENDS_GMAIL_API",
        "auth_uri": "KALENDS_GOOGLE_AUTH_URI",
        "token_uri": "KALENDS_GOOGLE_TOKEN_URI",
        "revoke_uri": "KALENDS_GOOGLE_REVOKE_URI",
        "client_id": "KALENDS_GOOGLE_CLIENT_ID",
        "client_secret": "KALENDS_GOOGLE_CLIENT_SECRET",
    },
    "microsoft": {
        "graph_api": "KALENDS_GRAPH_API",
        "authority": "KALENDS_MICROSOFT_AUTHORITY",
        "client_id": "KALENDS_MICROSOFT_CLIENT_ID",
    },
}
_NO_ADDRESS: Final = frozenset({"client_id", "client_secret"})


@dataclass(frozen=True, slots=True)
class GoogleAddresses:
    """Google: APIs without trailing slash, OAuth endpoints, and our client there.

    The client's secret is not confidential for a desktop app (RFC 8252 §8.5), yet the token endpoint asks for it.
    """

    calendar_api: str
    gmail_api: str
    auth_uri: str
    token_uri: str
    revoke_uri: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    def require_client(self) -> None:
        """Raises SignInError `client_missing`, saying what to set."""
        if not self.client_id or not self.client_secret:
            raise SignInError(
                "This build has no Google client, so Google accounts cannot be connected yet.",
                code="client_missing",
                fix="Create a client of the kind Desktop app in the Google Cloud console, and set client_id and "
                "client_secret in the [google] section of config.toml, or KALENDS_GOOGLE_CLIENT_ID and "
                "KALENDS_GOOGLE_CLIENT_SECRET.",
            )


@dataclass(frozen=True, slots=True)
class MicrosoftAddresses:
    """Microsoft: Graph without trailing slash, the authority, and our public client there.

    Args:
        authority: origin and tenant, e.g. `https://login.microsoftonline.com/common`.
    """

    graph_api: str
    authority: str
    client_id: str = ""

    @property
    def origin(self) -> str:
        """Where the authority is on the wire, without path."""
        parts = urlsplit(self.authority)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def tenant(self) -> str:
        """The authority's tenant; `common` where the address names none."""
        return urlsplit(self.authority).path.strip("/").partition("/")[0] or "common"

    def require_client(self) -> None:
        """Raises SignInError `client_missing`, saying what to set."""
        if not self.client_id:
            raise SignInError(
                "This build has no Microsoft client, so Microsoft accounts cannot be connected yet.",
                code="client_missing",
                fix="Register an app for mobile and desktop with the redirect address http://localhost in Microsoft "
                "Entra, and set client_id in the [microsoft] section of config.toml, or KALENDS_MICROSOFT_CLIENT_ID.",
            )


@dataclass(frozen=True, slots=True)
class Addresses:
    """All providers' addresses."""

    google: GoogleAddresses
    microsoft: MicrosoftAddresses


def find_addresses(
    environ: Mapping[str, str], configuration: Mapping[str, Mapping[str, str]] | None = None
) -> Addresses:
    """Addresses and client ids in force.

    Args:
        environ: the environment.
        configuration: values of `config.toml` by provider and key (`calendar_api`, `client_id`, …).

    Raises:
        InputError: an address that cannot be used, named by its variable or key.
    """
    errors: list[FieldError] = []
    found = {name: _section(name, environ, configuration or {}, errors) for name in _VARIABLES}
    if errors:
        first = errors[0]
        raise InputError(f"The address {first.field} cannot be used. {first.message}", details=errors)
    return Addresses(GoogleAddresses(**found["google"]), MicrosoftAddresses(**found["microsoft"]))


def is_loopback(address: str) -> bool:
    """Whether an address names this computer by a loopback name."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _section(
    provider: str,
    environ: Mapping[str, str],
    configuration: Mapping[str, Mapping[str, str]],
    errors: list[FieldError],
) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, variable in _VARIABLES[provider].items():
        name, value = variable, environ.get(variable, "").strip()
        if not value:
            name, value = f"{provider}.{key}", configuration.get(provider, {}).get(key, "").strip()
        if not value:
            value = _PRODUCTION[provider].get(key, "")
        elif key not in _NO_ADDRESS:
            problem = _problem(value)
            if problem:
                errors.append(FieldError(name, problem))
            value = value.rstrip("/")
        values[key] = value
    return values


def _problem(address: str) -> str:
    """Why an address cannot be used, empty when it can."""
    try:
        parts = urlsplit(address)
        _ = parts.port
        loopback = is_loopback(address)
    except ValueError:
        return "Set it to an https address."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "Set it to an https address."
    if parts.username is not None or parts.query or parts.fragment:
        return "Set it to an address without user name, query or fragment."
    if parts.scheme == "http" and not loopback:
        return "Plain http is accepted for addresses of this computer only; use https."
    return ""
