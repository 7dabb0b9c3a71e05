"""The API of a running core follows the preferences at once: off, on, and to another port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.domain.errors import InputError
from app.main import LocalHost
from app.services.core import Core
from app.system import runtime_file
from app.system.paths import Profile, find_paths

pytestmark = pytest.mark.anyio


def environ(home: Path) -> dict[str, str]:
    return {"KALENDS_HOME": str(home), "HOME": str(home)}


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(home: Path, port: int) -> AsyncIterator[Core]:
    paths = find_paths(environ(home), Profile.DEMO)
    paths.prepare()
    paths.config_file.write_text(f"[api]\nport = {port}\n", "utf-8")
    handle = await LocalHost(environ(home)).open("demo", serve=True)
    try:
        yield handle.core
    finally:
        await handle.stop()


async def answers(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        except httpx.TransportError:
            return False


def told(home: Path) -> list[str | None]:
    """Where the files say that the API is."""
    paths = find_paths(environ(home), Profile.DEMO)
    api, control = runtime_file.read_api(paths.api_file), runtime_file.read_control(paths.control_file)
    return [None if found is None else found.url for found in (api, control)]


async def test_switched_off_it_answers_nobody_at_once_and_switched_on_it_answers_again(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, port) as core:
        assert await answers(port)
        await core.preferences.change(api_enabled=False)
        assert not await answers(port)
        assert (core.status.overall().api_url, told(tmp_path)) == (None, [None, None])
        await core.preferences.change(api_enabled=True)
        assert await answers(port)
        assert told(tmp_path) == [core.status.overall().api_url] * 2 == [f"http://127.0.0.1:{port}"] * 2
    assert not await answers(port)


async def test_another_port_counts_at_once_and_the_old_one_is_given_back(tmp_path: Path) -> None:
    old, new = free_port(), free_port()
    async with serving(tmp_path, old) as core:
        await core.preferences.change(api_port=new)
        assert (await answers(old), await answers(new)) == (False, True)
        assert told(tmp_path) == [f"http://127.0.0.1:{new}"] * 2
        running = await asyncio.to_thread(LocalHost(environ(tmp_path)).running, "demo")
        assert running is not None, "our own commands find it there"


async def test_a_port_of_another_program_is_refused_by_its_field_and_the_old_one_goes_on(tmp_path: Path) -> None:
    old = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        async with serving(tmp_path, old) as core:
            with pytest.raises(InputError) as refused:
                await core.preferences.change(api_port=taken)
            assert [detail.field for detail in refused.value.details] == ["api_port"]
            assert str(taken) in refused.value.message
            assert (core.preferences.get().api_port, await answers(old)) == (old, True)
            assert told(tmp_path) == [f"http://127.0.0.1:{old}"] * 2
