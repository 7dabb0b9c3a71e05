"""Times and spans of time, said to a person in their own zone.

Pure: no Qt and no clock; the present comes as an argument. All moments are aware.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

PAUSES = (
    ("30 minutes", timedelta(minutes=30)),
    ("1 hour", timedelta(hours=1)),
    ("4 hours", timedelta(hours=4)),
)
"""The presets of *Pause* with a fixed length; *Until tomorrow 08:00* and *Until I resume* come with them."""


def tomorrow_at_eight(now: datetime) -> datetime:
    """08:00 of the next day in the person's zone, aware; right on days when the clocks change."""
    day = (now.astimezone() + timedelta(days=1)).date()
    return datetime(day.year, day.month, day.day, 8).astimezone()


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in one unit; a dash for never. Both moments are aware."""
    if moment is None:
        return "–"
    seconds = (now - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 22 * 3600:
        return f"{round(seconds / 3600)} h ago"
    return day_and_time(moment, now)


def ahead(moment: datetime | None, now: datetime) -> str:
    """When something comes, in one unit; empty when nothing is planned."""
    if moment is None:
        return ""
    seconds = (moment - now).total_seconds()
    if seconds < 45:
        return "in a moment"
    if seconds < 90 * 60:
        return f"in {max(1, round(seconds / 60))} min"
    return "at " + clock(moment) if _days(moment, now) == 0 else day_and_time(moment, now)


def clock(moment: datetime) -> str:
    """`14:02`, in the person's zone."""
    return moment.astimezone().strftime("%H:%M")


def day_and_time(moment: datetime, now: datetime) -> str:
    """`today 14:02`, `yesterday 09:12`, `Mon 16 Nov 08:00`, with the year when it is another one."""
    days = _days(moment, now)
    local = moment.astimezone()
    named = {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days)
    if named is not None:
        return f"{named} {local:%H:%M}"
    day = f"{local:%a} {local.day} {local:%b}"
    if local.year != now.astimezone().year:
        day += f" {local.year}"
    return f"{day} {local:%H:%M}"


def event_time(start: datetime | None, now: datetime, *, all_day: bool) -> str:
    """When an event starts, `Mon 16 Nov 08:00` or `Mon 16 Nov 2026, all day`; empty when it is not known."""
    if start is None:
        return ""
    if all_day:
        # The date as it was written down: turning its midnight into another zone would name another day.
        return f"{start:%a} {start.day} {start:%b %Y}, all day"
    return day_and_time(start, now)


def days(first: int, last: int, now: datetime) -> tuple[datetime, datetime]:
    """From the begin of one day to the end of another, in the person's zone.

    Args:
        first, last: days before today, 0 for today itself.
    """
    today = now.astimezone().date()
    begin, after = (datetime.combine(today - timedelta(days=ago), time.min) for ago in (first, last - 1))
    return begin.astimezone(), after.astimezone() - timedelta(microseconds=1)


def day(moment: datetime) -> str:
    """`Fri 27 Nov`, in the person's zone: for days some time ahead."""
    local = moment.astimezone()
    return f"{local:%a} {local.day} {local:%b}"


def date_words(value: date) -> str:
    """`Fri 27 Nov 2026`: a date as it was written down."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def _days(moment: datetime, now: datetime) -> int:
    return (moment.astimezone().date() - now.astimezone().date()).days


def duration(milliseconds: int) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`; a dash while there is none."""
    if milliseconds <= 0:
        return "–"
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{max(0.1, seconds):.1f} s"
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def interval(seconds: int) -> str:
    """`15 min`, `1 h`, `1 day`, and what lies between in minutes."""
    for length, unit in ((86_400, "day"), (3600, "h")):
        if seconds >= length and seconds % length == 0:
            number = seconds // length
            return f"{number} {unit}{'s' if unit == 'day' and number != 1 else ''}"
    return f"{round(seconds / 60)} min"


def near(moment: datetime, now: datetime | None) -> str:
    """`14:02` today, `Sat 08:00` within a week, else the day: a time alone would be taken for one of today."""
    local, days = moment.astimezone(), _days(moment, now) if now is not None else 0
    if days == 0:
        return clock(moment)
    return f"{local:%a %H:%M}" if 0 < days < 7 else f"{local.day} {local:%b}"
