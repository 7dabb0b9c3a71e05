"""The demo's accounts and events: a plausible person's weeks around today, in the sandbox's domain shape.

Pure: the same day and random seed give the same seed. What the events have in common with real calendars is their
variety; names and addresses are made up (example.com, example.net and example.org belong to nobody, RFC 2606).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.sandbox.seed_mail import home_mail, work_mail

Event = dict[str, Any]

GOOGLE_EMAIL: Final = "ana.work@example.com"
MICROSOFT_EMAIL: Final = "ana.home@example.net"
BERLIN: Final = "Europe/Berlin"
NEW_YORK: Final = "America/New_York"


def demo_seed(now: datetime, random_seed: int) -> dict[str, Any]:
    """Both accounts with their calendars.

    Args:
        now: the services' present moment, aware; its day in Berlin is the middle of the events.
        random_seed: chooses among names and rooms.

    Returns:
        A seed as `Sandbox` takes it.
    """
    today = now.astimezone(ZoneInfo(BERLIN)).date()
    monday = today - timedelta(days=today.weekday())
    random = Random(f"seed:{random_seed}:{today.isoformat()}")
    return {
        "accounts": [
            {
                "provider": "google",
                "email": GOOGLE_EMAIL,
                "display_name": "Ana Moreau",
                "time_zone": BERLIN,
                "calendars": [
                    {"name": "Work", "primary": True, "events": _work(monday, random)},
                    {"name": "Team", "role": "reader", "events": _team(monday)},
                ],
                "mail": work_mail(GOOGLE_EMAIL, now, Random(f"mail:{random_seed}:{today.isoformat()}")),
            },
            {
                "provider": "microsoft",
                "email": MICROSOFT_EMAIL,
                "display_name": "Ana Moreau",
                "time_zone": BERLIN,
                "calendars": [
                    {"name": "Home", "primary": True, "events": _home(monday)},
                    {"name": "Birthdays", "role": "reader", "events": _birthdays(today)},
                ],
                "mail": home_mail(MICROSOFT_EMAIL, now, Random(f"home mail:{random_seed}:{today.isoformat()}")),
            },
        ]
    }


def _timed(title: str, day: date, at: str, minutes: int, zone: str = BERLIN, **more: Any) -> Event:
    start = datetime.combine(day, time.fromisoformat(at))
    end = start + timedelta(minutes=minutes)
    return {
        "title": title,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "all_day": False,
        "time_zone": zone,
        **more,
    }


def _whole(title: str, day: date, days: int = 1, **more: Any) -> Event:
    return {
        "title": title,
        "start": day.isoformat(),
        "end": (day + timedelta(days=days)).isoformat(),
        "all_day": True,
        **more,
    }


def _work(monday: date, random: Random) -> list[Event]:
    return [*_series(monday), *_this_week(monday, random), *_around(monday, random), *_special(monday)]


def _series(monday: date) -> list[Event]:
    """Every kind of series, with moved and cancelled occurrences."""
    tuesday = monday - timedelta(weeks=6) + timedelta(days=1)
    moved, gone = tuesday + timedelta(weeks=7), tuesday + timedelta(weeks=8)
    daily = monday - timedelta(weeks=3)
    board = [_second_tuesday(monday, months) for months in range(-2, 3)]
    thursday = monday - timedelta(weeks=10) + timedelta(days=3)
    return [
        _timed(
            "Team sync",
            tuesday,
            "10:00",
            45,
            rrule=["RRULE:FREQ=WEEKLY;BYDAY=TU"],
            location="Room Spree",
            exceptions=[
                {
                    "original_start": f"{moved}T10:00:00",
                    "start": f"{moved + timedelta(days=1)}T14:00:00",
                    "end": f"{moved + timedelta(days=1)}T14:45:00",
                    "title": "Team sync (moved: all-hands)",
                },
                {"original_start": f"{gone}T10:00:00", "cancelled": True},
            ],
        ),
        _timed(
            "Stand-up",
            daily,
            "09:15",
            15,
            rrule=["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"],
            exceptions=[
                {"original_start": f"{monday + timedelta(days=4)}T09:15:00", "cancelled": True},
                {
                    "original_start": f"{monday + timedelta(days=7)}T09:15:00",
                    "start": f"{monday + timedelta(days=7)}T09:45:00",
                    "end": f"{monday + timedelta(days=7)}T10:00:00",
                },
            ],
        ),
        _timed(
            "Architecture board",
            board[0],
            "15:00",
            90,
            rrule=["RRULE:FREQ=MONTHLY;BYDAY=2TU"],
            description="Agenda: https://wiki.example.com/board",
            exceptions=[
                {
                    "original_start": f"{board[3]}T15:00:00",
                    "start": f"{board[3] + timedelta(days=2)}T15:00:00",
                    "end": f"{board[3] + timedelta(days=2)}T16:30:00",
                },
                {"original_start": f"{board[4]}T15:00:00", "cancelled": True},
            ],
        ),
        _timed(
            "New York catch-up",
            thursday,
            "10:00",
            30,
            NEW_YORK,
            rrule=["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TH"],
            description="Ten o'clock over there.",
        ),
        _whole(
            "Company birthday",
            _years_before(monday + timedelta(days=9), 2),
            rrule=["RRULE:FREQ=YEARLY"],
            busy="free",
        ),
    ]


def _this_week(monday: date, random: Random) -> list[Event]:
    names = random.sample(["Priya", "Jonas", "Lucía", "Tomasz", "Mei", "Karim"], 3)
    rooms = random.sample(["Room Havel", "Room Panke", "Room Dahme", "Booth 2"], 3)
    day = [monday + timedelta(days=offset) for offset in range(7)]
    return [
        _timed(f"1:1 with {names[0]}", day[0], "11:00", 30, location=rooms[0]),
        _timed("Quarterly planning", day[0], "13:30", 120, location=rooms[1], description="Bring numbers for Q-1."),
        _timed("Lunch with Sofia 🍜", day[1], "12:30", 60, location="Kantine am Ufer"),
        _timed(
            "Contract review",
            day[1],
            "16:00",
            45,
            html="<p>Points for <b>legal</b>:</p><ul><li>term of notice</li><li>data &amp; storage</li></ul>",
        ),
        _timed("Therapy", day[2], "08:00", 50, visibility="private"),
        _timed("Interview: backend engineer", day[2], "10:30", 60, location=rooms[2], visibility="confidential"),
        _timed("Vendor demo (maybe)", day[2], "15:00", 60, status="tentative"),
        _timed(
            "Budget round",
            day[3],
            "09:30",
            90,
            response="accepted",
            attendees=[{"email": "jonas.weber@example.org", "name": "Jonas Weber", "response": "tentative"}],
        ),
        _timed("Sales webinar", day[3], "14:00", 60, response="declined"),
        _timed("Customer call Boston", day[3], "11:00", 60, NEW_YORK, location="https://meet.example.com/boston"),
        _timed("Focus: release notes", day[4], "10:00", 120, busy="free"),
        _timed("Release 🚀 go/no-go", day[4], "14:00", 30),
        _timed("Friday drinks 🍻", day[4], "17:30", 90, busy="free", location="Roof"),
        _timed("Reminder: send timesheet", day[4], "16:00", 0),
    ]


def _around(monday: date, random: Random) -> list[Event]:
    def day(offset: int) -> date:
        return monday + timedelta(days=offset)

    change = _nearest_clock_change(monday)
    guest = random.choice(["Hana", "Olu", "Pietro"])
    return [
        _timed(f"Onboarding {guest}", day(-7), "10:00", 90),
        _timed("Retro", day(-4), "15:00", 60, description="What went well, what did not, what puzzles us?"),
        _timed("Car to the garage", day(-5), "07:45", 30, visibility="private"),
        _whole("Offsite Lisbon", day(-11), 3, location="Lisbon", description="Flights are booked."),
        _timed("Pitch New York", day(-13), "14:00", 60, NEW_YORK),
        _timed("Workshop: pricing", day(7), "13:00", 180, response="needsAction"),
        _timed("Board dinner", day(8), "19:00", 180, response="tentative", location="Restaurant Lindenhof"),
        _timed("Dry run", day(9), "09:00", 45),
        _timed("Conference talk", day(10), "11:15", 40, location="Hall 3", description="20 min + Q&A"),
        _whole("Conference", day(9), 3),
        _timed("Call with Tokyo", day(11), "23:30", 60),
        _whole("Day off", day(14), busy="free", visibility="private"),
        _timed("Performance talk", day(15), "16:30", 60, visibility="private"),
        _timed("Night release", day(17), "22:00", 300, description="Over midnight."),
        _whole("Public holiday: office closed", day(21), busy="free"),
        _timed("Handover to New York", day(22), "09:30", 30, NEW_YORK),
        _timed("Train to Vienna 🚆", change - timedelta(days=1), "22:40", 9 * 60 + 20),
    ]


def _special(monday: date) -> list[Event]:
    """Items that are no appointments and which a sync leaves out."""
    return [
        _whole("Home", monday + timedelta(days=2), kind="workingLocation", visibility="public", busy="free"),
        _whole(
            "Priya's birthday",
            _years_before(monday + timedelta(days=5), 30),
            kind="birthday",
            rrule=["RRULE:FREQ=YEARLY"],
            visibility="private",
            busy="free",
        ),
        _timed("Deep work", monday + timedelta(days=3), "16:00", 90, kind="focusTime"),
        _timed("Doctor, out of office", monday + timedelta(days=8), "08:00", 120, kind="outOfOffice"),
    ]


def _team(monday: date) -> list[Event]:
    return [
        _whole("On call: Jonas", monday, 7),
        _whole("On call: Priya", monday + timedelta(days=7), 7),
        _timed("Deployment window", monday + timedelta(days=2), "20:00", 60, rrule=["RRULE:FREQ=WEEKLY;COUNT=8"]),
    ]


def _home(monday: date) -> list[Event]:
    return [
        _timed("Dentist", monday + timedelta(days=1), "08:30", 45, location="Dr. Yıldız"),
        _timed("Dinner with Marta", monday + timedelta(days=4), "19:30", 120),
        _timed("Swimming", monday + timedelta(days=-14), "18:00", 60, rrule=["RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO"]),
        _whole("Weekend at the lake", monday + timedelta(days=12), 2, busy="free"),
    ]


def _birthdays(today: date) -> list[Event]:
    return [
        _whole("Mum's birthday", today + timedelta(days=18), busy="free"),
        _whole("Leo's birthday", today - timedelta(days=6), busy="free"),
    ]


def _second_tuesday(monday: date, months: int) -> date:
    year, month = divmod(monday.year * 12 + monday.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    return first + timedelta(days=(1 - first.weekday()) % 7 + 7)


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28))


def _nearest_clock_change(monday: date) -> date:
    """The day nearest to this week on which Berlin's clocks change."""
    tz = ZoneInfo(BERLIN)

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, time(0), UTC).astimezone(tz).utcoffset()

    for distance in range(400):
        for day in (monday - timedelta(days=distance), monday + timedelta(days=distance)):
            if offset(day) != offset(day + timedelta(days=1)):
                return day
    return monday
