"""The command line as a whole: `run(argv, host)` finds the command and makes an exit code of what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from app.cli import (
    accounts,
    application,
    backup,
    copies,
    demo,
    doctor,
    exits,
    history,
    keys,
    pairs,
    questions,
    sandbox,
    snapshot,
    status,
)
from app.cli.host import Host
from app.cli.session import ProfileOption, Session, session_of
from app.domain.errors import KalendsError

_EXAMPLES = """\b
Examples:
  kalends                                  start the app
  kalends demo --headless --once --json    see it work, without an account
  kalends status                           how everything is doing
  kalends sync                             sync all pairs now

Every command has --help; most print JSON with --json. Data goes to stdout, words to stderr.

\b
Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 some events failed, 4 needs sign-in, 5 held for a decision,
6 not found, 7 not running, 8 another instance writes, 75 try later, 130 interrupted."""


def run(argv: Sequence[str], host: Host) -> int:
    """Carry out one command.

    Args:
        argv: the words after `kalends`.
        host: the app around the command line.

    Returns:
        The exit code, as `contract/cli.md` lists them.
    """
    session = Session(host)
    try:
        code = get_command(build()).main(args=list(argv), prog_name="kalends", obj=session, standalone_mode=False)
    except SystemExit as end:
        code = end.code
    except TyperException as error:
        code = _misused(session, error, argv)
    except typer.Abort:
        session.out.say("Interrupted.")
        code = exits.Exit.INTERRUPTED
    except KalendsError as error:
        session.out.fail(error)
        code = exits.of_error(error)
    except KeyboardInterrupt:
        session.out.say("Interrupted.")
        code = exits.Exit.INTERRUPTED
    return code if isinstance(code, int) else int(code is not None)


def _misused(session: Session, error: TyperException, argv: Sequence[str]) -> int:
    """Tell what was wrong with the words themselves. Whoever asked for JSON gets its one value here too; the command
    was not understood, so nothing else says what it was asked for."""
    show = getattr(error, "show", None)
    if callable(show):
        show()  # usage and the sentence, on stderr
    else:
        session.out.say(f"Error: {error.format_message()}")
    if "--json" in argv:
        told: dict[str, Any] = {"code": "bad_usage", "message": error.format_message(), "details": [], "fix": None}
        session.out.json({"error": told})
    return error.exit_code


def build() -> typer.Typer:
    """All commands."""
    parent = typer.Typer(
        name="kalends",
        help="Keeps your calendars in step, on your own computer.",
        epilog=_EXAMPLES,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    parent.callback(invoke_without_command=True)(_kalends)
    everyday = (application, demo, accounts, pairs, status, history, questions, copies)
    for commands in (*everyday, snapshot, backup, doctor, keys, sandbox):
        commands.add_to(parent)
    return parent


def _kalends(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    profile: ProfileOption = None,
) -> None:
    session = session_of(context)
    session.expect(False, profile)
    if version:
        session.out.text(f"kalends {session.host.version}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        application.start(session, headless=None, hidden=False)
