"""How a journaled write ends: the rows that follow from what the service told (`engine.md` §11). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.events import Event, Fields
from app.domain.ledger import Closing
from app.domain.links import Copy, CopyForm, CopyState, Intent, IntentState, Link, LinkState, Op, Undoing
from app.domain.runs import ActionRecord, ActionResult, Verb
from app.engine.comparison import pins_left
from app.engine.fingerprint import hashes
from app.engine.originals import starts_at
from app.engine.reasons import SENTENCES
from app.engine.wishes import STAND_IN

FIRST_BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(hours=24)

SECOND_COPY = "second_copy"
"""Reason of the removal of a copy beside the one that is followed: neither its row nor its link tell of it."""

COMMAND_DUPLICATE = "command_duplicate"
"""Reason of the same on a person's word."""
COMMAND_RESTORE = "command_restore"
"""Reason of what comes back from a snapshot: a person's event, which no row or link of ours tells of."""
COMMAND_UNDO_ASIDE = "command_undo_aside"
"""Reason of what an undo makes of a second copy that was removed: an event of its own."""
ASIDE = frozenset({COMMAND_DUPLICATE, COMMAND_RESTORE, COMMAND_UNDO_ASIDE})
"""Writes that leave rows and links as they are, however they end."""

REMADE = ("form_changed", "occurrence_restored")
"""Reasons of deletions after which the same original is copied anew in the same run."""

VERBS = {
    Op.CREATE: Verb.CREATE,
    Op.UPDATE: Verb.UPDATE,
    Op.DELETE: Verb.DELETE,
    Op.UPDATE_OCCURRENCE: Verb.UPDATE,
    Op.CANCEL_OCCURRENCE: Verb.UPDATE,
    Op.WRITE_BACK: Verb.WRITE_BACK,
    Op.DELETE_ORIGINAL: Verb.DELETE_ORIGINAL,
    Op.RESTORE_ORIGINAL: Verb.RESTORE_ORIGINAL,
}


def applied(
    intent: Intent,
    answered: Fields | None,
    event: Event | None,
    *,
    parent: Copy | None = None,
    known: Copy | None = None,
    link: Link | None = None,
    rewrites: dict[str, tuple[str, int]] | None = None,
) -> Closing:
    """The write happened.

    Args:
        answered: the event's fields in normal form as the service answered them to this very write. None when that
            answer was lost: then what we sent counts as the base, never what a later read shows.
        event: the service's event.
        parent: the copied series' row, for occurrences.
        known, link: the copy's row and the link before.
    """
    if intent.undoing is not None:
        return _taken_back(intent, intent.undoing, answered, event, known)
    done = replace(intent, state=IntentState.APPLIED)
    action = story(intent, ActionResult.DONE)
    if intent.reason in ASIDE or (intent.op is Op.DELETE and intent.reason == SECOND_COPY):
        return Closing(done, action=action)
    if intent.op is Op.DELETE:
        gone = replace(
            known or _row(intent), state=CopyState.GONE, event_id="", etag="", base_copy={}, wanted={}, cancelled=()
        )
        return Closing(done, link=_after_delete(intent, link), copy=gone, action=action)
    if intent.op is Op.CANCEL_OCCURRENCE:
        lacking = replace(parent, cancelled=tuple(sorted({*parent.cancelled, intent.occ}))) if parent else None
        tried = replace(link, tries=0, retry_at=None) if link is not None and link.tries else None
        return Closing(done, link=tried, copy=lacking, action=action)
    released = intent.draft is not None and intent.draft.marker.released
    regular_again = intent.op is Op.UPDATE_OCCURRENCE and not intent.original_hashes
    state = CopyState.RELEASED if released else CopyState.GONE if regular_again else CopyState.LIVE
    event_id = event.id if event is not None else intent.target_id
    copy = replace(
        _row(intent),
        event_id="" if regular_again else event_id,
        state=state,
        etag=event.etag if event is not None else "",
        stamp=intent.stamp,
        base_copy=_base(intent, answered, known),
        written_at=event.updated_at if answered is not None and event is not None else None,
        wanted=dict(intent.wanted),
        cancelled=tuple(sorted({*(known.cancelled if known is not None else ()), *intent.cancelled})),
        pins=pins_left(known, intent.wanted) if intent.op is not Op.CREATE else {},
    )
    stands_in = link is not None and link.reason == STAND_IN and intent.form is CopyForm.SINGLE
    linked = Link(
        intent.direction_id,
        intent.original_id,
        intent.occ,
        copy_key="" if released or regular_again else intent.copy_key,
        state=LinkState.SKIPPED if released or regular_again else LinkState.LIVE,
        reason=intent.reason if released or regular_again else STAND_IN if stands_in else "",
        base_original=dict(intent.original_hashes),
        rewrites=rewrites or {},
    )
    return Closing(done, link=linked, copy=copy, action=action)


