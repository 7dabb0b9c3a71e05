"""msal and a person at a browser for contract tests of the sandbox's Entra, over real sockets.

msal keeps its real authority address; ``Wire`` turns its requests to the sandbox, as the app's own client does.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msal
import uvicorn

from app.sandbox.microsoft import CLIENT_ID
from tests.contract.sandbox.microsoft_client import EMAIL, Scene

REAL = "https://login.microsoftonline.com"
REDIRECT = "http://localhost:54321"
SCOPES = ["Calendars.ReadWrite", "User.Read"]


@contextmanager
def serve_scene(scene: Scene) -> Iterator[str]:
    """Serve a scene over loopback; gives its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(scene.microsoft.app, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
        assert not thread.is_alive()


class Wire:
    """What msal asks of its ``http_client``: the real host turned to the sandbox."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(timeout=20)
        self.requests = 0

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> Any:
        self.requests += 1
        return self.http.get(self.turned(url), headers=headers, **({"params": params} if params else {}))

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> Any:
        self.requests += 1
        return self.http.post(self.turned(url), data=data, headers=headers, **({"params": params} if params else {}))

    def turned(self, url: str) -> str:
        return url.replace(REAL, self.base, 1)

    def close(self) -> None:
        self.http.close()


class Page(HTMLParser):
    """The one form of a page: its action, and its fields as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = attributes["action"]
        name = attributes.get("name", "")
        if tag in ("input", "button") and name:
            self.choices.setdefault(name, []).append(attributes.get("value", ""))
            if attributes.get("type") == "hidden" or "checked" in attributes:
                self.fields[name] = attributes.get("value", "")


class Client:
    """An msal application and the person at the browser."""

    def __init__(self, base: str, tenant: str = "common", capabilities: list[str] | None = None) -> None:
        self.wire = Wire(base)
        self.cache: dict[str, Any] = {}
        self.app = msal.PublicClientApplication(
            CLIENT_ID,
            authority=f"{REAL}/{tenant}",
            instance_discovery=False,
            http_client=self.wire,
            http_cache=self.cache,
            token_cache=msal.SerializableTokenCache(),
            client_capabilities=capabilities,
        )

    def consent(self, address: str, *, email: str = EMAIL, decision: str = "allow") -> httpx.Response:
        page = self.wire.http.get(self.wire.turned(address))
        assert page.status_code == 200, page.text
        form = Page(page.text)
        assert email in form.choices["email"]
        fields = {**form.fields, "email": email, "decision": decision}
        return self.wire.http.post(urljoin(str(page.url), form.action), data=fields)

    def sign_in(self, *, mode: str = "form_post", **choice: str) -> dict[str, Any]:
        flow = self.app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT, response_mode=mode)
        answer = self.consent(flow["auth_uri"], **choice)
        if mode == "form_post":
            form = Page(answer.text)
            assert form.action == REDIRECT
            fields = form.fields
        else:
            assert answer.status_code == 302
            fields = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        return dict(self.app.acquire_token_by_auth_code_flow(flow, fields))

    def silent(self) -> dict[str, Any]:
        (account,) = self.app.get_accounts()
        self.cache.clear()
        return dict(self.app.acquire_token_silent_with_error(SCOPES, account=account, force_refresh=True))
