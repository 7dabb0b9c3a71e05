"""`kalends keys`: API keys. No key can make keys; a person can, here and in the window."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.meeting import meet
from app.cli.output import cells
from app.cli.session import JsonOption, ProfileOption, given, known_form, moment, session_of


class Kind(StrEnum):
    """What a key opens: `test` the sandbox alone."""

    LIVE = "live"
    TEST = "test"
    WBK = "wbk"


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    keys = typer.Typer(help="Keys for scripts that use the local API.", no_args_is_help=True, rich_markup_mode=None)
    keys.command(
        "create",
        epilog="\b\nExamples:\n  kalends keys create --label backup\n"
        "  kalends keys create --label monitor --scope read:logs --expires 2027-01-01 --json",
    )(create)
    keys.command("list", epilog="\b\nExamples:\n  kalends keys list")(list_keys)
    keys.command("revoke", epilog="\b\nExamples:\n  kalends keys revoke key_01J…")(revoke)
    parent.add_typer(
        keys, name="keys", epilog="\b\nExamples:\n  kalends keys create --label backup\n  kalends keys list"
    )


def create(
    context: typer.Context,
    label: Annotated[str, typer.Option("--label", help="A name, to know it by later.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="What it opens, such as read:pairs. May be repeated. Default: read:* and write:*."
        ),
    ] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Default: test in the demo, else live.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="When it ends. Default: never.")
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Make a key. This is the only time it is shown."""
    session = session_of(context)
    session.expect(as_json, profile)
    body = given(
        label=label,
        scopes=scope or None,
        kind=None if kind is None else str(kind),
        expires_at=moment("--expires", expires),
    )
    with meet(session) as kalends:
        answer = kalends.ask("POST", "/keys", body=body)
    if as_json:
        session.out.json(answer)
        return
    session.out.text(answer["key"])
    session.out.say(f"{answer['id']} “{answer['label']}” opens {', '.join(answer['scopes'])}. It is not shown again.")


def list_keys(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """List keys, revoked ones too."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/keys")
    if as_json:
        session.out.json(answer)
        return
    session.out.table(
        ("KEY", "LABEL", "KIND", "ENDS IN", "SCOPES", "CREATED", "LAST USED", "EXPIRES", "REVOKED"),
        [
            (
                *cells(key, "id", "label", "kind", "ending"),
                ", ".join(key["scopes"]),
                *cells(key, "created_at", "last_used_at", "expires_at", "revoked_at"),
            )
            for key in answer["keys"]
        ],
        "No keys yet.",
    )


def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a key.")],
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """End a key."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("DELETE", f"/keys/{known_form(key_id)}")
    if as_json:
        session.out.json(answer)
    else:
        session.out.say(f"{answer['id']} “{answer['label']}” is revoked.")
