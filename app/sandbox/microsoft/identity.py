"""Who may sign in and how refusals are worded: what the sign-in page and the token endpoint have in common.

The client, the scopes, the people of a tenant and the AADSTS errors; it answers no request. Reference: "error codes" of
the Microsoft identity platform.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.sandbox.microsoft.policy import OAuthError
from app.sandbox.microsoft.tokens import Grant
from app.sandbox.world import Account, World

CLIENT_ID: Final = "6b616c65-6e64-4573-9a6e-646f78617070"
AUTHORITY: Final = "https://login.microsoftonline.com"
CONSUMERS: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
ACCESS_LIFETIME: Final = timedelta(seconds=3599)

RESOURCE_SCOPES: Final = (
    "Calendars.Read",
    "Calendars.ReadBasic",
    "Calendars.ReadWrite",
    "Calendars.Read.Shared",
    "Calendars.ReadWrite.Shared",
    "Mail.Read",
    "Mail.ReadBasic",
    "MailboxSettings.Read",
    "User.Read",
)
_IDENTITY_SCOPES: Final = ("openid", "profile", "email", "offline_access")
_KNOWN: Final = {name.lower(): name for name in (*RESOURCE_SCOPES, *_IDENTITY_SCOPES)}
ALL_SCOPES: Final = (*RESOURCE_SCOPES, *_IDENTITY_SCOPES)
_RESOURCE: Final = "https://graph.microsoft.com/"
_PERSONAL_DOMAINS: Final = ("outlook.com", "hotmail.com", "live.com", "msn.com")
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def tenant_of(account: Account) -> str:
    """The tenant id of an account: the consumers' one for a personal address, else one for each domain."""
    domain = account.email.rpartition("@")[2].lower()
    return CONSUMERS if domain in _PERSONAL_DOMAINS else str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))


def object_id(account: Account) -> str:
    """The id of the person in the directory (`oid`), as id_tokens and `/me` name it."""
    digest = uuid.uuid5(uuid.NAMESPACE_URL, f"microsoft:{account.subject}")
    if tenant_of(account) != CONSUMERS:
        return str(digest)
    return f"00000000-0000-0000-{digest.hex[:4]}-{digest.hex[4:16]}"


def client_info(account: Account) -> str:
    """The `client_info` that msal makes the home account id of: `uid` and `utid`, base64url."""
    value = json.dumps({"uid": object_id(account), "utid": tenant_of(account)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded body; of a repeated one the last."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


class Directory:
    """People, client and scopes as the identity platform knows them.

    Args:
        world: accounts, clock and randomness.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def check_client(self, form: Mapping[str, str]) -> None:
        """Refuse a token or device request of an unknown client, or one that brings a secret."""
        client = form.get("client_id", "")
        if not client:
            raise OAuthError(
                "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
            )
        if client != CLIENT_ID:
            raise self.unknown_client(client)
        if "client_secret" in form or "client_assertion" in form:
            raise OAuthError(
                "invalid_client",
                700025,
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
            )
        number = int(self._world.behaviour["microsoft.secret_expected"])
        if number:
            raise OAuthError(
                "invalid_client",
                number,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )

    def unknown_client(self, client: str) -> OAuthError:
        """The refusal of a client id that is not registered."""
        number = int(self._world.behaviour["microsoft.unknown_client"])
        return OAuthError(
            "unauthorized_client", number, f"Application with identifier '{client}' was not found in the directory."
        )

    def accounts(self, tenant: str) -> list[Account]:
        """The accounts that an authority admits: `common`, `organizations`, `consumers` or a tenant id."""
        own = [account for account in self._world.accounts.values() if account.provider == "microsoft"]
        if tenant == "common":
            return own
        if tenant == "organizations":
            return [account for account in own if tenant_of(account) != CONSUMERS]
        wanted = CONSUMERS if tenant == "consumers" else tenant
        return [account for account in own if tenant_of(account) == wanted]

    def account(self, grant: Grant) -> Account:
        """The person of a grant; raises OAuthError when the account is gone."""
        account = self._world.account(grant.email)
        if account is None:
            raise OAuthError("invalid_grant", 50034, "The user account does not exist in the directory.", "bad_token")
        return account

    def admin_number(self) -> int:
        """The AADSTS number told where only an administrator may consent, 0 where people may themselves."""
        return int(self._world.behaviour["microsoft.admin_consent"])

    def granted(self, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """What of the scopes asked for is granted when a person accepts."""
        left_out = str(self._world.behaviour["microsoft.consent_left_out"]).lower()
        return tuple(scope for scope in scopes if scope.lower() != left_out)

    def scopes(self, text: str) -> tuple[str, ...]:
        """The scopes named, in the spelling of the service; raises OAuthError for an unknown one or none."""
        names: list[str] = []
        for word in text.split():
            short = word[len(_RESOURCE) :] if word.lower().startswith(_RESOURCE) else word
            if short.lower() not in _KNOWN:
                raise OAuthError(
                    "invalid_scope",
                    70011,
                    f"The provided request must include a valid 'scope'. The scope {word} is not valid.",
                )
            names.append(_KNOWN[short.lower()])
        if not names:
            raise OAuthError(
                "invalid_request", 900144, "The request body must contain the following parameter: 'scope'."
            )
        return tuple(dict.fromkeys(names))

    def support(self, refusal: OAuthError) -> dict[str, str]:
        """The description of a refusal with its trace and correlation ids and time."""
        now = self._world.clock.now()
        trace, correlation = (str(uuid.UUID(int=self._world.random.getrandbits(128))) for _ in range(2))
        stamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
        description = f"{refusal}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"
        return {"error_description": description, "timestamp": stamp, "trace_id": trace, "correlation_id": correlation}

    def error_fields(self, refusal: OAuthError, state: str | None) -> dict[str, str]:
        """A refusal as it is sent to the redirect address."""
        fields = {"error": refusal.error, "error_description": self.support(refusal)["error_description"]}
        if refusal.suberror:
            fields["error_subcode"] = refusal.suberror
        return fields if state is None else {**fields, "state": state}

    def error_json(self, refusal: OAuthError, status: int) -> Response:
        """A refusal as the token endpoint words it."""
        body: dict[str, Any] = {"error": refusal.error, **self.support(refusal), "error_codes": [refusal.code]}
        body["error_uri"] = f"{AUTHORITY}/error?code={refusal.code}"
        if refusal.suberror:
            body["suberror"] = refusal.suberror
        if refusal.claims:
            body["claims"] = refusal.claims
        return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})
