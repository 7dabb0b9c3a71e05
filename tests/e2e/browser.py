"""Headless Chromium, driven as a person would use it: over W3C WebDriver, by the few commands that a consent needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.processes import Processes
from tests.e2e.waiting import SECONDS, until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""How WebDriver names a reference to an element (W3C WebDriver §11)."""
_PORT = re.compile(r"started successfully on port (\d+)")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --no-proxy-server"
)


class Browser:
    """One browser.

    Args:
        processes: starts the driver, which starts and ends the browser.
        folder: where its profile lies; an existing folder.
        environ: for both.
    """

    def __init__(self, processes: Processes, folder: Path, environ: Mapping[str, str]) -> None:
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{_driver_port(processes, environ)}", timeout=SECONDS, trust_env=False
        )
        options = {
            "binary": shutil.which("chromium"),
            "args": [*_FLAGS.split(), f"--user-data-dir={folder / 'profile'}"],
        }
        begun = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self._session = f"/session/{begun['sessionId']}"

    def open(self, url: str) -> None:
        """Open a page."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def press(self, selector: str) -> None:
        """Press what a CSS selector names."""
        using = {"using": "css selector", "value": selector}
        element = self._ask("POST", f"{self._session}/element", using)[_ELEMENT]
        self._ask("POST", f"{self._session}/element/{element}/click", {})

    @property
    def title(self) -> str:
        """The title of the page."""
        return str(self._ask("GET", f"{self._session}/title"))

    def consent(self, url: str, email: str) -> None:
        """Sign in as somebody on a service's page, allow what it asks for, and see the app's answer."""
        self.allow(url, email)
        until("the browser shows that the app has the answer", lambda: self.title.startswith("Answer received"))

    def allow(self, url: str, email: str) -> None:
        """Sign in as somebody on a service's page, and allow what it asks for."""
        self.open(url)
        self.press(f'input[name="email"][value="{email}"]')
        self.press('button[name="decision"][value="allow"]')

    def refuse(self, url: str) -> None:
        """Allow nothing on a service's page, and see the app's answer."""
        self.open(url)
        self.press('button[name="decision"][value="deny"]')
        until("the browser shows that the app knows", lambda: self.title.startswith("Not signed in"))

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", self._session)
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._http.request(method, path, json=body)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value


def _driver_port(processes: Processes, environ: Mapping[str, str]) -> str:
    driver = processes.start("chromedriver", "--port=0", environ=environ, stdout=subprocess.PIPE)
    assert driver.stdout is not None
    for line in driver.stdout:
        found = _PORT.search(line.decode())
        if found:
            return found[1]
    raise AssertionError("chromedriver did not start")
