"""What happened: runs with their stories, and the log of those that ended. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.domain.errors import FieldError, InputError, NotFoundError
from app.domain.runs import Counts, RunStatus
from app.services.views import EVERYTHING, LogPage, RunMark, RunView, RunWay, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.runs import RunFilter, RunPage, RunRepository

PER_PAGE_AT_MOST = 200


class History:
    """Answers questions about runs, for what a viewer may see."""

    def __init__(self, runs: RunRepository, pairs: PairRepository, visibility: Visibility) -> None:
        self._runs = runs
        self._pairs = pairs
        self._visibility = visibility

    def runs(
        self,
        *,
        page: int = 1,
        per_page: int = 50,
        pair_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> LogPage:
        """Runs of every kind, under way and dry ones too, newest first. `since` and `until` are included."""
        wanted = self._filter(viewer, pair_id=pair_id, since=since, until=until)
        _check_page(page, per_page)
        return _page(self._runs.page(wanted, limit=per_page, offset=(page - 1) * per_page), page, per_page)

    def run(self, run_id: str, viewer: Viewer = EVERYTHING) -> RunView:
        """One run with its story. Raises NotFoundError."""
        run = self._runs.get(run_id)
        if not self._visibility.sees_history(run.pair_id, viewer):
            raise NotFoundError("There is no such run.")
        actions = tuple(self._runs.actions(run_id))
        told_of = {action.direction_id for action in actions}
        ways = tuple(
            RunWay(one.id, one.source.id, one.source.name, one.target.id, one.target.name)
            for one in self._pairs.past_directions(told_of)
        )
        return RunView(run, actions, ways)

    def logs(
        self,
        *,
        pair_id: str | None = None,
        connection_id: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        per_page: int = 50,
        viewer: Viewer = EVERYTHING,
    ) -> LogPage:
        """Ended runs that were no dry runs, newest first. Raises NotFoundError for ids that were never known."""
        _check_page(page, per_page)
        if connection_id is not None and not self._visibility.sees_connection_history(connection_id, viewer):
            raise NotFoundError("There is no such connection.")
        statuses: Collection[RunStatus] = () if status is None else (status,)
        wanted = self._filter(
            viewer, pair_id=pair_id, connection_id=connection_id, statuses=statuses, since=since, until=until
        )
        return _page(self._runs.logs(wanted, limit=per_page, offset=(page - 1) * per_page), page, per_page)

    def recent(self, pair_id: str, number: int, viewer: Viewer = EVERYTHING) -> tuple[RunMark, ...]:
        """How the last runs of a pair ended, the oldest of them first; dry ones and those under way are left out.
        Raises NotFoundError."""
        if not self._visibility.sees_history(pair_id, viewer):
            raise NotFoundError("There is no such sync pair.")
        return tuple(RunMark(status, at, run_id) for run_id, status, at in self._runs.recent(pair_id, number))

    def written_since(self, moment: datetime) -> Counts:
        """What all runs since a moment wrote, together: for the person at the computer."""
        return self._runs.written_since(moment)

    def _filter(
        self,
        viewer: Viewer,
        *,
        pair_id: str | None,
        connection_id: str | None = None,
        statuses: Collection[RunStatus] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> RunFilter:
        if pair_id is not None and not self._visibility.sees_history(pair_id, viewer):
            raise NotFoundError("There is no such sync pair.")
        return RunFilter(
            pair_id=pair_id,
            connection_id=connection_id,
            pair_ids=self._visibility.pair_ids(viewer),
            statuses=statuses,
            since=since,
            until=until,
        )


def _check_page(page: int, per_page: int) -> None:
    details = []
    if page < 1:
        details.append(FieldError("page", "Pages begin at 1."))
    if not 1 <= per_page <= PER_PAGE_AT_MOST:
        details.append(FieldError("per_page", f"Choose 1 to {PER_PAGE_AT_MOST}."))
    if details:
        raise InputError(details[0].message, details=details)


def _page(found: RunPage, page: int, per_page: int) -> LogPage:
    return LogPage(tuple(found.runs), found.total, page, per_page)
