"""One seeded history: people act, machines run and die, services fail; then all calms down and must be right.

People, faults and the schedule have seeds of their own, so that one can be changed while the others stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from app.domain.errors import UnavailableError
from app.domain.links import Intent, Outcome, Result
from app.domain.pairs import CopyDeleted, CopyEdited, Direction, DirectionSettings, Mode
from tests.fakes.calendar import GOOGLE_LIKE, FakeCalendar
from tests.fakes.engine_world import HandClock
from tests.simulation.machine import Machine, Topology
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.people import People

ONE_WAY = Topology((("a", "b", Direction.A_TO_B),))
RING = Topology((("a", "b", Direction.A_TO_B), ("a", "c", Direction.B_TO_A), ("b", "c", Direction.A_TO_B)))
BACK_AND_FORTH = Topology((("a", "b", Direction.BIDIRECTIONAL),))
TWO_MACHINES = Topology((("a", "b", Direction.A_TO_B),), machines=2)

STEPS = 160
CALM_RUNS = 8
LOSSES_UNASKED = 5
"""So many originals may lose their copies within a day without a question (fewer than 50 have one)."""


@dataclass
class Weather:
    """How the services fail, by its own seed. `trouble` is the chance that one request meets a fault."""

    random: Random
    trouble: float
    struck: bool = False

    def at(self, calendar: FakeCalendar) -> None:
        """Put this weather over a calendar."""
        calendar.script.before = lambda name: self._lost(name, calendar)
        calendar.script.after = lambda name: self._lost(name, calendar)
        calendar.script.verdict = self._verdict

    def _lost(self, name: str, calendar: FakeCalendar) -> None:
        chance = self.random.random()
        if chance >= self.trouble:
            return
        self.struck = True
        if chance < self.trouble * 0.2 and name == "changes":
            # The position dies, and the full read that follows lacks something.
            calendar.generation += 1
            living = sorted(event.id for event in calendar.living())
            calendar.script.unlisted = set(self.random.sample(living, min(len(living), 3)))
        elif chance < self.trouble * 0.3:
            calendar.script.unlisted = set()
            calendar.script.unanswered = {e.id for e in calendar.living() if self.random.random() < 0.2}
        else:
            raise UnavailableError("It was lost on the way.")

    def _verdict(self, intent: Intent) -> Outcome | None:
        if self.random.random() >= self.trouble * 0.2:
            return None
        self.struck = True
        return Outcome(intent.id, Result.LATER, code="throttled", retry_after_seconds=1.0)

    def clear_up(self, calendar: FakeCalendar) -> None:
        """The service works from now on."""
        calendar.script.before = calendar.script.after = lambda name: None
        calendar.script.verdict = lambda intent: None
        calendar.script.unlisted = set()
        calendar.script.unanswered = set()
        # What a listing left out for good is found by reading everything once more, as the daily audit does.
        calendar.generation += 1


class History:
    """One history. `play` runs it and raises Violation when a promise is broken."""

    def __init__(
        self,
        seed: int,
        topology: Topology = ONE_WAY,
        *,
        trouble: float = 0.06,
        settings: DirectionSettings | None = None,
        burns_ids: bool = True,
        forgets: bool = False,
        retires: bool = False,
    ) -> None:
        self._schedule = Random(f"schedule {seed}")
        self._weather = Weather(Random(f"faults {seed}"), trouble)
        self._forgets = forgets
        self._retires = retires
        self.settings = settings or _settings(Random(f"settings {seed}"))
        capabilities = replace(GOOGLE_LIKE, batch=2, parallel=2, excluded_dates=seed % 3 > 0)
        self.calendars = {
            name: FakeCalendar(capabilities, tells_whole=True, burns_ids=burns_ids, resets_exceptions=seed % 4 == 0)
            for name in topology.calendars
        }
        self.clock = HandClock()
        self.machines = [
            Machine(f"inst{number}", topology, self.calendars, self.settings, self.clock)
            for number in range(topology.machines)
        ]
        directions = tuple(self.machines[0].directions())
        sources = tuple(sorted({direction.source.id.removeprefix("conn_") for direction in directions}))
        self.people = People(Random(f"people {seed}"), self.calendars, sources)
        self.oracle = Oracle(self.calendars, directions, self.people, strict=trouble == 0, forgetful=forgets or retires)

    def play(self) -> None:
        """The whole history. Raises Violation."""
        for _ in range(9):
            self.people.create()
        self._storm()
        self._calm()

    def _storm(self) -> None:
        for calendar in self.calendars.values():
            self._weather.at(calendar)
        for _ in range(STEPS):
            machine = self._schedule.choice(self.machines)
            chance = self._schedule.random()
            if machine.work is None:
                if chance < 0.45:
                    self.people.act()
                elif self._forgets and chance < 0.48:
                    machine.forget()
                else:
                    machine.start()
            elif chance < 0.08:
                self.people.act()
            elif chance < 0.10 and self._weather.trouble:
                self._weather.struck = True
                machine.kill()
            else:
                machine.step()
            self.oracle.never()
        for machine in self.machines:
            machine.kill()
        self._losses()

    def _losses(self) -> None:
        """Without a yes, only a few originals may have lost their copies."""
        for direction in self.oracle.directions:
            name = direction.source.id.removeprefix("conn_")
            live = {event.id for event in self.calendars[name].living()}
            for machine in self.machines:
                lost = machine.database.one(
                    "SELECT count(DISTINCT original_id) FROM journal WHERE direction_id = ? AND op = 'delete' "
                    "AND state = 'applied' AND reason = 'original_gone'",
                    (next(d.id for d in machine.directions() if d.key == direction.key),),
                )
                allowed = max(LOSSES_UNASKED, (len(live) + (lost[0] if lost else 0)) // 5)
                if lost is not None and lost[0] > allowed:
                    raise Violation(f"{lost[0]} originals lost their copies and nobody was asked")

    def _calm(self) -> None:
        for calendar in self.calendars.values():
            self._weather.clear_up(calendar)
        if self._retires:
            # One installation is left alone with what the others did.
            del self.machines[1:]
        for _ in range(CALM_RUNS):
            before = self._writes()
            self._run_all()
            self.oracle.never()
            if self._writes() == before and not self._held():
                break
        else:
            raise Violation(f"not at rest after {CALM_RUNS} runs")
        self.oracle.finally_()
        before = self._writes()
        self._run_all()
        if self._writes() != before:
            raise Violation("a run wrote although nothing had changed")

    def _run_all(self) -> None:
        for machine in self.machines:
            machine.approve()
            machine.start()
            while machine.step():
                pass
            self.clock.advance(hours=1)

    def _held(self) -> int:
        return sum(result.counts.held for machine in self.machines for result in machine.results)

    def _writes(self) -> int:
        return sum(1 for calendar in self.calendars.values() for change in calendar.log if change.by == "kalends")


def _settings(random: Random) -> DirectionSettings:
    return DirectionSettings(
        mode=random.choice((Mode.BLOCKER, Mode.FULL)),
        copy_edited=random.choice((CopyEdited.RESTORE, CopyEdited.RESTORE, CopyEdited.KEEP)),
        copy_deleted=random.choice((CopyDeleted.RESTORE, CopyDeleted.STAY_AWAY)),
    )
