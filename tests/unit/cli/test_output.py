"""What is printed stays plain where no person looks, and never drives the terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest

from app.cli.output import Output
from app.domain.errors import FieldError, InputError


def test_a_table_off_a_terminal_has_no_colour_and_is_cut_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("ID", "TITLE"), [("1", "x" * 300)], "nothing")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "x" * 300 in out


def test_control_characters_of_titles_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("TITLE",), [("a\x1b[31mb\x07\u202ec",)], "nothing")
    out = capsys.readouterr().out
    assert "a [31mb" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_table_without_rows_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("ID",), [], "Nothing yet.")
    assert capsys.readouterr() == ("", "Nothing yet.\n")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_can_be_read_whatever_the_locale(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    Output().json({"title": "Café 🎉"})
    assert json.loads(written.getvalue().decode(encoding)) == {"title": "Café 🎉"}


def test_words_that_a_locale_lacks_are_replaced_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    Output().text("A → B")
    assert written.getvalue() == b"A ? B\n"


def test_a_refusal_names_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    details = [FieldError("label", "Give it a name."), FieldError("scopes", "No such scope.")]
    Output().fail(InputError("Give it a name.", details=details))
    assert capsys.readouterr().err == "Error: Give it a name.\n  scopes: No such scope.\n"


def test_after_the_answer_a_failure_prints_no_second_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.machine = True
    out.json({"done": True})
    out.fail(InputError("Too late."))
    assert capsys.readouterr() == ('{"done": true}\n', "Error: Too late.\n")
