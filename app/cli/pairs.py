"""`kalends pairs`: make, change, pause, preview and remove sync pairs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.history import ACTION_HEADS, action_row
from app.cli.meeting import meet
from app.cli.output import cells
from app.cli.pair_settings import Told, takes_settings
from app.cli.session import JsonOption, ProfileOption, Session, given, known_form, moment, session_of
from app.domain.errors import InputError
from app.domain.pairs import CopiesOnDelete, Direction, Mode

PREVIEW_SECONDS = 300.0

PairId = Annotated[str, typer.Argument(metavar="ID", help="Id of a pair.")]
PairIdOrAll = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a pair.")]
AllOption = Annotated[bool, typer.Option("--all", help="All pairs.")]
DirectionOption = Annotated[
    Direction | None,
    typer.Option(
        "--direction",
        help="Which way events are copied: a_to_b from the first calendar to the second only, b_to_a from the second "
        "to the first only, bidirectional both ways. Default: bidirectional.",
    ),
]
IntervalOption = Annotated[
    int | None, typer.Option("--interval", metavar="SECONDS", help="How often to look, 300 to 86400. Default: 300.")
]


class StatusName(StrEnum):
    """What the user wants of a pair."""

    ACTIVE = "active"
    PAUSED = "paused"


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    pairs = typer.Typer(
        help="Sync pairs: two calendars that are kept in step.", no_args_is_help=True, rich_markup_mode=None
    )
    pairs.command("list", epilog="\b\nExamples:\n  kalends pairs list\n  kalends pairs list --status paused --json")(
        list_pairs
    )
    pairs.command(
        "add",
        epilog="\b\nExamples:\n  kalends pairs add conn_01J… conn_01K… --direction a_to_b\n"
        "  kalends pairs add conn_01J… conn_01K… --mode full --paused",
    )(takes_settings(add))
    pairs.command(
        "edit",
        epilog="\b\nExamples:\n  kalends pairs edit pair_01J… --mode full --interval 900\n"
        "  kalends pairs edit pair_01J… --only-hours 'mo-fr 09:00-17:00 Europe/Berlin' --without-word lunch\n"
        "  kalends pairs edit pair_01J… --b-to-a --mode blocker --title Away\n"
        "  kalends pairs edit pair_01J… --without-word lunch --expected 12",
    )(takes_settings(edit))
    pairs.command(
        "pause",
        epilog="\b\nExamples:\n  kalends pairs pause pair_01J… --until 2026-12-24T18:00\n"
        "  kalends pairs pause --all --reason maintenance",
    )(pause)
    pairs.command(
        "resume",
        epilog="\b\nExamples:\n  kalends pairs resume pair_01J…\n  kalends pairs resume --all --reason maintenance",
    )(resume)
    pairs.command(
        "remove",
        epilog="\b\nExamples:\n  kalends pairs remove pair_01J…\n"
        "  kalends pairs remove pair_01J… --copies remove --expected 41",
    )(remove)
    pairs.command("preview", epilog="\b\nExamples:\n  kalends pairs preview pair_01J… --json")(preview)
    parent.add_typer(
        pairs,
        name="pairs",
        epilog="\b\nExamples:\n  kalends pairs list\n  kalends pairs add conn_01J… conn_01K… --direction a_to_b",
    )


def list_pairs(
    context: typer.Context,
    status: Annotated[StatusName | None, typer.Option("--status", help="Only these.")] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """List sync pairs."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/sync-pairs", query=given(status=None if status is None else str(status)))
        names = {} if as_json else _names(kalends.ask("GET", "/connections"))
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("PAIR", "A", "", "B", "MODE", "STATE", "LAST SYNCED"),
        [
            (
                pair["id"],
                names[pair["connection_a_id"]],
                _ARROWS[pair["direction"]],
                names[pair["connection_b_id"]],
                *cells(pair, "sync_mode", "state", "last_synced_at"),
            )
            for pair in answer["pairs"]
        ],
        "No sync pairs yet: `kalends pairs add`.",
    )


