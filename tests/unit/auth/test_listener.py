"""The loopback listener: only the answer with our state counts, and whatever else knocks changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.auth.listener import RedirectListener
from app.auth.pages import AnswerPages, load_pages
from app.domain.errors import SignInError, StorageError
from tests.unit.auth.doubles import SteppedClock, until

pytestmark = pytest.mark.anyio

_FOLDER = Path(__file__).resolve().parents[3] / "resources" / "oauth"


@pytest.fixture
def pages() -> AnswerPages:
    return load_pages(_FOLDER)


@contextlib.asynccontextmanager
async def _listening(
    pages: AnswerPages, deadline_seconds: float = 20
) -> AsyncIterator[tuple[RedirectListener, asyncio.Task[Mapping[str, str]], httpx.AsyncClient]]:
    listener = RedirectListener(pages, SteppedClock(), deadline_seconds=deadline_seconds)
    await listener.start()
    waiting = asyncio.create_task(listener.answer())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False) as browser:
        yield listener, waiting, browser
    listener.close()
    waiting.cancel()
    await asyncio.wait({waiting})


def _open(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


async def test_the_answer_of_a_get_is_its_query(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        answer = await browser.get("/", params={"state": listener.state, "code": "4/0Abc", "scope": "a b"})
        assert answer.status_code == 200
        assert "Kalends has the answer" in answer.text
        assert await waiting == {"state": listener.state, "code": "4/0Abc", "scope": "a b"}
        assert not _open(listener.port)


async def test_the_answer_of_a_form_post_is_its_body(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        answer = await browser.post("/", data={"state": listener.state, "code": "M.C5", "client_info": "eyJ9"})
        assert answer.status_code == 200
        assert (await waiting)["code"] == "M.C5"


async def test_localhost_by_either_address_is_heard(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, _):
        if not _open(listener.port, "::1"):
            with socket.socket(socket.AF_INET6) as probe, pytest.raises(OSError, match=r"."):
                probe.bind(("::1", 0))
            return
        async with httpx.AsyncClient(trust_env=False) as browser:
            await browser.get(f"http://[::1]:{listener.port}/?code=c&state={listener.state}")
        assert (await waiting)["code"] == "c"


async def test_only_loopback_addresses_are_bound(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, _, _browser):
        bound = {item.getsockname()[0] for server in listener._servers for item in server.sockets}
        assert bound <= {"127.0.0.1", "::1"}
        assert "127.0.0.1" in bound


async def test_a_denial_shows_its_own_page_and_is_told(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        answer = await browser.get("/", params={"state": listener.state, "error": "access_denied"})
        assert "not allowed" in answer.text
        assert (await waiting)["error"] == "access_denied"


async def test_strangers_are_answered_without_effect_and_the_waiting_goes_on(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        good = {"state": listener.state, "code": "c"}
        strangers = [
            await browser.get("/favicon.ico"),
            await browser.get("/"),
            await browser.get("/", params={"code": "stolen"}),
            await browser.get("/", params={"code": "stolen", "state": "guess"}),
            await browser.get("/", params={"code": "stolen", "state": listener.state + "x"}),
            await browser.get("/", params={"code": "stolen", "state": "ü\u0000"}),
            await browser.get("/", params={"state": listener.state}),
            await browser.get("/other", params=good),
            await browser.get(f"/?{urlencode(good)}&state={listener.state}"),
            await browser.get(f"/?{urlencode(good)}&code=second"),
            await browser.get("/?" + "&".join(f"a{number}=1" for number in range(60)) + "&" + urlencode(good)),
            await browser.post("/", params=good),
            await browser.post("/", json=good),
            await browser.post(
                "/", content=b"x" * 70_000, headers={"Content-Type": "application/x-www-form-urlencoded"}
            ),
            await browser.put("/", params=good),
            await browser.head("/", params=good),
        ]
        assert all(400 <= answer.status_code < 500 for answer in strangers)
        assert not waiting.done()
        await browser.get("/", params=good)
        assert (await waiting)["code"] == "c"


@pytest.mark.parametrize(
    "bytes_sent",
    [b"", b"\r\n\r\n", b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00", b"GET /\r\n\r\n", b"A" * 40_000,
     b"GET / FTP/1\r\n\r\n",
     b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nabc",
     b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: -1\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_http_changes_nothing(pages: AnswerPages, bytes_sent: bytes) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(bytes_sent)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.write_eof()
        await browser.get("/", params={"state": listener.state, "code": "c"})
        assert (await waiting)["code"] == "c"
        writer.close()


async def test_a_connection_that_says_nothing_does_not_hold_the_answer_up(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, browser):
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        await browser.get("/", params={"state": listener.state, "code": "c"})
        await asyncio.wait_for(waiting, 2)
        writer.close()


async def test_nothing_of_a_request_comes_back_in_a_page(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, _, browser):
        mark = "<script>alert(1)</script>"
        wrong = await browser.get("/", params={"state": mark, "code": mark})
        right = await browser.get("/", params={"state": listener.state, "error": mark, "error_description": mark})
        for answer in (wrong, right):
            assert "alert" not in answer.text + str(answer.headers)
            assert listener.state not in answer.text


async def test_every_answer_forbids_storing_referring_framing_and_foreign_content(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, _, browser):
        answers = [
            await browser.get("/nowhere"),
            await browser.get("/"),
            await browser.get("/", params={"state": listener.state, "code": "c"}),
        ]
        for answer in answers:
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-content-type-options"] == "nosniff"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy


def test_the_pages_name_nothing_outside_and_have_a_light_and_a_dark_dress(pages: AnswerPages) -> None:
    for page in (pages.success, pages.denied, pages.mismatch):
        text = page.body.decode()
        assert not re.search(r"https?:|//|src=|href=|url\(|@import", text)
        assert "prefers-color-scheme: dark" in text
        assert '<html lang="en">' in text
        assert page.policy.count("'sha256-") == 2


def test_a_missing_page_says_that_the_installation_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not whole"):
        load_pages(tmp_path)


async def test_after_the_deadline_nobody_listens_and_the_sign_in_timed_out(pages: AnswerPages) -> None:
    async with _listening(pages, deadline_seconds=0.05) as (listener, waiting, _):
        with pytest.raises(SignInError) as caught:
            await waiting
        assert caught.value.code == "timed_out"
        assert not _open(listener.port)


async def test_the_port_closes_at_the_deadline_though_nobody_awaits_the_answer(pages: AnswerPages) -> None:
    listener = RedirectListener(pages, SteppedClock(), deadline_seconds=0.02)
    await listener.start()
    await until(lambda: not _open(listener.port))
    with pytest.raises(SignInError):
        await listener.answer()


async def test_cancelling_frees_the_port_at_once(pages: AnswerPages) -> None:
    async with _listening(pages) as (listener, waiting, _):
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", listener.port))


async def test_a_second_good_answer_counts_for_nothing(pages: AnswerPages) -> None:
    listener = RedirectListener(pages, SteppedClock(), deadline_seconds=20)
    await listener.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False) as browser:
        first = await browser.get("/", params={"state": listener.state, "code": "first"})
        second = await browser.get("/", params={"state": listener.state, "code": "second"})
    assert (first.status_code, second.status_code) == (200, 400)
    assert (await listener.answer())["code"] == "first"


async def test_states_differ_and_are_long(pages: AnswerPages) -> None:
    states = {RedirectListener(pages, SteppedClock()).state for _ in range(100)}
    assert len(states) == 100
    assert all(len(state) >= 43 for state in states)
