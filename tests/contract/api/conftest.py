"""The API over a core in memory, reached in-process, and a way to make keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest

from app.api.application import build_api
from tests.contract.api.core_double import Double, make_double

BASE = "http://127.0.0.1:5545"
TOKEN = "control-token-of-this-start"
SECRET = "instance-secret-of-this-start"


@dataclass
class Window:
    """What the routes asked of the app itself."""

    asked: list[str] = field(default_factory=list)


@pytest.fixture
def double() -> Double:
    """The core behind the API."""
    return make_double()


@pytest.fixture
def window() -> Window:
    """The app's window."""
    return Window()


@pytest.fixture
async def client(double: Double, window: Window) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole API; it shows no key by itself."""
    api = build_api(
        double.core,
        control_token=TOKEN,
        instance_secret=SECRET,
        allowed_hosts=("kalends.example:8080",),
        allowed_origins=("https://dashboard.example",),
        on_show=lambda: window.asked.append("show"),
        on_quit=lambda: window.asked.append("quit"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=BASE) as made:
        yield made


Key = Callable[..., Mapping[str, str]]


@pytest.fixture
def key(double: Double) -> Key:
    """Makes a key with scopes, and gives the header that shows it."""

    def make(*scopes: str, **options: object) -> Mapping[str, str]:
        new = double.keys.create("a test", scopes or ("*",), **options)  # type: ignore[arg-type]  # a mixed mapping
        return {"Authorization": f"Bearer {new.text}"}

    return make


@pytest.fixture
def local() -> Mapping[str, str]:
    """The header of our own command line."""
    return {"Authorization": f"Bearer {TOKEN}"}
