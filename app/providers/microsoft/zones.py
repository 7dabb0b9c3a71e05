"""Zone names between Windows, as Exchange keeps them, and IANA (`providers.md` §5.8). Pure; reads no clock.

Exchange stores Windows names only, so a zone comes back as the main IANA name of its Windows zone (Europe/Oslo as
Europe/Berlin). Whoever writes must know whether that changes the rules: `same_rules` compares the offsets themselves.
Tables: CLDR `windowsZones`, as tzlocal ships them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz

UTC = "UTC"
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Z", "tzone://Microsoft/Utc"})

# Aliases that CLDR's table leaves out.
_MORE_WINDOWS = {
    "GMT": "UTC",
    "EST5EDT": "Eastern Standard Time",
    "CST6CDT": "Central Standard Time",
    "MST7MDT": "Mountain Standard Time",
    "PST8PDT": "Pacific Standard Time",
    "US/East-Indiana": "US Eastern Standard Time",
    "Europe/Uzhgorod": "FLE Standard Time",
    "Europe/Zaporozhye": "FLE Standard Time",
}
_COMPARED_DAYS = 5 * 366
"""How far ahead two zones must agree to count as the same: rules made later than that are not known to anybody."""


@lru_cache(maxsize=1024)
def is_known(name: str) -> bool:
    """Whether `name` is a zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def to_iana(name: str | None, fallback: str) -> str:
    """The IANA zone that Graph means by `name`.

    Args:
        name: a Windows or an IANA name, `tzone://Microsoft/Utc`, or something of no meaning outside its mailbox
            (`tzone://Microsoft/Custom`, `Customized Time Zone`).
        fallback: the mailbox's zone, taken for what has no meaning outside it.
    """
    if not name:
        return fallback
    if name in _UTC_NAMES:
        return UTC
    if name in win_tz:
        return win_tz[name]
    return name if is_known(name) else fallback


def to_windows(zone: str) -> str | None:
    """The Windows zone that holds an IANA zone, None when there is none."""
    if zone in _UTC_NAMES:
        return UTC
    return tz_win.get(zone) or _MORE_WINDOWS.get(zone)


def canonical(zone: str) -> str | None:
    """The IANA name under which Exchange gives a zone back; None when it cannot keep it."""
    windows = to_windows(zone)
    return None if windows is None else to_iana(windows, UTC)


@lru_cache(maxsize=512)
def same_rules(one: str, other: str, year: int) -> bool:
    """Whether two IANA zones show the same offsets on every day of the five years from 1 January of `year`."""
    if one == other:
        return True
    first, second = ZoneInfo(one), ZoneInfo(other)
    noon = datetime(year, 1, 1, 12)  # noqa: DTZ001 - a wall time, read in both zones
    return all(
        (noon + timedelta(days=day)).replace(tzinfo=first).utcoffset()
        == (noon + timedelta(days=day)).replace(tzinfo=second).utcoffset()
        for day in range(_COMPARED_DAYS)
    )
