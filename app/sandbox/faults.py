"""Planted failures of the emulated services, and what their clients asked for.

`Faults` says which failure the next request meets, `RequestLog` remembers what was asked, `Outbox` what invitation
would have been sent. Nothing here touches the network: `middleware.py` carries a fault out.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final

TRANSPORT_KINDS: Final = frozenset(
    {"latency", "reset_before", "reset_after_commit", "truncate", "status", "captive_portal", "gzip", "clock_skew"}
)
"""Kinds that the middleware carries out for every route."""

HANDLER_KINDS: Final = frozenset({"stale", "empty", "token_dead", "duplicate", "reorder"})
"""Kinds that a listing carries out itself: it reads them from `scope["sandbox.faults"]`."""


class SandboxInputError(ValueError):
    """What a caller of the control API or a seed asked for cannot be done. The text is one sentence for a person.

    Args:
        text: the sentence.
        field: which field of what was sent is to blame, e.g. `rrule` or `exceptions.0.start`; None for the whole.
    """

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


@dataclass(slots=True)
class Fault:
    """One planted failure.

    `route` is `METHOD path`, the method possibly `*`, optionally after `google:` or `microsoft:`; in the path `*` and
    `{name}` stand for one segment, `**` for any rest, so that a route as `/requests` shows it can be used as it is.
    `nth` hits only the n-th matching request from now on (1 = the next one), after which the fault is spent; `rate`
    hits that share of requests (0 to 1); with neither every request is hit. `times` ends the fault after that many
    hits.
    """

    id: str
    route: str
    kind: str
    nth: int | None = None
    rate: float | None = None
    times: int | None = None
    seconds: float = 0.0
    status: int = 503
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    retry_after_as: str = "seconds"
    seen: int = 0
    hits: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        return asdict(self)


def route_pattern(route: str) -> tuple[str | None, re.Pattern[str]]:
    """Provider (None: any) and the pattern for `METHOD path` of a fault's route.

    Raises:
        SandboxInputError: it names no route.
    """
    provider: str | None = None
    rest = route.strip()
    if ":" in rest.split(" ", 1)[0]:
        provider, rest = rest.split(":", 1)
        if provider not in ("google", "microsoft"):
            raise SandboxInputError(f"A fault's provider must be google or microsoft, not {provider!r}.", "route")
    method, _, path = rest.strip().partition(" ")
    if not path.startswith(("/", "**")):
        raise SandboxInputError(f"A fault's route must look like 'GET /path', not {route!r}.", "route")
    parts = re.split(r"(\*\*|\*|\{[^/}]*\})", path)
    body = "".join(
        ".*" if part == "**" else "[^/]+" if part == "*" or part.startswith("{") else re.escape(part) for part in parts
    )
    verb = "[A-Z]+" if method == "*" else re.escape(method.upper())
    return provider, re.compile(f"{verb} {body}", re.IGNORECASE)


class Faults:
    """The planted failures, in the order they were planted.

    Chance comes from the random source given, so that one seed gives one history.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults: dict[str, Fault] = {}
        self._patterns: dict[str, tuple[str | None, re.Pattern[str]]] = {}
        self._serial = 0

    def add(self, spec: dict[str, Any]) -> Fault:
        """Plant one failure from its control API form.

        Args:
            spec: `route`, `kind` and the other fields of `Fault` except `id`, `seen`, `hits`.

        Returns:
            The planted fault with its id.

        Raises:
            SandboxInputError: an unknown field or kind, or a value out of range.
        """
        known = {"route", "kind", "nth", "rate", "times", "seconds", "status", "body", "headers"}
        known |= {"retry_after", "retry_after_as"}
        unknown = sorted(set(spec) - known)
        if unknown:
            raise SandboxInputError(f"A fault has no field {unknown[0]!r}.")
        if not isinstance(spec.get("route"), str) or not isinstance(spec.get("kind"), str):
            raise SandboxInputError("A fault needs a route and a kind.")
        if spec["kind"] not in TRANSPORT_KINDS | HANDLER_KINDS:
            raise SandboxInputError(f"There is no fault of kind {spec['kind']!r}.")
        if spec.get("nth") is not None and (not isinstance(spec["nth"], int) or spec["nth"] < 1):
            raise SandboxInputError("A fault's nth counts from 1.")
        if spec.get("rate") is not None and not 0 <= float(spec["rate"]) <= 1:
            raise SandboxInputError("A fault's rate lies between 0 and 1.")
        pattern = route_pattern(spec["route"])
        self._serial += 1
        fault = Fault(id=f"fault{self._serial}", **spec)
        self._faults[fault.id] = fault
        self._patterns[fault.id] = pattern
        return fault

    def all(self) -> list[Fault]:
        """Every planted fault, spent ones too, so that a test sees how often each was met."""
        return list(self._faults.values())

    def remove(self, fault_id: str) -> bool:
        """Take one fault away; False when there is none of that id."""
        self._patterns.pop(fault_id, None)
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Take every fault away."""
        self._faults.clear()
        self._patterns.clear()

    def take(self, provider: str, method: str, path: str) -> list[Fault]:
        """The faults that this request meets; counts it as seen by each fault whose route matches.

        Args:
            provider: `google` or `microsoft`.
            method: upper-case HTTP method.
            path: decoded path without query.

        Returns:
            Faults to carry out, in the order planted.
        """
        met: list[Fault] = []
        for fault in self._faults.values():
            wanted, pattern = self._patterns[fault.id]
            if wanted not in (None, provider) or not pattern.fullmatch(f"{method} {path}"):
                continue
            fault.seen += 1
            if fault.times is not None and fault.hits >= fault.times:
                continue
            if fault.nth is not None and fault.seen != fault.nth:
                continue
            if fault.rate is not None and self._random.random() >= fault.rate:
                continue
            fault.hits += 1
            met.append(fault)
        return met


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as it was answered. `route` is the path template; `part` marks a sub-request of a batch."""

    at: datetime
    provider: str
    method: str
    route: str
    path: str
    query: str
    status: int | None
    part: bool
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The entry as the control API shows it; `status` null when the connection was dropped unanswered."""
        return {**asdict(self), "at": self.at.isoformat(), "faults": list(self.faults)}


class RequestLog:
    """What the clients asked for: the last 10 000 requests and the count of each route since the last clearing."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=10_000)
        self.counts: Counter[str] = Counter()

    def add(self, entry: LoggedRequest) -> None:
        """Remember one answered request."""
        self._entries.append(entry)
        self.counts[f"{entry.provider}:{entry.method} {entry.route}"] += 1

    def entries(self, provider: str | None = None) -> list[LoggedRequest]:
        """The remembered requests, oldest first, of one provider or of all."""
        return [entry for entry in self._entries if provider in (None, entry.provider)]

    def clear(self) -> None:
        """Forget all of it."""
        self._entries.clear()
        self.counts.clear()


@dataclass(frozen=True, slots=True)
class Invitation:
    """One mail that the real service would have sent: `kind` is `request`, `update`, `cancel` or `reply`."""

    at: datetime
    provider: str
    kind: str
    calendar_id: str
    event_id: str
    title: str
    recipients: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The invitation as the control API shows it and the storage keeps it."""
        return {**asdict(self), "at": self.at.isoformat(), "recipients": list(self.recipients)}
