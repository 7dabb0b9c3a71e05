"""What every endpoint is given: the core, who asks, and the id of the request. Put into the scope by the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

from app.api.principal import Principal
from app.api.shown import ShownPairs

if TYPE_CHECKING:
    from app.services.core import Core

SCOPE_KEY = "kalends.context"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all requests share.

    Args:
        instance_secret: key of the proof that `/healthz` gives.
        stopping: set when the server stops; whoever waits for something else ends then.
        on_show: shows the window; None where there is none. on_quit: ends the app.
    """

    core: Core
    instance_secret: str
    stopping: asyncio.Event
    on_show: Callable[[], None] | None
    on_quit: Callable[[], None] | None
    shown: ShownPairs = field(default_factory=ShownPairs)


@dataclass(frozen=True, slots=True)
class Context:
    """One request's.

    Args:
        caller: None on the routes that ask for no key.
    """

    surroundings: Surroundings
    request_id: str
    caller: Principal | None

    @property
    def core(self) -> Core:
        """The services."""
        return self.surroundings.core

    @property
    def principal(self) -> Principal:
        """The caller of a route that needs one."""
        if self.caller is None:
            raise RuntimeError("a route without a key asked who calls")
        return self.caller

    def address(self, *parts: str) -> str:
        """The path of a resource, as this caller reaches it."""
        return "/".join((self.principal.prefix, *parts))


async def context_of(request: Request) -> Context:
    """The context of a request. A coroutine, as the framework would run a plain function in another thread."""
    context: Context = request.scope[SCOPE_KEY]
    return context


Given = Annotated[Context, Depends(context_of)]
