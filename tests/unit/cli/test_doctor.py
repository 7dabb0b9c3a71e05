"""`kalends doctor`: the checks as JSON or for a person; it fails when one of them does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.domain.checkups import CheckStatus, fail, ok, warn
from app.main import LocalHost
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble


def test_it_prints_every_check_with_its_fix_and_fails_only_when_one_does(kalends: Kalends, host: HostDouble) -> None:
    host.checks = [ok("disk", "Room enough."), warn("sqlite", "Old.", "Take care.")]
    told = kalends("doctor", "--json")
    assert told.code == 0
    assert told.json["checks"] == [
        {"id": "disk", "status": "ok", "summary": "Room enough.", "fix": None},
        {"id": "sqlite", "status": "warn", "summary": "Old.", "fix": "Take care."},
    ]
    host.checks = [*host.checks, fail("vault", "Locked.", "Unlock it.")]
    told = kalends("doctor", "--offline", "--profile", "demo")
    assert told.code == 1
    assert "vault: Unlock it." in told.out
    assert host.calls == [("diagnose", "default", True), ("diagnose", "demo", False)]


def test_the_app_itself_is_looked_at_without_starting_or_making_anything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    host = LocalHost({"KALENDS_HOME": str(home)})
    checks = {one.id: one for one in asyncio.run(host.diagnose("default", network=False))}
    assert {"disk", "sqlite", "database", "app", "api", "screen", "vault", "client:google"} <= checks.keys()
    assert not home.exists()
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("[api]\nport = 'no'\n")
    (check,) = asyncio.run(host.diagnose("default", network=False))
    assert (check.id, check.status) == ("settings", CheckStatus.FAIL)
