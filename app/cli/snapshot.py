"""`kalends snapshot`: calendars kept as files, and what is brought back from one. Shows before it writes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.history import event_start
from app.cli.meeting import meet
from app.cli.output import cells, plain
from app.cli.remote import LONGEST_WAIT_SECONDS
from app.cli.session import JsonOption, ProfileOption, Session, given, known_form, session_of

SnapshotId = Annotated[str, typer.Argument(metavar="ID", help="Id of a snapshot: `kalends snapshot list`.")]
CalendarOption = Annotated[
    str | None, typer.Option("--calendar", metavar="ID", help="Only of this calendar (a connection id).")
]


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    snapshot = typer.Typer(
        help="Snapshots: calendars kept as .ics files, and what is brought back from one.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    snapshot.command("list", epilog="\b\nExamples:\n  kalends snapshot list --json")(list_snapshots)
    snapshot.command("take", epilog="\b\nExamples:\n  kalends snapshot take conn_01J…")(take)
    snapshot.command(
        "restore",
        epilog="\b\nExamples:\n  kalends snapshot restore snap_4f…_20260328T091500Z_daily\n"
        "  kalends snapshot restore snap_4f…_20260328T091500Z_daily --yes\n"
        "  kalends snapshot restore snap_4f…_20260328T091500Z_daily --event 4k2n0q8p --yes",
    )(restore)
    parent.add_typer(
        snapshot,
        name="snapshot",
        epilog="\b\nExamples:\n  kalends snapshot list\n  kalends snapshot restore snap_4f…_20260328T091500Z_daily",
    )


def list_snapshots(
    context: typer.Context,
    calendar: CalendarOption = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """List snapshots, newest first. They are taken before a pair writes for the first time, and daily."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask(
            "GET", "/snapshots", query=given(connection_id=None if calendar is None else known_form(calendar))
        )
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("SNAPSHOT", "CALENDAR", "TAKEN", "WHY", "BYTES"),
        [
            (
                one["id"],
                plain(one["calendar_name"] or "(not connected)"),
                *cells(one, "taken_at", "reason"),
                str(one["size_bytes"]),
            )
            for one in answer["snapshots"]
        ],
        "No snapshots yet: a pair takes them before it writes.",
    )


def take(
    context: typer.Context,
    calendar: Annotated[str, typer.Argument(metavar="CALENDAR", help="Id of a calendar's connection.")],
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Take a snapshot of a calendar now, as it was last read."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("POST", "/snapshots", body={"connection_id": known_form(calendar)})
    if as_json:
        session.out.json(answer)
    else:
        session.out.text(plain(answer["id"]))
        session.out.say(f"Kept as {plain(answer['file'])}.")


def restore(
    context: typer.Context,
    snapshot: SnapshotId,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="ID", help="Only this event (its id in the list shown).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it is only shown.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Bring back what is missing. What is there stays as it is, nothing is doubled, and nobody is invited."""
    session = session_of(context)
    session.expect(as_json, profile)
    known = known_form(snapshot)
    run: dict[str, Any] | None = None
    with meet(session) as kalends:
        answer = kalends.ask("GET", f"/snapshots/{known}/restore", wait_seconds=LONGEST_WAIT_SECONDS)
        if yes and answer["expected"]:
            body = given(expected=len(set(event)) if event else answer["expected"], events=event or None)
            query = {"wait": LONGEST_WAIT_SECONDS}
            path = f"/snapshots/{known}/restore"
            run = kalends.ask("POST", path, query=query, body=body, wait_seconds=LONGEST_WAIT_SECONDS)
    if as_json:
        session.out.json(answer if run is None else run)
    elif run is None:
        _show(session, answer)
    else:
        session.out.say(f"{run['events_created']} events came back, {run['events_skipped']} were there already.")
        for error in run["errors"]:
            session.out.text(f"- {plain(error['message'])}")
    if run is not None:
        raise typer.Exit(exits.of_run(run))


def _show(session: Session, answer: dict[str, Any]) -> None:
    shown = [one for one in answer["events"] if one["fate"] != "there"]
    session.out.table(
        ("EVENT", "STARTS", "TITLE", "WHAT"),
        [(plain(one["event_id"]), event_start(one), *cells(one, "title", "sentence")) for one in shown],
        "Everything in this snapshot is still there, as it was.",
    )
    if answer["unread"]:
        session.out.say(f"{answer['unread']} parts of the file cannot be read.")
    session.out.say("What a snapshot cannot bring back:")
    for sentence in answer["cannot_come_back"]:
        session.out.say(f"- {sentence}")
    if answer["expected"]:
        session.out.say(f"{answer['expected']} events would come back. Nothing is done yet: add --yes.")
