"""`kalends copies`: what the copies tell others, and what is in a calendar twice. Looks, and writes nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.exits import Exit
from app.cli.meeting import meet
from app.cli.output import cells
from app.cli.remote import LONGEST_WAIT_SECONDS
from app.cli.session import JsonOption, ProfileOption, given, known_form, session_of


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    copies = typer.Typer(
        help="Copies: what they tell others, and what is there twice.", no_args_is_help=True, rich_markup_mode=None
    )
    copies.command("check", epilog="\b\nExamples:\n  kalends copies check\n  kalends copies check --pair pair_01J…")(
        check
    )
    copies.command("duplicates", epilog="\b\nExamples:\n  kalends copies duplicates --json")(duplicates)
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
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Show what is in a calendar more than once, as last read, and who made each. Removes nothing."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(connection_id=None if calendar is None else known_form(calendar))
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
