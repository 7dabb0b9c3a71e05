"""`FAULTS.md` is true: every fault of the model stands there once, and every test it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"\| ([A-G]\d+) \| ([^|]+) \| ([^|]+) \|([^|]*)\|")
FAULTS = {"A": 14, "B": 9, "C": 23, "D": 14, "E": 10, "F": 7, "G": 13}


def rows() -> dict[str, tuple[list[str], str]]:
    """Each fault with the tests named for it and what is missing."""
    found: dict[str, tuple[list[str], str]] = {}
    for line in (TESTS / "FAULTS.md").read_text(encoding="utf-8").splitlines():
        row = ROW.fullmatch(line)
        if row is not None:
            assert row[1] not in found, f"{row[1]} stands there twice"
            found[row[1]] = (re.findall(r"`([^`]+)`", row[3]), row[4].strip())
    return found


def test_every_fault_stands_there_with_a_test_or_with_what_is_missing() -> None:
    found = rows()
    assert list(found) == [f"{group}{number}" for group, last in FAULTS.items() for number in range(1, last + 1)]
    assert len(found) == 90
    for fault, (tests, missing) in found.items():
        assert tests or missing.startswith("later: "), fault


def test_every_test_that_is_named_exists() -> None:
    defined: dict[str, set[str]] = {}
    for fault, (tests, _) in rows().items():
        for test in tests:
            path, _, name = test.partition("::")
            if path not in defined:
                assert (TESTS / path).is_file(), f"{fault} names {path}, which is not there"
                tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
                functions = (ast.FunctionDef, ast.AsyncFunctionDef)
                defined[path] = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
            assert name in defined[path], f"{fault} names {test}, which is not there"
