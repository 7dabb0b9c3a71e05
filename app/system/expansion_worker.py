"""The process in which repeat rules are walked that might walk for ever (`app.system.expansion`).

Says `ready`, then answers one JSON line for each it reads, until its input ends. It must not touch files or network,
and it bounds itself: whoever kills it may have been killed first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from app.domain.errors import InputError
from app.system.recurrence import read_rules

_MEMORY_BYTES: Final = 512 * 1024 * 1024
_SECONDS_OF_WORK: Final = 60


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """The starts of one series as ISO texts, or the code and message of why there are none."""
    text = question["start"]
    start = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    try:
        rules = read_rules(question["lines"], start, question["zone"])
        walls = rules.walls(datetime.fromisoformat(question["after"]), datetime.fromisoformat(question["before"]))
    except InputError as error:
        return {"error": error.code, "message": error.message}
    return {"walls": [wall.isoformat() for wall in walls]}


def main() -> None:
    """Answer until the input ends."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS_OF_WORK, _SECONDS_OF_WORK))
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps(answer(json.loads(line))))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
