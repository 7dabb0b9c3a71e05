"""How others find the running app: `api.json` for scripts, `control.json` for our own front ends, `sandbox.json` for
those who act in a sandbox.

All lie in the runtime folder, 0600. `api.json` never holds a key (`contract/api.md` §1); `control.json` holds a token
that is fresh at each start and opens `/local/v1` only. A file can outlive its app: a reader must ask the address.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.system.private_files import read_json, remove, write_json

_PROOF_SECONDS: Final = 2.0
_PROOF_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """What `api.json` says.

    Args:
        url: base address, e.g. `http://127.0.0.1:5545`.
        pid: process id of the app.
        instance: secret of this start, key of the proof that `/healthz?challenge=` gives.
    """

    url: str
    pid: int
    version: str
    instance: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """What `control.json` says.

    Args:
        url: base address of `/local/v1`'s server.
        pid: process id of the app.
        profile: which profile it runs.
        instance: as in `api.json`.
        token: bearer token of `/local/v1`.
    """

    url: str
    pid: int
    version: str
    profile: str
    instance: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """What `sandbox.json` says.

    Args:
        url: base address of the sandbox's control API.
        pid: process id of whoever runs it.
        token: its bearer token, fresh at each start.
    """

    url: str
    pid: int
    token: str = field(repr=False)


def new_secret() -> str:
    """A fresh secret for `instance` or `token`: 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def write_api(path: Path, address: ApiAddress) -> None:
    """Tell scripts where the API is. Raises StorageError `home_unwritable`."""
    write_json(path, asdict(address))


def write_control(path: Path, address: ControlAddress) -> None:
    """Tell our own front ends where the app is. Raises StorageError `home_unwritable`."""
    write_json(path, asdict(address))


def write_sandbox(path: Path, address: SandboxAddress) -> None:
    """Tell `kalends sandbox ctl` where a sandbox is. Raises StorageError `home_unwritable`."""
    write_json(path, asdict(address))


def read_sandbox(path: Path) -> SandboxAddress | None:
    """The address the last sandbox left, None when there is none that can be used."""
    content = read_json(path)
    if content is None or not _whole(content, ("url", "token")):
        return None
    return SandboxAddress(url=str(content["url"]), pid=int(str(content["pid"])), token=str(content["token"]))


def read_api(path: Path) -> ApiAddress | None:
    """The address the last start left, None when there is none that can be used."""
    content = read_json(path)
    if content is None or not _whole(content, ("url", "version", "instance")):
        return None
    return ApiAddress(
        url=str(content["url"]),
        pid=int(str(content["pid"])),
        version=str(content["version"]),
        instance=str(content["instance"]),
    )


def read_control(path: Path) -> ControlAddress | None:
    """The address the last start left, None when there is none that can be used."""
    content = read_json(path)
    if content is None or not _whole(content, ("url", "version", "profile", "instance", "token")):
        return None
    return ControlAddress(
        url=str(content["url"]),
        pid=int(str(content["pid"])),
        version=str(content["version"]),
        profile=str(content["profile"]),
        instance=str(content["instance"]),
        token=str(content["token"]),
    )


def proves(url: str, instance: str) -> bool:
    """Whether what answers at `url` knows the secret of its start: a squatter on the port gets no token.

    Asks `GET /healthz?challenge=…` and checks the HMAC-SHA256 of `challenge:port` (`contract/api.md` §1). Says with a
    proof of its own that the question is ours, so that it does not count among those of strangers.
    """
    from http.client import HTTPConnection, HTTPException  # a start that finds no other has nobody to ask

    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        return False
    challenge = secrets.token_urlsafe(24)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=_PROOF_SECONDS)
    try:
        ours = {"X-Kalends-Proof": _proof(instance, f"client:{parts.port}")}
        connection.request("GET", f"/healthz?challenge={challenge}", headers=ours)
        answer = json.loads(connection.getresponse().read(_PROOF_BYTES))
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    expected = _proof(instance, f"{challenge}:{parts.port}")
    return isinstance(answer, dict) and hmac.compare_digest(str(answer.get("proof", "")), expected)


def withdraw(path: Path, pid: int) -> None:
    """Remove a file on the way out, unless another start has replaced it meanwhile."""
    content = read_json(path)
    if content is not None and content.get("pid") == pid:
        remove(path)


def _proof(instance: str, text: str) -> str:
    return hmac.new(instance.encode(), text.encode(), hashlib.sha256).hexdigest()


def _whole(content: dict[str, object], texts: tuple[str, ...]) -> bool:
    return type(content.get("pid")) is int and all(isinstance(content.get(name), str) for name in texts)
