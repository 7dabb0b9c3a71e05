"""Every single fault at every await and every commit of a scenario, and every pair of them: none breaks a promise.

A first playing counts the points; then each is played with each kind of fault that can strike there. The second fault
of a pair is counted in the playing that the first one struck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.domain.errors import UnavailableError
from app.domain.links import Intent, Outcome, Result
from tests.simulation.hands import Hands
from tests.simulation.history import History
from tests.simulation.machine import Machine
from tests.simulation.oracle import Violation
from tests.simulation.scenarios import Scenario
from tests.simulation.services import LateError, SimCalendar

Fault = tuple[int, str]
"""The number of a point, and what happens there."""

KINDS: dict[str, tuple[str, ...]] = {
    "changes": ("lost", "cursor_dies", "empty"),
    "marked": ("lost",),
    "read": ("lost", "unanswered"),
    "write": ("lost", "late", "throttled", "refused"),
    "answer": ("lost",),
    "commit": ("before", "after"),
    "await": ("dies_and_it_arrives", "dies_and_it_is_lost"),
}
"""What can go wrong at each kind of point."""


@dataclass
class Faults:
    """Counts points, and strikes at those that were chosen."""

    chosen: Sequence[Fault] = ()
    points: list[str] = field(default_factory=list)
    struck: int = 0
    counting: bool = False

    def at(self, point: str) -> str:
        """One more point. Returns what happens there, empty for nothing."""
        if not self.counting:
            return ""
        number = len(self.points)
        self.points.append(point)
        for at, kind in self.chosen:
            if at == number and kind in KINDS[point]:
                self.struck += 1
                return kind
        return ""


class StruckHistory(History):
    """A scenario, played with these faults. `play` raises Violation."""

    def __init__(self, scenario: Scenario, chosen: Sequence[Fault] = ()) -> None:
        super().__init__(scenario.plan())
        self.faults = Faults(chosen)
        self._scenario = scenario
        self._hands = Hands(self.people, self.calendars)
        self._spoilt: dict[str, str] = {}
        self._undoing = False
        for name, calendar in self.calendars.items():
            calendar.script.before = partial(self._before, name, calendar)
            calendar.script.after = self._after
            calendar.script.verdict = partial(self._verdict, name)

    def play(self) -> None:
        """The whole story. Raises Violation."""
        try:
            self._tell_time()
            for stage in self._scenario.stages:
                for act in stage:
                    self._act(act)
                for machine in self.machines:
                    self._run(machine)
                    self.oracle.never()
            self.no_mass_loss()
            self._calm()
        finally:
            for machine in self.machines:
                machine.kill()

    def _act(self, name: str) -> None:
        if name == "days":
            self.clock.advance(days=2)
        elif name == "forget":
            self.machines[0].forget()
        elif name == "undo":
            self._undoing = True
        elif self.people.begin():
            for actor in (self.people, self._hands):
                act = getattr(actor, name, None)
                if act is not None:
                    act()
        self.clock.advance(minutes=3)
        self._tell_time()

    def _run(self, machine: Machine) -> None:
        runs = machine.written_runs()
        if self._undoing and runs:
            run_id, direction_id = runs[-1]
            self.people.notes.free |= set(machine.originals_of(run_id, direction_id))
            machine.undo(run_id, direction_id)
        else:
            machine.start()
        self._undoing = False
        self.faults.counting = True
        machine.database.watch = lambda: self.faults.at("commit")
        while self._step(machine):
            dies = self.faults.at("await")
            if dies:
                for flight in [f for c in self.calendars.values() for f in c.flights]:
                    if dies == "dies_and_it_arrives":
                        flight.arrive()
                    elif flight.outcomes is None:
                        flight.outcomes = []
                machine.kill()
                break
        self.faults.counting = False
        machine.database.watch = str
        self.clock.advance(minutes=1)
        for calendar in self.calendars.values():
            for flight in calendar.arrivals():
                flight.arrive()
            calendar.script.unanswered = set()

    # -- what the services do ------------------------------------------------------------------------------------------

    def _before(self, name: str, calendar: SimCalendar, request: str) -> None:
        kind = self.faults.at(request)
        self._spoilt.pop(name, None)
        if kind == "lost":
            raise UnavailableError("It was lost on the way.")
        if kind == "late":
            raise LateError("No answer within a minute.")
        if kind in ("cursor_dies", "empty"):
            calendar.generation += 1
            calendar.script.empty_listing = kind == "empty"
        elif kind == "unanswered":
            calendar.script.unanswered = {event.id for event in calendar.living()}
        elif kind:
            self._spoilt[name] = kind

    def _after(self, _request: str) -> None:
        if self.faults.at("answer"):
            raise UnavailableError("The answer was lost on the way.")

    def _verdict(self, name: str, intent: Intent) -> Outcome | None:
        kind = self._spoilt.get(name)
        if kind == "throttled":
            return Outcome(intent.id, Result.LATER, code="throttled", retry_after_seconds=3600.0)
        if kind == "refused":
            return Outcome(intent.id, Result.REFUSED, code="invalid", message="Not today.")
        return None


def points(scenario: Scenario, chosen: Sequence[Fault] = ()) -> list[str]:
    """The kinds of all points of a playing, in order."""
    history = StruckHistory(scenario, chosen)
    history.play()
    return history.faults.points


def singles(scenario: Scenario) -> Iterator[Fault]:
    """Every fault that can strike a scenario."""
    for number, point in enumerate(points(scenario)):
        for kind in KINDS[point]:
            yield number, kind


def pairs(scenario: Scenario, first: Fault) -> Iterator[tuple[Fault, Fault]]:
    """Every pair that begins with this fault."""
    after = points(scenario, [first])
    for number in range(first[0] + 1, len(after)):
        for kind in KINDS[after[number]]:
            yield first, (number, kind)


def strike(scenario: Scenario, chosen: Sequence[Fault]) -> Violation | None:
    """Play a scenario with these faults. Returns the promise it broke; raises if one of them struck nothing."""
    history = StruckHistory(scenario, chosen)
    try:
        history.play()
    except Violation as broken:
        return broken
    if history.faults.struck != len(chosen):
        raise AssertionError(f"{scenario.name}: of {chosen} only {history.faults.struck} struck")
    return None
