"""A person's questions without a running app: answered by the services in this process, as `/local/v1` answers them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date
from typing import Any

from app.services import question_shapes
from app.services.core import Core

Json = dict[str, Any]
Asked = Mapping[str, Any]


async def _why(core: Core, ids: Sequence[str], asked: Asked) -> Json:
    on = asked.get("on")
    found = await core.questions.why.explain(
        asked.get("event", ""), pair_id=asked.get("pair_id"), on=None if on is None else date.fromisoformat(on)
    )
    return question_shapes.answered(found)


QUESTIONS: Mapping[tuple[str, str], Callable[[Core, Sequence[str], Asked], Coroutine[Any, Any, Json]]] = {
    ("GET", "why"): _why,
}
