"""`kalends demo`: calendars in step before any sign-in of one's own. Two sandbox accounts, one pair, one sync."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import application, exits
from app.cli.host import ProfileName
from app.cli.session import JsonOption, Session, session_of
from app.cli.signals import StopSignals, run_to_end
from app.cli.starting import windows
from app.domain.errors import InputError
from app.services import shapes

if TYPE_CHECKING:
    from app.services.core import CoreHandle
    from app.services.demo import DemoReady
    from app.services.views import Imported

SYNC_SECONDS = 300.0

_EXAMPLES = """\b
Examples:
  kalends demo
  kalends demo --headless --once --json
  kalends demo --ics exported.ics"""


def add_to(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("demo", epilog=_EXAMPLES)(demo)


def demo(
    context: typer.Context,
    headless: application.HeadlessOption = None,
    once: Annotated[bool, typer.Option("--once", help="Sync once without windows, then end.")] = False,
    ics: Annotated[
        list[Path] | None,
        typer.Option("--ics", metavar="FILE", help="Put an exported calendar into Work first. May be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try Kalends with a sandbox Google and Microsoft account on this computer. Nothing leaves it."""
    session = session_of(context)
    session.expect(as_json, ProfileName.DEMO)
    files = {str(path): _content(path) for path in ics or ()}
    if headless is None:
        headless = once or as_json or not session.host.has_screen()
    if headless or once:
        raise typer.Exit(run_to_end(lambda signals: _headless(session, signals, files, once=once)))
    if files:
        code = run_to_end(lambda signals: _import(session, signals, files))
        if code:
            raise typer.Exit(code)
    raise typer.Exit(windows(session.host, session.out, ProfileName.DEMO, hidden=False))


def _content(path: Path) -> bytes:
    """A file as it is. Read before anything is started, so that a mistyped name costs nothing."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"Cannot read the calendar file '{path}': {reason}.") from error


async def _headless(session: Session, signals: StopSignals, files: Mapping[str, bytes], *, once: bool) -> int:
    handle = await signals.unless(session.host.open(ProfileName.DEMO, serve=not once, on_quit=signals.quit))
    try:
        code = await signals.unless(_sync(session, handle, files))
        if not once:
            if handle.api_url:
                session.out.say(f"The demo goes on; its API is at {handle.api_url}. Ctrl-C ends it.")
            await signals.wait()
            code = application.stop_code(signals)
    finally:
        await handle.stop()
    return code


async def _sync(session: Session, handle: CoreHandle, files: Mapping[str, bytes]) -> int:
    core = handle.core
    if core.demo is None:
        raise TypeError("the demo profile was opened without its demo")
    ready = await core.demo.prepare(files)
    _tell_skipped(session, ready.imported)
    run = core.demo.sync(ready.pair)
    synced = shapes.trigger_answer(await core.sync.wait(run.id, SYNC_SECONDS))
    answer = {
        "pair_id": ready.pair.pair.id,
        "connections": [shapes.connection(view) for view in core.connections.list()],
        "sync": synced,
        "imported": [shapes.imported(one) for one in ready.imported],
        "api_url": handle.api_url,
        "elapsed_seconds": round(time.monotonic() - session.started, 3),
    }
    if session.out.machine:
        session.out.json(answer)
    else:
        _tell(session, ready, answer)
    return exits.worst([exits.of_run(synced), _imports(ready.imported)])


async def _import(session: Session, signals: StopSignals, files: Mapping[str, bytes]) -> int:
    """Put files into *Work* before the windows start; they sync then."""
    handle = await signals.unless(session.host.open(ProfileName.DEMO, serve=False))
    try:
        if handle.core.demo is None:
            raise TypeError("the demo profile was opened without its demo")
        ready = await signals.unless(handle.core.demo.prepare(files))
        _tell_skipped(session, ready.imported)
    finally:
        await handle.stop()
    return _imports(ready.imported)


def _imports(imported: tuple[Imported, ...]) -> exits.Exit:
    """Files of which nothing at all could be used were not imported; one that could makes the others a remark."""
    return exits.Exit.FAILED if imported and not any(one.events for one in imported) else exits.Exit.DONE


def _tell_skipped(session: Session, imported: tuple[Imported, ...]) -> None:
    for one in imported:
        events = "1 event" if one.events == 1 else f"{one.events} events"
        if one.events:
            session.out.say(f"{one.file}: {events} put into Work.")
        else:
            session.out.say(f"Error: {one.file}: there is no event in it that could be put into Work.")
        for skip in one.skipped:
            named = f"{skip.component} {skip.uid}".strip()
            session.out.say(f"{one.file}: left out {named}: {skip.reason}")


def _tell(session: Session, ready: DemoReady, answer: shapes.Json) -> None:
    synced = answer["sync"]
    names = {"created": "created", "updated": "updated", "deleted": "deleted", "skipped": "left out"}
    counts = ", ".join(f"{synced[f'events_{name}']} {word}" for name, word in names.items())
    session.out.text(f"{ready.pair.a.label} → {ready.pair.b.label}: {synced['status']}")
    session.out.text(f"{synced['events_processed']} events looked at: {counts}")
    for error in synced["errors"]:
        session.out.say(f"Error: {error['message']}")
    session.out.text(f"{answer['elapsed_seconds']:.1f} seconds")