def _taken_back(
    intent: Intent, undoing: Undoing, answered: Fields | None, event: Event | None, known: Copy | None
) -> Closing:
    """A write of an undo happened: its link as the undo wants it, and what it left on the copy is the copy's base."""
    done = replace(intent, state=IntentState.APPLIED)
    action = story(intent, ActionResult.DONE)
    if intent.reason in ASIDE:
        return Closing(done, action=action)
    link = undoing.link
    if link.state is LinkState.SKIPPED:
        link = replace(link, replan_at=intent.last_try_at)
    row = known or _row(intent)
    if intent.op is Op.RESTORE_ORIGINAL:
        # It has another id from now on, and the copy that a person deleted stays away from that one too.
        return Closing(done, link=replace(link, original_id=event.id) if event is not None else None, action=action)
    if intent.op in (Op.DELETE, Op.DELETE_ORIGINAL):
        gone = replace(row, state=CopyState.GONE, event_id="", etag="", base_copy={}, wanted={}, cancelled=(), pins={})
        return Closing(done, link=link, copy=gone, action=action)
    if intent.op is Op.WRITE_BACK:
        held = replace(row, wanted={**row.wanted, **intent.wanted}, pins=dict(undoing.pins))
        return Closing(done, link=link, copy=held, action=action)
    released = intent.draft is not None and intent.draft.marker.released
    sent = hashes(intent.draft.fields) if intent.draft is not None else {}
    held = replace(
        _row(intent),
        event_id=event.id if event is not None else intent.target_id,
        state=CopyState.RELEASED if released else CopyState.LIVE,
        etag=event.etag if event is not None else "",
        stamp=intent.stamp,
        base_copy=hashes(answered) if answered is not None else sent,
        written_at=event.updated_at if answered is not None and event is not None else None,
        wanted=dict(intent.wanted),
        cancelled=tuple(sorted({*(row.cancelled if intent.op is not Op.CREATE else ()), *intent.cancelled})),
        pins=dict(undoing.pins),
    )
    return Closing(done, link=link, copy=held, action=action)


def original_written(
    intent: Intent, answered: Fields | None, *, known: Copy | None = None, link: Link | None = None
) -> Closing:
    """The original says by now what the copy says, or is gone like the copy: both sides agree in these fields.

    Args:
        answered: the original's fields as the service answered them, None where that answer was lost.
        known, link: the copy's row and the link before.
    """
    if intent.undoing is not None:
        return _taken_back(intent, intent.undoing, answered, None, known)
    done = replace(intent, state=IntentState.APPLIED)
    action = story(intent, ActionResult.DONE)
    row = known or _row(intent)
    if intent.op is Op.DELETE_ORIGINAL:
        gone = replace(row, state=CopyState.GONE, event_id="", etag="", base_copy={}, wanted={}, cancelled=())
        return Closing(done, link=_after_delete(intent, link), copy=gone, action=action)
    agreed = replace(
        row,
        base_copy={**row.base_copy, **intent.wanted},
        wanted={**row.wanted, **intent.wanted},
    )
    said = hashes(answered) if answered is not None else intent.original_hashes
    linked = link
    if link is not None:
        base = {**link.base_original, **{name: said[name] for name in intent.wanted}}
        linked = replace(link, base_original=base, tries=0, retry_at=None)
    return Closing(done, link=linked, copy=agreed, action=action)


def _base(intent: Intent, answered: Fields | None, known: Copy | None) -> dict[str, str]:
    """Hash of each field of the copy as we left it. A field that was sent as a person had made it keeps its base."""
    sent = hashes(intent.draft.fields) if intent.draft is not None else dict(intent.wanted)
    told = hashes(answered) if answered is not None else sent
    before = known.base_copy if known is not None else {}
    return {
        name: value if sent[name] == intent.wanted.get(name) else before.get(name, value)
        for name, value in told.items()
    }


