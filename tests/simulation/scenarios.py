"""Short stories whose every await and every commit meets every fault, one by one: what people do between runs.

No chance in them but in what the acts of `people` and `hands` choose, which their numbers fix.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.pairs import Conflict, CopyDeleted, CopyEdited, DirectionSettings, Mode
from tests.simulation.machine import Topology
from tests.simulation.plans import BACK_AND_FORTH, ONE_WAY, TWO_MACHINES, Plan
from tests.simulation.services import Quirks

GOOGLE = Quirks()
STUBS = Quirks(tells_whole=False, keeps_exceptions=True)
GRAPH = Quirks(
    "graph",
    burns_ids=False,
    excluded_dates=False,
    hides_markers=True,
    server_ids=True,
    remembers_hours=6,
    span_days=180,
    lags_minutes=2,
    refuses_crossing=True,
    unsayable=True,
    clones_markers=False,
)
CALDAV = Quirks("caldav", burns_ids=False, weak_etags=True, trash=True, clones_markers=False, batch=1)
BLOCKS = DirectionSettings()
FULL = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)
AWAY = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP, copy_deleted=CopyDeleted.STAY_AWAY)
CARRIED = DirectionSettings(
    mode=Mode.FULL,
    copy_edited=CopyEdited.WRITE_BACK,
    copy_deleted=CopyDeleted.DELETE_ORIGINAL,
    conflict=Conflict.NEWEST,
)

Stages = tuple[tuple[str, ...], ...]
"""Names of acts before each run; `forget` loses the state of a machine, `days` lets two go by, and `undo` makes of the
next run an undo of the last one that wrote."""

NEW: tuple[str, ...] = ("create",) * 4


@dataclass(frozen=True)
class Scenario:
    """One story: what happens before each run."""

    name: str
    seed: int
    stages: Stages
    settings: DirectionSettings = FULL
    source: Quirks = GOOGLE
    target: Quirks = GOOGLE
    topology: Topology = ONE_WAY
    pairs: bool = False
    """Whether it is played with pairs of faults, too: then it is short."""

    def plan(self) -> Plan:
        """The history it is: without weather, but with what an oracle must know of trouble."""
        quirks = {name: self.source if name == "a" else self.target for name in self.topology.calendars}
        forgets = any("forget" in stage for stage in self.stages)
        return Plan(self.seed, self.topology, self.settings, quirks, forgets=forgets)


SCENARIOS = (
    Scenario("google, new and changed", 1, (NEW, ("edit_original", "change_series", "create"), ("delete_original",))),
    Scenario(
        "google told in stubs", 2, (NEW, ("change_series", "change_series", "change_rule"), ("split",)), source=STUBS
    ),
    Scenario(
        "graph, new and changed",
        3,
        (NEW, ("edit_original", "change_series", "change_rule"), ("delete_original", "edit_copy")),
        target=GRAPH,
    ),
    Scenario(
        "caldav, new, changed and made again",
        4,
        (NEW, ("edit_original", "delete_original"), ("recreate_original", "delete_copy")),
        target=CALDAV,
    ),
    Scenario(
        "copies changed and deleted by hand",
        5,
        (NEW, ("edit_copy", "delete_copy", "touch_copied_series"), ("edit_original", "edit_copy")),
        settings=AWAY,
    ),
    Scenario("blockers of what becomes free", 6, (NEW, ("toggle_free", "toggle_free"), ("toggle_free",)), BLOCKS),
    Scenario(
        "carried back and deleted back",
        7,
        (NEW, ("edit_copy", "edit_copy", "edit_original"), ("delete_copy", "edit_copy")),
        settings=CARRIED,
        topology=BACK_AND_FORTH,
    ),
    Scenario(
        "carried back to graph",
        8,
        (NEW, ("edit_copy", "edit_original"), ("delete_copy",)),
        settings=CARRIED,
        source=GRAPH,
        target=CALDAV,
        topology=BACK_AND_FORTH,
    ),
    Scenario("state lost in between", 9, (NEW, ("forget", "edit_original"), ("delete_copy", "create"))),
    Scenario(
        "two machines",
        10,
        (NEW, ("edit_original", "delete_copy"), ("delete_original", "days")),
        topology=TWO_MACHINES,
        target=GRAPH,
    ),
    Scenario(
        "carried back and undone",
        14,
        (("create",) * 3, ("edit_copy", "edit_copy"), ("undo",), ()),
        settings=CARRIED,
        topology=BACK_AND_FORTH,
        target=CALDAV,
    ),
    Scenario(
        "deleted back and undone",
        15,
        (("create",) * 3, ("delete_copy", "delete_copy"), ("undo",), ()),
        settings=CARRIED,
        topology=BACK_AND_FORTH,
    ),
    Scenario(
        "made, changed, taken away and undone",
        16,
        (NEW, ("undo",), ("edit_original", "delete_original"), ("undo",), ()),
    ),
    Scenario("two new and one gone", 11, (("create", "create"), ("delete_original",)), pairs=True),
    Scenario("one new and changed on graph", 12, (("create",), ("edit_original", "days")), target=GRAPH, pairs=True),
    Scenario(
        "one carried back",
        13,
        (("create",), ("edit_copy",)),
        settings=CARRIED,
        topology=BACK_AND_FORTH,
        target=CALDAV,
        pairs=True,
    ),
)
