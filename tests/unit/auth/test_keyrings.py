"""Which keyring is used: only services of the operating system, and nothing of other systems is even looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from keyring import backend, core
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend
from keyring.backends.SecretService import Keyring as SecretService

from app.auth.keyrings import allowed_keyring, find_keyring
from app.domain.errors import VaultError

_LOOKS = """
import json, sys
from app.auth.keyrings import find_keyring
from app.domain.errors import VaultError

started = []
sys.addaudithook(lambda event, _: started.append(event) if event in ("subprocess.Popen", "os.posix_spawn") else None)
try:
    find_keyring()
except VaultError as error:
    code = error.code
backends = sorted(name for name in sys.modules if name.startswith("keyring.backends."))
print(json.dumps({"code": code, "started": started, "backends": backends}))
"""
"""Looks for a keyring where there is none; tells what it started and imported for that."""


class _Plaintext:
    """Like keyrings.alt's file backend: real enough to keep, and never allowed."""

    __module__ = "keyrings.alt.file"


class _Chain:
    __module__ = "keyring.backends.chainer"

    def __init__(self, *backends: Any) -> None:
        self.backends = list(backends)


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, _Plaintext, _Chain, lambda: _Chain(_Plaintext())])
def test_backends_that_keep_nothing_or_plain_text_are_refused(backend: Callable[[], Any]) -> None:
    with pytest.raises(VaultError) as caught:
        allowed_keyring(backend())
    assert caught.value.code == "vault_missing"
    assert "KALENDS_VAULT" in str(caught.value.fix)


def test_of_a_chain_only_the_real_keyring_is_used() -> None:
    real = SecretService()  # type: ignore[no-untyped-call]  # keyring's backends are untyped
    assert allowed_keyring(_Chain(_Plaintext(), real)) is real
    assert allowed_keyring(real) is real
    assert ChainerBackend.__module__ == _Chain.__module__


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what belongs to another system differs")
def test_looking_for_a_keyring_starts_no_program_and_imports_nothing_of_other_systems() -> None:
    found = subprocess.run(
        (sys.executable, "-c", _LOOKS),
        env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(found.stdout)
    assert (told["code"], told["started"]) == ("vault_missing", [])
    foreign = {f"keyring.backends.{name}" for name in ("macOS", "macOS.api", "Windows")}
    assert not foreign.intersection(told["backends"])
    assert "keyring.backends.SecretService" in told["backends"]


class _Ring:
    """A backend of the operating system, with what it says of itself."""

    __module__ = "keyring.backends.SecretService"

    def __init__(self, priority: float) -> None:
        self._priority = priority
        self.asked = 0

    @property
    def priority(self) -> float:
        self.asked += 1
        return self._priority

    def get_password(self, service: str, username: str) -> str | None:
        raise AssertionError("nobody asked for the key")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("nobody made a key")


@pytest.fixture
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without wishes, and a list of all packages' backends that nobody may make."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(core, "load_env", lambda: None)
    monkeypatch.setattr(core, "load_config", lambda: None)
    monkeypatch.delattr(backend, "get_all_keyring")


def _has(monkeypatch: pytest.MonkeyPatch, rings: dict[str, _Ring]) -> None:
    def load(name: str) -> _Ring:
        if name not in rings:
            raise RuntimeError("it is not there")
        return rings[name]

    monkeypatch.setattr(core, "load_keyring", load)


@pytest.mark.usefixtures("nothing_chosen")
def test_of_several_keyrings_the_one_with_the_highest_priority_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, wallet = _Ring(5), _Ring(5.1)
    _has(
        monkeypatch, {"keyring.backends.SecretService.Keyring": secrets, "keyring.backends.kwallet.DBusKeyring": wallet}
    )
    assert find_keyring() is wallet


@pytest.mark.usefixtures("nothing_chosen")
def test_the_only_keyring_is_used_without_asking_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = _Ring(5)
    _has(monkeypatch, {"keyring.backends.SecretService.Keyring": ring})
    assert find_keyring() is ring
    assert ring.asked == 0


@pytest.mark.usefixtures("nothing_chosen")
def test_the_keyring_a_person_chose_is_used_or_refused_but_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = _Ring(1)
    _has(monkeypatch, {"keyring.backends.SecretService.Keyring": _Ring(5)})
    monkeypatch.setattr(core, "load_config", lambda: chosen)
    assert find_keyring() is chosen
    monkeypatch.setattr(core, "load_env", null.Keyring)
    with pytest.raises(VaultError) as refused:
        find_keyring()
    monkeypatch.setattr(core, "load_env", lambda: core.load_keyring("keyring.backends.macOS.Keyring"))
    with pytest.raises(VaultError) as broken:
        find_keyring()
    assert (refused.value.code, broken.value.code) == ("vault_missing", "vault_missing")
