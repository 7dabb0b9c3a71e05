"""The emulated Google's OAuth endpoints: what a sign-in gives, how long it lives, every way it ends."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.sandbox.google import CLIENT_ID, CLIENT_SECRET
from app.sandbox.google.scopes import PREFIX
from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_switches import turn

pytestmark = pytest.mark.anyio

AUTH = "/o/oauth2/v2/auth"
EVENTS, LISTS, MAIL = f"{PREFIX}calendar.events", f"{PREFIX}calendar.calendarlist.readonly", f"{PREFIX}gmail.readonly"
REFUSED = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


class _Form(HTMLParser):
    """Hidden and checked fields of the consent page."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "input" and (values["type"] == "hidden" or "checked" in values):
            self.fields.append((values["name"], values["value"]))


class Person:
    """Somebody with a browser, and the app that sent them there."""

    def __init__(self, side: GoogleSide) -> None:
        self.side = side
        transport = httpx.ASGITransport(app=side.google.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def ask(self, **change: str) -> httpx.Response:
        """Open the consent page."""
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": "http://127.0.0.1:4711/",
            "response_type": "code",
            "scope": f"openid email {EVENTS} {LISTS}",
            "state": "s p&c",
            "access_type": "offline",
            "prompt": "consent",
            **change,
        }
        return await self.http.get(AUTH, params={name: value for name, value in query.items() if value})

    async def answer(self, page: httpx.Response, decision: str = "allow", untick: tuple[str, ...] = ()) -> Any:
        """Send the form; what the app is told, each parameter once."""
        form = _Form()
        form.feed(page.text)
        data: dict[str, list[str]] = {"decision": [decision]}
        for name, value in form.fields:
            if value not in untick:
                data.setdefault(name, []).append(value)
        sent = await self.http.post(f"{AUTH}/consent", data=data)
        assert sent.status_code == 302, sent.text
        self.target = str(sent.headers["location"])
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    async def redeem(self, code: str, **change: str) -> httpx.Response:
        """Trade a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:4711/", **change}
        return await self.token(**form)

    async def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint as the app does."""
        return await self.http.post("/token", data={"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **form})

    async def sign_in(self, **change: str) -> dict[str, Any]:
        """A whole sign-in; the token answer."""
        answer = await self.redeem((await self.answer(await self.ask(**change)))["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refresh(self, token: str, **more: str) -> httpx.Response:
        """Use a refresh token."""
        return await self.token(grant_type="refresh_token", refresh_token=token, **more)


@pytest.fixture
async def person(side: GoogleSide) -> AsyncIterator[Person]:
    """A person with the account of `side`."""
    made = Person(side)
    async with made.http:
        yield made


async def test_state_is_echoed_and_any_port_of_loopback_will_do(person: Person) -> None:
    for redirect in ("http://127.0.0.1:1/", "http://localhost:65535/cb?x=1", "http://[::1]:9/"):
        told = await person.answer(await person.ask(redirect_uri=redirect))
        assert told["state"] == "s p&c"
        assert person.target.startswith(redirect)
        answer = await person.redeem(told["code"], redirect_uri=redirect)
        assert answer.status_code == 200
    other = (await person.answer(await person.ask()))["code"]
    answer = await person.redeem(other, redirect_uri="http://127.0.0.1:4712/")
    assert (answer.status_code, answer.json()["error"]) == (400, "redirect_uri_mismatch")


@pytest.mark.parametrize("method", ["S256", "plain"])
async def test_the_verifier_must_fit_the_challenge(person: Person, method: str) -> None:
    verifier = "v" * 43
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"code_challenge": hashed if method == "S256" else verifier, "code_challenge_method": method}
    for sent, status in ((verifier, 200), ("w" * 43, 400), ("", 400)):
        code = (await person.answer(await person.ask(**asked)))["code"]
        answer = await person.redeem(code, **({"code_verifier": sent} if sent else {}))
        assert answer.status_code == status
        assert status == 200 or answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "comes"),
    [({}, True), ({"access_type": ""}, False), ({"access_type": "online"}, False), ({"prompt": ""}, True)],
)
async def test_a_refresh_token_comes_when_asked_for_offline(
    person: Person, change: dict[str, str], comes: bool
) -> None:
    person.side.google.revoke(EMAIL)  # so that it is the first consent
    assert ("refresh_token" in await person.sign_in(**change)) == comes


async def test_a_second_consent_brings_no_refresh_token_unless_it_is_asked_for(person: Person) -> None:
    await person.sign_in()
    assert "refresh_token" not in await person.sign_in(prompt="")
    assert "refresh_token" in await person.sign_in(prompt="consent")


async def test_unticked_boxes_are_left_out_of_the_grant_and_none_at_all_is_a_refusal(person: Person) -> None:
    told = await person.answer(await person.ask(), untick=(EVENTS,))
    granted = (await person.redeem(told["code"])).json()
    assert EVENTS not in granted["scope"].split()
    assert LISTS in granted["scope"].split()
    refresh = await person.refresh(granted["refresh_token"], scope=EVENTS)
    assert (refresh.status_code, refresh.json()["error"]) == (400, "invalid_scope")
    told = await person.answer(await person.ask(scope=EVENTS), untick=(EVENTS,))
    assert told == {"error": "access_denied", "state": "s p&c"}


async def test_short_names_of_scopes_are_written_out(person: Person) -> None:
    granted = await person.sign_in(scope="openid email profile")
    assert granted["scope"] == f"openid {PREFIX}userinfo.email {PREFIX}userinfo.profile"
    claims = json.loads(base64.urlsafe_b64decode(granted["id_token"].split(".")[1] + "=="))
    assert (claims["aud"], claims["email"], claims["iss"]) == (CLIENT_ID, EMAIL, "https://accounts.google.com")


async def test_mail_can_be_asked_for_later_beside_what_was_granted(person: Person) -> None:
    await person.sign_in()
    more = await person.sign_in(scope=f"openid {MAIL}", include_granted_scopes="true")
    assert {EVENTS, MAIL} <= set(more["scope"].split())


async def test_a_refresh_gives_no_new_refresh_token_and_keeps_the_old_one(person: Person) -> None:
    granted = await person.sign_in()
    for _ in range(2):
        renewed = (await person.refresh(granted["refresh_token"])).json()
        assert "refresh_token" not in renewed
        assert renewed["access_token"] != granted["access_token"]


async def test_an_access_token_lives_an_hour_of_the_services_clock(person: Person) -> None:
    granted = await person.sign_in()
    assert granted["expires_in"] == 3599
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    person.side.world.clock.advance(3598)
    assert (await person.http.get("/oauth2/v2/userinfo", headers=headers)).status_code == 200
    person.side.world.clock.advance(2)
    assert (await person.http.get("/oauth2/v2/userinfo", headers=headers)).status_code == 401
    # A clock set back gives nothing back that was taken, but what ran out by the clock lives by the clock.
    person.side.world.clock.advance(-60)
    assert (await person.http.get("/oauth2/v2/userinfo", headers=headers)).status_code == 200


async def test_a_code_lives_ten_minutes(person: Person) -> None:
    code = (await person.answer(await person.ask()))["code"]
    person.side.world.clock.advance(601)
    answer = await person.redeem(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_withdrawn_permission_ends_every_token(person: Person) -> None:
    granted = await person.sign_in()
    person.side.google.revoke(EMAIL)
    assert (await person.refresh(granted["refresh_token"])).json() == REFUSED


async def test_revoking_the_access_token_ends_the_refresh_token_too(person: Person) -> None:
    granted = await person.sign_in()
    assert (await person.http.post("/revoke", data={"token": granted["access_token"]})).status_code == 200
    assert (await person.refresh(granted["refresh_token"])).json() == REFUSED
    # The consent went with it, so the next sign-in gives a refresh token again, asked for or not.
    assert "refresh_token" in await person.sign_in(prompt="")


async def test_a_changed_password_ends_sign_ins_that_include_mail_and_no_others(person: Person) -> None:
    calendar = await person.sign_in()
    mail = await person.sign_in(scope=f"openid {EVENTS} {MAIL}")
    person.side.google.change_password(EMAIL)
    assert (await person.refresh(mail["refresh_token"])).json() == REFUSED
    assert (await person.refresh(calendar["refresh_token"])).status_code == 200


async def test_a_grant_to_an_app_in_testing_ends_after_seven_days_unless_it_is_identity_only(person: Person) -> None:
    world = person.side.world
    world.put_account(replace(world.accounts[EMAIL], testing_mode=True))
    granted = await person.sign_in()
    identity = await person.sign_in(scope="openid email")
    assert granted["refresh_token_expires_in"] == 7 * 86_400
    assert "refresh_token_expires_in" not in identity
    world.clock.advance(7 * 86_400 - 1)
    assert (await person.refresh(granted["refresh_token"])).status_code == 200
    world.clock.advance(1)
    assert (await person.refresh(granted["refresh_token"])).json() == REFUSED
    assert (await person.refresh(identity["refresh_token"])).status_code == 200


async def test_a_grant_for_some_days_ends_with_them(person: Person) -> None:
    turn(person.side, "grant_lifetime_days", 30)
    granted = await person.sign_in()
    assert granted["refresh_token_expires_in"] == 30 * 86_400
    turn(person.side, "grant_lifetime_days", 0)
    assert "refresh_token_expires_in" not in await person.sign_in()
    person.side.world.clock.advance(30 * 86_400)
    assert (await person.refresh(granted["refresh_token"])).json() == REFUSED


async def test_a_refresh_token_nobody_used_for_six_months_is_dead(person: Person) -> None:
    used, unused = await person.sign_in(), await person.sign_in()
    for _ in range(2):
        person.side.world.clock.advance(100 * 86_400)
        assert (await person.refresh(used["refresh_token"])).status_code == 200
    assert (await person.refresh(unused["refresh_token"])).json() == REFUSED


async def test_the_hundred_and_first_refresh_token_silently_ends_the_first(person: Person) -> None:
    first = await person.sign_in()
    person.side.world.clock.advance(1)
    others = [person.side.google.issue_tokens(EMAIL, [EVENTS], 3599) for _ in range(99)]
    assert (await person.refresh(first["refresh_token"])).status_code == 200
    person.side.google.issue_tokens(EMAIL, [EVENTS], 3599)
    assert (await person.refresh(first["refresh_token"])).json() == REFUSED
    assert (await person.refresh(others[0]["refresh_token"])).status_code == 200


@pytest.mark.parametrize("value", ["rapt_required", "invalid_rapt"])
async def test_an_organisations_session_control_asks_for_a_new_sign_in(person: Person, value: str) -> None:
    granted = await person.sign_in()
    turn(person.side, "session_control", value)
    answer = await person.refresh(granted["refresh_token"])
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["error_subtype"]) == ("invalid_grant", value)
    turn(person.side, "session_control", "off")
    assert (await person.refresh(granted["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("value", "status", "word"),
    [
        ("admin_policy_enforced", 400, "admin_policy_enforced"),
        ("org_internal", 403, "org_internal"),
        ("not_a_test_user", 403, "access_denied"),
    ],
)
async def test_a_policy_ends_the_sign_in_on_a_page_and_the_app_hears_nothing(
    person: Person, value: str, status: int, word: str
) -> None:
    turn(person.side, "sign_in_policy", value)
    page = await person.ask()
    assert page.status_code == status
    assert word in page.text
    assert "location" not in page.headers
    turn(person.side, "sign_in_policy", "open")
    assert (await person.ask()).status_code == 200


async def test_a_web_view_inside_of_an_app_is_kept_out(person: Person) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 QtWebEngine/6.9.0 Chrome/130.0.0.0 Safari/537.36"
    person.http.headers["User-Agent"] = agent
    page = await person.ask()
    assert (page.status_code, "disallowed_useragent" in page.text) == (403, True)


async def test_a_prompt_that_may_show_nothing_is_answered_at_once(person: Person) -> None:
    answer = await person.ask(prompt="none")
    assert answer.status_code == 302
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told == {"error": ["interaction_required"], "state": ["s p&c"]}


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "4/0x"}, 400, "invalid_request"),
        (
            {"grant_type": "authorization_code", "code": "4/0x", "redirect_uri": "http://localhost"},
            400,
            "invalid_grant",
        ),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "1//0x"}, 400, "invalid_grant"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_senseless_token_request_has_its_error(
    person: Person, form: dict[str, str], status: int, error: str
) -> None:
    answer = await person.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "no-store" in answer.headers["cache-control"]


async def test_userinfo_tells_what_the_scopes_allow(person: Person) -> None:
    granted = await person.sign_in(scope=f"openid email {EVENTS}")
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    old = (await person.http.get("/oauth2/v2/userinfo", headers=headers)).json()
    new = (await person.http.get("/v1/userinfo", headers=headers)).json()
    assert (old["email"], old["verified_email"], new["email_verified"]) == (EMAIL, True, True)
    assert old["id"] == new["sub"]
    assert "name" not in old
