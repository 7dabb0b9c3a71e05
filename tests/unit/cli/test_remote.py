"""Asking the running app: its refusals keep their code, silence is exit 7, long waits are several requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.cli.host import Running
from app.cli.remote import Remote
from app.domain.errors import KalendsError
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble


class AppDouble:
    """A server that gives the answers a test prepared, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, str | None, Any]] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = json.loads(body) if body else None
                double.asked.append((self.command, self.path, self.headers.get("Authorization"), asked))
                status, value = double.answers.pop(0)
                content = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on stderr: the tests look at it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def running(self) -> Running:
        """Where it is."""
        return Running(f"http://127.0.0.1:{self.server.server_port}", "token-1", "default")

    def close(self) -> None:
        """Stop it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def app(host: HostDouble) -> Iterator[AppDouble]:
    """A running app that the host finds."""
    double = AppDouble()
    host.runs["default"] = double.running
    yield double
    double.close()


def refusal(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": [], "request_id": "r", **more}}


def test_the_running_app_is_asked_with_its_token_and_nothing_is_opened(
    kalends: Kalends, host: HostDouble, app: AppDouble
) -> None:
    app.answers = [(200, {"keys": []})]
    ended = kalends("keys", "list", "--json")
    assert (ended.code, ended.json, ended.err) == (0, {"keys": []}, "")
    assert app.asked == [("GET", "/local/v1/keys", "Bearer token-1", None)]
    assert host.calls == []


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (404, "not_found", 6),
        (409, "connection_in_use", 1),
        (409, "needs_sign_in", 4),
        (422, "validation_error", 2),
        (401, "unauthorized", 7),
        (429, "rate_limited", 75),
        (503, "unavailable", 75),
        (500, "server_error", 1),
    ],
)
def test_a_refusal_has_the_exit_code_of_its_code(
    kalends: Kalends, app: AppDouble, status: int, code: str, exit_code: int
) -> None:
    app.answers = [(status, refusal(code))]
    ended = kalends("keys", "revoke", "key_1", "--json")
    assert ended.code == exit_code
    assert ended.json["error"]["code"] == code


def test_a_refused_field_is_told_in_its_own_words(kalends: Kalends, app: AppDouble) -> None:
    details = [{"field": "label", "message": "Give the key a name."}]
    app.answers = [(422, refusal("validation_error", "Request body failed validation", details=details))]
    assert kalends("keys", "create", "--label", " ").err == "Error: Give the key a name.\n"


def test_an_app_that_went_away_is_exit_7(kalends: Kalends, host: HostDouble) -> None:
    double = AppDouble()
    host.runs["default"] = double.running
    double.close()
    assert kalends("status").code == 7


def test_something_else_at_the_address_is_exit_7(kalends: Kalends, app: AppDouble) -> None:
    app.answers = [(200, b"<html>")]
    assert kalends("status", "--json").code == 7


def test_a_running_demo_is_met_when_nothing_else_runs(kalends: Kalends, host: HostDouble, app: AppDouble) -> None:
    host.runs = {"demo": app.running}
    app.answers = [(200, {"keys": []})]
    assert kalends("keys", "list").code == 0
    assert len(app.asked) == 1


def test_a_chosen_profile_does_not_fall_back_to_the_other(kalends: Kalends, host: HostDouble, app: AppDouble) -> None:
    host.runs = {"demo": app.running}
    assert kalends("keys", "list", "--profile", "default").code == 0
    assert app.asked == []
    assert host.calls[0] == ("open", "default", False)


def test_an_id_never_becomes_another_address(kalends: Kalends, app: AppDouble) -> None:
    for bad in ("", "../keys", "a/b", "a?b", "a b", "é"):
        assert kalends("runs", "show", bad).code == 6
    assert app.asked == []


def test_a_start_with_a_screen_shows_the_window_that_is_there(
    kalends: Kalends, host: HostDouble, app: AppDouble
) -> None:
    host.screen = True
    app.answers = [(202, {"ok": True})]
    assert kalends().code == 0
    assert app.asked[0][:2] == ("POST", "/local/v1/show")
    assert host.calls == []


def test_a_start_shows_the_window_that_is_there_when_it_is_in_the_demo(
    kalends: Kalends, host: HostDouble, app: AppDouble
) -> None:
    host.screen = True
    host.runs = {"demo": app.running}
    app.answers = [(202, {"ok": True})]
    assert kalends().code == 0
    assert app.asked[0][:2] == ("POST", "/local/v1/show")
    assert host.calls == []


def test_a_start_beside_a_demo_without_windows_opens_the_app(
    kalends: Kalends, host: HostDouble, app: AppDouble
) -> None:
    host.screen = True
    host.runs = {"demo": app.running}
    app.answers = [(409, refusal("no_window"))]
    assert kalends().code == 0
    assert host.calls == [("windows", "default", False)]


def test_a_start_with_a_screen_beside_a_service_without_windows_is_exit_8(
    kalends: Kalends, host: HostDouble, app: AppDouble
) -> None:
    host.screen = True
    app.answers = [(409, refusal("no_window"))]
    ended = kalends("run")
    assert ended.code == 8
    assert "without windows" in ended.err


def test_a_sync_that_outlasts_its_request_is_followed_to_its_end(app: AppDouble) -> None:
    counts = {f"events_{name}": 0 for name in ("processed", "created", "updated", "deleted")}
    begun = {"success": False, "sync_id": "sync_run_1", "status": "running", "errors": [], "pair_id": "pair_1"}
    ended = {**begun, **counts, "success": True, "status": "success", "events_created": 3, "dry_run": False}
    app.answers = [(200, {"runs": [{**begun, **counts}]}), (200, {**ended, "id": "sync_run_1"})]
    answer = Remote(app.running).sync(None, full=False, wait_seconds=30.0)
    assert answer == {"runs": [{**begun, **counts, "success": True, "status": "success", "events_created": 3}]}
    assert [asked[1] for asked in app.asked] == ["/local/v1/sync?wait=30.0", "/local/v1/runs/sync_run_1"]


def test_sync_without_waiting_comes_back_with_what_was_begun(kalends: Kalends, app: AppDouble) -> None:
    run = {"success": False, "sync_id": "sync_run_1", "status": "running", "errors": [], "pair_id": "pair_1"}
    app.answers = [(200, {"runs": [run]})]
    ended = kalends("sync", "pair_1", "--full", "--no-wait", "--json")
    assert (ended.code, ended.json) == (0, {"runs": [run]})
    assert app.asked[0][1:] == ("/local/v1/sync?wait=0.0", "Bearer token-1", {"full": True, "pair_ids": ["pair_1"]})


def test_a_sync_is_stopped_and_what_was_wanted_is_done(kalends: Kalends, app: AppDouble) -> None:
    counts = dict.fromkeys((f"events_{name}" for name in ("processed", "created", "updated", "deleted")), 0)
    more = {"events_held": 0, "events_failed": 0, "pair_id": "pair_1", "sync_id": "sync_run_1", "success": False}
    errors = [{"code": "stopped_by_person", "message": "Somebody stopped this run.", "connection_id": None}]
    run = {**counts, **more, "status": "failed", "errors": errors}
    app.answers = [(200, {"runs": [run]}), (200, {"runs": []}), (200, {"runs": [{**run, "status": "running"}]})]
    ended = kalends("sync", "pair_1", "--stop")
    assert (ended.code, "Somebody stopped this run." in ended.err) == (0, True)
    assert app.asked[0][:2] == ("POST", "/local/v1/sync/stop?wait=240.0")
    assert app.asked[0][3] == {"pair_ids": ["pair_1"]}
    idle = kalends("sync", "--stop")
    assert (idle.code, idle.err.strip(), app.asked[1][3]) == (0, "Nothing is syncing.", {})
    assert kalends("sync", "--stop", "--timeout", "1", "--json").code == 75
    assert kalends("sync", "--stop", "--full").code == 2


def test_a_sync_that_somebody_stopped_was_interrupted(kalends: Kalends, app: AppDouble) -> None:
    errors = [{"code": "stopped_by_person", "message": "Somebody stopped this run.", "connection_id": None}]
    run = {"sync_id": "sync_run_1", "status": "failed", "errors": errors, "pair_id": "pair_1"}
    app.answers = [(200, {"runs": [run]})]
    assert kalends("sync", "--json").code == 130


def test_the_status_tells_how_far_a_run_is(kalends: Kalends, app: AppDouble) -> None:
    going = {"pair_id": "pair_1", "sentence": "Copying 45 of 120 events…"}
    status = {"sentence": "Syncing your calendars…", "problems": [], "syncing": [going]}
    app.answers = [(200, {**status, "accounts": 2, "connections": 2, "pairs": 1}), (200, {"pairs": []})]
    assert "- pair_1: Copying 45 of 120 events…" in kalends("status").out


def test_a_sign_in_nobody_ends_is_given_up(kalends: Kalends, app: AppDouble) -> None:
    begun = {
        "authorization_url": "http://127.0.0.1:1/a",
        "attempt_id": "attempt_1",
        "expires_at": "2026-01-01T00:00:00Z",
    }
    pending: dict[str, Any] = {"status": "pending", "connection_ids": [], "error": None, "account": None}
    app.answers = [(202, begun), *[(200, pending)] * 2, (204, b"")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.cli.remote.time.monotonic", iter([0.0, 0.0, 5.0, 5.0, 5.0]).__next__)
        ended = kalends("accounts", "add", "google", "--no-browser", "--jsonl", "--timeout", "1")
    assert ended.code == 4
    assert ended.json == {"authorization_url": "http://127.0.0.1:1/a", "expires_at": "2026-01-01T00:00:00Z"}
    assert app.asked[-1][:2] == ("DELETE", "/local/v1/accounts/attempts/attempt_1")


def test_unknown_refusals_still_say_something(app: AppDouble) -> None:
    app.answers = [(418, {})]
    with pytest.raises(KalendsError, match="418"):
        Remote(app.running).ask("GET", "/status")
