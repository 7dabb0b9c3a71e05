"""The checklist `../README.md` cannot rot: the tests it names exist, each switch is there with each of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.server import Sandbox

FOLDER = Path(__file__).resolve().parents[1]
PAGE = (FOLDER / "README.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/.]+\.py)::(test_\w+)`")
MAIL = ("google.gmail_", "microsoft.mail_")
SECTIONS = (
    "Google Calendar",
    "Gmail",
    "Graph calendar",
    "Graph mail",
    "Google OAuth",
    "Microsoft OAuth",
    "Fault switches",
    "UNVERIFIED switches",
)


def lines() -> list[str]:
    """Every line of the checklist, with those it goes on in."""
    joined = re.sub(r"\n  +(?=\S)", " ", PAGE)
    return [line for line in joined.splitlines() if line.startswith("- ")]


def switches() -> Mapping[str, Mapping[str, Any]]:
    """Every switch a sandbox declares."""
    sandbox = Sandbox(seed={"accounts": []})
    try:
        return sandbox.world.behaviour.as_dict()
    finally:
        sandbox.close()


def test_every_section_is_there_once_and_in_order() -> None:
    assert tuple(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) == SECTIONS


def test_every_line_names_a_test() -> None:
    assert [line for line in lines() if not NAMED.search(line)] == []


def test_every_test_that_is_named_exists() -> None:
    known: dict[str, str] = {}
    missing = []
    for path, name in NAMED.findall(PAGE):
        if path not in known:
            file = FOLDER / path
            known[path] = file.read_text("utf-8") if file.is_file() else ""
        if not re.search(rf"^(?:async )?def {name}\(", known[path], re.MULTILINE):
            missing.append(f"{path}::{name}")
    assert missing == []


def groups() -> list[str]:
    """The parts of the section about switches, by whose switches they name."""
    section = PAGE[PAGE.index("## UNVERIFIED switches") :]
    found = {
        re.sub(r"_.*", "_", name) if name.startswith(MAIL) else name.partition(".")[0] + "."
        for name in re.findall(r"^- `([a-z]+\.\w+)`", section, re.MULTILINE)
    }
    return sorted(found)


@pytest.mark.parametrize("group", groups())
def test_every_switch_of_a_service_is_named_with_each_of_its_values(group: str) -> None:
    told = {}
    for line in lines():
        named = re.match(r"- `([a-z]+\.\w+)`", line)
        if named:
            told[named[1]] = line
    missing = []
    for name, switch in switches().items():
        if not name.startswith(group) or (group not in MAIL and name.startswith(MAIL)):
            continue
        # A switch that takes any number has no values to name.
        values = [value if isinstance(value, str) else json.dumps(value) for value in switch["allowed"]]
        missing += [f"{name} {value}" for value in values if f"`{value}`" not in told.get(name, "")]
        missing += [name] if name not in told else []
    assert missing == []


def test_no_switch_is_named_that_there_is_not() -> None:
    section = PAGE[PAGE.index("## UNVERIFIED switches") :]
    named = set(re.findall(r"^- `([a-z]+\.\w+)`", section, re.MULTILINE))
    assert named <= set(switches())
