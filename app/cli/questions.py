"""`kalends why`: questions about events and calendars, answered from what was last read."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from app.cli.meeting import meet
from app.cli.output import plain
from app.cli.session import JsonOption, ProfileOption, given, known_form, session_of
from app.domain.errors import InputError, NotFoundError


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.command(
        "why",
        epilog='\b\nExamples:\n  kalends why "Team sync"\n  kalends why --on 2026-03-28\n'
        "  kalends why 4k2n0q8p --pair pair_01J… --json",
    )(why)


def why(
    context: typer.Context,
    event: Annotated[
        str, typer.Argument(metavar="[EVENT]", help="Id of an event in its calendar, or words of its title.")
    ] = "",
    pair: Annotated[str | None, typer.Option("--pair", metavar="ID", help="Only the calendars of a pair.")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="Only events that start on this day.")] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Say why an event is there, or is not: what it is, and what each direction makes of it."""
    session = session_of(context)
    session.expect(as_json, profile)
    query = given(event=event, pair_id=None if pair is None else known_form(pair), on=_day(on))
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/why", query=query)
    if as_json:
        session.out.json(answer)
    else:
        for found in answer["events"]:
            _tell(session.out.text, found)
        if answer["total"] > len(answer["events"]):
            session.out.say(f"{answer['total']} events fit; say more to see the others.")
    if not answer["events"]:
        raise NotFoundError(
            "No event that was last read fits. Kalends knows the calendars of its pairs, within their time window."
        )


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(f"--on: '{text}' is no date. Use one such as 2026-03-28.") from None


def _tell(text: Any, found: dict[str, Any]) -> None:
    when = f", {found['starts_at']}" if found["starts_at"] else ""
    gone = {"seen": "", "gone": " (deleted)", "absent": " (was not seen at the last full read)"}[found["seen"]]
    text(f"{plain(found['title'] or found['event_id'])}{when}, in {plain(found['calendar_name'])}{gone}")
    text(f"  {found['sentence']}")
    for way in found["directions"]:
        text(
            f"  {plain(way['from'])} → {plain(way['to'])} (pair {way['pair_id']}, original {plain(way['original_id'])})"
        )
        for one in way["now"]:
            occurrence = f" [{one['occurrence']}]" if one["occurrence"] else ""
            text(f"    now: {one['action']}{occurrence}: {one['sentence']} ({one['reason']})")
        for link in way["links"]:
            occurrence = f" [{link['occurrence']}]" if link["occurrence"] else ""
            reason = f": {link['sentence']}" if link["sentence"] else ""
            text(f"    link: {link['state']}{occurrence}{reason}")
        for write in way["writes"]:
            text(f"    written: {write['at']} {write['action']}, {write['state']} ({write['run_id']})")
        again = way["looked_at_again_at"] or way["next_run_at"]
        text(f"    looked at again: {again or 'when it, its copy or the settings change'}")
