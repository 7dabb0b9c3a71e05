"""Time-zone names as Exchange accepts and prints them: Windows names, and a documented list of IANA names.

It resolves names and converts between instants and wall times; it must not read or format events. The Windows table is
CLDR's, as tzlocal ships it. Reference: Graph ``dateTimeTimeZone`` ("the time zones supported by Windows, as well as the
following time zone names").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz

CUSTOM_ZONE = "tzone://Microsoft/Custom"
UTC_ZONE = "tzone://Microsoft/Utc"

# The list of the dateTimeTimeZone page. Europe/Oslo, for one, is not on it.
ADDITIONAL_ZONES = frozenset(
    """
    Etc/GMT+12 Etc/GMT+11 Pacific/Honolulu America/Anchorage America/Santa_Isabel America/Los_Angeles America/Phoenix
    America/Chihuahua America/Denver America/Guatemala America/Chicago America/Mexico_City America/Regina America/Bogota
    America/New_York America/Indiana/Indianapolis America/Caracas America/Asuncion America/Halifax America/Cuiaba
    America/La_Paz America/Santiago America/St_Johns America/Sao_Paulo America/Argentina/Buenos_Aires America/Cayenne
    America/Godthab America/Montevideo America/Bahia Etc/GMT+2 Atlantic/Azores Atlantic/Cape_Verde Africa/Casablanca
    Etc/GMT Europe/London Atlantic/Reykjavik Europe/Berlin Europe/Budapest Europe/Paris Europe/Warsaw Africa/Lagos
    Africa/Windhoek Europe/Bucharest Asia/Beirut Africa/Cairo Asia/Damascus Africa/Johannesburg Europe/Kyiv Europe/Kiev
    Europe/Istanbul Asia/Jerusalem Asia/Amman Asia/Baghdad Europe/Kaliningrad Asia/Riyadh Africa/Nairobi Asia/Tehran
    Asia/Dubai Asia/Baku Europe/Moscow Indian/Mauritius Asia/Tbilisi Asia/Yerevan Asia/Kabul Asia/Karachi Asia/Tashkent
    Asia/Kolkata Asia/Colombo Asia/Kathmandu Asia/Almaty Asia/Dhaka Asia/Yekaterinburg Asia/Yangon Asia/Rangoon
    Asia/Bangkok Asia/Novosibirsk Asia/Shanghai Asia/Krasnoyarsk Asia/Singapore Australia/Perth Asia/Taipei
    Asia/Ulaanbaatar Asia/Irkutsk Asia/Tokyo Asia/Seoul Australia/Adelaide Australia/Darwin Australia/Brisbane
    Australia/Sydney Pacific/Port_Moresby Australia/Hobart Asia/Yakutsk Pacific/Guadalcanal Asia/Vladivostok
    Pacific/Auckland Etc/GMT-12 Pacific/Fiji Asia/Magadan Pacific/Tongatapu Pacific/Apia Pacific/Kiritimati UTC
    """.split()
)


class UnknownZoneError(ValueError):
    """A zone name that the service does not accept."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One accepted zone: the Windows name that Exchange keeps, and the rules behind it."""

    windows: str
    info: ZoneInfo

    def instant(self, wall: datetime) -> datetime:
        """The moment (UTC) of a naive wall time; in a gap the offset before it counts, in a fold the first pass."""
        return wall.replace(tzinfo=self.info, fold=0).astimezone(UTC)

    def wall(self, instant: datetime) -> datetime:
        """The naive wall time that clocks of this zone show at ``instant``, which is in UTC."""
        if self.windows == "UTC":
            return instant.replace(tzinfo=None)
        return instant.astimezone(self.info).replace(tzinfo=None)


@lru_cache(maxsize=1024)
def resolve(name: str, *, any_iana: bool = False) -> Zone:
    """Find the zone a client named.

    Args:
        name: a Windows name, or an IANA name of the documented list.
        any_iana: accept every IANA name that has a Windows counterpart.

    Raises:
        UnknownZoneError: the name is none of these.
    """
    if name in (UTC_ZONE, "Etc/UTC", "UTC"):
        return Zone("UTC", ZoneInfo("Etc/UTC"))
    if name in win_tz:
        return Zone(name, ZoneInfo(win_tz[name]))
    if name not in ADDITIONAL_ZONES and not any_iana:
        raise UnknownZoneError(name)
    windows = tz_win.get(name)
    if windows is None:
        raise UnknownZoneError(name)
    try:
        return Zone(windows, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownZoneError(name) from error


def windows_names() -> list[str]:
    """Every Windows zone name, in alphabetical order."""
    return sorted(win_tz)
