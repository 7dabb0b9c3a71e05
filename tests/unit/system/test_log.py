"""The log: its form, its privacy, and canaries that must never show up in it."""

from __future__ import annotations

import io
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.domain.errors import StorageError
from app.system.log import FILE_BYTES, FILES_KEPT, Log, start_log
from app.system.redaction import HIDDEN, Redactor

_CANARY = "canary+Zw9/\"q'7=K"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.fixture
def log(tmp_path: Path, redactor: Redactor) -> Iterator[Log]:
    running = start_log(tmp_path / "kalends.log", redactor, level="debug")
    yield running
    running.close()


def _lines(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "kalends.log").read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("log")
def test_a_line_is_json_with_time_level_code_and_what_was_bound(tmp_path: Path) -> None:
    structlog.get_logger("app.engine").bind(run_id="sync_run_1").info("run.finished", created=3, dur_ms=12)
    (line,) = _lines(tmp_path)
    assert line["event"] == "run.finished"
    assert (line["level"], line["logger"], line["run_id"], line["created"]) == ("info", "app.engine", "sync_run_1", 3)
    assert line["ts"].endswith("Z")


@pytest.mark.usefixtures("log")
def test_a_librarys_sentence_becomes_the_message(tmp_path: Path) -> None:
    logging.getLogger("some.library").warning("connection to %s lost", "host")
    (line,) = _lines(tmp_path)
    assert (line["event"], line["msg"]) == ("library.message", "connection to host lost")


@pytest.mark.usefixtures("log")
def test_the_file_is_for_this_user_alone(tmp_path: Path) -> None:
    structlog.get_logger().info("app.started")
    assert stat.S_IMODE((tmp_path / "kalends.log").stat().st_mode) == 0o600


def test_it_rotates_at_ten_megabytes_and_keeps_five_private_files(tmp_path: Path, redactor: Redactor) -> None:
    running = start_log(tmp_path / "kalends.log", redactor)
    (handler,) = [item for item in logging.getLogger().handlers if getattr(item, "maxBytes", 0)]
    assert getattr(handler, "maxBytes", None) == FILE_BYTES == 10 * 1024 * 1024
    handler.maxBytes = 600  # type: ignore[attr-defined]  # a smaller file, so that the test need not write 50 MB
    for number in range(40):
        structlog.get_logger().info("app.counted", number=number)
    running.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == FILES_KEPT == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_console_is_silent_unless_asked(
    tmp_path: Path, redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = start_log(tmp_path / "quiet.log", redactor)
    structlog.get_logger().error("app.failed")
    quiet.close()
    assert capsys.readouterr() == ("", "")
    stream = io.StringIO()
    loud = start_log(tmp_path / "loud.log", redactor, console=True, stream=stream)
    structlog.get_logger().error("app.failed")
    loud.close()
    assert json.loads(stream.getvalue())["event"] == "app.failed"


def test_closing_gives_the_process_back_as_it_was(tmp_path: Path, redactor: Redactor) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("httpx").level)
    start_log(tmp_path / "kalends.log", redactor).close()
    assert (list(root.handlers), root.level, logging.getLogger("httpx").level) == before


def test_a_folder_that_is_missing_is_named(tmp_path: Path, redactor: Redactor) -> None:
    with pytest.raises(StorageError) as caught:
        start_log(tmp_path / "missing" / "kalends.log", redactor)
    assert caught.value.code == "home_unwritable"


@pytest.mark.usefixtures("log")
def test_a_registered_secret_never_reaches_the_file_in_any_shape(tmp_path: Path, redactor: Redactor) -> None:
    redactor.register(_CANARY)
    logger = structlog.get_logger("app.auth")
    logger.info("a.plain", note=f"before {_CANARY} after")
    logger.info(_CANARY)
    logger.info("a.deep", things=[{"inner": (_CANARY, {"x": _CANARY})}], bytes_=_CANARY.encode())
    logger.info("a.name", **{_CANARY: 1})
    logging.getLogger("lib").error("arguments %r", {"v": _CANARY})
    try:
        raise ValueError(f"the token {_CANARY} is bad")
    except ValueError:
        logger.exception("a.traceback")
        logging.getLogger("lib").exception("library traceback")
    text = (tmp_path / "kalends.log").read_text(encoding="utf-8")
    assert _CANARY not in text
    assert "Zw9" not in text
    assert text.count(HIDDEN) >= 8
    assert len(_lines(tmp_path)) == 7


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "access_token",
        "refresh_token",
        "client_secret",
        "code",
        "code_verifier",
        "state",
        "password",
        "api_key",
        "X-API-Key",
        "Set-Cookie",
        "title",
        "subject",
        "summary",
        "description",
        "place",
        "text",
        "email",
    ],
)
def test_a_field_with_a_secret_or_private_name_is_hidden_at_any_depth(tmp_path: Path, name: str) -> None:
    structlog.get_logger().info("a.b", **{name: "Dentist"}, inner={"list": [{name: "Dentist"}]})
    assert "Dentist" not in (tmp_path / "kalends.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "text",
    [
        "Bearer CANARY1234567890",
        "GET /?state=CANARY1234567890&scope=x HTTP/1.1",
        "GET /?scope=x&code=4/0ACANARY1234567890 HTTP/1.1",
        '{"refresh_token": "CANARY1234567890"}',
        "{'access_token': 'CANARY1234567890'}",
        "grant_type=refresh_token&refresh_token=CANARY1234567890",
        "key cs_live_CANARY1234567890",
        "whsec_CANARY1234567890",
        "ya29.CANARY-1234567890",
        "1//0CANARY1234567890",
        "M.C5CANARY_BAY.0.U.-CANARY1234567890",
        "eyJhbGciOiJSUzI1NiJ9.eyCANARY1234567890.c2lnCANARY",
        "person CANARY@example.org signed in",
        "https://graph.example/v1.0/me/calendarView/delta?$deltatoken=CANARY1234567890",
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_registered_it(tmp_path: Path, text: str) -> None:
    logging.getLogger("lib").warning(text)
    structlog.get_logger().warning("a.b", note=text)
    assert "CANARY" not in (tmp_path / "kalends.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("log")
def test_ordinary_numbers_and_words_stay_readable(tmp_path: Path) -> None:
    structlog.get_logger().info("run.finished", code=3, run_id="sync_run_01ARZ3NDEKTSV4RRFFQ69G5FAV", msg="5 created")
    (line,) = _lines(tmp_path)
    assert (line["code"], line["run_id"], line["msg"]) == (3, "sync_run_01ARZ3NDEKTSV4RRFFQ69G5FAV", "5 created")


def test_too_short_a_secret_is_not_registered_as_it_would_hide_words(redactor: Redactor) -> None:
    redactor.register("run")
    assert redactor.text("the run ended") == "the run ended"


def test_the_newest_secrets_stay_hidden_when_very_many_were_registered(redactor: Redactor) -> None:
    for number in range(2000):
        redactor.register(f"opaque{number:05d}value")
    assert redactor.text("see opaque01999value") == f"see {HIDDEN}"
    assert redactor.text("see opaque01800value") == f"see {HIDDEN}"
