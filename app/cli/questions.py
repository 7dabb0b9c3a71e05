"""`kalends why` and `kalends free`: questions about events and calendars, answered from what was last read."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Any

import typer

from app.cli.history import event_start
from app.cli.meeting import meet
from app.cli.output import plain
from app.cli.session import JsonOption, ProfileOption, given, known_form, moment, session_of
from app.domain.errors import InputError, NotFoundError


def add_to(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.command(
        "free",
        epilog="\b\nExamples:\n  kalends free --next 2h --between 09:00-18:00\n"
        "  kalends free --from 2026-03-28 --to 2026-03-30 --at-least 30m --json",
    )(free)
    parent.command(
        "why",
        epilog='\b\nExamples:\n  kalends why "Team sync"\n  kalends why --on 2026-03-28\n'
        "  kalends why 4k2n0q8p --pair pair_01J… --json",
    )(why)


def free(
    context: typer.Context,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when on. Default: now.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Until when. Default: a week later.")] = None,
    at_least: Annotated[
        str, typer.Option("--at-least", metavar="LENGTH", help="Leave shorter stretches out: 30m, 2h, 1d.")
    ] = "15m",
    following: Annotated[
        str | None, typer.Option("--next", metavar="LENGTH", help="Only the next stretch of this length.")
    ] = None,
    between: Annotated[
        str | None, typer.Option("--between", metavar="HH:MM-HH:MM", help="Only these hours of a day.")
    ] = None,
    calendar: Annotated[
        list[str] | None, typer.Option("--calendar", metavar="ID", help="Only these calendars (connection ids).")
    ] = None,
    as_json: JsonOption = False,
    profile: ProfileOption = None,
) -> None:
    """Find free time in all your calendars together, as they were last read."""
    session = session_of(context)
    session.expect(as_json, profile)
    hours = _hours(between)
    query = given(
        **{"from": moment("--from", start), "to": moment("--to", end, upper=True)},
        min_seconds=_seconds(following or at_least),
        connection_ids=",".join(known_form(one) for one in calendar) if calendar else None,
        opens=hours[0] if hours else None,
        closes=hours[1] if hours else None,
    )
    with meet(session) as kalends:
        answer = kalends.ask("GET", "/availability", query=query)
    if following is not None:
        answer = {**answer, "free": answer["free"][:1]}
    if as_json:
        session.out.json(answer)
    else:
        rows = [(_local(one["start"]), _local(one["end"]), _length(one)) for one in answer["free"]]
        session.out.table(("FREE FROM", "UNTIL", "LENGTH"), rows, "There is no such free time.")
        as_of = f"as read at {_local(answer['as_of'])}" if answer["as_of"] else "none was read yet"
        session.out.say(f"{len(answer['calendars'])} calendars, {as_of}.")
    if following is not None and not answer["free"]:
        raise NotFoundError("There is no free time of that length in this span.")


def _hours(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    try:
        opens, closes = (time.fromisoformat(part.strip()).isoformat() for part in text.split("-"))
    except ValueError:
        raise InputError(f"--between: '{text}' are no hours. Use some such as 09:00-17:30.") from None
    return opens, closes


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,4})\s*([mhd])", text.strip())
    if found is None:
        raise InputError(f"'{text}' is no length. Use one such as 30m, 2h or 1d.")
    return int(found[1]) * {"m": 60, "h": 3600, "d": 86_400}[found[2]]


def _local(text: str) -> str:
    """A moment by this computer's clock."""
    return datetime.fromisoformat(text).astimezone().strftime("%a %Y-%m-%d %H:%M")


def _length(stretch: dict[str, Any]) -> str:
    length = datetime.fromisoformat(stretch["end"]) - datetime.fromisoformat(stretch["start"])
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


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
    when = f", {event_start(found)}" if found["starts_at"] else ""
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
