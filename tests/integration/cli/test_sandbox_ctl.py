"""`kalends sandbox ctl`: finds the sandbox that runs, the demo's too, prints its answer and ends with its meaning."""

from __future__ import annotations

import json
import signal
import stat

import pytest

from tests.integration.cli.program import Program, Service

FAULT = '{"route": "google:GET **", "kind": "status"}'


@pytest.fixture
def sandbox(kalends: Program) -> Service:
    """A sandbox on its own."""
    service = kalends.start("sandbox", "--json")
    service.line("control", stream="out")
    return service


def test_without_a_sandbox_it_ends_with_7(kalends: Program) -> None:
    ended = kalends("sandbox", "ctl", "GET", "/accounts")
    assert (ended.code, ended.json["error"]["code"]) == (7, "app_unreachable")
    assert "kalends sandbox" in ended.err


@pytest.mark.usefixtures("sandbox")
def test_it_prints_what_the_control_api_answers(kalends: Program) -> None:
    accounts = kalends("sandbox", "ctl", "GET", "/accounts")
    assert (accounts.code, accounts.err) == (0, "")
    assert [row["provider"] for row in accounts.json["accounts"]] == ["google", "microsoft"]
    planted = kalends("sandbox", "ctl", "post", "faults", "--data", FAULT)
    assert (planted.code, planted.json["kind"]) == (0, "status")
    assert kalends("sandbox", "ctl", "DELETE", "/faults").json == {}
    assert kalends("sandbox", "ctl", "GET", "/requests?provider=google").json["requests"] == []


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("argv", "code", "field"),
    [
        (("GET", "/calendars/nothere/events"), 6, None),
        (("GET", "/nothing"), 6, None),
        (("POST", "/faults", "--data", '{"route": 5, "kind": "empty"}'), 2, "route"),
        (("POST", "/faults"), 2, "body"),
        (("PUT", "/faults", "--data", "{}"), 2, None),
    ],
)
def test_a_refusal_is_printed_and_its_kind_is_the_exit_code(
    kalends: Program, argv: tuple[str, ...], code: int, field: str | None
) -> None:
    ended = kalends("sandbox", "ctl", *argv)
    assert (ended.code, ended.json["field"]) == (code, field)
    assert ended.err == f"Error: {ended.json['error']}\n"


@pytest.mark.parametrize("argv", [("FLY", "/x"), ("POST", "/faults", "--data", "{")])
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(kalends: Program, argv: tuple[str, ...]) -> None:
    assert kalends("sandbox", "ctl", *argv).code == 2


def test_its_address_is_for_its_user_alone_and_gone_with_it(kalends: Program, sandbox: Service) -> None:
    file = kalends.home / "run" / "sandbox.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) == {"url", "pid", "token"}
    sandbox.stop()
    assert not file.exists()


def test_the_address_of_a_killed_sandbox_is_no_sandbox(kalends: Program, sandbox: Service) -> None:
    sandbox.stop(signal.SIGKILL)
    assert (kalends.home / "run" / "sandbox.json").exists()
    assert kalends("sandbox", "ctl", "GET", "/clock").code == 7


def test_the_demos_sandbox_is_met_where_no_other_runs(kalends: Program) -> None:
    demo = kalends.start("demo", "--headless", "--json")
    demo.line("pair_id", stream="out")
    assert kalends("sandbox", "ctl", "GET", "/accounts").code == 0
    assert kalends("--profile", "demo", "sandbox", "ctl", "GET", "/clock").code == 0
    assert kalends("sandbox", "ctl", "GET", "/clock", "--profile", "default").code == 7
    demo.stop()
    assert kalends("sandbox", "ctl", "GET", "/clock").code == 7


@pytest.mark.usefixtures("sandbox")
def test_a_body_comes_from_stdin_too(kalends: Program) -> None:
    text = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260401T080000Z\r\nSUMMARY:Ärzte\r\nEND:VEVENT\r\n"
    for sent, title in ((text, "Ärzte"), ('{"title": "Zug", "start": "2026-04-01"}', "Zug")):
        ended = kalends("sandbox", "ctl", "POST", "/calendars/ana.work@example.com/events", "--data", "-", stdin=sent)
        assert (ended.code, ended.json["title"]) == (0, title)
