"""Commands about the app itself: start it with or without windows, show it, end it, say where its files lie."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.cli.exits import Exit
from app.cli.host import ProfileName
from app.cli.meeting import require_running
from app.cli.remote import Unreachable
from app.cli.session import JsonOption, ProfileOption, Session, session_of
from app.cli.signals import StopSignals, run_to_end
from app.cli.starting import windows

QUIT_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 0.1

HeadlessOption = Annotated[
    bool | None, typer.Option("--headless/--window", help="Without windows, or with them. Default: is there a screen?")
]
PortOption = Annotated[
    int | None, typer.Option("--api-port", min=0, max=65535, help="Port of the local API. 0 takes any.")
]


def add_to(application: typer.Typer) -> None:
    """Add these commands."""
    application.command(
        "run",
        epilog="\b\nExamples:\n  kalends run\n  kalends run --hidden\n  kalends run --headless",
    )(run)
    application.command(
        "serve",
        epilog="\b\nExamples:\n  kalends serve\n  kalends serve --api-port 0\n  kalends serve --profile demo",
    )(serve)
    application.command("show", epilog="\b\nExamples:\n  kalends show")(show)
    application.command("quit", epilog="\b\nExamples:\n  kalends quit\n  kalends quit --profile demo")(leave)
    application.command("paths", epilog="\b\nExamples:\n  kalends paths\n  kalends paths --profile demo --json")(paths)


def run(
    context: typer.Context,
    headless: HeadlessOption = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Begin in the tray, without opening the window.")] = False,
    profile: ProfileOption = None,
) -> None:
    """Start Kalends: tray and window where there is a screen, else the service alone. Same as no command."""
    session = session_of(context)
    session.expect(False, profile)
    start(session, headless=headless, hidden=hidden)


def start(session: Session, *, headless: bool | None, hidden: bool) -> None:
    """What `kalends run` does, and `kalends` alone."""
    if headless is None:
        headless = not session.host.has_screen()
    if headless:
        raise typer.Exit(run_to_end(lambda signals: serving(session, signals, None)))
    raise typer.Exit(windows(session.host, session.out, session.profile, hidden=hidden))


def serve(context: typer.Context, api_port: PortOption = None, profile: ProfileOption = None) -> None:
    """Run without windows: scheduler and local API, until SIGTERM, Ctrl-C or `kalends quit`."""
    session = session_of(context)
    session.expect(False, profile)
    raise typer.Exit(run_to_end(lambda signals: serving(session, signals, api_port)))


async def serving(session: Session, signals: StopSignals, api_port: int | None) -> int:
    """Serve a profile until the end is asked for; the exit code."""
    profile = session.profile or ProfileName.DEFAULT
    handle = await signals.unless(session.host.open(profile, serve=True, api_port=api_port, on_quit=signals.quit))
    try:
        if handle.core.demo is not None:
            await signals.unless(handle.core.demo.prepare())
        if api_port and handle.api_url and urlsplit(handle.api_url).port != api_port:
            session.out.say(f"Port {api_port} is taken by another program; the next free one is used.")
        where = f"its API is at {handle.api_url}" if handle.api_url else "its API is switched off"
        session.out.say(f"Kalends {session.host.version} is running (profile {profile}); {where}")
        await signals.wait()
        session.out.say("Stopping …")
    finally:
        await handle.stop()
    return stop_code(signals)


def stop_code(signals: StopSignals) -> int:
    """Exit code of a service that was ended: Ctrl-C interrupts, everything else is the orderly way."""
    return Exit.INTERRUPTED if signals.interrupted else Exit.DONE


def show(context: typer.Context, profile: ProfileOption = None) -> None:
    """Show the window of the running app."""
    session = session_of(context)
    session.expect(False, profile)
    require_running(session).ask("POST", "/show")


def leave(context: typer.Context, profile: ProfileOption = None) -> None:
    """End the running app, and wait until it has ended."""
    session = session_of(context)
    session.expect(False, profile)
    remote = require_running(session)
    remote.ask("POST", "/quit")
    end = time.monotonic() + QUIT_SECONDS
    while session.host.running(remote.profile) is not None:
        if time.monotonic() >= end:
            raise Unreachable("Kalends was asked to end, but still runs.", fix="Try again in a moment.")
        time.sleep(_LOOK_AGAIN_SECONDS)
    session.out.say("Kalends has ended.")


def paths(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """Say where the files of a profile lie."""
    session = session_of(context)
    session.expect(as_json, profile)
    found = session.host.paths(session.profile or ProfileName.DEFAULT)
    if as_json:
        session.out.json(found)
        return
    session.out.table(("WHAT", "WHERE"), [(name, value or "-") for name, value in found.items()], "")
