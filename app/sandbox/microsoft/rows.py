"""Single events as JSON text, straight from their properties: a thousand of them make a page of a listing or of delta.

The same text as ``wire.Renderer.event`` would give through a dictionary, in a fraction of the time: the emulated
service must not be what a benchmark measures. It decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from app.sandbox.microsoft import bodies, ids
from app.sandbox.microsoft.properties import DEFAULTS
from app.sandbox.microsoft.store import Event, Store

_FLAGS = {True: "true", False: "false"}
_quoted: Callable[[str], str] = json.encoder.encode_basestring


class SingleRows:
    """Makes the JSON text of single events.

    Args:
        store: knows the JSON of what many events share.
    """

    def __init__(self, store: Store) -> None:
        self._piece = store.text_of

    def text(
        self,
        event: Event,
        *,
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
        # One flat dictionary: a lookup in ``Properties`` costs many times more.
        fields: dict[str, Any] = {**DEFAULTS, **own}
        text = fields["bodyText"]
        html = None if as_text else own.get("bodyHtml")
        content = text if as_text else bodies.from_text(text) if html is None else html
        transaction = "null" if event.transaction_id is None else _quoted(event.transaction_id)
        zone = _quoted(label)
        first, last = times
        return (
            f'{{"@odata.etag":"W/\\"{key}\\"","id":"{event_id}","createdDateTime":"{moments[0]}",'
            f'"lastModifiedDateTime":"{moments[1]}","changeKey":"{key}",'
            f'"categories":{self._piece(fields["categories"])},"transactionId":{transaction},'
            f'"originalStartTimeZone":{_quoted(zones[0])},"originalEndTimeZone":{_quoted(zones[1])},"iCalUId":"{uid}",'
            f'"reminderMinutesBeforeStart":{fields["reminderMinutesBeforeStart"]},'
            f'"isReminderOn":{_FLAGS[fields["isReminderOn"]]},"hasAttachments":false,'
            f'"subject":{_quoted(fields["subject"])},"bodyPreview":{_quoted(text[: bodies.PREVIEW_CHARACTERS])},'
            f'"importance":"{fields["importance"]}","sensitivity":"{fields["sensitivity"]}",'
            f'"isAllDay":{_FLAGS[fields["isAllDay"]]},"isCancelled":{_FLAGS[fields["isCancelled"]]},'
            f'"isOrganizer":{_FLAGS[fields["isOrganizer"]]},'
            f'"responseRequested":{_FLAGS[fields["responseRequested"]]},"seriesMasterId":null,'
            f'"showAs":"{fields["showAs"]}","type":"singleInstance","webLink":"{ids.web_link(event_id)}",'
            f'"onlineMeetingUrl":null,"isOnlineMeeting":{_FLAGS[fields["isOnlineMeeting"]]},'
            f'"onlineMeetingProvider":"{fields["onlineMeetingProvider"]}",'
            f'"allowNewTimeProposals":{_FLAGS[fields["allowNewTimeProposals"]]},"isDraft":false,'
            f'"hideAttendees":{_FLAGS[fields["hideAttendees"]]},'
            f'"responseStatus":{self._piece(fields["responseStatus"])},'
            f'"body":{{"contentType":"{"text" if as_text else "html"}","content":{_quoted(content)}}},'
            f'"start":{{"dateTime":"{first}","timeZone":{zone}}},"end":{{"dateTime":"{last}","timeZone":{zone}}},'
            f'"location":{self._piece(fields["location"])},"locations":{self._piece(fields["locations"])},'
            f'"recurrence":null,"attendees":{self._piece(fields["attendees"])},'
            f'"organizer":{self._piece(fields["organizer"])},"onlineMeeting":null}}'
        )
