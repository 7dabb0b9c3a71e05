"""`kalends status` and `kalends sync`: how it is going, and make it so now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.meeting import Kalends, meet
from app.cli.output import cells
from app.cli.remote import LONGEST_WAIT_SECONDS
from app.cli.session import JsonOption, ProfileOption, known_form, session_of
from app.domain.errors import InputError

SYNC_SECONDS = 300.0


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.command("status", epilog="\b\nExamples:\n  kalends status\n  kalends status --json")(status)
    parent.command(
        "sync",
        epilog="\b\nExamples:\n  kalends sync\n  kalends sync pair_01J… --full\n  kalends sync --no-wait\n"
        "  kalends sync --stop",
    )(sync)


def status(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """Say how everything is doing."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        found = kalends.ask("GET", "/status")
        pairs = [] if as_json else kalends.ask("GET", "/sync-pairs")["pairs"]
    if as_json:
        session.out.json(found)
        return
    session.out.text(found["sentence"])
    for problem in found["problems"]:
        session.out.text(f"- {problem['sentence']}")
    for going in found["syncing"]:
        session.out.text(f"- {going['pair_id']}: {going['sentence']}")
    counted = (("account", found["accounts"]), ("calendar", found["connections"]), ("pair", found["pairs"]))
    session.out.text(", ".join(f"{number} {word}" + ("" if number == 1 else "s") for word, number in counted))
    session.out.table(
        ("PAIR", "STATE", "LAST SYNCED", "NEXT"),
        [cells(one, "id", "state", "last_synced_at", "next_run_at") for one in pairs],
        "No sync pairs yet: `kalends pairs add`."
        if found["accounts"]
        else "No sync pairs yet: `kalends accounts add`, then `kalends pairs add`.",
    )


def sync(
    context: typer.Context,
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[PAIR]...", help="Ids of pairs. None: all active.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read both calendars whole, and compare.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what is syncing, after the events in hand.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait at most.")
    ] = SYNC_SECONDS,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Sync pairs now, or stop them. A run that is going on is joined."""
    session = session_of(context)
    session.expect(as_json, profile)
    wanted = [known_form(pair_id) for pair_id in pairs] if pairs else None
    if stop and full:
        raise InputError("--stop ends what is syncing; --full cannot go with it.")
    with meet(session) as kalends:
        if stop:
            answer = _stop(kalends, wanted, timeout if wait else 0.0)
        else:
            if kalends.in_process and not wait:
                session.out.say("Nothing would go on without this process; waiting until it is done.")
                wait = True
            answer = kalends.sync(wanted, full=full, wait_seconds=timeout if wait else 0.0)
    if as_json:
        session.out.json(answer)
    else:
        nothing = "Nothing is syncing." if stop else "No active pairs to sync."
        session.out.table(_HEADS, [_row(run) for run in answer["runs"]], nothing)
        for run in answer["runs"]:
            for error in run["errors"]:
                session.out.say(f"{run['pair_id']}: {error['message']}")
    if wait:
        codes = [exits.of_run(run) for run in answer["runs"]]
        # What was to be stopped and is stopped is done.
        raise typer.Exit(exits.worst(code for code in codes if not (stop and code is exits.Exit.INTERRUPTED)))


def _stop(kalends: Kalends, pair_ids: list[str] | None, wait_seconds: float) -> dict[str, Any]:
    """Stop the runs of some pairs, or all that are under way (None), and wait for their end."""
    waited = min(wait_seconds, LONGEST_WAIT_SECONDS)
    body = {} if pair_ids is None else {"pair_ids": pair_ids}
    return kalends.ask("POST", "/sync/stop", query={"wait": waited}, body=body, wait_seconds=waited)


_HEADS = ("PAIR", "STATUS", "LOOKED AT", "CREATED", "UPDATED", "DELETED", "HELD", "FAILED")
_COUNTS = ("processed", "created", "updated", "deleted", "held", "failed")


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    return cells(run, "pair_id", "status", *(f"events_{name}" for name in _COUNTS))
