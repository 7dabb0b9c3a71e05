"""How services fail in a simulation, by a seed of its own. Every strike has a number and may be left out by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from app.domain.errors import UnavailableError
from app.domain.links import Intent, Outcome, Result
from tests.simulation.services import LateError, SimCalendar


@dataclass
class Weather:
    """Faults over calendars. `trouble` is the chance that one request meets a fault."""

    random: Random
    trouble: float
    skipped: frozenset[int] = frozenset()
    poison: str | None = None
    """A title that is refused in every weather."""
    number: int = 0
    struck: list[int] = field(default_factory=list)

    def strikes(self) -> bool:
        """Count one more fault. Returns whether it happens."""
        self.number += 1
        if self.number in self.skipped:
            return False
        self.struck.append(self.number)
        return True

    def at(self, calendar: SimCalendar) -> None:
        """Put this weather over a calendar."""
        calendar.script.before = lambda name: self._before(name, calendar)
        calendar.script.after = lambda name: self._after(name)
        calendar.script.verdict = self._verdict

    def _before(self, name: str, calendar: SimCalendar) -> None:
        chance = self.random.random()
        kind = self.random.choice(("dead_cursor", "unlisted", "empty", "unanswered", "late", "lost", "lost"))
        if chance >= self.trouble or not self.strikes():
            return
        if name == "changes" and kind == "dead_cursor":
            calendar.generation += 1
        elif name == "changes" and kind == "unlisted":
            # The position dies, and the full read that follows lacks something.
            calendar.generation += 1
            living = sorted(event.id for event in calendar.events.values() if not event.gone)
            calendar.script.unlisted = set(self.random.sample(living, min(len(living), 3)))
        elif name == "changes" and kind == "empty":
            # A hiccup: a full read succeeds and lists nothing.
            calendar.generation += 1
            calendar.script.empty_listing = True
        elif kind == "unanswered":
            calendar.script.unlisted = set()
            living = sorted(event.id for event in calendar.living())
            calendar.script.unanswered = {one for one in living if self.random.random() < 0.2}
        elif name == "write" and kind == "late":
            raise LateError("No answer within a minute.")
        else:
            raise UnavailableError("It was lost on the way.")

    def _after(self, name: str) -> None:
        if self.random.random() < self.trouble * 0.6 and self.strikes():
            raise UnavailableError("The answer was lost on the way.")

    def _verdict(self, intent: Intent) -> Outcome | None:
        refused = self.poisoned(intent)
        chance = self.random.random()
        if refused is not None or chance >= self.trouble * 0.3 or not self.strikes():
            return refused
        if chance < self.trouble * 0.1:
            return Outcome(intent.id, Result.REFUSED, code="invalid", message="Not today.")
        wait = 3600.0 if chance < self.trouble * 0.15 else 1.0
        return Outcome(intent.id, Result.LATER, code="throttled", retry_after_seconds=wait)

    def poisoned(self, intent: Intent) -> Outcome | None:
        """The service's no to what it never accepts."""
        draft = intent.draft
        if self.poison is None or draft is None or draft.fields.title != self.poison:
            return None
        return Outcome(intent.id, Result.REFUSED, code="invalid", message="This it never accepts.")

    def clear_up(self, calendar: SimCalendar) -> None:
        """The service works from now on; only what it never accepts it still refuses."""
        calendar.script.before = calendar.script.after = lambda name: None
        calendar.script.verdict = self.poisoned
        calendar.script.unlisted = set()
        calendar.script.unanswered = set()
        calendar.script.empty_listing = False
        for flight in calendar.arrivals():
            flight.arrive()
        # What a listing left out for good is found by reading everything once more, as the daily audit does.
        calendar.generation += 1
