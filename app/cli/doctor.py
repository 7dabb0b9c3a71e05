"""`kalends doctor`: is everything there that Kalends needs, and what to do where it is not."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.cli.exits import Exit
from app.cli.host import ProfileName
from app.cli.session import JsonOption, ProfileOption, session_of
from app.domain.checkups import CheckStatus


def add_to(parent: typer.Typer) -> None:
    """Add this command."""
    parent.command("doctor", epilog="\b\nExamples:\n  kalends doctor\n  kalends doctor --offline --json")(doctor)


def doctor(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no service over the network.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Check folders, disk, database, sign-ins, keyring, desktop, network and clock. Changes nothing."""
    session = session_of(context)
    session.expect(as_json, profile)
    chosen = session.profile or ProfileName.DEFAULT
    checks = asyncio.run(session.host.diagnose(chosen, network=not offline))
    if as_json:
        shown = [{"id": one.id, "status": str(one.status), "summary": one.summary, "fix": one.fix} for one in checks]
        session.out.json({"checks": shown})
    else:
        rows = [(str(one.status), one.id, one.summary) for one in checks]
        session.out.table(("", "CHECK", "WHAT IS THE CASE"), rows, "There is nothing to check.")
        for one in checks:
            if one.fix is not None:
                session.out.text(f"{one.id}: {one.fix}")
    raise typer.Exit(Exit.FAILED if any(one.status is CheckStatus.FAIL for one in checks) else Exit.DONE)
