"""Which IANA zone a TZID means (`providers.md` §10.4): IANA name, Windows name, X-LIC-LOCATION, or how its VTIMEZONE
behaves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
from tzlocal.windows_tz import win_tz

_PROBES = tuple(datetime(year, month, 15, 12, tzinfo=UTC) for year in (2024, 2025, 2026) for month in (1, 4, 7, 10))
_WINDOWS = {name.casefold(): zone for name, zone in (win_tz | WINDOWS_TO_OLSON).items()}
"""Both tables come from CLDR's; either may know zones that the other's version does not."""
_FIXED = {timedelta(hours=hours): f"Etc/GMT{-hours:+d}" for hours in range(-12, 15) if hours}
_LIKELY_FIRST = ("Europe/", "America/", "Asia/", "Australia/", "Africa/", "Pacific/", "Atlantic/", "Indian/")


def resolve(tzid: str, locations: Mapping[str, str], described: Mapping[str, tzinfo]) -> str | None:
    """The IANA zone for a TZID, None when nothing tells.

    Args:
        locations: X-LIC-LOCATION of the file's VTIMEZONEs by TZID.
        described: the file's own VTIMEZONEs by TZID.
    """
    for name in (*_without_vendor(tzid), locations.get(tzid, "")):
        if name and _exists(name):
            return name
    windows = _WINDOWS.get(tzid.strip().casefold())
    if windows is not None and _exists(windows):
        return windows
    own = described.get(tzid)
    return _behaves_like(tuple(_offset(own, probe) for probe in _PROBES)) if own is not None else None


def _without_vendor(tzid: str) -> Iterable[str]:
    """The name, and what is left of a globally unique one (RFC 5545 §3.8.3.1) without its first parts: of
    `/example.org/20070129_1/America/New_York` in the end `America/New_York`."""
    yield tzid
    parts = [part for part in tzid.split("/") if part]
    if tzid.startswith("/"):
        yield from ("/".join(parts[number:]) for number in range(len(parts)))


@cache
def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@cache
def _behaves_like(offsets: tuple[timedelta, ...]) -> str | None:
    """A well-known zone with these offsets at the probes."""
    if len(set(offsets)) == 1:
        return "UTC" if not offsets[0] else _FIXED.get(offsets[0])
    return next((name for name in _by_likelihood(available_timezones()) if _offsets(name) == offsets), None)


def _by_likelihood(names: Iterable[str]) -> list[str]:
    places = {prefix: number for number, prefix in enumerate(_LIKELY_FIRST)}
    known = [name for name in names if name.partition("/")[0] + "/" in places]
    return sorted(known, key=lambda name: (places[name.partition("/")[0] + "/"], name))


@cache
def _offsets(name: str) -> tuple[timedelta, ...]:
    zone = ZoneInfo(name)
    return tuple(_offset(zone, probe) for probe in _PROBES)


def _offset(zone: tzinfo, probe: datetime) -> timedelta:
    return probe.astimezone(zone).utcoffset() or timedelta()
