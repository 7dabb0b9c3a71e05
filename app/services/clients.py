"""Calendar clients by account: made when first needed, kept, closed together.

Knows which account a connection belongs to; how a provider is spoken to comes from the factory that `app.main` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.domain.accounts import Account, Connection
from app.domain.events import Fields
from app.domain.ports import Answers, CalendarClient, CalendarReader, CalendarService, Capabilities, Pages
from app.domain.times import Span
from app.store.accounts import AccountRepository

ServiceFactory = Callable[[Account], CalendarService]


class ReadOnlyCalendar:
    """A calendar that can only be read: what a one-way run holds of its source. There is no write method to call."""

    def __init__(self, reader: CalendarReader) -> None:
        self._reader = reader

    @property
    def capabilities(self) -> Capabilities:
        """What the service can do."""
        return self._reader.capabilities

    def changes(self, cursor: str | None, span: Span) -> Pages:
        """Read what changed, or everything in a span."""
        return self._reader.changes(cursor, span)

    def read(self, event_ids: Sequence[str]) -> Answers:
        """Read events directly."""
        return self._reader.read(event_ids)

    def marked(self, direction_key: str) -> Pages:
        """List the events that bear the marker of a direction."""
        return self._reader.marked(direction_key)

    def normal_form(self, fields: Fields) -> Fields:
        """These fields as the service gives them back."""
        return self._reader.normal_form(fields)


class Clients:
    """Hands out clients. One calendar service for each account, shared by all its calendars."""

    def __init__(self, accounts: AccountRepository, factory: ServiceFactory) -> None:
        self._accounts = accounts
        self._factory = factory
        self._services: dict[str, CalendarService] = {}

    def service(self, account: Account) -> CalendarService:
        """The service of an account."""
        service = self._services.get(account.id)
        if service is None:
            service = self._services[account.id] = self._factory(account)
        return service

    def calendar(self, connection: Connection) -> CalendarClient:
        """The client of one calendar. Raises NotFoundError when its account is gone."""
        return self.service(self._accounts.get(connection.account_id)).calendar(connection)

    def reader(self, connection: Connection) -> CalendarReader:
        """One calendar without its write methods. Raises NotFoundError when its account is gone."""
        return ReadOnlyCalendar(self.calendar(connection))

    async def forget(self, account_id: str) -> None:
        """Close and drop the clients of an account that is removed."""
        service = self._services.pop(account_id, None)
        if service is not None:
            await service.aclose()

    async def aclose(self) -> None:
        """Close everything."""
        for account_id in tuple(self._services):
            await self.forget(account_id)
