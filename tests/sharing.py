"""How the tests are shared among processes: a file to each, what belongs together in one.

It must not change what a test finds: with and without it each file runs whole and in its own order.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

_ONE_DESKTOP = "tests/e2e/"
_LONG_AND_ALONE = "tests/simulation/"


def share_of(nodeid: str) -> str:
    """Returns the name of what a test is handed out with.

    The stories of `tests/e2e` use one screen and one browser, so they stay together; a test of `tests/simulation` plays
    hundreds of histories and asks for nothing another left. Everything else goes file by file.
    """
    if nodeid.startswith(_ONE_DESKTOP):
        return _ONE_DESKTOP
    if nodeid.startswith(_LONG_AND_ALONE):
        return nodeid
    return nodeid.split("::", 1)[0]


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """xdist's scheduler with our shares."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
