"""What makes two versions of an event the same: one hash for each copied field, over one spelling of each value.

Pure. Works on fields in the target's normal form; what counts as equal for time is decided here: instants for singles,
wall clock, zone and rule for series, dates for all-day events (`engine.md` §7, §14; RFC 5545 §3.3.10).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from app.domain.events import Fields, GuestList
from app.domain.identity import digest
from app.domain.times import When, at_midnight, to_wall

WHEN = "when"
TITLE = "title"
TEXT = "text"
PLACE = "place"
AVAILABILITY = "availability"
VISIBILITY = "visibility"
REMINDERS = "reminders"
COLOUR = "colour"

FIELD_NAMES = (WHEN, TITLE, TEXT, PLACE, AVAILABILITY, VISIBILITY, REMINDERS, COLOUR)

LINK = "link"
GUESTS = "guests"

BELOW_NAMES = (LINK, GUESTS)
"""What stands below our line in a copy's text. It follows the original; what a person does there is no edit, and it is
in no base (`engine.md` §14)."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LISTS = {"INTERVAL", "COUNT", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_LISTS |= {"BYHOUR", "BYMINUTE", "BYSECOND"}
_SUB_DAILY = {"HOURLY", "MINUTELY", "SECONDLY"}


def hashes(fields: Fields) -> dict[str, str]:
    """One hash for each copied field, by field name."""
    return {
        WHEN: digest(*_when(fields)),
        TITLE: digest(_text(fields.title)),
        TEXT: digest(_text(fields.text)),
        PLACE: digest(_text(fields.place)),
        AVAILABILITY: digest(fields.availability),
        VISIBILITY: digest(fields.visibility),
        REMINDERS: digest("default" if fields.reminders is None else ",".join(map(str, sorted(fields.reminders)))),
        COLOUR: digest(fields.colour or ""),
    }


def below(fields: Fields) -> dict[str, str]:
    """One hash for each thing that stands below our line in a copy's text, by its name; only for what is there."""
    told = {LINK: digest(fields.link)} if fields.link else {}
    return told | ({GUESTS: guests_hash(fields.guests)} if fields.guests is not None else {})


def guests_hash(guests: GuestList) -> str:
    """Hash of who is on an event."""
    return digest(*guests.names, str(guests.more))


def all_hashes(fields: Fields) -> dict[str, str]:
    """`hashes` and `below` of a copy."""
    return hashes(fields) | below(fields)


