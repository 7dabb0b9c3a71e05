"""A person at a browser, as far as a sign-in needs one: opens the consent page, answers its form, follows the answer.

Reads the HTML that is really there (standard library parser), submits what the page's own form holds, and carries the
result to our listener by redirect or by the self-submitting form, whichever the page chooses.
"""

from __future__ import annotations

import ssl
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import httpx


class Form(HTMLParser):
    """The one form of a page: where it goes, its checked or hidden fields, and what could be ticked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.choices: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form and its inputs."""
        have = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = have.get("action", "")
        if tag == "input" and have.get("name"):
            self.choices.setdefault(have["name"], []).append(have.get("value", ""))
            if have.get("type", "text") == "hidden" or "checked" in have:
                self.fields.append((have["name"], have.get("value", "")))


class Person:
    """Signs in.

    Args:
        email: the account chosen; None: the one the page offers first.
        decision: allow or deny.
        untick: scopes that are not granted, by their last word.
        trust: whose certificates the browser takes; None: the usual ones.
    """

    def __init__(
        self,
        email: str | None = None,
        *,
        decision: str = "allow",
        untick: tuple[str, ...] = (),
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._email = email
        self._trust = trust
        self._decision = decision
        self._untick = untick
        self.offered: list[str] = []

    async def visit(self, url: str) -> httpx.Response:
        """Open the page, answer it, and return what our listener shows at the end."""
        async with httpx.AsyncClient(trust_env=False, verify=self._trust or True) as http:
            page = await http.get(url)
            assert page.status_code == 200, page.text
            form = Form(page.text)
            self.offered = form.choices.get("email", [])
            fields = [pair for pair in form.fields if not self._is_unticked(*pair)]
            if self._email is not None:
                fields = [pair for pair in fields if pair[0] != "email"] + [("email", self._email)]
            answer = await self._post(http, urljoin(url, form.action), [*fields, ("decision", self._decision)])
            if answer.status_code == 302:
                return await http.get(answer.headers["location"])
            back = Form(answer.text)
            return await self._post(http, back.action, back.fields)

    def _is_unticked(self, name: str, value: str) -> bool:
        return name == "scope" and value.rpartition("/")[2] in self._untick

    async def _post(self, http: httpx.AsyncClient, url: str, fields: list[tuple[str, str]]) -> httpx.Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await http.post(url, content=urlencode(fields), headers=headers)