def add(
    context: typer.Context,
    connection_a: Annotated[str, typer.Argument(metavar="A", help="Id of a calendar's connection.")],
    connection_b: Annotated[str, typer.Argument(metavar="B", help="Id of the other's.")],
    settings: Told,
    direction: DirectionOption = None,
    interval: IntervalOption = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not sync yet, to preview first.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Keep two calendars in step. `kalends accounts list` shows the ids."""
    session = session_of(context)
    session.expect(as_json, profile)
    body = {
        "connection_a_id": connection_a,
        "connection_b_id": connection_b,
        "sync_mode": str(Mode.BLOCKER),
        "direction": str(direction or Direction.BIDIRECTIONAL),
        "status": str(StatusName.PAUSED if paused else StatusName.ACTIVE),
        "interval_seconds": 300 if interval is None else interval,
        **settings.body(),
    }
    with meet(session) as kalends:
        answer = kalends.ask("POST", "/sync-pairs", body=body)
    _tell(session, answer)


def edit(
    context: typer.Context,
    pair_id: PairId,
    settings: Told,
    direction: DirectionOption = None,
    interval: IntervalOption = None,
    expected: Annotated[
        int, typer.Option("--expected", min=0, help="How many copies go by narrower filters, once you were told.")
    ] = 0,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Change a sync pair; what is left out stays. Filters that would take copies away are refused with their number."""
    session = session_of(context)
    session.expect(as_json, profile)
    body = {
        **given(direction=None if direction is None else str(direction), interval_seconds=interval),
        **settings.body(),
    }
    if not body:
        raise InputError("There is nothing to change: name an option, such as --mode.")
    with meet(session) as kalends:
        answer = kalends.ask("PATCH", f"/sync-pairs/{known_form(pair_id)}", query={"expected": expected}, body=body)
    _tell(session, answer)


def pause(
    context: typer.Context,
    pair_id: PairIdOrAll = None,
    every: AllOption = False,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="When to resume by itself.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for you to read later.")] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Pause a pair, or all. Done once nothing is written any more."""
    session = session_of(context)
    session.expect(as_json, profile)
    body = given(status=str(StatusName.PAUSED), until=moment("--until", until), reason=reason)
    _change_status(session, pair_id, every, dict(body))


def resume(
    context: typer.Context,
    pair_id: PairIdOrAll = None,
    every: AllOption = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Only what was paused for this reason.")] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Resume a pair, or all; they sync at once."""
    session = session_of(context)
    session.expect(as_json, profile)
    _change_status(session, pair_id, every, dict(given(status=str(StatusName.ACTIVE), reason=reason)))


def remove(
    context: typer.Context,
    pair_id: PairId,
    copies: Annotated[
        CopiesOnDelete,
        typer.Option("--copies", help="Keep them for a later pair, release them as your own events, or remove them."),
    ] = CopiesOnDelete.KEEP,
    expected: Annotated[
        int | None, typer.Option("--expected", min=0, help="With --copies remove: how many copies there are.")
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Remove a pair. The originals of its copies stay."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask(
            "DELETE",
            f"/sync-pairs/{known_form(pair_id)}",
            query=given(copies=str(copies), expected=expected),
        )
    if as_json:
        session.out.json(answer)
    elif "sync_id" in answer:
        session.out.say(f"The pair is removed; {answer['sync_id']} takes care of its copies.")
    else:
        session.out.say("The pair is removed; its copies stay.")


def preview(
    context: typer.Context,
    pair_id: PairId,
    full: Annotated[bool, typer.Option("--full", help="Read both calendars whole, and compare.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait at most.")
    ] = PREVIEW_SECONDS,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Say what a sync would do to which event, and why. Nothing is written; paused pairs too."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.trigger(known_form(pair_id), dry_run=True, full=full, wait_seconds=timeout)
    if as_json:
        session.out.json(answer)
    else:
        for error in answer["errors"]:
            session.out.say(f"Error: {error['message']}")
        session.out.table(ACTION_HEADS, [action_row(one) for one in answer.get("plan", ())], "Nothing would be done.")
    code = exits.of_run(answer)
    # A preview that shows what would be held has done its work.
    raise typer.Exit(exits.Exit.DONE if code is exits.Exit.HELD else code)


_ARROWS = {"a_to_b": "→", "b_to_a": "←", "bidirectional": "↔"}


def _change_status(session: Session, pair_id: str | None, every: bool, body: dict[str, Any]) -> None:
    if (pair_id is None) is not every:
        raise InputError("Name one pair, or use --all.")
    with meet(session) as kalends:
        if pair_id is None:
            answer = kalends.ask("PATCH", "/sync-pairs", body=body)
        else:
            answer = kalends.ask("PATCH", f"/sync-pairs/{known_form(pair_id)}", body=body)
    if session.out.machine or pair_id is not None:
        _tell(session, answer)
        return
    for pair in answer["pairs"]:
        _tell(session, pair)


def _names(answer: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: f"{one['calendar_name']} ({one['provider']})" for one in answer["connections"]}


def _tell(session: Session, answer: dict[str, Any]) -> None:
    if session.out.machine:
        session.out.json(answer)
        return
    until = f" until {answer['paused_until']}" if answer["paused_until"] else ""
    session.out.text(f"{answer['id']}: {answer['status']}{until}, {answer['sync_mode']}, {answer['direction']}")
