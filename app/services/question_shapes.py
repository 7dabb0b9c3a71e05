"""Answers to a person's questions as JSON, by one serialiser for API and command line. Fields are only ever added."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.links import Intent
from app.domain.times import Span
from app.engine.reasons import SENTENCES
from app.services.availability import FreeBusy
from app.services.duplicates import Group
from app.services.leaks import Checked
from app.services.shapes import Json, moment
from app.services.views import ConnectionView
from app.services.why import Answered, Explained, Way


def answered(value: Answered) -> Json:
    """Why events are there or not."""
    return {"query": value.query, "total": value.total, "events": [_explained(one) for one in value.found]}


def _explained(value: Explained) -> Json:
    event, fields = value.event, value.event.fields
    return {
        **place(value.where),
        "event_id": event.id,
        "series_id": event.series_id,
        "title": fields.title if fields is not None else None,
        "starts_at": moment(value.starts_at),
        "all_day": fields.when.all_day if fields is not None else None,
        "kind": str(event.kind),
        "seen": str(value.seen),
        "what": str(value.what),
        "sentence": value.sentence,
        "directions": [_way(way) for way in value.ways],
    }


def _way(way: Way) -> Json:
    direction = way.direction
    return {
        "pair_id": way.pair.id,
        "direction_id": direction.id,
        "from": direction.source.name,
        "to": direction.target.name,
        "from_connection_id": direction.source.id,
        "to_connection_id": direction.target.id,
        "original_id": way.original_id,
        "now": [
            {"occurrence": one.occ, "action": one.verb, "reason": one.code, "sentence": one.sentence} for one in way.now
        ],
        "links": [
            {
                "occurrence": link.occ,
                "state": str(link.state),
                "reason": link.reason or None,
                "sentence": SENTENCES.get(link.reason),
                "retry_at": moment(link.retry_at),
                "looked_at_again_at": moment(link.replan_at),
            }
            for link in way.links
        ],
        "links_total": way.links_total,
        "copies": [
            {"event_id": copy.event_id or None, "form": str(copy.form), "state": str(copy.state)} for copy in way.copies
        ],
        "writes": [_write(intent) for intent in way.writes],
        "looked_at_again_at": moment(way.again_at),
        "next_run_at": moment(way.next_run_at),
    }


def _write(intent: Intent) -> Json:
    return {
        "at": moment(intent.last_try_at),
        "run_id": intent.run_id,
        "occurrence": intent.occ,
        "action": str(intent.op),
        "state": str(intent.state),
        "reason": intent.reason or None,
        "sentence": SENTENCES.get(intent.reason),
    }


def place(where: ConnectionView) -> Json:
    """In which calendar something lies."""
    return {"connection_id": where.connection.id, "calendar_name": where.connection.name}


# -- free and busy -----------------------------------------------------------------------------------------------------


def free_busy(value: FreeBusy) -> Json:
    """Free and busy times of calendars."""
    return {
        "busy": [_stretch(one) for one in value.busy],
        "free": [_stretch(one) for one in value.free],
        "as_of": moment(value.as_of),
        "calendars": [
            {
                **place(one.where),
                "as_of": moment(one.as_of),
                "known_until": moment(one.known_until),
                "unreadable": one.unreadable,
            }
            for one in value.calendars
        ],
    }


def _stretch(value: Span) -> Json:
    return {"start": moment(value.start), "end": moment(value.end)}


# -- copies ------------------------------------------------------------------------------------------------------------


def checked(value: Checked) -> Json:
    """What a leak check came to."""
    return {
        "checked": value.checked,
        "gone": value.gone,
        "unanswered": value.unanswered,
        "leaks": [
            {
                "pair_id": one.pair_id,
                "direction_id": one.direction.id,
                "connection_id": one.direction.target.id,
                "calendar_name": one.direction.target.name,
                "event_id": one.event_id,
                "starts_at": moment(one.starts_at),
                "fields": list(one.fields),
            }
            for one in value.leaks
        ],
    }


def duplicates(groups: Sequence[Group], total: int) -> Json:
    """What is in a calendar more than once."""
    return {
        "total": total,
        "groups": [
            {
                **place(group.where),
                "alike": str(group.alike),
                "events": [
                    {
                        "event_id": one.event.id,
                        "title": one.event.fields.title if one.event.fields is not None else None,
                        "starts_at": moment(one.starts_at),
                        "made_by": str(one.made_by),
                        "direction_id": one.direction_id,
                        "web_link": one.event.web_link,
                    }
                    for one in group.members
                ],
            }
            for group in groups
        ],
    }