def _after_delete(intent: Intent, link: Link | None) -> Link | None:
    """The link of a copy that is gone: due at once, as its original may want another one, or have gone too."""
    if link is None:
        return None
    return replace(
        link,
        copy_key="",
        state=LinkState.SKIPPED,
        reason=intent.reason,
        base_original={},
        rewrites={},
        tries=0,
        retry_at=None,
        replan_at=intent.last_try_at,
    )


def refused(
    intent: Intent, link: Link | None, code: str, message: str, now: datetime, *, known: Copy | None = None
) -> Closing:
    """The service said no for good: back off, 30 s to 24 h, until the event changes."""
    if intent.undoing is not None or intent.reason in ASIDE:
        # Nobody tries this again by himself, and nothing else waits for it.
        no = replace(story(intent, ActionResult.FAILED), reason=code or "refused", sentence=message)
        return Closing(replace(intent, state=IntentState.REFUSED), action=no)
    if code == "occurrence_crossing" and intent.op is Op.UPDATE_OCCURRENCE and intent.original_hashes:
        # The exception cannot live inside the series there: a cancelled date and a single in its stead.
        stand_in = Link(
            intent.direction_id,
            intent.original_id,
            intent.occ,
            state=LinkState.SKIPPED,
            reason=STAND_IN,
            replan_at=now,
        )
        row = replace(known or _row(intent), state=CopyState.GONE, event_id="", base_copy={}, wanted={})
        return Closing(replace(intent, state=IntentState.REFUSED), link=stand_in, copy=row)
    tries = (link.tries if link is not None else 0) + 1
    before = link or Link(
        intent.direction_id, intent.original_id, intent.occ, state=LinkState.SKIPPED, reason="refused"
    )
    wait = min(FIRST_BACK_OFF * 2 ** min(tries - 1, 12), LONGEST_BACK_OFF)
    backed_off = replace(
        before,
        tries=tries,
        retry_at=now + wait,
        reason=before.reason or "refused",
        # What a write to the original says of it is a part only.
        base_original=(not intent.op.on_original and dict(intent.original_hashes)) or before.base_original,
    )
    action = replace(story(intent, ActionResult.FAILED), reason=code or "refused", sentence=message)
    return Closing(replace(intent, state=IntentState.REFUSED), link=backed_off, action=action)


def dropped(intent: Intent, link: Link | None, now: datetime) -> Closing:
    """The write did not happen, or what it was meant for changed: plan again."""
    if intent.undoing is not None or intent.reason in ASIDE:
        return Closing(replace(intent, state=IntentState.DROPPED))
    again = (
        replace(link, replan_at=now)
        if link is not None
        else Link(
            intent.direction_id,
            intent.original_id,
            intent.occ,
            state=LinkState.SKIPPED,
            reason="stopped",
            replan_at=now,
        )
    )
    return Closing(replace(intent, state=IntentState.DROPPED), link=again)


def burned(intent: Intent, link: Link | None, known: Copy | None, now: datetime) -> Closing:
    """The id is taken by a dead or foreign event: the next generation has another one, and is due at once."""
    row = known or _row(intent)
    raised = replace(
        row, generation=max(row.generation, intent.generation) + 1, state=CopyState.GONE, event_id="", base_copy={}
    )
    return replace(dropped(intent, link, now), copy=raised)


def still_unknown(intent: Intent) -> Closing:
    """Nobody knows yet: it stays in the journal and blocks its unit."""
    return Closing(replace(intent, state=IntentState.PENDING))


def story(intent: Intent, result: ActionResult) -> ActionRecord:
    """The line a write leaves in its run's story."""
    released = intent.draft is not None and intent.draft.marker.released
    subject = intent.draft or intent.carried
    fields = subject.fields if subject is not None else None
    return ActionRecord(
        direction_id=intent.direction_id,
        original_id=intent.original_id,
        occ=intent.occ,
        verb=Verb.RELEASE if released else VERBS[intent.op],
        reason=intent.reason,
        sentence=SENTENCES.get(intent.reason, ""),
        result=result,
        fields=intent.carried.names if intent.carried is not None else (),
        title=intent.title,
        starts_at=starts_at(fields, "UTC"),
        all_day=fields is not None and fields.when.all_day,
    )


def _row(intent: Intent) -> Copy:
    return Copy(
        intent.direction_id,
        intent.copy_key,
        generation=intent.generation,
        parent=intent.parent,
        form=intent.form if not intent.parent else CopyForm.OCCURRENCE,
    )
