"""The demo's mail: some weeks of a plausible person's messages for each account, in the shape of `mail.py`.

Pure: the same day and random seed give the same mail. Names and addresses are made up (RFC 2606).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

Message = dict[str, Any]

_DOT: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_PDF: Final = base64.b64encode(b"%PDF-1.4\n% a page without anything on it\n%%EOF\n").decode()


@dataclass(frozen=True, slots=True)
class _Talk:
    """A conversation: who writes, and what is said, back and forth."""

    other: str
    subject: str
    said: tuple[str, ...]
    first_by_me: bool = False
    days_ago: int = 1
    unread: bool = False
    more: Message = field(default_factory=dict)


_WORK: Final = (
    _Talk(
        "Jonas Weber <jonas.weber@example.com>",
        "Deployment window on Wednesday",
        (
            "Can we move the window to 20:00? Fewer people are on the site by then.",
            "Fine with me. I will tell support.",
            "Thanks! Priya is on call.",
        ),
        days_ago=9,
        more={"labels": ["Projects/Harbour"], "folder": "inbox"},
    ),
    _Talk(
        "Priya Shah <priya.shah@example.com>",
        "Architecture board: agenda",
        ("What would you like to talk about on Tuesday?", "The queue, and who owns it.", "Noted. See you there."),
        days_ago=5,
    ),
    _Talk(
        "Leïla Haddad <leila.haddad@example.org>",
        "Angebot für das neue Büro – Grüße aus Köln",
        ("Anbei das Angebot. Über Rückfragen freue ich mich.",),
        days_ago=4,
        more={
            "attachments": [{"filename": "Angebot Köln.pdf", "content_type": "application/pdf", "base64": _PDF}],
            "flagged": True,
        },
    ),
    _Talk(
        "Tomás Ortega <tomas.ortega@example.net>",
        "Lunch?",
        ("Noodles at one?", "Yes! 🍜"),
        days_ago=2,
    ),
    _Talk(
        "Jonas Weber <jonas.weber@example.com>",
        "Numbers for the review",
        ("I need last month's numbers by Friday. The sheet is attached so far as it goes.",),
        days_ago=1,
        unread=True,
        more={
            "attachments": [
                {"filename": "numbers.csv", "content_type": "text/csv", "text": "month;visits\n1;2041\n2;2210\n"}
            ],
            "labels": ["Projects/Harbour"],
        },
    ),
    _Talk(
        "Mia Roth <mia.roth@example.org>",
        "Reference for Sam",
        ("Would you have ten minutes on the phone this week?",),
        first_by_me=True,
        days_ago=12,
    ),
)
_HOME: Final = (
    _Talk(
        "Marta Novák <marta@example.org>",
        "Dinner on Friday",
        ("Half past seven at ours?", "We will bring the cake.", "Perfect. Leo is so looking forward to it!"),
        days_ago=6,
    ),
    _Talk(
        "Dr. Yıldız <praxis@example.com>",
        "Your appointment on Tuesday",
        ("This is to remind you of your appointment at 08:30.",),
        days_ago=3,
        more={"folder": "Health"},
    ),
    _Talk(
        "Mum <mum@example.net>",
        "Photos from the lake",
        ("Here is the best one. The others come by post, as it should be.", "Lovely! Thank you."),
        days_ago=8,
        more={"attachments": [{"filename": "lake.png", "content_type": "image/png", "base64": _DOT}]},
    ),
    _Talk(
        "Swimming Club <office@club.example>",
        "Hall closed next Monday",
        ("The hall is closed next Monday for repairs. We are sorry.",),
        days_ago=1,
        unread=True,
    ),
    _Talk(
        "City Library <noreply@library.example>",
        "Two books are due",
        ("Two of your books are due in three days.",),
        days_ago=2,
        unread=True,
        more={"categories": ["Green category"]},
    ),
)


def work_mail(email: str, now: datetime, random: Random) -> dict[str, Any]:
    """The mailbox of the account at work.

    Args:
        email: whose.
        now: the services' present moment.
        random: chooses hours and numbers.

    Returns:
        `{"folders", "messages"}`, oldest first.
    """
    box = _Box(email, now, random)
    for talk in _WORK:
        box.talk(talk)
    for weeks in range(1, 9):
        box.newsletter("Field Notes Weekly <notes@letters.example>", f"Field notes #{410 - weeks}", weeks * 7 - 2)
    for number in range(10):
        unread = {"unread": number < 2}
        box.put(
            "CI <ci@builds.example.com>",
            f"Build {2100 + number} {'failed' if number % 4 == 0 else 'passed'}",
            f"Build {2100 + number} of branch main has ended. See the log for more.",
            days_ago=number * 2 + 0.3,
            labels=["Builds"],
            folder="archive",
            **unread,
        )
    box.put(
        "Jonas Weber <jonas.weber@example.com>",
        "Invitation: Retrospective",
        "Jonas Weber invites you to: Retrospective",
        days_ago=3.4,
        invitation=box.invitation("REQUEST", "Retrospective", "jonas.weber@example.com"),
    )
    box.put(
        "Prize Office <winner@prizes.example>",
        "You have WON!!!",
        "Answer within an hour to get your prize.",
        days_ago=5.2,
        folder="junkemail",
    )
    box.put(email, "Thoughts on the queue", "One: who owns it. Two:", days_ago=0.5, folder="drafts", unread=False)
    box.put("Shop <orders@shop.example>", "Sale ends today", "It did.", days_ago=20, folder="deleteditems")
    return {"folders": ["Projects/Harbour", "Builds", "Receipts"], "messages": box.sorted()}


def home_mail(email: str, now: datetime, random: Random) -> dict[str, Any]:
    """The mailbox of the account at home; see `work_mail`."""
    box = _Box(email, now, random)
    for talk in _HOME:
        box.talk(talk)
    for months in range(1, 7):
        box.put(
            "Power & Light <bills@power.example>",
            f"Your bill no. {7300 + months}",
            "Your bill is attached. The amount is taken from your account in two weeks.",
            days_ago=months * 30,
            folder="Receipts/Power",
            unread=False,
            attachments=[{"filename": "bill.pdf", "content_type": "application/pdf", "base64": _PDF}],
        )
    for weeks in range(1, 7):
        box.newsletter("Slow Kitchen <kitchen@letters.example>", f"Soup no. {weeks}", weeks * 7 - 1)
    box.put(
        "Marta Novák <marta@example.org>",
        "Weekend at the lake",
        "Marta Novák has invited you to Weekend at the lake.",
        days_ago=2.6,
        invitation=box.invitation("REQUEST", "Weekend at the lake", "marta@example.org"),
        importance="high",
    )
    box.put(
        "Marta Novák <marta@example.org>",
        "Cancelled: Tennis",
        "It rains all week.",
        days_ago=1.6,
        invitation=box.invitation("CANCEL", "Tennis", "marta@example.org"),
    )
    box.put("Heir <prince@far.example>", "Dear friend", "I have a fortune.", days_ago=9.1, folder="junkemail")
    box.put(email, "Shopping", "Leeks, bread,", days_ago=0.2, folder="drafts", unread=False)
    return {"folders": ["Health", "Receipts", "Receipts/Power"], "messages": box.sorted()}


class _Box:
    """Collects messages.

    Args:
        email: whose they are.
        now: the present moment; its day counts, so that a day has one mailbox.
        random: chooses hours.
    """

    def __init__(self, email: str, now: datetime, random: Random) -> None:
        self._email = email
        day = now.astimezone(ZoneInfo("Europe/Berlin")).date()
        # Yesterday's evening: whenever the day's demo starts, nothing lies in the future.
        self._end = datetime.combine(day, time(0), ZoneInfo("Europe/Berlin")) - timedelta(hours=2)
        self._random = random
        self._messages: list[Message] = []

    def put(self, sender: str, subject: str, text: str, *, days_ago: float, **more: Any) -> str:
        """Add one message; returns its Message-ID."""
        number = len(self._messages)
        at = self._end.astimezone(UTC) - timedelta(days=days_ago, minutes=self._random.randrange(0, 120))
        message_id = f"<{at:%Y%m%d}.{number}@{sender.rpartition('@')[2].rstrip('>')}>"
        row = {
            "from": sender,
            "to": [self._email],
            "subject": subject,
            "text": f"{text}\n",
            "date": at.isoformat(timespec="seconds"),
            "message_id": message_id,
            "unread": False,
            **more,
        }
        self._messages.append(row)
        return message_id

    def talk(self, talk: _Talk) -> None:
        """Add a conversation; what this person says lies among the sent messages."""
        earlier, mine = "", talk.first_by_me
        for number, text in enumerate(talk.said):
            more: Message = dict(talk.more)
            if mine:
                more = {"to": [talk.other], "folder": "sentitems"}
            elif number:
                more.pop("attachments", None)
            if earlier:
                more["in_reply_to"] = earlier
            last = number == len(talk.said) - 1
            sender = f"Ana Moreau <{self._email}>" if mine else talk.other
            subject = f"Re: {talk.subject}" if number else talk.subject
            earlier = self.put(
                sender,
                subject,
                f"{text}\n\n{'Ana' if mine else talk.other.partition(' ')[0]}",
                days_ago=talk.days_ago - number * 0.4,
                **{"unread": talk.unread and last and not mine, **more},
            )
            mine = not mine

    def newsletter(self, sender: str, subject: str, days_ago: int) -> None:
        """Add a letter to many in HTML with a picture in it."""
        list_id = sender.partition("<")[2].rstrip(">").replace("@", ".")
        self.put(
            sender,
            subject,
            "This week: how to wait, and what for.",
            days_ago=days_ago,
            html=f"<html><head><style>p {{ color: #333 }}</style></head><body><h1>{subject}</h1>"
            '<p>This week: how to <b>wait</b>, and what for.</p><img src="cid:dot" alt="">'
            '<p><a href="https://letters.example/stop">Unsubscribe</a></p></body></html>',
            headers={"List-ID": f"<{list_id}>", "List-Unsubscribe": "<https://letters.example/stop>"},
            attachments=[
                {
                    "filename": "dot.png",
                    "content_type": "image/png",
                    "base64": _DOT,
                    "inline": True,
                    "content_id": "dot",
                }
            ],
        )

    def invitation(self, method: str, title: str, organizer: str) -> str:
        """iCalendar text of a meeting next week."""
        start = self._end + timedelta(days=7, hours=12)
        stamp = f"{self._end.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Kalends//sandbox//EN",
            f"METHOD:{method}",
            "BEGIN:VEVENT",
            f"UID:{title.replace(' ', '-').lower()}@meetings.example",
            f"DTSTAMP:{stamp}",
            f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTEND:{(start + timedelta(hours=1)).astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"SUMMARY:{title}",
            f"ORGANIZER:mailto:{organizer}",
            f"ATTENDEE;RSVP=TRUE:mailto:{self._email}",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
        return "\r\n".join(lines)

    def sorted(self) -> list[Message]:
        """What was added, oldest first."""
        return sorted(self._messages, key=lambda row: str(row["date"]))
