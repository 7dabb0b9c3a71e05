"""Sync pairs, their directions, and what stays when they go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import ConflictError, NotFoundError
from app.domain.identity import direction_key
from app.domain.links import Copy, Link
from app.domain.pairs import CopyEdited, Direction, DirectionSettings, Filters, Mode, PairStatus
from app.domain.runs import Hold, HoldCause
from app.store import Store
from tests.unit.store.samples import NOW, World, account, connection, pair, single

BOTH = Direction.BIDIRECTIONAL


@pytest.fixture
def ready(store: Store) -> Store:
    """Three calendars, no pair."""
    store.accounts.add(account())
    store.accounts.put_connections("acct_1", [connection("work"), connection("home"), connection("club")])
    return store


def test_a_pair_comes_back_as_it_was_kept(ready: Store) -> None:
    own = DirectionSettings(Mode.FULL, "{title}", filters=Filters(free=True), copy_edited=CopyEdited.KEEP)
    given = pair(
        direction=BOTH,
        settings=DirectionSettings(window_back_days=1),
        settings_b_to_a=own,
        status=PairStatus.PAUSED,
        interval_seconds=60,
        paused_until=NOW,
        pause_reason="holiday",
        created_at=NOW,
        problem="None yet.",
    )
    assert ready.pairs.add(given) == given
    assert ready.pairs.get("pair_1") == given
    assert ready.pairs.list() == [given]
    assert ready.pairs.list(PairStatus.ACTIVE) == []
    assert ready.pairs.of_connection("conn_home") == [given]
    assert ready.pairs.of_connection("conn_club") == []


def test_directions_come_ready_to_run(ready: Store) -> None:
    own = DirectionSettings(Mode.FULL)
    ready.pairs.add(pair(direction=BOTH, settings_b_to_a=own))
    forth, back = ready.pairs.directions("pair_1")
    assert forth.key == direction_key("google:work@example.com", "google:home@example.com")
    assert (forth.source.id, forth.target.id, forth.settings) == ("conn_work", "conn_home", DirectionSettings())
    assert (back.source.id, back.target.id, back.settings) == ("conn_home", "conn_work", own)
    assert (back.settings_no, back.planned_settings_no, back.planned_seq, back.adopted) == (1, 0, 0, False)
    assert ready.pairs.direction(back.id) == back


@pytest.mark.parametrize(("way", "source"), [(Direction.A_TO_B, "conn_work"), (Direction.B_TO_A, "conn_home")])
def test_a_one_way_pair_has_one_direction(ready: Store, way: Direction, source: str) -> None:
    ready.pairs.add(pair(direction=way))
    assert [one.source.id for one in ready.pairs.directions("pair_1")] == [source]


def test_a_direction_belongs_to_one_pair_only(ready: Store) -> None:
    ready.pairs.add(pair(direction=BOTH))
    swapped = pair("pair_2", Direction.B_TO_A, connection_a_id="conn_home", connection_b_id="conn_work")
    with pytest.raises(ConflictError) as caught:
        ready.pairs.add(swapped)
    assert caught.value.code == "direction_taken"
    assert [detail.message for detail in caught.value.details] == ["pair_1"]
    assert not ready.pairs.known("pair_2")


def test_a_direction_is_taken_also_for_another_account_that_sees_the_same_calendar(ready: Store) -> None:
    ready.pairs.add(pair())
    ready.accounts.add(account(2))
    ready.accounts.put_connections("acct_2", [connection("work", id="conn_shared")])
    with pytest.raises(ConflictError):
        ready.pairs.add(pair("pair_2", connection_a_id="conn_shared"))


def test_opposite_directions_may_belong_to_two_pairs(ready: Store) -> None:
    ready.pairs.add(pair())
    ready.pairs.add(pair("pair_2", Direction.B_TO_A))
    assert [one.id for one in ready.pairs.list()] == ["pair_1", "pair_2"]


def test_a_pair_of_unknown_connections_is_refused(ready: Store) -> None:
    with pytest.raises(NotFoundError):
        ready.pairs.add(pair(connection_b_id="conn_unknown"))
    assert ready.pairs.list() == []


def test_changed_settings_are_numbered_and_pausing_is_not(ready: Store) -> None:
    ready.pairs.add(pair())
    paused = ready.pairs.update(pair(status=PairStatus.PAUSED, settings_no=77))
    assert paused.settings_no == 1
    changed = ready.pairs.update(replace(paused, settings=DirectionSettings(title="Away")))
    assert (changed.settings_no, changed.created_at) == (2, NOW)
    assert [one.settings_no for one in ready.pairs.directions("pair_1")] == [2]


def test_a_pair_that_is_not_there_is_named(ready: Store) -> None:
    for action in (ready.pairs.get, ready.pairs.remove, ready.pairs.directions, ready.pairs.direction):
        with pytest.raises(NotFoundError):
            action("unknown")
    with pytest.raises(NotFoundError):
        ready.pairs.update(pair())


def test_a_dropped_direction_comes_back_with_what_it_knew_and_is_planned_anew(ready: Store) -> None:
    ready.pairs.add(pair(direction=BOTH))
    forth, back = ready.pairs.directions("pair_1")
    ready.ledger.planned(back, seq_source=5, seq_target=5)
    ready.ledger.adopted(back.id)
    link, copy = Link(back.id, "a", copy_key="k"), Copy(back.id, "k", generation=3)
    ready.ledger.save([link], [copy])

    ready.pairs.update(pair(direction=Direction.A_TO_B))
    assert [one.id for one in ready.pairs.directions("pair_1")] == [forth.id]
    with pytest.raises(NotFoundError):
        ready.pairs.direction(back.id)

    ready.pairs.update(pair(direction=BOTH))
    assert ready.pairs.directions("pair_1")[1] == replace(back, settings_no=3)
    assert ready.ledger.links(back.id, None) == [link]
    assert ready.ledger.copies(back.id, None) == [copy]


def test_a_deleted_pair_leaves_its_copies_known_to_the_next(filled: World) -> None:
    store, direction = filled.store, filled.direction
    filled.read(single("a"), full=True)
    link, copy = Link(direction.id, "a", copy_key="k"), Copy(direction.id, "k", event_id="copy")
    store.ledger.save([link], [copy])
    store.ledger.adopted(direction.id)
    filled.everything_planned()
    store.ledger.save_hold(Hold("hold_1", "pair_1", direction.id, HoldCause.MASS_DELETE, NOW, 1), ["a"])

    store.pairs.remove("pair_1")
    assert store.pairs.list() == []
    assert store.pairs.known("pair_1")
    assert store.holds.list() == []
    assert store.ledger.hold_items("hold_1") == []
    with pytest.raises(NotFoundError):
        store.pairs.get("pair_1")

    store.pairs.add(pair("pair_2", Direction.B_TO_A, connection_a_id="conn_home", connection_b_id="conn_work"))
    (taken,) = store.pairs.directions("pair_2")
    assert (taken.id, taken.key, taken.adopted, taken.planned_seq) == (direction.id, direction.key, False, 0)
    assert store.ledger.links(direction.id, None) == [link]
    assert store.ledger.copies(direction.id, None) == [copy]
    assert store.ledger.originals_to_plan(taken, NOW) == ["a"]


def test_a_direction_taken_over_by_another_account_uses_its_connections(ready: Store) -> None:
    ready.pairs.add(pair())
    (before,) = ready.pairs.directions("pair_1")
    ready.pairs.remove("pair_1")
    ready.accounts.add(account(2))
    ready.accounts.put_connections("acct_2", [connection("work", id="conn_shared")])
    ready.pairs.add(pair("pair_2", connection_a_id="conn_shared"))
    (after,) = ready.pairs.directions("pair_2")
    assert (after.id, after.source.id, after.source.account_id) == (before.id, "conn_shared", "acct_2")


def test_a_pair_tells_how_many_originals_wait(filled: World) -> None:
    hold = Hold("hold_1", "pair_1", filled.direction.id, HoldCause.MASS_DELETE, NOW, 6)
    filled.store.ledger.save_hold(hold, [])
    filled.store.ledger.save_hold(replace(hold, id="hold_2", cause=HoldCause.MASS_CHANGE, expected=4), [])
    assert filled.store.pairs.get("pair_1").held == 10


def test_pairs_come_in_the_order_they_were_made(ready: Store) -> None:
    ready.pairs.add(pair("pair_z", created_at=NOW))
    ready.pairs.add(pair("pair_a", Direction.B_TO_A, created_at=NOW + timedelta(seconds=1)))
    assert [one.id for one in ready.pairs.list()] == ["pair_z", "pair_a"]


def test_a_removed_pair_keeps_its_name_while_its_calendars_have_theirs(ready: Store) -> None:
    ready.pairs.add(pair(direction=BOTH))
    assert ready.pairs.former() == {}
    work, home = (ready.accounts.connection(one).name for one in ("conn_work", "conn_home"))
    ready.pairs.remove("pair_1")
    assert ready.pairs.former() == {"pair_1": (work, BOTH, home)}
