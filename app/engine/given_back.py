"""Copies that follow another original since a re-link, and whose own original is back (`engine.md` §4, §10).

A copy belongs to the original its key derives from. Who holds it in that one's stead lets go and gets a copy of its
own, else both would write to one copy in turn, or the copy would go with the one while the other lives.
"""

from __future__ import annotations

from collections.abc import Collection

from app.domain.identity import copy_key
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord, Seen
from app.engine.wishes import COVERED


def give_back(direction: DirectionRecord, ledger: Ledger, originals: Collection[str]) -> set[str]:
    """Untie who holds a copy of an original that lives and has no tie itself.

    Args:
        originals: that are to be planned.

    Returns:
        Those that were untied: they are planned anew, and get copies of their own if they live.
    """
    tied = {link.original_id for link in ledger.links(direction.id, originals)} if originals else set()
    owners = {copy_key(direction.key, one): one for one in originals if one not in tied}
    held = [link for link in ledger.links_to(direction.id, owners) if link.reason != COVERED] if owners else []
    if not held:
        return set()
    claimed = {owners[link.copy_key] for link in held}
    living = {
        row.event.unit
        for row in ledger.rows(direction.source.id, claimed)
        if row.seen is Seen.SEEN and row.event.fields is not None
    }
    holders = {link.original_id for link in held if owners[link.copy_key] in living}
    if holders:
        ties = ledger.links(direction.id, holders)
        ledger.save([], [], [(direction.id, link.original_id, link.occ) for link in ties])
    return holders
