"""`kalends accounts`: sign in, look, test, sign in again, sign out."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli import exits
from app.cli.meeting import Kalends, meet
from app.cli.output import cells
from app.cli.session import JsonOption, ProfileOption, Session, given, known_form, session_of
from app.domain.errors import SignInError

SIGN_IN_SECONDS = 300.0

_NO_CALENDAR = {"name": None, "access": None, "connection_id": None}

AccountId = Annotated[str, typer.Argument(metavar="ID", help="Id of an account.")]
NoBrowserOption = Annotated[
    bool, typer.Option("--no-browser", help="Print the sign-in page's address instead of opening it.")
]
JsonLinesOption = Annotated[
    bool, typer.Option("--jsonl", help="Print JSON lines: the page's address (with --no-browser), then the account.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait for the sign-in.")
]


class ProviderName(StrEnum):
    """Where one can sign in."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    accounts = typer.Typer(help="Accounts and their calendars.", no_args_is_help=True, rich_markup_mode=None)
    accounts.command("list", epilog="\b\nExamples:\n  kalends accounts list --json")(list_accounts)
    accounts.command(
        "add",
        epilog="\b\nExamples:\n  kalends accounts add google\n  kalends accounts add microsoft --no-browser --jsonl",
    )(add)
    accounts.command("test", epilog="\b\nExamples:\n  kalends accounts test acct_01J…")(try_account)
    accounts.command("reconnect", epilog="\b\nExamples:\n  kalends accounts reconnect acct_01J…")(reconnect)
    accounts.command("remove", epilog="\b\nExamples:\n  kalends accounts remove acct_01J…")(remove)
    parent.add_typer(
        accounts,
        name="accounts",
        epilog="\b\nExamples:\n  kalends accounts add google\n  kalends accounts list",
    )


def list_accounts(context: typer.Context, as_json: JsonOption = False, profile: ProfileOption = None) -> None:
    """List accounts with their calendars."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/accounts")
    if as_json:
        session.out.json(answer)
        return
    rows = [
        (*cells(account, "id", "provider", "email", "status"), *cells(calendar, "name", "access", "connection_id"))
        for account in answer["accounts"]
        for calendar in account["calendars"] or [_NO_CALENDAR]
    ]
    session.out.table(
        ("ACCOUNT", "PROVIDER", "EMAIL", "STATUS", "CALENDAR", "ACCESS", "CONNECTION"),
        rows,
        "No accounts yet: `kalends accounts add google`.",
    )


def add(
    context: typer.Context,
    provider: Annotated[ProviderName, typer.Argument(help="Where to sign in.")],
    calendar: Annotated[
        str | None, typer.Option("--calendar", metavar="ID", help="The provider's id of one calendar. Default: all.")
    ] = None,
    no_browser: NoBrowserOption = False,
    timeout: TimeoutOption = SIGN_IN_SECONDS,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
    profile: ProfileOption = None,
) -> None:
    """Sign in to a Google or Microsoft account, in the browser."""
    session = session_of(context)
    session.expect(as_json or json_lines, profile)
    body = given(provider=str(provider), calendar=calendar)
    with meet(session) as kalends:
        begun = kalends.ask("POST", "/accounts", body=body)
        account = _signed_in(session, kalends, begun, timeout, no_browser=no_browser, json_lines=json_lines)
    _tell(session, account)


def reconnect(
    context: typer.Context,
    account_id: AccountId,
    no_browser: NoBrowserOption = False,
    timeout: TimeoutOption = SIGN_IN_SECONDS,
    as_json: JsonOption = False,
    json_lines: JsonLinesOption = False,
    profile: ProfileOption = None,
) -> None:
    """Sign in again to an account whose sign-in has ended."""
    session = session_of(context)
    session.expect(as_json or json_lines, profile)
    with meet(session) as kalends:
        begun = kalends.ask("POST", f"/accounts/{known_form(account_id)}/reconnect")
        account = _signed_in(session, kalends, begun, timeout, no_browser=no_browser, json_lines=json_lines)
    _tell(session, account)


def try_account(
    context: typer.Context, account_id: AccountId, as_json: JsonOption = False, profile: ProfileOption = None
) -> None:
    """Ask the service whether the sign-in still works."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        answer = kalends.ask("POST", f"/accounts/{known_form(account_id)}/test")
    _tell(session, answer["account"])
    if answer["account"]["status"] != "connected":
        raise typer.Exit(exits.Exit.NEEDS_SIGN_IN)


def remove(
    context: typer.Context, account_id: AccountId, as_json: JsonOption = False, profile: ProfileOption = None
) -> None:
    """Sign out, and forget an account that no pair uses. Its calendars stay as they are."""
    session = session_of(context)
    session.expect(as_json, profile)
    with meet(session) as kalends:
        accounts = kalends.ask("GET", "/accounts")["accounts"]
        kalends.ask("DELETE", f"/accounts/{known_form(account_id)}")
    account = next(one for one in accounts if one["id"] == account_id)
    if as_json:
        session.out.json({"account": account})
    else:
        session.out.say(f"Signed out of {account['email']}.")


def _signed_in(
    session: Session,
    kalends: Kalends,
    begun: dict[str, Any],
    timeout_seconds: float,
    *,
    no_browser: bool,
    json_lines: bool,
) -> dict[str, Any]:
    """The account, once the person has signed in. Raises SignInError."""
    address = begun["authorization_url"]
    if no_browser and json_lines:
        session.out.line({"authorization_url": address, "expires_at": begun["expires_at"]})
    elif no_browser or not webbrowser.open(address):
        session.out.say(f"Open this page in a browser on this computer, until {begun['expires_at']}:\n{address}")
    else:
        session.out.say("Your browser shows the sign-in page; waiting for you …")
    try:
        attempt = kalends.attempt(begun["attempt_id"], wait_seconds=timeout_seconds)
    except KeyboardInterrupt:
        _give_up(kalends, begun)
        raise
    if attempt["status"] == "pending":
        _give_up(kalends, begun)
        raise SignInError("Nobody signed in within the time.", code="timed_out")
    if attempt["error"] is not None:
        raise SignInError(attempt["error"]["message"], code=attempt["error"]["code"])
    account: dict[str, Any] = attempt["account"]
    return account


def _give_up(kalends: Kalends, begun: dict[str, Any]) -> None:
    """Free the port that waits for the browser; a core in this process frees it as it stops."""
    if not kalends.in_process:
        kalends.ask("DELETE", f"/accounts/attempts/{begun['attempt_id']}")


def _tell(session: Session, account: dict[str, Any]) -> None:
    if session.out.machine:
        session.out.json({"account": account})
        return
    session.out.text(f"{account['id']}: {account['email']} ({account['provider']}), {account['status']}")
    if account["problem"]:
        session.out.text(account["problem"])
    for calendar in account["calendars"]:
        session.out.text(f"  {calendar['connection_id']}  {calendar['name']} ({calendar['access']})")
