"""`kalends runs`, `kalends logs` and `kalends holds`: what happened, and what waits for a decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.meeting import meet
from app.cli.output import cells
from app.cli.session import JsonOption, ProfileOption, given, known_form, moment, session_of

UNDO_SECONDS = 300.0
PageOption = Annotated[int, typer.Option("--page", min=1, help="Which page, the newest first.")]
PerPageOption = Annotated[int, typer.Option("--per-page", min=1, max=200, help="How many a page.")]
PairOption = Annotated[str | None, typer.Option("--pair", metavar="ID", help="Only those of a pair.")]
HoldId = Annotated[str, typer.Argument(metavar="ID", help="Id of a hold.")]


class LogStatus(StrEnum):
    """How a run ended, in the words of the log."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    HELD = "held"
    SKIPPED = "skipped"


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    runs = typer.Typer(help="Runs: every sync, with its story.", no_args_is_help=True, rich_markup_mode=None)
    runs.command("list", epilog="\b\nExamples:\n  kalends runs list\n  kalends runs list --pair pair_01J… --json")(
        list_runs
    )
    runs.command("show", epilog="\b\nExamples:\n  kalends runs show sync_run_01J…")(show_run)
    runs.command(
        "undo",
        epilog="\b\nExamples:\n  kalends runs undo sync_run_01J… --dry-run\n  kalends runs undo sync_run_01J… --json",
    )(undo_run)
    parent.add_typer(runs, name="runs", epilog="\b\nExamples:\n  kalends runs list\n  kalends runs show sync_run_01J…")
    holds = typer.Typer(
        help="Holds: what waits for your decision, such as many deletions at once.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    holds.command("list", epilog="\b\nExamples:\n  kalends holds list --json")(list_holds)
    holds.command("approve", epilog="\b\nExamples:\n  kalends holds approve hold_01J… --expected 12")(approve)
    holds.command("reject", epilog="\b\nExamples:\n  kalends holds reject hold_01J…")(reject)
    parent.add_typer(
        holds,
        name="holds",
        epilog="\b\nExamples:\n  kalends holds list\n  kalends holds approve hold_01J… --expected 12",
    )
    parent.command(
        "logs",
        epilog="\b\nExamples:\n  kalends logs\n  kalends logs --status failed --since 2026-03-01 --json",
    )(logs)


def list_runs(
    context: typer.Context,
    pair: PairOption = None,
    page: PageOption = 1,
    per_page: PerPageOption = 50,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """List runs, going on and dry ones too, the newest first."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(pair_id=pair, page=page, per_page=per_page)
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/runs", query=query)
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("RUN", "PAIR", "WHEN", "BY", "STATUS", "CREATED", "UPDATED", "DELETED"),
        [
            (
                *cells(run, "id", "pair_id", "created_at"),
                run["trigger"] + (", dry" if run["dry_run"] else ""),
                *cells(run, "status", "events_created", "events_updated", "events_deleted"),
            )
            for run in answer["runs"]
        ],
        "No runs yet.",
    )


def show_run(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a run.")],
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Show a run: what was done to which event, and why."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        run = kalends.ask("GET", f"/runs/{known_form(run_id)}")
    if as_json:
        session.out.json(run)
        return
    session.out.text(f"{run['id']}: {run['status']}, {run['events_processed']} events looked at")
    for error in run["errors"]:
        session.out.text(f"- {error['message']}")
    session.out.table(ACTION_HEADS, [action_row(one) for one in run["actions"]], "It did nothing to any event.")


def undo_run(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a run.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="ID", help="Only this event (its id in the run's story).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what can be undone; write nothing.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait at most.")
    ] = UNDO_SECONDS,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Undo what a run did, for 30 days. What was changed since is left alone; undoing the undo does it again."""
    session = session_of(context)
    session.expect(as_json, profile)
    known = known_form(run_id)
    with meet(session) as kalends:
        if dry_run:
            answer = kalends.ask("GET", f"/runs/{known}/undo")
            if event:
                answer = {**answer, "changes": [one for one in answer["changes"] if one["event_id"] in event]}
        else:
            answer = kalends.undo(known, event or [], wait_seconds=timeout)
    if as_json:
        session.out.json(answer)
    elif dry_run:
        session.out.table(
            ("ACTION", "STARTS", "TITLE", "UNDO"),
            [cells(one, "action", "starts_at", "title", "sentence") for one in answer["changes"]],
            "This run changed nothing.",
        )
    else:
        restored = answer["events_created"] + answer["events_updated"] + answer["events_deleted"]
        session.out.say(f"Undone: {restored} events restored. {answer['events_skipped']} left alone.")
        for error in answer["errors"]:
            session.out.text(f"- {error['message']}")
    if not dry_run:
        raise typer.Exit(exits.of_run(answer))


ACTION_HEADS = ("ACTION", "RESULT", "STARTS", "TITLE", "WHY")


def action_row(action: dict[str, Any]) -> tuple[str, ...]:
    """A line of a run's story, or of a plan."""
    return (*cells(action, "action", "result"), event_start(action), *cells(action, "title", "sentence"))


def event_start(told: dict[str, Any]) -> str:
    """When an event starts: the moment, or for whole days the date alone, since its midnight would be taken for a
    moment; a dash when nobody knows."""
    text = "-" if told["starts_at"] is None else str(told["starts_at"])
    return text[:10] if told["all_day"] and told["starts_at"] else text


def logs(
    context: typer.Context,
    pair: PairOption = None,
    connection: Annotated[
        str | None, typer.Option("--connection", metavar="ID", help="Only those of a calendar.")
    ] = None,
    status: Annotated[LogStatus | None, typer.Option("--status", help="Only those that ended so.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Not before this time.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Not after this time; a date includes its day.")
    ] = None,
    page: PageOption = 1,
    per_page: PerPageOption = 50,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """List ended runs, one row each, the newest first."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(
        pair_id=pair,
        connection_id=connection,
        status=None if status is None else str(status),
        since=moment("--since", since),
        until=moment("--until", until, upper=True),
        page=page,
        per_page=per_page,
    )
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/logs", query=query)
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("WHEN", "PAIR", "STATUS", "SYNCED", "MS", "WHY"),
        [
            (
                *cells(one, "created_at", "pair_id", "status", "events_synced", "duration_ms"),
                "; ".join(error["message"] for error in one["errors"]),
            )
            for one in answer["logs"]
        ],
        "No run matches." if query.keys() - {"page", "per_page"} else "No runs yet.",
    )


def list_holds(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """List what waits for your decision."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/holds")
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("HOLD", "PAIR", "CAUSE", "EVENTS", "SINCE", "SUCH AS", "WHY", "APPROVE", "REJECT"),
        [
            (
                *cells(hold, "id", "pair_id", "cause", "expected", "opened_at"),
                ", ".join(hold["samples"]),
                *cells(hold, "sentence", "approve_label", "reject_label"),
            )
            for hold in answer["holds"]
        ],
        "Nothing waits for your decision.",
    )


def approve(
    context: typer.Context,
    hold_id: HoldId,
    expected: Annotated[int, typer.Option("--expected", min=0, help="How many events the hold says it concerns.")],
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Go on with what is held, if it still concerns so many events."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("POST", f"/holds/{known_form(hold_id)}/approve", body={"expected": expected})
    if as_json:
        session.out.json(answer)
    else:
        session.out.say(f"Approved: {answer['expected']} events.")


def reject(context: typer.Context, hold_id: HoldId, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """Decline what is held. `kalends holds list` shows what each answer does."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("POST", f"/holds/{known_form(hold_id)}/reject")
    if as_json:
        session.out.json(answer)
    else:
        session.out.say("Rejected: the copies are kept.")
