"""`kalends sandbox`: the emulated Google and Microsoft on their own, for tests and for trying a script against.

`kalends sandbox ctl` asks the control API of one that runs, the demo's too. It knows no call of it: what there is, the
API itself says at `/openapi.json`.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from app.cli import application
from app.cli.exits import Exit
from app.cli.host import ProfileName, Running
from app.cli.remote import Unreachable
from app.cli.session import JsonOption, ProfileOption, Session, session_of
from app.cli.signals import StopSignals, run_to_end
from app.domain.errors import FieldError, InputError

ANSWER_SECONDS = 60.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SAFE = "/?&=%:@+,;~!$'()*"

_EXAMPLES = """\b
Examples:
  kalends sandbox --json
  kalends sandbox --port 8400 --random-seed 7
  kalends sandbox --seed accounts.json
  kalends sandbox ctl GET /accounts"""
_CTL_EXAMPLES = """\b
Examples:
  kalends sandbox ctl GET /openapi.json
  kalends sandbox ctl POST /faults --data '{"route": "google:GET **", "kind": "status", "status": 503}'
  kalends sandbox ctl POST /calendars/ana.work@example.com/events --data - < event.json
  kalends --profile demo sandbox ctl PATCH /accounts/ana.work@example.com --data '{"revoke": true}'

\b
The answer is printed as JSON, a refusal too. Exit codes: 2 refused, 6 not found, 7 no sandbox runs."""


def add_to(parent: typer.Typer) -> None:
    """Add the command and the one below it."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False)
    group.callback(invoke_without_command=True, epilog=_EXAMPLES)(sandbox)
    group.command("ctl", epilog=_CTL_EXAMPLES)(ctl)
    parent.add_typer(group, name="sandbox")


def sandbox(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option(min=0, max=65533, help="Google's port; Microsoft's and the control API's follow. 0 takes any."),
    ] = 0,
    seed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Accounts and events to begin with (JSON). Default: the demo's.")
    ] = None,
    random_seed: Annotated[
        int | None, typer.Option("--random-seed", help="Ids and chance follow from this number.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the emulated calendar services on this computer, until SIGTERM or Ctrl-C. It keeps nothing."""
    session = session_of(context)
    session.expect(as_json)
    if context.invoked_subcommand is not None:
        return
    raise typer.Exit(run_to_end(lambda signals: _serve(session, signals, port, seed, random_seed)))


async def _serve(session: Session, signals: StopSignals, port: int, seed: Path | None, random_seed: int | None) -> int:
    started = await signals.unless(session.host.sandbox(port=port, seed=seed, random_seed=random_seed))
    try:
        if session.out.machine:
            session.out.json(started.description)
        else:
            _tell(session, started.description)
        await signals.wait()
    finally:
        await started.stop()
    return application.stop_code(signals)


def _tell(session: Session, description: Any) -> None:
    session.out.say("The sandbox is running. Set these for Kalends or a script of yours:")
    for name, value in description["env"].items():
        session.out.text(f"{name}={value}")
    session.out.say(f"Its control API is at {description['control']['url']} (`--json` shows the token).")
    for account in description["accounts"]:
        names = ", ".join(calendar["name"] for calendar in account["calendars"])
        session.out.say(f"  {account['provider']}: {account['email']} ({names})")


def ctl(
    context: typer.Context,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="E.g. /accounts; with a query if it takes one.")],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="JSON", help="The body: JSON, or iCalendar text. - reads it from stdin."),
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Ask the control API of the running sandbox, or of the running demo: act as the person, plant failures, look."""
    session = session_of(context)
    # What is printed is JSON in any case.
    session.expect(True, profile)
    if method.upper() not in _METHODS:
        raise InputError(
            f"'{method}' is no method; use one of {', '.join(_METHODS)}.",
            details=[FieldError("METHOD", "GET, POST, PUT, PATCH or DELETE.")],
        )
    body = _body(data)
    status, answer = _asked(session, method.upper(), "/" + path.lstrip("/"), body)
    session.out.json(answer)
    if status < http.client.BAD_REQUEST:
        return
    session.out.say(f"Error: {answer.get('error', f'The sandbox answered with status {status}.')}")
    codes = {http.client.NOT_FOUND: Exit.NOT_FOUND, http.client.UNAUTHORIZED: Exit.UNREACHABLE}
    raise typer.Exit(codes.get(status, Exit.USAGE if status < http.client.INTERNAL_SERVER_ERROR else Exit.FAILED))


def _body(data: str | None) -> tuple[bytes, str] | None:
    """What is sent, and as what."""
    if data is None:
        return None
    try:
        text = sys.stdin.buffer.read().decode() if data == "-" else data
    except UnicodeDecodeError as error:
        raise InputError("The text on stdin is not UTF-8.", details=[FieldError("--data", "Send UTF-8.")]) from error
    if text.lstrip("\ufeff \r\n").upper().startswith("BEGIN:"):
        return text.lstrip("\ufeff \r\n").encode(), "text/calendar; charset=utf-8"
    try:
        return json.dumps(json.loads(text)).encode(), "application/json"
    except (ValueError, RecursionError) as error:
        message = f"What follows --data is not JSON: {error}."
        raise InputError(message, details=[FieldError("--data", message)]) from error


def _asked(session: Session, method: str, path: str, body: tuple[bytes, str] | None) -> tuple[int, Mapping[str, Any]]:
    """Ask the sandbox of the chosen profile, else one on its own, else the demo's; a file may outlive its sandbox."""
    for name in [session.profile] if session.profile is not None else list(ProfileName):
        found = session.host.sandbox_control(name)
        if found is None:
            continue
        try:
            return _answer(found, method, path, body)
        except ConnectionRefusedError:
            continue
    raise Unreachable(
        "No sandbox is running.", fix="Start one with `kalends sandbox`, or the demo with `kalends demo`."
    )


def _answer(found: Running, method: str, path: str, body: tuple[bytes, str] | None) -> tuple[int, Mapping[str, Any]]:
    address = urlsplit(found.url)
    headers = {"Authorization": f"Bearer {found.token}"}
    if body is not None:
        headers["Content-Type"] = body[1]
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, quote(path, safe=_SAFE), body=None if body is None else body[0], headers=headers)
        response = connection.getresponse()
        content = response.read()
    except ConnectionRefusedError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable("The sandbox does not answer.", fix="Start it anew with `kalends sandbox`.") from error
    finally:
        connection.close()
    try:
        answer = json.loads(content) if content else {}
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("What answers at the sandbox's address is no sandbox.")
    return response.status, answer
