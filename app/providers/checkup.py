"""Whether the calendar services answer, and what time they say it is. Sends no token and nothing of the user's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta

import httpx

from app.domain.checkups import Check, fail, ok, warn
from app.domain.times import CLOCK_OFF
from app.providers.http import new_ssl_context, told_time

_ANSWER_SECONDS = 10.0


async def services(bases: Mapping[str, str], now: datetime) -> AsyncIterator[Check]:
    """Ask each service for anything: every answer proves that it is reachable, and most tell the time.

    Args:
        bases: addresses of the APIs, by the provider's name.
        now: this computer's time.
    """
    skews: list[timedelta] = []
    async with httpx.AsyncClient(verify=new_ssl_context(), timeout=_ANSWER_SECONDS) as client:
        for name, base in bases.items():
            try:
                answer = await client.head(base)
            except httpx.HTTPError as error:
                fix = "Check the network, a proxy (HTTPS_PROXY) and a firewall; syncing goes on by itself afterwards."
                yield fail(f"network:{name}", f"{name.capitalize()} does not answer ({type(error).__name__}).", fix)
                continue
            yield ok(f"network:{name}", f"{name.capitalize()} answers.")
            told = told_time(answer.headers)
            if told is not None:
                skews.append(told - now)
    if skews:
        yield _clock(max(skews, key=abs))


async def service_time(bases: Iterable[str]) -> datetime | None:
    """What time the first service that answers says it is; None where none does."""
    async with httpx.AsyncClient(verify=new_ssl_context(), timeout=_ANSWER_SECONDS) as client:
        for base in bases:
            try:
                told = told_time((await client.head(base)).headers)
            except httpx.HTTPError:
                continue
            if told is not None:
                return told
    return None


def _clock(off: timedelta) -> Check:
    seconds = round(abs(off).total_seconds())
    if abs(off) >= CLOCK_OFF:
        direction = "behind" if off > timedelta() else "ahead"
        fix = "Set the clock, best by the network: on Linux `timedatectl set-ntp true`."
        return warn("clock", f"This computer's clock is {seconds // 60} minutes {direction} of the services.", fix)
    return ok("clock", f"This computer's clock agrees with the services ({seconds} s).")
