"""Which scopes open which method (discovery document `calendar.v3`), and the names of all scopes known."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "https://www.googleapis.com/auth/"

_ALIASES: Final = {"email": f"{PREFIX}userinfo.email", "profile": f"{PREFIX}userinfo.profile"}

IDENTITY: Final = frozenset({"openid", f"{PREFIX}userinfo.email", f"{PREFIX}userinfo.profile"})
"""Scopes without a tick box of their own: they are granted with the sign-in."""

GMAIL: Final = frozenset(
    {"https://mail.google.com/"} | {f"{PREFIX}gmail.{name}" for name in ("readonly", "metadata", "modify", "labels")}
)
"""Scopes whose grant dies when the password is changed."""

_MEANINGS: Final = {
    "calendar": "See, edit, share, and permanently delete all the calendars you can access",
    "calendar.readonly": "See and download any calendar you can access",
    "calendar.events": "View and edit events on all your calendars",
    "calendar.events.readonly": "View events on all your calendars",
    "calendar.events.owned": "View and edit events on calendars you own",
    "calendar.events.owned.readonly": "View events on calendars you own",
    "calendar.events.public.readonly": "View events on public calendars",
    "calendar.events.freebusy": "View availability on calendars you can access",
    "calendar.freebusy": "View your availability in your calendars",
    "calendar.calendarlist": "See, add, and remove calendars you are subscribed to",
    "calendar.calendarlist.readonly": "See the list of calendars you are subscribed to",
    "calendar.calendars": "See and change the properties of calendars you have access to, and create new ones",
    "calendar.calendars.readonly": "See the title, description, time zone and more of calendars you can access",
    "calendar.app.created": "Make secondary calendars, and see, create, change, and delete events on them",
    "calendar.settings": "View and change your calendar settings",
    "calendar.settings.readonly": "View your calendar settings",
    "gmail.readonly": "View your email messages and settings",
    "gmail.metadata": "View your email message metadata such as labels and headers, but not the email body",
    "gmail.modify": "Read, compose, and send emails from your account",
    "gmail.labels": "See and edit your email labels",
    "userinfo.email": "See your primary email address",
    "userinfo.profile": "See your personal info",
}
MEANINGS: Final = {
    **{PREFIX + name: text for name, text in _MEANINGS.items()},
    "openid": "Associate you with your personal info",
    "https://mail.google.com/": "Read, compose, send, and permanently delete all your email",
}
"""What the consent page says about each scope."""


def _full(*names: str) -> frozenset[str]:
    return frozenset(PREFIX + name for name in names)


_WRITE: Final = _full("calendar", "calendar.events", "calendar.events.owned", "calendar.app.created")
_READ: Final = _WRITE | _full(
    "calendar.readonly",
    "calendar.events.readonly",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.events.freebusy",
)
_CALENDARS_WRITE: Final = _full("calendar", "calendar.app.created", "calendar.calendars")

METHODS: Final[dict[str, frozenset[str]]] = {
    "calendarList.list": _full(
        "calendar", "calendar.readonly", "calendar.calendarlist", "calendar.calendarlist.readonly"
    ),
    "calendarList.get": _full(
        "calendar",
        "calendar.readonly",
        "calendar.calendarlist",
        "calendar.calendarlist.readonly",
        "calendar.app.created",
    ),
    "calendars.get": _CALENDARS_WRITE | _full("calendar.readonly", "calendar.calendars.readonly"),
    "calendars.insert": _CALENDARS_WRITE,
    "calendars.delete": _CALENDARS_WRITE,
    "colors.get": _full(
        "calendar",
        "calendar.readonly",
        "calendar.app.created",
        "calendar.calendarlist",
        "calendar.calendarlist.readonly",
        "calendar.events.freebusy",
        "calendar.events.owned",
        "calendar.events.owned.readonly",
        "calendar.events.public.readonly",
    ),
    "settings.list": _full("calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"),
    "settings.get": _full("calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"),
    "events.list": _READ,
    "events.get": _READ,
    "events.instances": _READ,
    "events.insert": _WRITE,
    "events.patch": _WRITE,
    "events.update": _WRITE,
    "events.delete": _WRITE,
    "events.move": _full("calendar", "calendar.events", "calendar.events.owned"),
    "freebusy.query": _full("calendar", "calendar.readonly", "calendar.freebusy", "calendar.events.freebusy"),
}
"""Any one of the scopes opens the method."""

OWNED_ONLY: Final = _full("calendar.events.owned", "calendar.events.owned.readonly")
FREE_BUSY_ONLY: Final = _full("calendar.events.freebusy")
CREATED_ONLY: Final = _full("calendar.app.created")
PUBLIC_ONLY: Final = _full("calendar.events.public.readonly")


def expand(scope: str) -> list[str]:
    """The scopes of a space-separated parameter, in order; short names (`email`) are written out as Google does."""
    return list(dict.fromkeys(_ALIASES.get(name, name) for name in scope.split()))


def is_known(scope: str) -> bool:
    """Whether the service knows a scope (written out)."""
    return scope in MEANINGS
