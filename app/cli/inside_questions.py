"""A person's questions without a running app: answered by the services in this process, as `/local/v1` answers them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date, time
from typing import Any

from app.services import question_shapes
from app.services.core import Core
from app.services.moments import from_text

Json = dict[str, Any]
Asked = Mapping[str, Any]


async def _why(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    on = asked.get("on")
    found = await core.questions.why.explain(
        asked.get("event", ""), pair_id=asked.get("pair_id"), on=None if on is None else date.fromisoformat(on)
    )
    return question_shapes.answered(found)


async def _availability(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    opens, closes = (asked.get(name) for name in ("opens", "closes"))
    found = await core.questions.free.find(
        from_text(asked["from"]) if "from" in asked else None,
        from_text(asked["to"], upper=True) if "to" in asked else None,
        connection_ids=[one for one in asked.get("connection_ids", "").split(",") if one],
        min_seconds=asked.get("min_seconds", 0),
        between=(time.fromisoformat(opens), time.fromisoformat(closes)) if opens and closes else None,
    )
    return question_shapes.free_busy(found)


async def _leaks(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    return question_shapes.checked(await core.questions.leaks.check(pair_id=asked.get("pair_id")))


async def _duplicates(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    named = [asked["connection_id"]] if "connection_id" in asked else []
    return question_shapes.duplicates(*await core.questions.duplicates.find(connection_ids=named))


QUESTIONS: Mapping[tuple[str, str], Callable[[Core, Sequence[str], Asked], Coroutine[Any, Any, Json]]] = {
    ("GET", "why"): _why,
    ("GET", "availability"): _availability,
    ("GET", "leaks"): _leaks,
    ("GET", "duplicates"): _duplicates,
}
