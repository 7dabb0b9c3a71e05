"""`kalends accounts` against a running demo: the page's address first, then the account, once a person has answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.auth.browser import Person
from tests.integration.cli.program import Program


@pytest.fixture
def account(kalends: Program) -> dict[str, Any]:
    """The Google account of a running demo."""
    kalends.start("demo", "--headless").line("its API is at")
    accounts = kalends("accounts", "list", "--json").json["accounts"]
    return next(one for one in accounts if one["provider"] == "google")


@pytest.mark.anyio
async def test_the_address_comes_first_and_the_account_when_the_person_is_done(
    kalends: Program, account: dict[str, Any]
) -> None:
    waiting = kalends.start("accounts", "reconnect", account["id"], "--no-browser", "--jsonl")
    begun = json.loads(waiting.line("authorization_url", stream="out"))
    assert set(begun) == {"authorization_url", "expires_at"}
    await Person(account["email"]).visit(begun["authorization_url"])
    assert json.loads(waiting.line('"account"', stream="out")) == {"account": account}
    assert waiting.process.wait(10) == 0
    assert len(waiting.said["out"]) == 2


@pytest.mark.anyio
async def test_with_json_the_address_is_told_on_stderr(kalends: Program, account: dict[str, Any]) -> None:
    waiting = kalends.start("accounts", "reconnect", account["id"], "--no-browser", "--json")
    await Person(account["email"]).visit(waiting.line("http://").strip())
    assert json.loads(waiting.line('"account"', stream="out")) == {"account": account}
    assert (waiting.process.wait(10), len(waiting.said["out"])) == (0, 1)


@pytest.mark.anyio
async def test_a_person_who_says_no_is_exit_4(kalends: Program, account: dict[str, Any]) -> None:
    waiting = kalends.start("accounts", "reconnect", account["id"], "--no-browser", "--jsonl")
    begun = json.loads(waiting.line("authorization_url", stream="out"))
    await Person(account["email"], decision="deny").visit(begun["authorization_url"])
    assert "Error: " in waiting.line("Error: ")
    assert waiting.process.wait(10) == 4
    assert kalends("accounts", "test", account["id"], "--json").json == {"account": account}


def test_nobody_at_the_browser_is_exit_4_within_the_time(kalends: Program, account: dict[str, Any]) -> None:
    ended = kalends("accounts", "reconnect", account["id"], "--no-browser", "--timeout", "1", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (4, "timed_out")
