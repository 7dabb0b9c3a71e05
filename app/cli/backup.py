"""`kalends backup`: the daily backups of the database, and putting one of them in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli.host import ProfileName
from app.cli.session import JsonOption, ProfileOption, session_of
from app.domain.backups import Backup, Restored
from app.domain.errors import InputError
from app.services.moments import to_text


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        name="backup",
        help="Show the backups of the database, or put one in its place. One is made every day; seven are kept.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list", epilog="\b\nExamples:\n  kalends backup list\n  kalends backup list --json")(shown)
    group.command(
        "restore",
        epilog="\b\nExamples:\n  kalends quit\n  kalends backup restore newest --yes",
    )(restore)
    parent.add_typer(group, epilog="\b\nExamples:\n  kalends backup list\n  kalends backup restore newest --yes")


def shown(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """List the backups, newest first. Each is read from beginning to end to see whether it is sound."""
    session = session_of(context)
    session.expect(as_json, profile)
    found = session.host.backups(session.profile or ProfileName.DEFAULT)
    if as_json:
        session.out.json({"backups": [_backup(one) for one in found]})
        return
    rows = [(one.name, _moment(one), f"{one.size // 1024:,} KB", _state(one)) for one in found]
    nothing = "There are no backups yet: Kalends makes one a day while it runs."
    session.out.table(("BACKUP", "MADE", "SIZE", "STATE"), rows, nothing)


def restore(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a backup, or `newest` for the newest good one.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: what was done since that backup is forgotten.")] = False,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Put a backup in the place of the database. Kalends must not be running. The file that is there is kept.

    Calendars are not changed. At the next start both calendars of every pair are read whole before anything is deleted.
    """
    session = session_of(context)
    session.expect(as_json, profile)
    if not yes:
        raise InputError(
            "This puts an older database in place: settings, history and decisions since then are forgotten.",
            code="confirmation_needed",
            fix="Run it again with --yes. The file that is there now is kept beside it.",
        )
    done = session.host.restore(session.profile or ProfileName.DEFAULT, name)
    if as_json:
        session.out.json(_restored(done))
        return
    session.out.text(done.sentence)


def _backup(one: Backup) -> Mapping[str, Any]:
    made = None if one.made_at is None else to_text(one.made_at)
    return {"name": one.name, "made_at": made, "size_bytes": one.size, "sound": one.sound, "usable": one.usable}


def _restored(one: Restored) -> Mapping[str, Any]:
    made = None if one.backup_at is None else to_text(one.backup_at)
    return {"backup": one.backup, "made_at": made, "kept_as": one.aside}


def _moment(one: Backup) -> str:
    return "-" if one.made_at is None else to_text(one.made_at)


def _state(one: Backup) -> str:
    if one.usable:
        return "good"
    return "from a newer version" if one.sound else "damaged"
