"""What callers send about pairs, as what services take: new pairs, and changes with read-only fields told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.api import serialise
from app.api.errors import invalid
from app.api.identifiers import connection_id
from app.api.models.requests import DirectionSettingsBody, NewPairBody, PairPatch, SettingsBody
from app.api.shown import ShownPairs
from app.domain import settings_data
from app.domain.errors import FieldError
from app.domain.pairs import DirectionSettings, PairStatus
from app.services.moments import from_text
from app.services.pair_rules import settings_of_way_back
from app.services.views import NewPair, PairChange, PairView

_READ_ONLY: Final = (
    "id",
    "connection_a_id",
    "connection_b_id",
    "last_synced_at",
    "state",
    "problem",
    "next_run_at",
    "paused_until",
    "pause_reason",
    "held",
    "created_at",
)
_CONNECTIONS: Final = ("connection_a_id", "connection_b_id")


def new_pair(body: NewPairBody) -> NewPair:
    """A pair to be made."""
    plain = DirectionSettings(mode=body.sync_mode)
    settings = _settings(plain, body.settings) if "settings" in body.model_fields_set else plain
    own = body.settings_b_to_a
    return NewPair(
        connection_a_id=connection_id(body.connection_a_id),
        connection_b_id=connection_id(body.connection_b_id),
        mode=body.sync_mode,
        direction=body.direction,
        status=body.status,
        interval_seconds=body.interval_seconds,
        settings=settings,
        settings_b_to_a=_direction_settings(settings, own) if own is not None else None,
    )


def pair_change(view: PairView, body: PairPatch, shown: ShownPairs) -> PairChange | None:
    """What a PATCH wants of a pair: fields that it leaves as they are change nothing. None: nothing at all.

    Args:
        shown: what was answered of pairs lately; read-only fields may come back so.

    Raises:
        Refusal: 422 for changed read-only fields, and for `until` without a pause.
    """
    sent = body.model_fields_set
    details = _changed_read_only(view, body, shown)
    pausing = "status" in sent and body.status is PairStatus.PAUSED
    if body.until is not None and not pausing:
        details.append(FieldError("until", "Send it with status `paused` only."))
    if body.reason is not None and "status" not in sent:
        details.append(FieldError("reason", "Send it with a status."))
    if details:
        raise invalid(*details)
    change = _settings_change(view, body)
    if pausing and (view.pair.status is not PairStatus.PAUSED or body.until is not None or body.reason is not None):
        change = replace(change, status=PairStatus.PAUSED, paused_until=body.until, pause_reason=body.reason)
    # As for all pairs together: a resume that names a reason is for those that were paused for it.
    resuming = "status" in sent and body.status is PairStatus.ACTIVE and view.pair.status is PairStatus.PAUSED
    if resuming and body.reason in (None, view.pair.pause_reason):
        change = replace(change, status=PairStatus.ACTIVE)
    return None if change == PairChange() else change


def _settings_change(view: PairView, body: PairPatch) -> PairChange:
    pair, sent = view.pair, body.model_fields_set
    mode = body.sync_mode if "sync_mode" in sent else pair.mode
    settings = _settings(pair.settings, body.settings) if "settings" in sent else pair.settings
    own = pair.settings_b_to_a
    if "settings_b_to_a" in sent:
        base = own or replace(settings, mode=mode)
        given = body.settings_b_to_a
        own = _direction_settings(base, given) if given is not None else own and replace(settings, mode=mode)
    return PairChange(
        mode=mode if mode is not pair.mode else None,
        direction=body.direction if "direction" in sent and body.direction is not pair.direction else None,
        interval_seconds=(
            body.interval_seconds
            if "interval_seconds" in sent and body.interval_seconds != pair.interval_seconds
            else None
        ),
        settings=settings if settings != pair.settings else None,
        settings_b_to_a=own if own != pair.settings_b_to_a else None,
    )


def _changed_read_only(view: PairView, body: PairPatch, shown: ShownPairs) -> list[FieldError]:
    current = serialise.pair(view).model_dump(mode="json")
    return [
        FieldError(name, "This cannot be changed here; leave it out.")
        for name in _READ_ONLY
        if name in body.model_fields_set
        and not any(
            _same(name, getattr(body, name), known) for known in (current[name], *shown.values(view.pair.id, name))
        )
    ]


def _same(name: str, sent: Any, current: Any) -> bool:
    if name in _CONNECTIONS and isinstance(sent, str):
        sent = connection_id(sent)
    if type(sent) is type(current) and sent == current:
        return True
    return name.endswith("_at") and _moment(sent) is not None and _moment(sent) == _moment(current)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return from_text(value)
    except ValueError:
        return None


def _direction_settings(base: DirectionSettings, body: DirectionSettingsBody) -> DirectionSettings:
    return settings_of_way_back(base, body.model_dump(exclude_unset=True))


def _settings(base: DirectionSettings, body: SettingsBody) -> DirectionSettings:
    return settings_data.changed(base, body.model_dump(exclude_unset=True))
