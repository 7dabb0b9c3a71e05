"""Google's own libraries work against the sandbox over real sockets: sign-in, refresh, discovery client, batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth.exceptions
import google.auth.transport.requests
import httplib2  # type: ignore[import-untyped]  # ships no types
import httpx
import pytest
import requests
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp  # type: ignore[import-untyped]  # ships no types
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from app.sandbox.google.scopes import METHODS, PREFIX
from app.sandbox.seed import GOOGLE_EMAIL
from tests.contract.sandbox.conftest import control
from tests.judges.discovery import document

REDIRECT = "http://127.0.0.1:9/"
SCOPES = ["openid", "email", f"{PREFIX}calendar.events", f"{PREFIX}calendar.calendarlist.readonly"]


class ConsentForm(HTMLParser):
    """The fields of the consent page as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect hidden fields and what is checked."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values["action"]
        if tag == "input" and (values["type"] == "hidden" or "checked" in values):
            self.fields.append((values["name"], values["value"]))


class ToSandbox(requests.adapters.HTTPAdapter):
    """Carries the requests for Google's real addresses to the sandbox: the client's configuration stays as shipped."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send to the same path of the sandbox."""
        request.url = self._base + urlsplit(request.url).path
        return super().send(request, *args, **kwargs)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Closes the clients of a test: an open socket is a warning, and warnings are errors."""
    with ExitStack() as stack:
        yield stack


def base_of(description: dict[str, Any]) -> str:
    return str(description["google"]["token_uri"]).removesuffix("/token")


def flow_for(description: dict[str, Any], scopes: list[str] = SCOPES) -> Flow:
    config = {
        "client_id": description["google"]["client_id"],
        "client_secret": description["google"]["client_secret"],
        "auth_uri": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    flow = Flow.from_client_config(
        {"installed": config}, scopes, redirect_uri=REDIRECT, autogenerate_code_verifier=True
    )
    flow.oauth2session.mount("https://oauth2.googleapis.com", ToSandbox(base_of(description)))
    return flow


def consent(
    description: dict[str, Any], url: str, untick: tuple[str, ...] = (), decision: str = "allow", **change: str
) -> str:
    """Answer the consent page as a browser would; returns the address it is sent to."""
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url.replace("https://accounts.google.com", base_of(description)))
        assert page.status_code == 200, page.text
        form = ConsentForm()
        form.feed(page.text)
        fields = [(name, value) for name, value in form.fields if value not in untick]
        data: dict[str, list[str]] = {}
        for name, value in [*fields, ("decision", decision)]:
            data.setdefault(name, []).append(change.get(name, value))
        answer = browser.post(base_of(description) + form.action, data=data)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def sign_in(
    description: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> tuple[Flow, str]:
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")  # Google writes `email` out, oauthlib calls that a change
    flow = flow_for(description)
    closing.callback(flow.oauth2session.close)
    url, state = flow.authorization_url(access_type="offline", prompt="consent", login_hint=GOOGLE_EMAIL)
    location = consent(description, url, **more)
    assert parse_qs(urlsplit(location).query)["state"] == [state]
    return flow, location


def credentials_for(description: dict[str, Any], flow: Flow, location: str) -> Credentials:
    flow.fetch_token(code=parse_qs(urlsplit(location).query)["code"][0])
    token = flow.oauth2session.token
    return Credentials(  # type: ignore[no-untyped-call]  # google-auth ships no types for it
        token=token["access_token"],
        refresh_token=token["refresh_token"],
        token_uri=description["google"]["token_uri"],
        client_id=description["google"]["client_id"],
        client_secret=description["google"]["client_secret"],
    )


def service_for(description: dict[str, Any], closing: ExitStack, credentials: Credentials) -> Any:
    described = {
        **document().content,
        "rootUrl": f"{base_of(description)}/",
        "baseUrl": f"{base_of(description)}/calendar/v3/",
    }
    http = AuthorizedHttp(credentials, http=httplib2.Http(proxy_info=None, timeout=20))
    closing.callback(http.close)
    return build_from_document(json.dumps(described), http=http)


def test_the_flow_signs_in_through_the_consent_form(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, location = sign_in(served, closing, monkeypatch)
    credentials = credentials_for(served, flow, location)
    assert set(flow.oauth2session.token["scope"]) >= {f"{PREFIX}calendar.events", f"{PREFIX}userinfo.email"}
    who = httpx.get(
        served["google"]["userinfo_uri"], headers={"Authorization": f"Bearer {credentials.token}"}, trust_env=False
    )
    assert who.json()["email"] == GOOGLE_EMAIL
    service = service_for(served, closing, credentials)
    names = [row["summary"] for row in service.calendarList().list().execute()["items"]]
    assert names == ["Work", "Team"]


def test_an_unticked_scope_is_not_granted(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, location = sign_in(served, closing, monkeypatch, untick=(f"{PREFIX}calendar.events",))
    credentials = credentials_for(served, flow, location)
    assert f"{PREFIX}calendar.events" not in flow.oauth2session.token["scope"]
    with pytest.raises(HttpError) as refused:
        service_for(served, closing, credentials).events().list(calendarId="primary").execute()
    assert refused.value.resp.status == 403
    assert refused.value.error_details[0]["reason"] == "insufficientPermissions"


def test_the_consent_page_takes_a_browsers_own_post_and_no_strangers(
    served: dict[str, Any], closing: ExitStack
) -> None:
    query = {
        "client_id": served["google"]["client_id"],
        "redirect_uri": REDIRECT,
        "scope": "openid",
        "response_type": "code",
        "state": "a b&c",
    }
    browser = closing.enter_context(httpx.Client(trust_env=False))
    page = browser.get(served["google"]["auth_uri"], params=query, headers={"Sec-Fetch-Site": "none"})
    form = ConsentForm()
    form.feed(page.text)
    data = {**dict(form.fields), "decision": "allow"}
    url = base_of(served) + form.action
    stranger = browser.post(url, data=data, headers={"Origin": "https://example.com"})
    assert stranger.status_code == 403
    own = browser.post(url, data=data, headers={"Origin": base_of(served), "Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 302
    assert parse_qs(urlsplit(own.headers["location"]).query)["state"] == ["a b&c"]
    assert browser.post(url, data=data).status_code == 400


def test_a_refusal_comes_back_as_access_denied(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, location = sign_in(served, closing, monkeypatch, decision="deny")
    assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]


def test_a_code_works_once_and_only_with_its_verifier(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, location = sign_in(served, closing, monkeypatch)
    code = parse_qs(urlsplit(location).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": served["google"]["client_id"],
        "client_secret": served["google"]["client_secret"],
        "code_verifier": "x" * 43,
    }
    wrong = httpx.post(served["google"]["token_uri"], data=form, trust_env=False)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    again = httpx.post(
        served["google"]["token_uri"], data={**form, "code_verifier": str(flow.code_verifier)}, trust_env=False
    )
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"redirect_uri": "https://evil.example.com/"}, 400),
        ({"redirect_uri": "http://127.0.0.1.example.com/"}, 400),
        ({"client_id": "somebody"}, 401),
        ({"scope": "everything"}, 400),
        ({"response_type": "token"}, 400),
        ({"code_challenge_method": "S512"}, 400),
    ],
)
def test_a_wrong_authorization_request_is_not_redirected(
    served: dict[str, Any], change: dict[str, str], status: int
) -> None:
    query = {
        "client_id": served["google"]["client_id"],
        "redirect_uri": REDIRECT,
        "scope": "openid",
        "response_type": "code",
        **change,
    }
    assert httpx.get(served["google"]["auth_uri"], params=query, trust_env=False).status_code == status


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "wrong"}, 400, "invalid_grant"),
    ],
)
def test_the_token_endpoint_checks_the_client(
    served: dict[str, Any], change: dict[str, str], status: int, error: str
) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "x",
        "client_id": served["google"]["client_id"],
        "client_secret": served["google"]["client_secret"],
        **change,
    }
    answer = httpx.post(served["google"]["token_uri"], data=form, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_google_auth_refreshes_until_the_person_takes_the_permission_back(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = credentials_for(served, *sign_in(served, closing, monkeypatch))
    service = service_for(served, closing, credentials)
    with control(served) as ctl:
        first = credentials.token
        assert ctl.patch(f"/accounts/{GOOGLE_EMAIL}", json={"expire_access": True}).status_code == 200
        assert service.events().list(calendarId="primary", maxResults=1).execute()["items"]
        assert credentials.token != first
        assert ctl.patch(f"/accounts/{GOOGLE_EMAIL}", json={"revoke": True}).status_code == 200
        with pytest.raises(google.auth.exceptions.RefreshError) as refused:
            service.events().list(calendarId="primary").execute()
    assert refused.value.args[0] == "invalid_grant: Token has been expired or revoked."


def test_refresh_tokens_of_an_app_in_testing_live_seven_days(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with control(served) as ctl:
        ctl.patch(f"/accounts/{GOOGLE_EMAIL}", json={"testing_mode": True})
        flow, location = sign_in(served, closing, monkeypatch)
        credentials = credentials_for(served, flow, location)
        assert flow.oauth2session.token["refresh_token_expires_in"] == 604800
        session = closing.enter_context(requests.Session())
        transport = google.auth.transport.requests.Request(session)
        ctl.put("/clock", json={"advance_seconds": 6 * 86400})
        credentials.refresh(transport)  # type: ignore[no-untyped-call]  # google-auth ships no types for it
        ctl.put("/clock", json={"advance_seconds": 86400})
        with pytest.raises(google.auth.exceptions.RefreshError):
            credentials.refresh(transport)  # type: ignore[no-untyped-call]  # google-auth ships no types for it


def test_a_revoked_token_is_gone_and_cannot_be_revoked_again(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = credentials_for(served, *sign_in(served, closing, monkeypatch))
    form = {"token": credentials.refresh_token}
    assert httpx.post(served["google"]["revoke_uri"], data=form, trust_env=False).status_code == 200
    again = httpx.post(served["google"]["revoke_uri"], data=form, trust_env=False)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_the_discovery_client_pages_syncs_and_writes(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_for(served, closing, credentials_for(served, *sign_in(served, closing, monkeypatch)))
    events = service.events()
    request, seen, token = events.list(calendarId="primary", maxResults=7, showDeleted=True), [], None
    while request is not None:
        page = request.execute()
        seen += page["items"]
        token = page.get("nextSyncToken")
        request = events.list_next(request, page)
    assert len(seen) >= 40
    made = events.insert(
        calendarId="primary",
        sendUpdates="none",
        body={"id": "kalends0001", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}},
    ).execute()
    changes = events.list(calendarId="primary", syncToken=token).execute()
    assert [row["id"] for row in changes["items"]] == [made["id"]]
    stale = events.patch(calendarId="primary", eventId=made["id"], body={"summary": "x"})
    stale.headers["If-Match"] = '"1"'
    with pytest.raises(HttpError) as refused:
        stale.execute()
    assert (refused.value.resp.status, refused.value.error_details[0]["reason"]) == (412, "conditionNotMet")


def test_a_batch_of_fifty_answers_each_call_by_itself(
    served: dict[str, Any], closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_for(served, closing, credentials_for(served, *sign_in(served, closing, monkeypatch)))
    answers: dict[str, tuple[Any, Any]] = {}

    def keep(request_id: str, response: Any, error: Any) -> None:
        answers[request_id] = (response, error)

    batch = service.new_batch_http_request(callback=keep)
    for number in range(49):
        body = {
            "id": f"batch{number:05d}",
            "summary": f"Ünïcode {number} 🎈",
            "start": {"date": "2026-03-10"},
            "end": {"date": "2026-03-11"},
        }
        batch.add(service.events().insert(calendarId="primary", body=body), request_id=str(number))
    batch.add(service.events().get(calendarId="primary", eventId="nothere"), request_id="49")
    batch.execute()
    assert len(answers) == 50
    assert answers["7"][0]["summary"] == "Ünïcode 7 🎈"
    assert answers["49"][1].resp.status == 404
    with control(served) as ctl:
        counts = ctl.get("/requests").json()["counts"]
    assert counts["google:POST /calendar/v3/calendars/{calendar_id}/events"] == 49
    parts = b"".join(
        b"--B\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/calendars/primary/events HTTP/1.1\r\n\r\n\r\n"
        for _ in range(51)
    )
    answer = httpx.post(
        f"{base_of(served)}/batch/calendar/v3",
        content=parts + b"--B--\r\n",
        headers={"Content-Type": "multipart/mixed; boundary=B"},
        trust_env=False,
    )
    assert answer.status_code == 400


def test_the_scopes_of_every_method_are_those_of_the_discovery_document() -> None:
    for method, scopes in METHODS.items():
        resource, name = method.split(".")
        assert scopes == set(document().content["resources"][resource]["methods"][name]["scopes"]), method


def test_a_lost_answer_was_carried_out_all_the_same(served: dict[str, Any]) -> None:
    with control(served) as ctl:
        token = ctl.post("/tokens", json={"email": GOOGLE_EMAIL}).json()["access_token"]
        client = httpx.Client(
            base_url=served["google"]["calendar_api"], headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        route = "POST /calendar/v3/calendars/{calendar_id}/events"
        body = {"id": "lost00001", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
        with client:
            ctl.post("/faults", json={"route": route, "kind": "reset_before", "nth": 1})
            with pytest.raises(httpx.TransportError):
                client.post("/calendars/primary/events", json=body)
            assert client.get("/calendars/primary/events/lost00001").status_code == 404
            ctl.delete("/faults")
            ctl.post("/faults", json={"route": route, "kind": "reset_after_commit", "nth": 1})
            with pytest.raises(httpx.TransportError):
                client.post("/calendars/primary/events", json=body)
            assert client.get("/calendars/primary/events/lost00001").status_code == 200
            assert client.post("/calendars/primary/events", json=body).status_code == 409
            ctl.post("/faults", json={"route": "GET **", "kind": "truncate", "nth": 1})
            with pytest.raises(httpx.TransportError):
                client.get("/calendars/primary/events/lost00001")
