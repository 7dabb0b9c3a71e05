"""Single events as JSON text, straight from their properties: a thousand of them make a page of a listing or of delta.

The same text as ``wire.Renderer.event`` would give through a dictionary, in a fraction of the time: the emulated
service must not be what a benchmark measures. It decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.sandbox.microsoft import bodies, ids
from app.sandbox.microsoft.properties import DEFAULTS, NOWHERE
from app.sandbox.microsoft.store import Event, Store

_FLAGS = {True: "true", False: "false"}
_quoted: Callable[[str], str] = json.encoder.encode_basestring
_SELDOM = DEFAULTS.keys() - {"subject", "bodyText", "bodyHtml", "location", "locations"}
"""Properties of which most events have the default."""
_BEFORE, _AFTER = _quoted(bodies.BEFORE_TEXT)[:-1], _quoted(bodies.AFTER_TEXT)[1:]


class SingleRows:
    """Makes the JSON text of single events.

    Args:
        store: knows the JSON of what many events share.
    """

    def __init__(self, store: Store) -> None:
        self._piece = store.text_of
        self._ordinary = self._seldom(DEFAULTS)

    def text(
        self,
        event: Event,
        *,
        head: str,
        key: str,
        event_id: str,
        uid: str,
        moments: tuple[str, str],
        times: tuple[str, str],
        label: str,
        zones: tuple[str, str],
        as_text: bool,
    ) -> str:
        """One row.

        Args:
            event: a single event.
            head: what the row begins with, its brace at least.
            key: its change key.
            event_id: its id in the form asked for.
            uid: its ``iCalUId``.
            moments: when it was made and changed, as Graph prints them.
            times: begin and end in the zone asked for, as Graph prints them.
            label: the name of that zone as the client wrote it.
            zones: the original zones of begin and end as they are told.
            as_text: whether the body is told as text.
        """
        own = event.own
        text = own.get("bodyText", "")
        html = own.get("bodyHtml")
        if as_text:
            body = _quoted(text)
        elif html is not None:
            body = _quoted(html)
        else:
            inner = bodies.inside(text)
            body = f"{_BEFORE}{_quoted(inner)[1:-1]}{_AFTER}" if inner else '""'
        transaction = "null" if event.transaction_id is None else _quoted(event.transaction_id)
        zone = _quoted(label)
        first, last = times
        ordinary = self._ordinary if own.keys().isdisjoint(_SELDOM) else self._seldom({**DEFAULTS, **own})
        categories, reminder, kind, shown, answer, attendees = ordinary
        return (
            f'{head}"@odata.etag":"W/\\"{key}\\"","id":"{event_id}","createdDateTime":"{moments[0]}",'
            f'"lastModifiedDateTime":"{moments[1]}","changeKey":"{key}",'
            f'"categories":{categories},"transactionId":{transaction},'
            f'"originalStartTimeZone":{_quoted(zones[0])},"originalEndTimeZone":{_quoted(zones[1])},"iCalUId":"{uid}",'
            f'{reminder},"hasAttachments":false,'
            f'"subject":{_quoted(own.get("subject", ""))},"bodyPreview":{_quoted(text[: bodies.PREVIEW_CHARACTERS])},'
            f'{kind},"seriesMasterId":null,{shown},"type":"singleInstance","webLink":"{ids.web_link(event_id)}",'
            f'"onlineMeetingUrl":null,{answer},'
            f'"body":{{"contentType":"{"text" if as_text else "html"}","content":{body}}},'
            f'"start":{{"dateTime":"{first}","timeZone":{zone}}},"end":{{"dateTime":"{last}","timeZone":{zone}}},'
            f'"location":{self._piece(own.get("location", NOWHERE))},'
            f'"locations":{self._piece(own["locations"]) if "locations" in own else "[]"},'
            f'"recurrence":null,"attendees":{attendees},"organizer":{self._piece(own["organizer"])},"onlineMeeting":null}}'
        )

    def _seldom(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """The parts that nearly all events have alike."""
        return (
            self._piece(fields["categories"]),
            f'"reminderMinutesBeforeStart":{fields["reminderMinutesBeforeStart"]},'
            f'"isReminderOn":{_FLAGS[fields["isReminderOn"]]}',
            f'"importance":"{fields["importance"]}","sensitivity":"{fields["sensitivity"]}",'
            f'"isAllDay":{_FLAGS[fields["isAllDay"]]},"isCancelled":{_FLAGS[fields["isCancelled"]]},'
            f'"isOrganizer":{_FLAGS[fields["isOrganizer"]]},'
            f'"responseRequested":{_FLAGS[fields["responseRequested"]]}',
            f'"showAs":"{fields["showAs"]}"',
            f'"isOnlineMeeting":{_FLAGS[fields["isOnlineMeeting"]]},'
            f'"onlineMeetingProvider":"{fields["onlineMeetingProvider"]}",'
            f'"allowNewTimeProposals":{_FLAGS[fields["allowNewTimeProposals"]]},"isDraft":false,'
            f'"hideAttendees":{_FLAGS[fields["hideAttendees"]]},'
            f'"responseStatus":{self._piece(fields["responseStatus"])}',
            self._piece(fields["attendees"]),
        )
