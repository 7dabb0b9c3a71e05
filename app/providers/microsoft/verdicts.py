"""What Graph's answer to one write means, and whether it may be sent at all (`engine.md` §11, `providers.md` §5.6).

Pure judgements over intents, answers and events; nothing here sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain.errors import ForbiddenError, ProviderError, ThrottledError
from app.domain.events import Event
from app.domain.links import Intent, Outcome, Result
from app.providers.microsoft import mapping
from app.providers.microsoft.batch import Item, Part
from app.providers.microsoft.errors import CROSSING, QUOTA_STATUS, Refusal
from app.providers.status import PASSING

OCCURRENCE_CROSSING: Final = "occurrence_crossing"
OCCURRENCE_MISSING: Final = "occurrence_missing"
HAS_GUESTS: Final = "has_guests"
NOT_EXPRESSIBLE: Final = "rule_not_expressible"
CHANGED: Final = "changed_since"


def write_item(method: str, path: str, body: Mapping[str, Any], if_match: str = "") -> Item:
    """A request that stores something, checked once more: whatever asked for it, nobody is ever mailed.

    Raises:
        ForbiddenError: it names attendees. A defect of ours, so nothing is sent.
    """
    if "attendees" in body:
        raise ForbiddenError("A write that could send e-mail to people was stopped.", code="would_notify")
    return Item(method, path, body, if_match)


def guests_on(intent: Intent) -> Outcome:
    """The refusal to write or delete what Graph would tell other people about."""
    message = "Other people are on this event, and Microsoft would write to them."
    return Outcome(intent.id, Result.REFUSED, code=HAS_GUESTS, message=message)


def changed(intent: Intent, event: Event | None = None) -> Outcome:
    """The target is not as it was when the write was planned."""
    return Outcome(intent.id, Result.DROPPED, event, code=CHANGED)


def may_be_older(intent: Intent, event: Event, sent_before: bool) -> bool:
    """Whether a create's 2xx may name an event of an earlier create, which may be dead by now (`providers.md` §5.5).

    A first create whose answer is what was asked for is not questioned: that would double the requests of a first sync.
    """
    asked = intent.draft.fields if intent.draft is not None else None
    return sent_before or not mapping.same_content(event.fields, asked)


def as_before(intent: Intent, event: Event) -> bool:
    """Whether only Exchange changed the version: same marker as far as both are known, same content."""
    before = intent.before
    if before is None or not mapping.same_content(before.fields, event.fields):
        return False
    if not event.marker_known:
        return True
    if before.marker_known:
        return before.marker == event.marker
    return event.marker is not None and event.marker.copy_key == intent.copy_key


def not_done(intent: Intent, part: Part | None) -> Outcome:
    """The outcome of an answer that is not 2xx, or missing."""
    if part is None:
        return Outcome(intent.id, Result.UNKNOWN, code="part_missing")
    said = part.refusal
    result = _result(intent, said)
    code = OCCURRENCE_CROSSING if said.code == CROSSING else said.code or str(said.status)
    wait = said.retry_after_seconds if result is Result.LATER else None
    return Outcome(intent.id, result, code=code, message=said.message, retry_after_seconds=wait)


def whole_batch(intent: Intent, error: ProviderError) -> Outcome:
    """The outcome of a write whose batch failed as a whole."""
    status = error.status or 0
    if isinstance(error, ThrottledError) and status != 503:
        wait = error.retry_after_seconds
        return Outcome(intent.id, Result.LATER, code=error.code, message=error.message, retry_after_seconds=wait)
    # A 503, with or without Retry-After, may come from in front of the mailbox or from behind it.
    result = Result.REFUSED if 400 <= status < 500 and status not in PASSING else Result.UNKNOWN
    return Outcome(intent.id, result, code=error.reason or error.code, message=error.message)


def _result(intent: Intent, said: Refusal) -> Result:
    if said.throttled or said.status == 401:
        # 401 inside a batch: the token ended between two parts; nothing happened.
        return Result.LATER
    if said.status == QUOTA_STATUS:
        return Result.REFUSED
    if said.status in PASSING or said.status >= 500 or said.status == 424 or said.status < 400:
        return Result.UNKNOWN
    if said.status in (404, 410, 412) and not intent.op.creates:
        return Result.DROPPED
    return Result.REFUSED
