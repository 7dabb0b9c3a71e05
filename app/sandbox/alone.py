"""The sandbox as a program of its own (`kalends sandbox`): in memory, with the demo's seed or a file's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.domain.errors import FieldError, InputError
from app.sandbox.control.seeds import read_seed
from app.sandbox.faults import SandboxInputError
from app.sandbox.server import Sandbox
from app.sandbox.world import DEFAULT_RANDOM_SEED


async def start_alone(*, port: int, seed: Path | None, random_seed: int | None) -> Sandbox:
    """Start a sandbox that forgets everything at its end.

    Args:
        port: Google's; the next two are Microsoft's and the control API's. 0 takes any three.
        seed: a JSON file `{"accounts": […]}`, None for the demo's world.
        random_seed: ids and seeded chance follow from it.

    Raises:
        InputError: the seed cannot be used, or a port is taken; names the option.
    """
    chosen = DEFAULT_RANDOM_SEED if random_seed is None else random_seed
    sandbox = _made(chosen, seed)
    ports = (0, 0, 0) if port == 0 else (port, port + 1, port + 2)
    try:
        await sandbox.start(*ports)
    except SandboxInputError as error:
        sandbox.close()
        raise InputError(str(error), details=[FieldError("--port", "Choose another port, or 0 for any.")]) from error
    return sandbox


def _made(random_seed: int, seed: Path | None) -> Sandbox:
    try:
        # Nothing here keeps what was read: a seed may be large.
        return Sandbox(None, random_seed, None if seed is None else read_seed(_read(seed)))
    except SandboxInputError as error:
        reason = str(error)
        raise InputError(f"The seed {seed} cannot be used: {reason}", details=[FieldError("--seed", reason)]) from error


def _read(seed: Path) -> dict[str, Any]:
    try:
        content = json.loads(seed.read_text("utf-8"))
    except OSError as error:
        message = f"The seed {seed} cannot be read: {error.strerror or error}."
        raise InputError(message, details=[FieldError("--seed", message)]) from error
    except (ValueError, RecursionError) as error:
        message = f"The seed {seed} is not JSON: {error}."
        raise InputError(message, details=[FieldError("--seed", message)]) from error
    if not isinstance(content, dict):
        message = f'The seed {seed} must be an object such as {{"accounts": […]}}.'
        raise InputError(message, details=[FieldError("--seed", message)])
    return content
