"""The house rules that a machine can check: who imports whom, where things lie, what no file may say.

The import rules stand in ``pyproject.toml``; here they are run, compared with the table of packages and shown to bite.
A rule about a package that does not exist yet is left out until it does. Nothing here may need the app to be started.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINTER: dict[str, Any] = CONFIGURATION["tool"]["importlinter"]

# Which packages of app/ a package may import. app.main and app.wiring, the composition root, may import all.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "engine": {"domain"},
    "providers": {"domain"},
    "auth": {"domain"},
    "store": {"domain"},
    "system": {"domain"},
    "services": {"engine", "store", "domain"},
    "api": {"services", "domain"},
    "cli": {"services", "domain"},
    "ui": {"services", "domain"},
    "sandbox": {"domain"},
}
ENTRY_POINTS = {"__init__", "__main__", "main", "wiring"}
ROOT_MODULES = ("main", "wiring")

# The domain is made of these parts of the standard library and nothing else: no I/O, no clock, no chance.
DOMAIN_LIBRARIES = {
    *("__future__", "abc", "base64", "binascii", "bisect", "calendar", "collections", "copy", "dataclasses"),
    *("datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "html", "itertools"),
    *("json", "math", "numbers", "operator", "re", "string", "struct", "textwrap", "types", "typing", "unicodedata"),
    *("email.utils", "urllib.parse", "zlib", "zoneinfo"),
}

TOP_LEVEL = {"app", "docs", "packaging", "resources", "tests", ".ci", ".git"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "misc", "common"}

# Put together from parts, so that this file does not contain what it looks for.
MACHINE_PATHS = r"(?:^|[^\w.~/-])/(?:{})/|/{}/(?!\.X11-unix)".format("|".join(["wor" + "k", "far" + "m"]), "tm" + "p")
INDEX_HOSTS = "|".join(["py" + r"pi\.org", "python" + "hosted", r"registry\." + "npm" + "js", "deb" + r"\.debian"])
SAYS_TOO_MUCH = re.compile(f"{MACHINE_PATHS}|{INDEX_HOSTS}", re.IGNORECASE)

# An ignore names the rule it ignores, and the reason stands behind it.
BARE_IGNORE = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?!(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|\[[\w, -]+\])\s+\S)")


def kept_files() -> Iterator[Path]:
    """The files of the repository: what lies in its folders, without caches and what set-up and tests leave behind."""
    for name in sorted(TOP_LEVEL - {".git"}):
        for folder, subfolders, files in os.walk(ROOT / name):
            subfolders[:] = sorted(sub for sub in subfolders if sub != "__pycache__" and not sub.endswith("_cache"))
            yield from (Path(folder) / file for file in sorted(files) if not file.endswith(".pyc"))
    yield from sorted(path for path in ROOT.iterdir() if path.is_file() and path.name not in {".git", ".venv.lock"})


def relative(path: Path) -> str:
    """A path as a reader of a failure wants it."""
    return path.relative_to(ROOT).as_posix()


def modules(folder: str) -> list[Path]:
    """The Python files below a folder of the repository."""
    return [path for path in kept_files() if path.suffix == ".py" and path.is_relative_to(ROOT / folder)]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and module of every absolute import in a syntax tree, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def foreign_to_domain(source: str) -> list[str]:
    """The imports in a source text that the domain may not have."""
    found = []
    for line, name in imports(ast.parse(source)):
        root = name.split(".")[0]
        if name not in DOMAIN_LIBRARIES and root not in DOMAIN_LIBRARIES and f"{name}.".split("app.domain.")[0]:
            found.append(f"line {line}: {name}")
    return found


def clock_readings(source: str) -> list[str]:
    """The calls in a source text that ask what time it is."""
    asks = re.compile(r"(?:^|\.)(?:datetime|date)\.(?:now|utcnow|today)$")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [f"line {call.lineno}: {ast.unparse(call)}" for call in calls if asks.search(ast.unparse(call.func))]


# --- who imports whom -----------------------------------------------------------------------------------------------


def quoted(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(quoted(part) for part in value) + "]"
    return f'"{value}"'


def rules_for(exists: set[str]) -> list[dict[str, Any]]:
    """The import rules, without the parts of the app that are not in ``exists`` (``app.domain`` and so on)."""

    def present(names: list[str]) -> list[str]:
        return [name for name in names if not name.startswith("app.") or name in exists]

    rules = [
        {**rule, **{key: present(rule[key]) for key in ("source_modules", "forbidden_modules")}}
        for rule in LINTER["contracts"]
    ]
    return [rule for rule in rules if rule["source_modules"] and rule["forbidden_modules"]]


def lint(folder: Path, rules: list[dict[str, Any]], configuration: Path) -> subprocess.CompletedProcess[str]:
    """Runs the import linter on the package ``app`` in a folder, in a process of its own, with these rules."""
    lines = ["[tool.importlinter]", 'root_packages = ["app"]', "include_external_packages = true"]
    for rule in rules:
        lines += ["[[tool.importlinter.contracts]]", *(f"{key} = {quoted(value)}" for key, value in rule.items())]
    configuration.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run(
        [*command, "--no-cache", "--config", str(configuration)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_every_package_keeps_to_its_imports(tmp_path: Path) -> None:
    top = [path for path in modules("app") if path.parent.parent == ROOT or path.match("app/*/__init__.py")]
    exists = {f"app.{path.parent.name if path.stem == '__init__' else path.stem}" for path in top}
    rules = rules_for(exists)
    assert rules
    result = lint(ROOT, rules, tmp_path / "rules.toml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_import_rule_bites(tmp_path: Path) -> None:
    rules = rules_for({f"app.{name}" for name in (*MAY_IMPORT, *ROOT_MODULES)})
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    wrong: dict[str, set[str]] = {f"app.{name}": set() for name in (*MAY_IMPORT, *ROOT_MODULES)}
    for rule in rules:
        for source in rule["source_modules"]:
            wrong[source] |= set(rule["forbidden_modules"])
    for source, targets in wrong.items():
        name = source.removeprefix("app.")
        planted = "".join(f"import {target}\n" for target in sorted(targets))
        if name in ROOT_MODULES:
            (tmp_path / "app" / f"{name}.py").write_text(planted, encoding="utf-8")
        else:
            (tmp_path / "app" / name).mkdir()
            (tmp_path / "app" / name / "__init__.py").touch()
            (tmp_path / "app" / name / "deep.py").write_text(planted, encoding="utf-8")
    output = lint(tmp_path, rules, tmp_path / "rules.toml").stdout
    reported = set(re.findall(r"(app\.[\w.]+) -> ([\w.]+)", output))
    unseen = [
        (source, target)
        for source, targets in wrong.items()
        for target in targets
        if (source if source.removeprefix("app.") in ROOT_MODULES else f"{source}.deep", target) not in reported
    ]
    assert not unseen, output
    assert f"{len(rules)} broken" in output


def test_the_rules_say_what_the_table_of_packages_says() -> None:
    forbidden = {
        (source, target)
        for rule in LINTER["contracts"]
        for source in rule["source_modules"]
        for target in rule["forbidden_modules"]
        if target.startswith("app.")
    }
    expected = {
        (f"app.{source}", f"app.{target}")
        for source, target in itertools.product(MAY_IMPORT, {*MAY_IMPORT, *ROOT_MODULES})
        if source != target and target not in MAY_IMPORT[source]
    }
    assert forbidden == expected


def test_every_folder_of_the_app_with_modules_is_a_package() -> None:
    # Without an __init__.py the import linter does not see a folder, and its rules would hold for nothing.
    folders = {path.parent for path in modules("app") if "migrations" not in path.parts}
    assert not [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]


def test_there_is_no_package_that_the_table_does_not_know() -> None:
    names = {path.relative_to(ROOT / "app").parts[0].removesuffix(".py") for path in modules("app")}
    assert names - MAY_IMPORT.keys() <= ENTRY_POINTS


def test_the_domain_is_made_of_the_standard_library_without_io() -> None:
    files = modules("app/domain")
    assert files
    found = {relative(path): foreign_to_domain(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize(
    "line",
    [
        *("import time", "import os.path", "from pathlib import Path", "import httpx", "from app.engine import plan"),
        *("from urllib import request", "import urllib.request", "import app.domains", "import random as r"),
    ],
)
def test_an_import_that_does_not_belong_in_the_domain_is_found(line: str) -> None:
    assert foreign_to_domain(f"def late():\n    {line}\n")


def test_the_domain_and_the_engine_never_ask_what_time_it_is() -> None:
    files = modules("app/domain") + modules("app/engine")
    found = {relative(path): clock_readings(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize("call", ["datetime.now(UTC)", "datetime.datetime.now()", "date.today()", "datetime.utcnow()"])
def test_a_reading_of_the_clock_is_found(call: str) -> None:
    assert clock_readings(f"def when():\n    return {call}\n")


def test_a_clock_that_was_passed_in_may_be_read() -> None:
    assert not clock_readings("def when(clock):\n    return clock.now()\n")


# --- where things lie, what they are called, what they say ----------------------------------------------------------


def test_the_repository_has_the_agreed_folders_and_no_others() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert folders - ignored <= TOP_LEVEL


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    found = [relative(path) for path in kept_files() if FORBIDDEN_NAMES & {p.split(".")[0] for p in path.parts}]
    assert not found


def test_every_module_says_what_it_is_for() -> None:
    files = [*modules("app"), *modules("packaging"), *modules("tests")]
    silent = [relative(path) for path in files if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent


def test_no_file_names_a_path_of_a_machine_or_a_package_index() -> None:
    found = []
    for path in kept_files():
        content = path.read_bytes()
        if b"\0" not in content:
            lines = content.decode("utf-8").splitlines()
            found += [f"{relative(path)}:{n}" for n, line in enumerate(lines, 1) if SAYS_TOO_MUCH.search(line)]
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main",
        "(/" + "farm/x)",
        "/" + "tmp/a",
        "https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
    ],
)
def test_a_path_of_a_machine_or_a_package_index_is_found(text: str) -> None:
    assert SAYS_TOO_MUCH.search(text)


@pytest.mark.parametrize("text", ["a/work/b", "https://example.org/work/x", "./work/", "framework/"])
def test_a_path_inside_the_repository_or_an_address_is_no_path_of_a_machine(text: str) -> None:
    assert not SAYS_TOO_MUCH.search(text)


def test_every_ignored_finding_has_its_reason_beside_it() -> None:
    found = [
        f"{relative(path)}:{number}"
        for folder in ("app", "packaging", "tests")
        for path in modules(folder)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if BARE_IGNORE.search(line)
    ]
    assert not found


@pytest.mark.parametrize("ignore", ["noqa", "noqa: S101", "type: ignore", "type: ignore[misc]", "type:ignore[a, b]  "])
def test_an_ignore_without_a_reason_is_found(ignore: str) -> None:
    assert BARE_IGNORE.search(f"x = 1  # {ignore}")


@pytest.mark.parametrize(
    "ignore", ["noqa: S101 - why", "noqa: E1, S2 because", "type: ignore[misc]  # untyped library"]
)
def test_an_ignore_with_a_reason_is_fine(ignore: str) -> None:
    assert not BARE_IGNORE.search(f"x = 1  # {ignore}")


# --- what the package needs and what is locked ----------------------------------------------------------------------


def requirements(name: str) -> set[str]:
    """The requirements in a file of packaging/, without comments and hashes."""
    lines = (ROOT / "packaging" / name).read_text(encoding="utf-8").splitlines()
    kept = (line.split("#")[0].rstrip("\\ ").replace('"', "'") for line in lines if not line.startswith((" ", "#")))
    return {line for line in kept if line and not line.startswith("-r")}


def test_the_package_needs_what_is_locked_for_running_it() -> None:
    tools = {line for line in requirements("run.in") if re.match(r"hatchling\b|editables\b", line)}
    declared = {line.replace('"', "'") for line in CONFIGURATION["project"]["dependencies"]}
    assert len(tools) == 2
    assert declared == requirements("run.in") - tools


def test_the_lock_for_the_tests_holds_all_of_the_lock_for_running() -> None:
    assert requirements("run.lock")
    assert requirements("run.lock") <= requirements("test.lock")


@pytest.mark.parametrize("name", ["run.lock", "test.lock"])
def test_every_locked_package_has_a_hash(name: str) -> None:
    text = (ROOT / "packaging" / name).read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=\w)", text)[1:]
    assert entries
    assert not [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]


def test_the_folder_packaging_does_not_hide_the_library_of_that_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()
