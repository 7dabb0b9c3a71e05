"""What a viewer may see: everything for the window and the CLI, a part for API keys with limits.

What a viewer may not see does not exist for it: not found, never forbidden.
"""

from __future__ import annotations

from collections.abc import Collection

from app.domain.errors import NotFoundError
from app.domain.pairs import SyncPair
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository


class Visibility:
    """Judges by ids and by whether an account is the sandbox's."""

    def __init__(self, accounts: AccountRepository, pairs: PairRepository) -> None:
        self._accounts = accounts
        self._pairs = pairs

    def connections(self, viewer: Viewer) -> tuple[ConnectionView, ...]:
        """All connections a viewer sees."""
        accounts = {account.id: account for account in self._accounts.list()}
        views = (
            ConnectionView(connection, accounts[connection.account_id])
            for connection in self._accounts.connections()
            if connection.account_id in accounts
        )
        return tuple(view for view in views if self._sees(view, viewer))

    def require_connection(self, connection_id: str, viewer: Viewer) -> ConnectionView:
        """A connection the viewer sees. Raises NotFoundError."""
        connection = self._accounts.connection(connection_id)
        view = ConnectionView(connection, self._accounts.get(connection.account_id))
        if not self._sees(view, viewer):
            raise NotFoundError("There is no such connection.")
        return view

    def require_pair(self, pair_id: str, viewer: Viewer) -> SyncPair:
        """A pair the viewer sees. Raises NotFoundError."""
        pair = self._pairs.get(pair_id)
        if not self.sees_pair(pair, viewer):
            raise NotFoundError("There is no such sync pair.")
        return pair

    def require_past_pair(self, pair_id: str, viewer: Viewer) -> SyncPair:
        """A pair the viewer sees, or would see if it had not been deleted, of which both calendars are there. Raises
        NotFoundError."""
        pair = self._pairs.past(pair_id)
        for side in (pair.connection_a_id, pair.connection_b_id):
            self._accounts.connection(side)
        if not self.sees_pair(pair, viewer):
            raise NotFoundError("There is no such sync pair.")
        return pair

    def sees_pair(self, pair: SyncPair, viewer: Viewer) -> bool:
        """Whether a viewer sees a pair: both its sides, and the pair itself where it is limited to some."""
        if viewer.pair_ids and pair.id not in viewer.pair_ids:
            return False
        if not viewer.sandbox_only and not viewer.connection_ids:
            return True
        seen = {view.connection.id for view in self.connections(viewer)}
        return {pair.connection_a_id, pair.connection_b_id} <= seen

    def pair_ids(self, viewer: Viewer) -> Collection[str] | None:
        """Ids of the pairs a viewer sees; None for "all, deleted ones too"."""
        if not viewer.connection_ids and not viewer.pair_ids and (not viewer.sandbox_only or self._all_sandbox()):
            return None
        if viewer.pair_ids and not viewer.connection_ids and not viewer.sandbox_only:
            return viewer.pair_ids
        return frozenset(pair.id for pair in self._pairs.list() if self.sees_pair(pair, viewer))

    def sees_history(self, pair_id: str, viewer: Viewer) -> bool:
        """Whether a viewer may see the runs of a pair; of deleted ones too when it sees everything."""
        ids = self.pair_ids(viewer)
        return self._pairs.known(pair_id) and (ids is None or pair_id in ids)

    def sees_connection_history(self, connection_id: str, viewer: Viewer) -> bool:
        """Whether a viewer may see the runs at a connection; of one that was let go too when it sees everything."""
        if any(view.connection.id == connection_id for view in self.connections(viewer)):
            return True
        return viewer == EVERYTHING and self._accounts.known_connection(connection_id)

    def _all_sandbox(self) -> bool:
        """Whether this profile's accounts are the sandbox's, so that whatever it remembers is too."""
        accounts = self._accounts.list()
        return bool(accounts) and all(account.sandbox for account in accounts)

    @staticmethod
    def _sees(view: ConnectionView, viewer: Viewer) -> bool:
        if viewer.sandbox_only and not view.account.sandbox:
            return False
        return not viewer.connection_ids or view.connection.id in viewer.connection_ids
