"""What callers were told of pairs: remembered a while, and no longer."""

from __future__ import annotations

from dataclasses import replace

from app.api import serialise
from app.api.shown import ShownPairs
from app.domain.accounts import Access, Account, Connection, Provider
from app.domain.pairs import Direction, Mode, PairState, SyncPair
from app.services.views import ConnectionView, PairView

ACCOUNT = Account("acct_1", Provider.GOOGLE, "subject", "a@example.org")
SIDE = ConnectionView(
    Connection("conn_1", "acct_1", Provider.GOOGLE, "c", "k", "Work", Access.WRITER, "Europe/Berlin"), ACCOUNT
)


def view(pair_id: str, held: int) -> PairView:
    """A pair with so many held originals."""
    pair = SyncPair(pair_id, "conn_1", "conn_2", Mode.BLOCKER, Direction.A_TO_B, held=held)
    return PairView(pair, SIDE, SIDE, PairState.HELD, held=held)


def test_values_that_were_shown_are_known_for_their_pair_alone() -> None:
    shown = ShownPairs()
    for held in (1, 2, 2, 3):
        shown.note(serialise.pair(view("pair_1", held)))
    assert shown.values("pair_1", "held") == [1, 2, 3]
    assert shown.values("pair_2", "held") == []
    assert shown.values("pair_1", "id") == []


def test_old_values_and_pairs_long_unseen_are_forgotten() -> None:
    shown = ShownPairs()
    for held in range(40):
        shown.note(serialise.pair(view("pair_1", held)))
    assert shown.values("pair_1", "held") == list(range(8, 40))
    for number in range(2, 2_002):
        shown.note(serialise.pair(view(f"pair_{number}", 0)))
    assert shown.values("pair_1", "held") == []


def test_a_direction_whose_settings_are_the_pair_s_shows_none() -> None:
    one = view("pair_1", 0)
    same = replace(one, pair=replace(one.pair, settings_b_to_a=one.pair.settings))
    assert serialise.pair(same).settings_b_to_a is None
