"""Quiet on metered networks: runs that nobody asked for wait there, if the person wants that (`engine.md` §2).

What a person asks for goes on. When the connection is no longer metered, or the wish is taken back, what waited runs
once. How the connection is known to be metered is not its business.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from app.domain.errors import KalendsError
from app.domain.ports import Network
from app.domain.preferences import PreferenceValues
from app.services.preferences import Preferences

CODE = "metered"
"""Why such a run was skipped."""

_log = structlog.get_logger(__name__)


async def never_metered() -> bool:
    """Nobody knows of a metered connection."""
    return False


class MeteredRule:
    """Says whether runs that nobody asked for wait.

    Args:
        preferences: hold the person's wish.
        network: knows the connection; None where nobody does.
        when_over: called once when runs that waited may go on.
    """

    def __init__(self, preferences: Preferences, network: Network | None, when_over: Callable[[], object]) -> None:
        self._preferences = preferences
        self._network = network
        self._when_over = when_over
        self._wanted = False
        self._waiting = False
        preferences.listen(self._wished)
        if network is not None:
            network.on_change(self._changed)

    async def waits(self) -> bool:
        """Whether a run that nobody asked for waits now."""
        if self._network is None:
            return False
        try:
            self._wanted = self._preferences.get().quiet_on_metered
        except KalendsError as error:
            # A settings file that is being written, or is broken, takes no wish back; the check-up tells of it.
            _log.info("metered.wish_not_read", error=error.code)
        if not self._wanted:
            return False
        found = await self._network.metered()
        self._waiting = self._waiting or found
        return found

    def _wished(self, values: PreferenceValues) -> None:
        self._wanted = values.quiet_on_metered
        if not self._wanted:
            self._go_on()

    def _changed(self, metered: bool) -> None:
        if not metered:
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._waiting = False
            self._when_over()
