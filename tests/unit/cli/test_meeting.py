"""Whom a command talks to while another start of Kalends is under way."""

from __future__ import annotations

import pytest

from app.cli import meeting
from app.cli.host import ProfileName, Running
from app.cli.meeting import meet
from app.cli.output import Output
from app.cli.remote import Remote
from app.cli.session import Session
from app.domain.errors import StorageError
from tests.unit.cli.host_double import HostDouble

LOCKED = StorageError("Kalends is already running.", code="database_locked")


def session_over(host: HostDouble) -> Session:
    return Session(host, Output())


def test_an_app_that_is_starting_is_waited_for_and_then_asked(
    host: HostDouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.refuses = LOCKED
    looks = iter((None, None, None, None, Running("http://127.0.0.1:5545", "token", "default")))
    monkeypatch.setattr(host, "running", lambda profile: next(looks), raising=False)
    with meet(session_over(host)) as kalends:
        assert isinstance(kalends, Remote)
        assert kalends.profile == ProfileName.DEFAULT
    assert "not running" not in capsys.readouterr().err


def test_one_that_cannot_be_asked_in_time_is_told_in_one_sentence(
    host: HostDouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "START_SECONDS", 0.0)
    host.refuses = LOCKED
    with pytest.raises(StorageError, match="already running"), meet(session_over(host)):
        pytest.fail("there is nobody to talk to")
    assert "not running" not in capsys.readouterr().err
