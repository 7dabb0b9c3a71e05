"""What a person can make happen in the demo, and what came of it. Names alone: windows read them before the core."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.runs import Run


class DemoAct(StrEnum):
    """What can be made happen, to see how Kalends takes it (`ux.md` B11)."""

    MOVE_EVENT = "move_event"
    END_SIGN_IN = "end_sign_in"
    GO_OFFLINE = "go_offline"
    GO_ONLINE = "go_online"
    EMPTY_CALENDAR = "empty_calendar"


@dataclass(frozen=True, slots=True)
class Happened:
    """What was made happen: a sentence for the person; the run that finds out, None where none was started; whether
    the services can be reached now."""

    sentence: str
    run: Run | None
    online: bool
