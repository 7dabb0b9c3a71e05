"""One seeded history: people act, machines run and die, services fail; then all calms down and must be right.

People, faults and the schedule have seeds of their own, so that one can be changed while the others stay.
"""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from app.domain.links import Intent
from app.domain.runs import HoldAnswer
from tests.fakes.engine_world import HandClock
from tests.simulation.hands import Hands
from tests.simulation.machine import Machine
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.people import People
from tests.simulation.plans import GOOGLE, Plan
from tests.simulation.services import SimCalendar
from tests.simulation.weather import Weather

CALM_RUNS = 8
LOSSES_UNASKED = 5
"""So many originals may lose their copies within a day without a question (fewer than 50 have one)."""
FIRST_EVENTS = 9


class History:
    """One history. `play` runs it and raises Violation when a promise is broken."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.weather = Weather(Random(f"faults {plan.seed}"), plan.trouble, plan.skipped_faults, plan.poison)
        topology = plan.topology
        self.calendars = {name: SimCalendar.of(plan.quirks.get(name, GOOGLE)) for name in topology.calendars}
        self.clock = HandClock()
        self.machines = [
            Machine(
                f"inst{number}",
                topology,
                self.calendars,
                plan.settings,
                self.clock,
                plan.minutes_off if number == topology.machines - 1 else 0,
                audits=plan.audits,
                budget=plan.budget,
            )
            for number in range(topology.machines)
        ]
        directions = tuple(self.machines[0].directions())
        sources = tuple(sorted({direction.source.id.removeprefix("conn_") for direction in directions}))
        self.people = People(f"people {plan.seed}", self.calendars, sources, plan.skipped_acts)
        Hands(self.people, self.calendars)
        self.oracle = Oracle(
            self.calendars,
            directions,
            self.people.notes,
            strict=plan.trouble == 0 and topology.machines == 1,
            forgetful=plan.forgets or plan.retires,
            poison=plan.poison,
            lost_state=plan.forgets,
            audits=plan.audits,
            undone=ChainMap(*(machine.undone for machine in self.machines)),
        )
        self._add_choices()
        self._running: Machine | None = None
        self._asked: dict[str, int] = {}
        """Requests to each calendar before the last runs."""
        for calendar in self.calendars.values():
            calendar.sending = self.journaled_first

    def play(self) -> None:
        """The whole history. Raises Violation."""
        try:
            self._tell_time()
            while self.people.number < FIRST_EVENTS:
                if self.people.begin():
                    self.people.create()
            self._storm()
            self._calm()
        finally:
            for machine in self.machines:
                machine.kill()  # no run is left hanging when a promise broke

    # -- what the owner of the pairs does ------------------------------------------------------------------------------

    def _add_choices(self) -> None:
        plan = self.plan
        if plan.changed:
            self.people.more += ((3, self._change_settings),)
        if plan.answers:
            self.people.more += ((4, self._answer),)
        if plan.undoes:
            self.people.more += ((3, self._undo),)

    def _change_settings(self) -> None:
        settings = self.people.random.choice(self.plan.changed)
        for machine in self.machines:
            machine.kill()
            machine.change_settings(settings)
        self.oracle.directions = tuple(self.machines[0].directions())

    def _answer(self) -> None:
        """Yes or no to what is held, each about as often."""
        random = self.people.random
        for machine in self.machines:
            if machine.work is None:
                self.people.notes.free |= set(machine.answer(lambda: random.choice(tuple(HoldAnswer))))

    def _undo(self) -> None:
        """Undo a run, most likely one of the last."""
        random = self.people.random
        machine = random.choice(self.machines)
        runs = machine.written_runs()
        if machine.work is None and runs:
            run_id, direction_id = random.choice(runs[-2:])
            self.people.notes.free |= set(machine.originals_of(run_id, direction_id))
            machine.undo(run_id, direction_id)

    def trace(self) -> str:
        """One hash over everything that was written, by whom and when."""
        told = hashlib.sha256()
        for name, calendar in sorted(self.calendars.items()):
            for change in calendar.log:
                told.update(f"{name} {change.by} {change.what} {change.event_id}\n".encode())
            told.update(repr(sorted(calendar.events.items())).encode())
            told.update(repr(calendar.requests).encode())
        return told.hexdigest()

    def journaled_first(self, intents: Sequence[Intent]) -> None:
        """What is about to be sent is in the journal."""
        if self._running is not None and not self._running.has_journaled(intents):
            raise Violation(6, f"{intents[0].op} of {intents[0].original_id} was sent and is not in the journal")

    def _tell_time(self) -> None:
        for calendar in self.calendars.values():
            calendar.moment = self.clock.now()

    # -- chaos ---------------------------------------------------------------------------------------------------------

    def _storm(self) -> None:
        for calendar in self.calendars.values():
            self.weather.at(calendar)
        for number in range(self.plan.steps):
            self._one_step(Random(f"schedule {self.plan.seed} {number}"))
            self.oracle.never()
        for machine in self.machines:
            machine.kill()
        self.no_mass_loss()

    def _one_step(self, random: Random) -> None:
        self._tell_time()
        machine = random.choice(self.machines)
        chance = random.random()
        if machine.work is None:
            if chance < 0.45:
                self.people.act()
            elif self.plan.forgets and chance < 0.48:
                machine.forget()
            elif chance < 0.50:
                self.clock.advance(hours=random.choice((1, 5, 30)))
            else:
                machine.start()
        elif chance < 0.08:
            self.people.act()
        elif chance < 0.11 and self.plan.trouble:
            if self.weather.strikes():
                machine.kill()
        elif chance < 0.13 and self.plan.trouble:
            if self.weather.strikes():
                database = machine.database
                database.die_at = 2 * database.commits + random.choice((2, 3))
        elif chance < 0.14 and self.plan.stops:
            machine.stopping = True
        elif chance < 0.18:
            self._something_by_itself(random)
        else:
            self._step(machine)

    def _something_by_itself(self, random: Random) -> None:
        """A request arrives, or a service does what it does."""
        calendar = self.calendars[random.choice(sorted(self.calendars))]
        flights = calendar.arrivals()
        if flights and random.random() < 0.7:
            random.choice(flights).arrive()
        elif not calendar.stir(random):
            self.clock.advance(minutes=random.choice((1, 4)))

    def _step(self, machine: Machine) -> bool:
        self._running = machine
        self._tell_time()
        goes_on = machine.step()
        self._running = None
        return goes_on

    def no_mass_loss(self) -> None:
        """Without a yes, only a few originals may have lost their copies in any one day."""
        known = [{one.key: one.id for one in machine.directions()} for machine in self.machines]
        for direction in self.oracle.directions:
            name = direction.source.id.removeprefix("conn_")
            live = {event.id for event in self.calendars[name].living()}
            for machine, ids in zip(self.machines, known, strict=True):
                lost = machine.database.select(
                    "SELECT original_id, max(closed_at) FROM journal WHERE direction_id = ? AND op = 'delete' "
                    "AND state = 'applied' AND reason = 'original_gone' GROUP BY original_id ORDER BY 2",
                    (ids[direction.key],),
                )
                allowed = max(LOSSES_UNASKED, (len(live) + len(lost)) // 5)
                times = [closed_at for original_id, closed_at in lost if original_id not in machine.approved]
                for first in range(len(times) - allowed):
                    if _hours(times[first], times[first + allowed]) < 24:
                        raise Violation(5, f"{allowed + 1} originals lost their copies and nobody was asked")

    # -- calm ----------------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        for calendar in self.calendars.values():
            self.weather.clear_up(calendar)
        if self.plan.retires:
            # One installation is left alone with what the others did.
            del self.machines[1:]
        for machine in self.machines:
            machine.budget = None
        # Who was told to come back later does so: the longest back-off is a day.
        self.clock.advance(hours=25)
        for _ in range(CALM_RUNS):
            before = self._writes()
            self._run_all()
            self.oracle.never()
            if self._writes() == before and not self._unfinished() and not self._asked_more():
                break
        else:
            raise Violation(8, f"not at rest after {CALM_RUNS} runs")
        self.oracle.finally_(self.clock.now())
        self.an_idle_calendar_costs_one_request()

    def an_idle_calendar_costs_one_request(self) -> None:
        """A run when nothing changed: it writes nothing, and asks each calendar once for each direction it serves."""
        before = self._writes()
        self._run_all()
        if self._writes() != before:
            raise Violation(8, "a run wrote although nothing had changed")
        asked = self._asked_more()
        if asked:
            raise Violation(8, f"{asked} although nothing had changed")

    def _asked_more(self) -> str:
        """Which calendar was asked for more than what changed by the last runs, and for what."""
        for name, calendar in self.calendars.items():
            served = sum(f"conn_{name}" in (d.source.id, d.target.id) for d in self.oracle.directions)
            expected = ["changes"] * served * len(self.machines)
            asked = calendar.requests[self._asked[name] :]
            if asked != expected and self.plan.poison is None:
                return f"{name} was asked for {asked}"
        return ""

    def _run_all(self) -> None:
        self._asked = {name: len(calendar.requests) for name, calendar in self.calendars.items()}
        for machine in self.machines:
            machine.approve()
            machine.start()
            while self._step(machine):
                pass
            self.clock.advance(hours=1)

    def _unfinished(self) -> int:
        held = sum(result.counts.held for machine in self.machines for result in machine.results)
        return held + sum(machine.failed + machine.pending() for machine in self.machines)

    def _writes(self) -> int:
        return sum(1 for calendar in self.calendars.values() for change in calendar.log if change.by == "kalends")


def _hours(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)) / timedelta(hours=1)
