"""Whether the database is sound and of this version, and what it says of the accounts. Opens it for reading alone, so
also while the app writes; makes and migrates nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.accounts import AccountStatus
from app.domain.checkups import Check, fail, ok, warn
from app.store.backups import APPLICATION_ID, newest_good_backup, open_to_look
from app.store.cache import cache_path, why_useless
from app.store.codec import instant_from_text
from app.store.opening import MIGRATIONS, migration_names
from app.store.state import DAILY_AUDITS

WAL_SOUND_SINCE = (3, 51, 3)
"""Before, two connections that write or checkpoint at once could corrupt a database in WAL mode."""
ENDS_SOON = timedelta(days=2)

_BACKED_UP = "Quit Kalends and start it again: it keeps the damaged file and reads your calendars anew."


def library(version: tuple[int, int, int] = sqlite3.sqlite_version_info[:3]) -> Check:
    """Whether SQLite itself is one whose journal can be trusted."""
    told = f"SQLite {'.'.join(map(str, version))}"
    if version < WAL_SOUND_SINCE:
        return warn(
            "sqlite",
            f"{told} can damage a database that two programs write at once; Kalends alone writes its own, so it is "
            "safe while nothing else opens it for writing.",
            "Open the database with no other program while Kalends runs; SQLite 3.51.3 mends it.",
        )
    return ok("sqlite", f"{told}.")


def database(path: Path) -> Iterable[Check]:
    """Whether the file is ours, whole, and of a version that this Kalends knows."""
    if not path.exists():
        yield ok("database", "There is no database yet; it is made at the first start.")
        return
    known = len(migration_names(MIGRATIONS))
    try:
        with closing(open_to_look(path)) as connection:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        yield _damaged(path, str(error))
        return
    if application_id != APPLICATION_ID:
        yield fail("database", "The database is not one of Kalends.", f"Move {path} away and start again.")
    elif verdict != "ok":
        yield _damaged(path, verdict)
    else:
        yield ok("database", f"The database is sound ({path.stat().st_size // 1024:,} KB).")
        if version > known:
            told = "The database was written by a newer version of Kalends."
            yield fail("schema", told, "Install that version again, or restore the backup made before the update.")
        elif version < known:
            yield ok("schema", f"The database has version {version}; the next start brings it to {known}.")
        else:
            yield ok("schema", f"The database has version {version}.")


def cache(path: Path) -> Iterable[Check]:
    """Whether the second file can be used; if not, nothing is lost."""
    file = cache_path(path)
    if not file.exists():
        return
    reason = why_useless(file)
    if reason is None:
        size = file.stat().st_size // 1024
        yield ok("cache", f"What was seen of your calendars is sound ({size:,} KB); it can be read anew at any time.")
    else:
        told = f"What was seen of your calendars cannot be used any more: {reason[:200]}"
        yield warn("cache", told, "Quit Kalends and start it again: it reads your calendars anew. Nothing is lost.")


def accounts(path: Path, now: datetime) -> Iterable[Check]:
    """How the sign-ins are doing, by what the last requests said."""
    if not path.exists():
        return
    try:
        with closing(open_to_look(path)) as connection:
            found = connection.execute(
                "SELECT email, provider, status, scopes, problem, expires_at FROM account WHERE removed_at IS NULL "
                "ORDER BY email"
            ).fetchall()
    except sqlite3.Error:
        return  # said by the database's own check
    if not found:
        yield ok("sign_ins", "No account is connected yet.")
    for email, provider, status, scopes, problem, expires_at in found:
        name, check = f"{email} ({provider})", f"sign_in:{email}"
        if status == AccountStatus.CONNECTED:
            ends = instant_from_text(expires_at)
            if ends is not None and ends - now < ENDS_SOON:
                yield warn(check, f"The sign-in of {name} ends soon.", "Sign in again: `kalends accounts reconnect`.")
            else:
                yield ok(check, f"{name} is signed in, with {len(json.loads(scopes))} permissions.")
        elif status == AccountStatus.SIGNED_OUT:
            yield ok(check, f"You signed out of {name}; its sync pairs are paused.")
        elif status == AccountStatus.VAULT_LOCKED:
            yield fail(check, f"{name}: {problem or 'its sign-in cannot be read'}", "Unlock the keyring.")
        elif status == AccountStatus.SCOPE_MISSING:
            fix = "Sign in again with `kalends accounts reconnect` and leave all permissions ticked."
            yield fail(check, f"{name} lacks a permission. {problem or ''}".strip(), fix)
        else:
            told = problem or "The sign-in has ended."
            yield fail(check, f"{name}: {told}", "Sign in again: `kalends accounts reconnect`.")


def audits(path: Path) -> Iterable[Check]:
    """What the last daily audits found: differences between what incremental reads left and a whole listing says."""
    if not path.exists():
        return
    try:
        with closing(open_to_look(path)) as connection:
            found = connection.execute("SELECT value FROM state WHERE key = ?", (DAILY_AUDITS,)).fetchone()
    except sqlite3.Error:
        return  # said by the database's own check
    last = list(json.loads(found[0]).values()) if found is not None else []
    if not last:
        yield ok("audit", "No calendar was audited yet; each is once a day.")
        return
    newest = max(one["at"] for one in last)[:16].replace("T", " ")
    drift = sum(int(one["drift"]) for one in last)
    if drift:
        told = f"The last daily audits (newest {newest} UTC) found {drift:,} differences and put them right."
        yield warn("audit", told, "Please report it: save the log, and look for `audit.drift` in it.")
    else:
        yield ok("audit", f"The last daily audits (newest {newest} UTC) found nothing that had been missed.")


def _damaged(path: Path, verdict: str) -> Check:
    backup = newest_good_backup(path)
    fix = _BACKED_UP if backup is None else f"Quit Kalends and run: kalends backup restore {backup.name}"
    return fail("database", f"The database is damaged: {verdict[:200]}", fix)
