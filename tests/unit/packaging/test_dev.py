"""The entry of the two commands: which Pythons it refuses, in which words, and that an old one can read it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dev

DEV = Path(dev.__file__)


@pytest.mark.parametrize("version", [(3, 11, 2), (3, 12, 0), (3, 13, 9)])
def test_a_supported_python_is_not_refused(version: tuple[int, ...]) -> None:
    assert dev.refusal(version, ["run"], []) is None


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 14, 0), (3, 6, 9), (4, 11, 0)])
def test_another_python_is_refused_with_the_command_to_use(version: tuple[int, ...]) -> None:
    sentence = dev.refusal(version, ["run", "demo"], ["python3.12", "python3.11"])
    assert sentence is not None
    assert ".".join(map(str, version)) in sentence
    assert sentence.endswith("use: python3.12 packaging/dev.py run demo")


def test_where_no_supported_python_is_found_one_is_named_to_install() -> None:
    sentence = dev.refusal((3, 9, 1), ["test"], [])
    assert sentence is not None
    assert sentence.endswith("install one of them and use: python3.11 packaging/dev.py test")


def test_the_refusal_ends_with_code_2_and_says_nothing_on_standard_output(tmp_path: Path) -> None:
    older = tmp_path / "older.py"
    older.write_text(
        f"import runpy, sys\nsys.version_info = (3, 9, 7)\nrunpy.run_path({str(DEV)!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    result = subprocess.run([sys.executable, str(older)], capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("kalends: Kalends needs Python 3.11, 3.12 or 3.13 and this is 3.9.7; ")


def test_the_commands_found_start_a_supported_python() -> None:
    for command in dev.supported_commands():
        asked = [*command.split(), "-c", "import sys; print(sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        assert ast.literal_eval(answer) in dev.SUPPORTED


def test_a_python_as_old_as_3_7_can_read_the_entry() -> None:
    ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_nothing_of_ours_is_imported_before_the_version_is_known() -> None:
    tree = ast.parse(DEV.read_text(encoding="utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
