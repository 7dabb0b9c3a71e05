"""Pages: lists give everything unless a page is asked for, histories always come in pages (`contract/api.md` §6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Query

from app.api.models.requests import LARGEST_NUMBER

PER_PAGE: Final = 50
PER_PAGE_AT_MOST: Final = 200

# No list of ours is so long; pages behind it are as empty as this one, and its offset fits any database.
_LAST_PAGE: Final = 10**12

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was asked for, counted from 1."""

    number: int
    per_page: int

    @property
    def reachable(self) -> int:
        """The number, or that of an empty page where a database could not count so far."""
        return min(self.number, _LAST_PAGE)


async def history_page(
    page: Annotated[int, Query(ge=1, le=LARGEST_NUMBER)] = 1,
    per_page: Annotated[int, Query(ge=1, le=PER_PAGE_AT_MOST)] = PER_PAGE,
) -> Page:
    """The page of a history."""
    return Page(page, per_page)


async def list_page(
    page: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
    per_page: Annotated[int | None, Query(ge=1, le=PER_PAGE_AT_MOST)] = None,
) -> Page | None:
    """The page of a list, None for all of it."""
    if page is None and per_page is None:
        return None
    return Page(page or 1, per_page or PER_PAGE)


HistoryPage = Annotated[Page, Depends(history_page)]
ListPage = Annotated[Page | None, Depends(list_page)]


def cut(items: Sequence[Item], page: Page | None) -> tuple[Sequence[Item], dict[str, Any]]:
    """The items of a page, and the fields that tell of it; all of them, and none, where no page was asked for."""
    if page is None:
        return items, {}
    start = (page.number - 1) * page.per_page
    return items[start : start + page.per_page], {"total": len(items), "page": page.number, "per_page": page.per_page}
