"""What an organisation's rules or the state of an account may answer to a sign-in or a refresh, by AADSTS number.

Numbers, errors and suberrors only; when one is given is for switches and routes to say. Reference: "Microsoft Entra
authentication and authorization error codes", "Conditional Access and claims challenges"; provider reference, 8.3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final


class OAuthError(Exception):
    """A refusal of the token endpoint or the sign-in page, with its AADSTS number.

    Args:
        error: the OAuth error code (RFC 6749 §5.2 and the identity platform's own).
        code: the AADSTS number.
        message: what follows the number.
        suberror: what msal sorts refusals by, if any.
        claims: what the next request must bring, a JSON text.
    """

    def __init__(
        self, error: str, code: int, message: str, suberror: str | None = None, claims: str | None = None
    ) -> None:
        super().__init__(f"AADSTS{code}: {message}")
        self.error = error
        self.code = code
        self.suberror = suberror
        self.claims = claims


@dataclass(frozen=True, slots=True)
class _Rule:
    error: str
    suberror: str | None
    message: str
    challenges: bool = False


_MFA: Final = (
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must {} to "
    "access '00000003-0000-0000-c000-000000000000'."
)
_RULES: Final[dict[int, _Rule]] = {
    70008: _Rule("invalid_grant", "bad_token", "The provided authorization code or refresh token has expired."),
    70043: _Rule(
        "invalid_grant",
        "token_expired",
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    700082: _Rule("invalid_grant", "bad_token", "The refresh token has expired due to inactivity."),
    50173: _Rule(
        "invalid_grant",
        "bad_token",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
    ),
    50132: _Rule("invalid_grant", "bad_token", "The credentials have been revoked due to a password change."),
    50133: _Rule("invalid_grant", "bad_token", "The session is not valid due to password expiration or recent change."),
    50034: _Rule("invalid_grant", "bad_token", "The user account does not exist in the directory."),
    50057: _Rule("invalid_grant", "bad_token", "The user account is disabled."),
    50074: _Rule("invalid_grant", "basic_action", "Strong Authentication is required.", challenges=True),
    50076: _Rule("invalid_grant", "basic_action", _MFA.format("use multi-factor authentication"), challenges=True),
    50078: _Rule(
        "invalid_grant",
        "basic_action",
        "Presented multi-factor authentication has expired due to policies configured by your administrator.",
        challenges=True,
    ),
    50079: _Rule(
        "invalid_grant", "basic_action", _MFA.format("enroll in multi-factor authentication"), challenges=True
    ),
    53000: _Rule("interaction_required", "additional_action", "Device is not in required device state: compliant."),
    53003: _Rule(
        "interaction_required",
        "message_only",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        challenges=True,
    ),
    65001: _Rule(
        "invalid_grant",
        "consent_required",
        "The user or administrator has not consented to use the application. Send an interactive authorization "
        "request for this user and resource.",
    ),
    50196: _Rule("invalid_grant", None, "The server terminated an operation because it encountered a client loop."),
}
REFRESH_NUMBERS: Final = (0, *_RULES)
"""What the switch `microsoft.refresh_refusal` takes; 0: refreshing works."""

_POLICY: Final = "8f1f0b1c-6f7e-4a52-9f52-0d6a6f1d6c11"
ADMIN_NUMBERS: Final = (0, 65001, 90093, 90094, 90095)
"""What the switch `microsoft.admin_consent` takes; 0: people may consent for themselves."""


def refusal(number: int) -> OAuthError:
    """The refusal of a refresh by its AADSTS number."""
    rule = _RULES[number]
    claims = json.dumps({"access_token": {"capolids": {"essential": True, "values": [_POLICY]}}})
    return OAuthError(rule.error, number, rule.message, rule.suberror, claims if rule.challenges else None)


def admin_needed(number: int) -> OAuthError:
    """What is sent to the redirect address when only an administrator may consent."""
    texts = {
        65001: "The user or administrator has not consented to use the application.",
        90093: "This operation can only be performed by an administrator.",
        90094: "The grant requires admin permission. An administrator must consent to this application.",
        90095: "Admin consent is required. The request was sent to the administrators of the organization.",
    }
    return OAuthError("access_denied" if number != 65001 else "consent_required", number, texts[number])


@dataclass(frozen=True, slots=True)
class Demand:
    """What the `claims` parameter of a request asks for.

    Args:
        cae: whether the client says that it can answer claims challenges (`xms_cc` has `cp1`).
        not_before: the `nbf` it was told by a challenge, seconds since 1970; 0 without one.
    """

    cae: bool = False
    not_before: int = 0


def demand(text: str | None) -> Demand:
    """Read a `claims` parameter (OpenID Connect core, 5.5).

    Raises:
        OAuthError: 9002313 when it is no claims request.
    """
    if not text:
        return Demand()
    try:
        value = json.loads(text)
        wanted = {} if value.get("access_token") is None else dict(value["access_token"].items())
        able = "cp1" in [str(name).lower() for name in (wanted.get("xms_cc") or {}).get("values") or ()]
        return Demand(able, int((wanted.get("nbf") or {}).get("value") or 0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise OAuthError("invalid_request", 9002313, "Invalid request. The claims parameter is malformed.") from None


def challenge(not_before: int) -> str:
    """The claims that a resource asks for after a critical event: a token made since then."""
    value: dict[str, Any] = {"access_token": {"nbf": {"essential": True, "value": str(not_before)}}}
    return json.dumps(value, separators=(",", ":"))
