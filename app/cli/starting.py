"""Starting the windows, or showing those that are there. Without typer and everything else that takes its time: between
a person's click and the icon in the tray there is only this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from app.cli.exits import Exit, of_error
from app.cli.host import Host, ProfileName
from app.cli.output import Output
from app.domain.errors import ConflictError, KalendsError, StorageError

PLAIN_STARTS: Final[Mapping[tuple[str, ...], bool]] = {(): False, ("run",): False, ("run", "--hidden"): True}
"""The words after `kalends` that need nobody to understand them, and whether the window stays hidden: how desktops, and
nearly all people, start the app. `app.cli.commands` understands them as well, and does the same."""


def start_plainly(argv: Sequence[str], host: Host) -> int | None:
    """Start the app if that is all that is asked for; its exit code, None if somebody has to understand the words.

    Args:
        argv: the words after `kalends`.
        host: the app around the command line.
    """
    hidden = PLAIN_STARTS.get(tuple(argv))
    if hidden is None or not host.has_screen():
        return None
    out = Output()
    try:
        return windows(host, out, None, hidden=hidden)
    except KalendsError as error:
        out.fail(error)
        return of_error(error)
    except KeyboardInterrupt:
        out.say("Interrupted.")
        return Exit.INTERRUPTED


def windows(host: Host, out: Output, chosen: ProfileName | None, *, hidden: bool) -> int:
    """Run the desktop app; where it runs already, show that one instead. Whoever chose no profile means the app that is
    open, though it may be in the demo.

    Args:
        chosen: the profile that was asked for, if one was.
        hidden: begin in the tray, without opening the window.

    Raises:
        StorageError: `database_locked`, when what runs has no windows.
    """
    profile = chosen or ProfileName.DEFAULT
    for name in tuple(ProfileName) if chosen is None else (chosen,):
        found = host.running(name)
        if found is None:
            continue
        from app.cli.remote import Remote  # http.client, which only a second start needs

        try:
            Remote(found).ask("POST", "/show")
        except ConflictError:
            if name is not profile:
                continue
            raise StorageError(
                "Kalends is already running without windows.",
                code="database_locked",
                fix="Use the running one, or stop it with `kalends quit` and try again.",
            ) from None
        out.say("Kalends is already running; its window is shown.")
        return Exit.DONE
    return host.windows(profile, hidden=hidden)
