"""`kalends sandbox`: a seed or port that cannot be used is named by its option."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from app.domain.errors import InputError
from app.sandbox.alone import start_alone

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 20_000,
        '{"accounts": 5}',
        '{"accounts": [1]}',
        '{"accounts": "abc"}',
        '{"accounts": [{}]}',
        '{"accounts": [{"provider": "google"}]}',
        '{"accounts": [{"provider": "google", "email": "a@example.org", "calendars": 3}]}',
        '{"accounts": [{"provider": "microsoft", "email": "a@example.org", "time_zone": "Mars"}]}',
        '{"accounts": [{"provider": "google", "email": "a@example.org", "colour": "red"}]}',
        '{"accounts": [], "people": []}',
    ],
)
async def test_a_seed_that_cannot_be_used_is_named_by_its_option(tmp_path: Path, content: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(content)
    with pytest.raises(InputError) as refused:
        await start_alone(port=0, seed=seed, random_seed=None)
    assert [detail.field for detail in refused.value.details] == ["--seed"]


async def test_a_seed_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        await start_alone(port=0, seed=tmp_path / "none.json", random_seed=None)
    assert "none.json" in refused.value.message


async def test_a_port_that_is_taken_is_named_by_its_option() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError) as refused:
            await start_alone(port=taken.getsockname()[1], seed=None, random_seed=None)
    assert [detail.field for detail in refused.value.details] == ["--port"]


async def test_a_seed_of_ones_own_is_the_world_there_is(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"accounts": [{"provider": "google", "email": "a@example.org"}]}))
    sandbox = await start_alone(port=0, seed=seed, random_seed=7)
    try:
        assert [account["email"] for account in sandbox.description()["accounts"]] == ["a@example.org"]
    finally:
        await sandbox.stop()


async def test_what_is_wrong_in_a_seed_is_named_by_its_path(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    event = {"title": "Trip", "start": "soon"}
    calendar = {"name": "Mine", "events": [event]}
    account = {"provider": "google", "email": "a@example.org", "calendars": [calendar]}
    seed.write_text(json.dumps({"accounts": [account]}))
    with pytest.raises(InputError, match=r"accounts\.0\.calendars\.0\.events\.0\.start: 'soon'"):
        await start_alone(port=0, seed=seed, random_seed=None)
