"""`kalends copies`: what the copies tell others, and what is in a calendar twice; second copies go when told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.exits import Exit
from app.cli.meeting import meet
from app.cli.output import cells
from app.cli.remote import LONGEST_WAIT_SECONDS
from app.cli.session import JsonOption, ProfileOption, Session, given, known_form, session_of
from app.domain.errors import InputError


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    copies = typer.Typer(
        help="Copies: what they tell others, and what is there twice.", no_args_is_help=True, rich_markup_mode=None
    )
    copies.command("check", epilog="\b\nExamples:\n  kalends copies check\n  kalends copies check --pair pair_01J…")(
        check
    )
    copies.command(
        "duplicates",
        epilog="\b\nExamples:\n  kalends copies duplicates --json\n"
        "  kalends copies duplicates --remove\n  kalends copies duplicates --remove --yes",
    )(duplicates)
    parent.add_typer(copies, name="copies", epilog="\b\nExamples:\n  kalends copies check\n  kalends copies duplicates")


def check(
    context: typer.Context,
    pair: Annotated[str | None, typer.Option("--pair", metavar="ID", help="Only the copies of a pair.")] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Read every copy that may only block time, and prove that it tells nothing more. Fails when one does."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(pair_id=None if pair is None else known_form(pair))
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/leaks", query=query, wait_seconds=LONGEST_WAIT_SECONDS)
    if as_json:
        session.out.json(answer)
    else:
        session.out.table(
            ("CALENDAR", "EVENT", "STARTS", "TELLS"),
            [
                (*cells(one, "calendar_name", "event_id", "starts_at"), ", ".join(one["fields"]))
                for one in answer["leaks"]
            ],
            f"{answer['checked']} copies were read from their calendars; none tells more than it may.",
        )
        if answer["unanswered"]:
            session.out.say(f"{answer['unanswered']} copies could not be read; nothing is proved about them.")
    if answer["leaks"]:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.PARTIAL if answer["unanswered"] else Exit.DONE)


def duplicates(
    context: typer.Context,
    calendar: Annotated[
        str | None, typer.Option("--calendar", metavar="ID", help="Only this calendar (a connection id).")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove second copies that Kalends made; shown first, done with --yes.")
    ] = False,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="ID", help="Remove exactly this second copy, even if somebody edited it."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them. Without this they are only shown.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Show what is in a calendar more than once, as last read, and who made each; remove second copies of ours."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(connection_id=None if calendar is None else known_form(calendar))
    if not remove and (yes or event):
        raise InputError("--yes and --event go with --remove.")
    if remove:
        _remove(session, query, event, yes=yes)
        return
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/duplicates", query=query)
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("CALENDAR", "ALIKE IN", "MADE BY", "STARTS", "TITLE", "EVENT"),
        [
            (group["calendar_name"], group["alike"], *cells(one, "made_by", "starts_at", "title", "event_id"))
            for group in answer["groups"]
            for one in group["events"]
        ],
        "Nothing is there twice.",
    )
    if answer["total"] > len(answer["groups"]):
        session.out.say(f"{len(answer['groups'])} of {answer['total']} are shown.")


def _remove(session: Session, query: Mapping[str, Any], event: list[str] | None, *, yes: bool) -> None:
    """Show which second copies would go, or remove them."""
    runs: list[dict[str, Any]] = []
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/duplicates/removable", query=query, wait_seconds=LONGEST_WAIT_SECONDS)
        going = _going(answer["removable"], event)
        if yes and going:
            body = {**query, **given(expected=len(going), events=event)}
            wait = {"wait": LONGEST_WAIT_SECONDS}
            path = "/duplicates/remove"
            told = kalends.ask("POST", path, query=wait, body=body, wait_seconds=LONGEST_WAIT_SECONDS)
            runs = told["runs"]
    if session.out.machine:
        session.out.json({"runs": runs} if runs else answer)
    elif not runs:
        names = {one["event_id"] for one in going}
        session.out.table(
            ("CALENDAR", "STARTS", "TITLE", "EVENT", "WHAT"),
            [
                (*cells(one, "calendar_name", "starts_at", "title", "event_id"), _fate(one, names))
                for one in answer["removable"]
            ],
            "There is no second copy that Kalends made.",
        )
        if going:
            session.out.say(f"{len(going)} would be removed. Nothing is done yet: add --yes.")
    for run in runs:
        if not session.out.machine:
            session.out.say(f"{run['events_deleted']} removed. To undo it: kalends runs undo {run['id']}")
            for error in run["errors"]:
                session.out.text(f"- {error['message']}")
    raise typer.Exit(max((exits.of_run(run) for run in runs), default=Exit.DONE))


def _going(removable: list[dict[str, Any]], event: list[str] | None) -> list[dict[str, Any]]:
    if event:
        return [one for one in removable if one["event_id"] in event]
    return [one for one in removable if one["undoable"] and not one["edited"]]


def _fate(one: dict[str, Any], going: set[str]) -> str:
    if one["event_id"] not in going:
        if one["edited"]:
            return "stays: somebody edited it; --event removes it"
        return "stays" if one["undoable"] else "stays: its removal cannot be undone; --event removes it"
    return "goes" if one["undoable"] else "goes; cannot be undone"