def differing(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the fields whose hashes differ, in the order of FIELD_NAMES; a missing hash differs."""
    return tuple(name for name in (*FIELD_NAMES, *BELOW_NAMES) if left.get(name) != right.get(name))


def is_sub_daily(fields: Fields) -> bool:
    """Whether a series can have several occurrences on one date (sub-daily rules, BYHOUR and such, RDATE)."""
    if fields.recurrence is None:
        return False
    for line in fields.recurrence.lines:
        name, _, value = line.partition(":")
        if name.upper().startswith("RDATE"):
            return True
        parts = rule_parts(value)
        if parts.get("FREQ") in _SUB_DAILY or parts.keys() & {"BYHOUR", "BYMINUTE", "BYSECOND"}:
            return True
    return False


def rule_parts(rule: str) -> dict[str, str]:
    """`FREQ=WEEKLY;BYDAY=MO` as a mapping, upper case; parts without `=` are kept with an empty value."""
    parts = {}
    for part in rule.upper().split(";"):
        key, _, value = part.strip().partition("=")
        if key:
            parts[key] = value
    return parts


def canonical_rule(line: str, when: When) -> str:
    """One spelling for rules that mean the same for a series that starts at `when`.

    Defaults are left out, parts that DTSTART implies are written out, UNTIL becomes the local date of the last moment
    it admits (daily and slower rules have at most one occurrence a date).
    """
    name, _, value = line.partition(":")
    if not name.upper().startswith(("RRULE", "EXRULE")):
        return f"{name.upper()}:{','.join(sorted(value.upper().split(',')))}"
    parts = rule_parts(value)
    start = at_midnight(when.start)
    freq = parts.get("FREQ", "")
    for key in _LISTS & parts.keys():
        parts[key] = ",".join(sorted((_number(item) for item in parts[key].split(",")), key=lambda n: (len(n), n)))
    if parts.get("INTERVAL", "1") in ("0", "1"):
        parts.pop("INTERVAL", None)
    if freq != "WEEKLY" or "INTERVAL" not in parts:
        parts.pop("WKST", None)
    elif parts.get("WKST") == "MO":
        del parts["WKST"]
    if len(parts.get("BYSETPOS", ",").split(",")) == 1 and freq in ("MONTHLY", "YEARLY"):
        day = parts.get("BYDAY", "")
        # With BYMONTH naming several months, a position counts in the year and a weekday's number in each month.
        one_set = freq == "MONTHLY" or "," not in parts.get("BYMONTH", "")
        if (
            one_set
            and day in _WEEKDAYS
            and parts.keys() <= {"FREQ", "INTERVAL", "BYDAY", "BYSETPOS", "BYMONTH", "COUNT", "UNTIL"}
        ):
            parts["BYDAY"] = parts.pop("BYSETPOS") + day
    _write_out_implied(parts, freq, start)
    if "BYDAY" in parts:
        parts["BYDAY"] = ",".join(sorted(d.lstrip("+") for d in parts["BYDAY"].split(",")))
    if "UNTIL" in parts and freq not in _SUB_DAILY:
        parts["UNTIL"] = _until_date(parts["UNTIL"], when)
    return name.upper() + ":" + ";".join(f"{key}={parts[key]}" for key in sorted(parts))


def _number(item: str) -> str:
    """`+07` as `7`; what is no number stays as it is."""
    sign = "-" if item.startswith("-") else ""
    digits = item.lstrip("+-")
    return sign + (digits.lstrip("0") or "0") if digits.isdecimal() else item


def _write_out_implied(parts: dict[str, str], freq: str, start: datetime) -> None:
    by_day = parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}
    if freq == "WEEKLY" and "BYDAY" not in parts:
        parts["BYDAY"] = _WEEKDAYS[start.weekday()]
    elif freq == "MONTHLY" and not by_day:
        parts["BYMONTHDAY"] = str(start.day)
    elif freq == "YEARLY" and not by_day:
        parts.setdefault("BYMONTH", str(start.month))
        parts["BYMONTHDAY"] = str(start.day)


def _until_date(until: str, when: When) -> str:
    try:
        if "T" not in until:
            return until
        moment = datetime.strptime(until.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - UNTIL is UTC or local, told below
    except ValueError:
        return until
    if until.endswith("Z") and when.zone is not None:
        moment = to_wall(moment.replace(tzinfo=UTC), when.zone)
    last = moment.date()
    if not when.all_day and moment.time() < at_midnight(when.start).time():
        last -= timedelta(days=1)
    return last.strftime("%Y%m%d")


def _when(fields: Fields) -> tuple[str, ...]:
    when = fields.when
    if fields.recurrence is not None:
        rules = sorted(canonical_rule(line, when) for line in fields.recurrence.lines)
        return ("series", _spell(when.start), _spell(when.end), when.zone or "", *rules)
    if when.all_day:
        return ("dates", _spell(when.start), _spell(when.end))
    zone = when.zone or "UTC"
    try:
        start, end = when.start_instant(zone), when.end_instant(zone)
    except OverflowError:
        # At the edges of the calendar there is no instant; the wall clock tells as much.
        return ("walls", _spell(when.start), _spell(when.end), zone)
    return ("instants", start.isoformat("T", "minutes"), end.isoformat("T", "minutes"))


def _spell(moment: date | datetime) -> str:
    return moment.isoformat(timespec="minutes") if isinstance(moment, datetime) else moment.isoformat()


def _text(value: str) -> str:
    lines = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()
