"""Windows and IANA zone names, there and back."""

from __future__ import annotations

import pytest
from tzlocal.windows_tz import win_tz

from app.providers.microsoft import zones


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("Greenwich Standard Time", "Atlantic/Reykjavik"),
        ("UTC", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Europe/Oslo", "Europe/Oslo"),
        ("tzone://Microsoft/Custom", "Asia/Tokyo"),
        ("Customized Time Zone", "Asia/Tokyo"),
        ("Mars/Olympus", "Asia/Tokyo"),
        ("../etc/passwd", "Asia/Tokyo"),
        ("", "Asia/Tokyo"),
        (None, "Asia/Tokyo"),
    ],
)
def test_every_name_leads_to_a_zone_that_exists(name: str | None, iana: str) -> None:
    assert zones.to_iana(name, "Asia/Tokyo") == iana


@pytest.mark.parametrize(
    ("zone", "kept"),
    [
        ("Europe/Oslo", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("GMT", "UTC"),
        ("EST5EDT", "America/New_York"),
        ("Antarctica/Troll", None),
        ("Nowhere/Land", None),
    ],
)
def test_exchange_keeps_the_main_name_of_a_windows_zone(zone: str, kept: str | None) -> None:
    assert zones.canonical(zone) == kept


@pytest.mark.parametrize("windows", sorted(win_tz))
def test_every_windows_zone_comes_back_as_itself(windows: str) -> None:
    iana = zones.to_iana(windows, "UTC")
    assert zones.is_known(iana)
    assert zones.to_windows(iana) == windows


def test_zones_of_one_name_but_other_rules_are_told_apart() -> None:
    assert zones.same_rules("Europe/Oslo", "Europe/Berlin", 2026)
    assert not zones.same_rules("Europe/London", "Atlantic/Reykjavik", 2026)
