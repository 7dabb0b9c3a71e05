"""`kalends sandbox`: the emulated Google and Microsoft on their own, for tests and for trying a script against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import application
from app.cli.session import JsonOption, Session, session_of
from app.cli.signals import StopSignals, run_to_end

_EXAMPLES = """\b
Examples:
  kalends sandbox --json
  kalends sandbox --port 8400 --random-seed 7
  kalends sandbox --seed accounts.json"""


def add_to(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("sandbox", epilog=_EXAMPLES)(sandbox)


def sandbox(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option(min=0, max=65533, help="Google's port; Microsoft's and the control API's follow. 0 takes any."),
    ] = 0,
    seed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Accounts and events to begin with (JSON). Default: the demo's.")
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option("--random-seed", help="Ids and chance follow from this number.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the emulated calendar services on this computer, until SIGTERM or Ctrl-C. It keeps nothing."""
    session = session_of(context)
    session.expect(as_json)
    raise typer.Exit(run_to_end(lambda signals: _serve(session, signals, port, seed, random_seed)))


async def _serve(session: Session, signals: StopSignals, port: int, seed: Path | None, random_seed: int | None) -> int:
    started = await signals.unless(session.host.sandbox(port=port, seed=seed, random_seed=random_seed))
    try:
        if session.out.machine:
            session.out.json(started.description)
        else:
            _tell(session, started.description)
        await signals.wait()
    finally:
        await started.stop()
    return application.stop_code(signals)


def _tell(session: Session, description: Any) -> None:
    session.out.say("The sandbox is running. Set these for Kalends or a script of yours:")
    for name, value in description["env"].items():
        session.out.text(f"{name}={value}")
    session.out.say(f"Its control API is at {description['control']['url']} (`--json` shows the token).")
    for account in description["accounts"]:
        names = ", ".join(calendar["name"] for calendar in account["calendars"])
        session.out.say(f"  {account['provider']}: {account['email']} ({names})")
