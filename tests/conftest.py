"""What every test shares: a clean environment, one async backend, repeatable examples.

It must not import Qt: the suites that need none have to run without it. Of the app it takes only the list of those who
look on at the sandbox: the judges (`tests/judges`) see every exchange of every test.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.judges.fixture import judges as judges
from tests.judges.fixture import judging as judging

# Certificate settings of the machine would redirect the trust of the http clients under test.
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

# Qt reads its platform when the application object is made and aborts the process on a screen that does not answer.
# A test that wants a real screen sets the variable itself, for a process of its own.
# Qt's own screen for tests has 800 by 800 pixels, less than most people have: this one is an ordinary one.
os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={Path(__file__).parent / 'data' / 'screen.json'}"
os.environ["PYTEST_QT_API"] = "pyside6"

# The same examples in every run: a failure is a defect of the change, never of the day. No time limit for one example
# either, as the machine may be busy; pytest-timeout bounds the whole test.
settings.register_profile("everyday", derandomize=True, deadline=None, database=None, print_blob=True)
settings.load_profile("everyday")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--full``: also what takes longer than the everyday run allows."""
    parser.addoption("--full", action="store_true", help="also run the tests marked full, which take long")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker that keeps a test out of the everyday run."""
    config.addinivalue_line("markers", "full: takes longer than the everyday run allows; runs with --full")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the long tests of an everyday run, counted as deselected in the summary."""
    if config.getoption("--full"):
        return
    long = [item for item in items if item.get_closest_marker("full")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in set(long)]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Shares the tests among processes as `tests.sharing` says."""
    from tests.sharing import Sharing

    return Sharing(config, log)


@pytest.fixture
def anyio_backend() -> str:
    """The one backend of the core: tests marked ``anyio`` run on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certificate bundle of the machine and no ``KALENDS_*`` setting of the user reaches a test."""
    for name in list(os.environ):
        if name in _CERTIFICATE_VARIABLES or name.startswith("KALENDS_"):
            monkeypatch.delenv(name)
