"""The state that both emulated services share: clock, storage, accounts, change numbers, planted failures, switches.

In memory the truth is plain dictionaries kept by each service; `Storage` is written through, one transaction a
request, before the answer leaves. Single-threaded: everything is called from the event loop that serves the sandbox.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from starlette.types import ASGIApp

from app.sandbox.faults import Faults, Invitation, RequestLog, SandboxInputError
from app.sandbox.mail import EmulatedMail

DEFAULT_RANDOM_SEED: Final = 20260309
STORAGE_VERSION: Final = 1
_LARGEST: Final = 10**9
"""Of a switch that is a number: as seconds thirty years, so that no moment runs out of the calendar."""


class Storage:
    """A write-through key/value store of JSON objects on SQLite.

    Writes are collected in one transaction until `commit`, which the middleware calls before a response starts.
    `synchronous=OFF` is enough against the death of the process: committed pages are in the kernel's hands. It is no
    protection against power loss.

    Args:
        path: the file, made when missing; None keeps everything until `close` in a database that SQLite holds in
            memory, but for what is too much for that (a nameless file that is gone with the process).

    Raises:
        SandboxInputError: the file is not a sandbox's, or from a newer version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._held = False
        self.lasting = path is not None
        """Whether anything outlives the process; without, what is kept elsewhere in memory need not be put here."""
        try:
            if path is not None and not path.exists():
                # A person's own events may come to lie in it.
                path.touch(mode=0o600)
            # The demo makes the sandbox on one thread and serves it on another; never are two using it at once.
            self._db = sqlite3.connect(str(path) if path else "", timeout=1.0, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise SandboxInputError(f"{path} cannot be opened as a sandbox file ({error}).") from error
        try:
            # Held by one process: a second sandbox on the same file would answer from a memory of its own.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            tables = int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
            if version > STORAGE_VERSION or (tables and not version):
                raise SandboxInputError(f"{path} is not a sandbox file of this version; it was left as it is.")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS item (collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
                " PRIMARY KEY (collection, key)) WITHOUT ROWID"
            )
            self._db.execute(f"PRAGMA user_version={STORAGE_VERSION}")
            self._db.commit()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise SandboxInputError(f"{path} cannot be used as a sandbox file ({error}).") from error
        except SandboxInputError:
            self._db.close()
            raise

    def put(self, collection: str, key: str, value: dict[str, Any]) -> None:
        """Store one object, replacing an older one of the same key. Durable after `commit`."""
        self._db.execute(
            "INSERT INTO item VALUES (?,?,?) ON CONFLICT (collection, key) DO UPDATE SET value=excluded.value",
            (collection, key, json.dumps(value, ensure_ascii=False, separators=(",", ":"))),
        )

    def get(self, collection: str, key: str) -> dict[str, Any] | None:
        """One object, or None."""
        row = self._db.execute("SELECT value FROM item WHERE collection=? AND key=?", (collection, key)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def delete(self, collection: str, key: str) -> None:
        """Remove one object; no error when there is none."""
        self._db.execute("DELETE FROM item WHERE collection=? AND key=?", (collection, key))

    def items(self, collection: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every key and object of a collection, by key."""
        query = "SELECT key, value FROM item WHERE collection=? ORDER BY key"
        for key, value in self._db.execute(query, (collection,)):
            yield key, json.loads(value)

    def clear(self) -> None:
        """Remove everything."""
        self._db.execute("DELETE FROM item")

    def commit(self) -> None:
        """Make everything stored so far survive the process; nothing while `held`."""
        if not self._held:
            self._db.commit()

    @contextlib.contextmanager
    def held(self) -> Generator[None, None, None]:
        """Everything stored inside survives the process together or not at all; left by an error, nothing does."""
        self._held = True
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        finally:
            self._held = False
        self._db.commit()

    def close(self) -> None:
        """Commit and close the file."""
        self._db.commit()
        self._db.close()


class Clock:
    """The services' clock: the real one, shifted or stopped at will.

    Args:
        real: where real time comes from; tests give their own.
    """

    def __init__(self, real: Callable[[], datetime] | None = None) -> None:
        self._real = real or (lambda: datetime.now(UTC))
        self.offset = timedelta()

    def now(self) -> datetime:
        """The services' present moment, aware, in UTC."""
        return self._real().astimezone(UTC) + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward, or back with a negative number."""
        self.offset += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Let it be `moment` (aware) now; time goes on from there."""
        if moment.tzinfo is None:
            raise SandboxInputError("The clock needs a moment with an offset.")
        self.offset = moment.astimezone(UTC) - self._real().astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account at a provider. `subject` is the stable id that an id_token names."""

    provider: str
    email: str
    display_name: str
    subject: str
    time_zone: str
    password_changed_at: str | None = None
    testing_mode: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """One point where the real service's behaviour is unverified: its value, the values allowed, what it means."""

    name: str
    value: Any
    allowed: tuple[Any, ...]
    meaning: str


class Behaviour:
    """The switches for every UNVERIFIED point. A service declares its own when it is made."""

    def __init__(self) -> None:
        self._switches: dict[str, Switch] = {}

    def declare(self, name: str, default: Any, allowed: tuple[Any, ...], meaning: str) -> None:
        """Add a switch, e.g. `google.restore_by_patch`; a value set earlier stays."""
        if name not in self._switches:
            self._switches[name] = Switch(name, default, allowed, meaning)

    def __getitem__(self, name: str) -> Any:
        return self._switches[name].value

    def set(self, name: str, value: Any) -> None:
        """Turn a switch.

        Raises:
            SandboxInputError: no such switch, or no such value.
        """
        self.check(name, value)
        self._switches[name] = replace(self._switches[name], value=value)

    def check(self, name: str, value: Any) -> None:
        """Whether a switch can be turned so.

        Raises:
            SandboxInputError: no such switch, or no such value.
        """
        switch = self._switches.get(name)
        if switch is None:
            raise SandboxInputError(f"There is no switch {name!r}.")
        if switch.allowed:
            if not any(value == known and type(value) is type(known) for known in switch.allowed):
                raise SandboxInputError(f"Switch {name!r} takes one of {list(switch.allowed)}, not {value!r}.")
        elif isinstance(switch.value, int | float) and not isinstance(switch.value, bool):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= _LARGEST:
                raise SandboxInputError(f"Switch {name!r} takes a number from 0 to {_LARGEST}, not {value!r}.")
        elif type(value) is not type(switch.value):
            kind = type(switch.value).__name__
            raise SandboxInputError(f"Switch {name!r} takes a value of the type {kind}, not {value!r}.")

    def as_dict(self) -> dict[str, Any]:
        """Every switch with its value, as the control API shows it."""
        return {
            switch.name: {"value": switch.value, "allowed": list(switch.allowed), "meaning": switch.meaning}
            for switch in self._switches.values()
        }


class Outbox:
    """Every invitation or notice that the real service would have sent."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._items = [
            Invitation(**{**row, "at": datetime.fromisoformat(row["at"]), "recipients": tuple(row["recipients"])})
            for _, row in storage.items("outbox")
        ]

    def add(self, provider: str, kind: str, calendar_id: str, event_id: str, title: str, recipients: list[str]) -> None:
        """Record one mail; without recipients nothing would have been sent, so nothing is recorded."""
        if not recipients:
            return
        item = Invitation(self._clock.now(), provider, kind, calendar_id, event_id, title, tuple(recipients))
        self._storage.put("outbox", f"{len(self._items):09d}", item.as_dict())
        self._items.append(item)

    def all(self) -> list[Invitation]:
        """Every recorded mail, oldest first."""
        return list(self._items)


class World:
    """All that the emulated services share.

    Args:
        storage: where state is kept; an existing file is continued.
        random_seed: ids follow from it; the same seed and the same requests give the same ids.
        clock: the services' clock; its offset is restored from the storage.
    """

    def __init__(
        self, storage: Storage | None = None, random_seed: int = DEFAULT_RANDOM_SEED, clock: Clock | None = None
    ) -> None:
        self.storage = storage or Storage()
        self.clock = clock or Clock()
        meta = self.storage.get("meta", "world") or {}
        self.random_seed = int(meta.get("random_seed", random_seed))
        self._change = int(meta.get("change", 0))
        # Each opening draws from a stream of its own: repeating the first one would hand out ids that are already
        # taken.
        self._openings = int(meta.get("openings", 0)) + 1
        self.clock.offset += timedelta(seconds=float(meta.get("clock_offset_seconds", 0.0)))
        self.random = Random(f"{self.random_seed}:{self._openings}")
        self.behaviour = Behaviour()
        self.faults = Faults(Random(f"faults:{self.random_seed}:{self._openings}"))
        self.requests = RequestLog()
        self.outbox = Outbox(self.storage, self.clock)
        self.accounts: dict[str, Account] = {key: Account(**row) for key, row in self.storage.items("accounts")}
        self.is_new = not meta
        # Not committed here: a process that dies while it seeds leaves a file that counts as new.
        self._save()

    def change(self) -> int:
        """The next change number: grows by one at every call, never repeats, survives a restart."""
        self._change += 1
        self._save()
        return self._change

    @property
    def last_change(self) -> int:
        """The number given out last."""
        return self._change

    def put_account(self, account: Account) -> None:
        """Add or replace an account, keyed by its address in lower case."""
        self.accounts[account.email.lower()] = account
        self.storage.put("accounts", account.email.lower(), asdict(account))

    def account(self, email: str) -> Account | None:
        """The account of that address, in any case of letters."""
        return self.accounts.get(email.lower())

    def remove_account(self, email: str) -> None:
        """Forget an account; its calendars are the service's own business."""
        self.accounts.pop(email.lower(), None)
        self.storage.delete("accounts", email.lower())

    def new_id(self, length: int, alphabet: str) -> str:
        """A fresh id of `length` characters from `alphabet`, following from the random seed."""
        return "".join(self.random.choices(alphabet, k=length))

    def secret(self, prefix: str = "", size_bytes: int = 32) -> str:
        """A token or code nobody can guess. Not seeded: a person's own calendar may lie in the sandbox."""
        return prefix + secrets.token_urlsafe(size_bytes)

    def commit(self) -> None:
        """Make everything done so far survive the process; called before each answer."""
        self.storage.commit()

    def save_clock(self) -> None:
        """Keep the clock's shift over a restart; called after it was turned."""
        self._save()

    def _save(self) -> None:
        self.storage.put(
            "meta",
            "world",
            {
                "random_seed": self.random_seed,
                "change": self._change,
                "openings": self._openings,
                "clock_offset_seconds": self.clock.offset.total_seconds(),
            },
        )


class EmulatedProvider(Protocol):
    """What the control API and the server need of `Google(world)` and `Microsoft(world)`.

    Each loads its own state from `world.storage` when made. Event dictionaries are in the sandbox's domain shape:
    `title`, `start`, `end` (local wall time without offset, or dates when `all_day`), `all_day`, `time_zone`, and
    optionally `id`, `rrule`, `exceptions`, `description`, `html`, `location`, `status`, `response`, `attendees`,
    `busy`, `visibility`, `kind`. These actions are the user's own, beside any token: they never check scopes, and
    raise `SandboxInputError` (or its kin `KeyError` for an unknown calendar or event id).
    """

    name: str
    app: ASGIApp
    """The service, wrapped in `Loopback(Observed(Recorded(router)))` of `middleware.py` and `observing.py`."""

    @property
    def mail(self) -> EmulatedMail:
        """The mailboxes of the same accounts."""
        ...

    def seed_account(self, spec: dict[str, Any]) -> Account:
        """Make an account from `{"email", "display_name"?, "time_zone"?, "calendars": […]}`.

        A calendar is `{"name", "id"?, "primary"?, "role"?, "time_zone"?, "events"?: […]}`; `role` is `owner`
        (default), `writer`, `reader` or `freeBusyReader`; `primary` marks the default calendar.
        """
        ...

    def delete_account(self, email: str) -> None:
        """Remove an account with its calendars and tokens."""
        ...

    def calendars(self, email: str) -> list[dict[str, Any]]:
        """`[{"id", "name", "role", "primary"}]` of one account."""
        ...

    def has_calendar(self, calendar_id: str) -> bool:
        """Whether that calendar is one of this service's."""
        ...

    def set_role(self, calendar_id: str, role: str) -> None:
        """Give the owner of the list entry another role on it (`owner`, `writer`, `reader`, `freeBusyReader`)."""
        ...

    def list_events(self, calendar_id: str) -> list[dict[str, Any]]:
        """Every live single event and series of a calendar, series with their exceptions."""
        ...

    def create_event(self, calendar_id: str, event: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who makes an event; returns it with its `id`."""
        ...

    def patch_event(self, calendar_id: str, event_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Act as the user who changes an event; only the fields given change."""
        ...

    def delete_event(self, calendar_id: str, event_id: str) -> None:
        """Act as the user who deletes an event, a series or one occurrence."""
        ...

    def move_event(self, calendar_id: str, event_id: str, target_id: str) -> dict[str, Any]:
        """Act as the user who moves an event or a series to another of their calendars."""
        ...

    def split_event(self, calendar_id: str, event_id: str, at: str, changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Act as the user who changes one occurrence, named by its original start, and all that follow.

        Returns:
            The series that ends before it, and the new one that begins with it.
        """
        ...

    def respond(self, calendar_id: str, event_id: str, response: str, email: str | None = None) -> dict[str, Any]:
        """Act as the user who answers an invitation, or as the guest of that address who answers the user's."""
        ...

    def issue_tokens(self, email: str, scopes: list[str] | None, lifetime_seconds: int) -> dict[str, Any]:
        """`{"access_token", "refresh_token", "expires_in"}` without a browser; all scopes when None."""
        ...

    def expire_access(self, email: str) -> None:
        """Every access token of the account is expired from now on; refresh tokens go on working."""
        ...

    def revoke(self, email: str) -> None:
        """The person took the permission back: access and refresh tokens die."""
        ...

    def change_password(self, email: str) -> None:
        """The person changed the password, with what the service does to tokens then."""
        ...

    def challenge(self, email: str) -> None:
        """Something critical happened: able clients must come back with the claims they are told.

        Raises:
            SandboxInputError: this service does not know such challenges.
        """
        ...

    def kill_cursors(self, calendar_id: str | None = None) -> None:
        """Every sync position handed out so far, of one calendar or of all, is answered 410 from now on."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything, in the service's own wire shape, for oracles."""
        ...
