"""Accounts, connections and sealed secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.accounts import Access, AccountStatus, ConnectionStatus, Provider
from app.domain.errors import ConflictError, NotFoundError
from app.domain.pairs import Direction
from app.store import Store
from tests.unit.store.samples import NOW, World, account, connection, pair, single


def test_an_account_comes_back_as_it_was_kept(store: Store) -> None:
    given = account(
        status=AccountStatus.NEEDS_SIGN_IN,
        display_name="Ada",
        scopes=("openid", "calendar"),
        sandbox=True,
        created_at=NOW,
        expires_at=NOW,
        problem="Sign in again.",
    )
    assert store.accounts.add(given) == given
    assert store.accounts.get(given.id) == given
    assert store.accounts.find(Provider.GOOGLE, given.subject) == given
    assert store.accounts.find(Provider.MICROSOFT, given.subject) is None
    changed = replace(given, status=AccountStatus.CONNECTED, problem=None)
    store.accounts.update(changed)
    assert store.accounts.list() == [changed]


def test_signing_in_again_keeps_the_id(store: Store) -> None:
    store.accounts.add(account())
    again = store.accounts.add(account(id="acct_new", email="new@example.com"))
    assert (again.id, again.email, again.created_at) == ("acct_1", "new@example.com", NOW)
    assert store.accounts.list() == [again]


def test_an_account_that_is_not_there_is_named(store: Store) -> None:
    for action in (store.accounts.get, store.accounts.remove, store.accounts.connection):
        with pytest.raises(NotFoundError):
            action("unknown")
    with pytest.raises(NotFoundError):
        store.accounts.update(account())
    with pytest.raises(NotFoundError):
        store.accounts.put_connections("acct_1", [connection("work")])
    with pytest.raises(NotFoundError):
        store.accounts.update_connection(connection("work"))


def test_a_connection_comes_back_as_it_was_kept(store: Store) -> None:
    store.accounts.add(account())
    given = connection(
        "work",
        access=Access.READER,
        primary=True,
        status=ConnectionStatus.ERROR,
        problem="No.",
        last_synced_at=NOW,
        colour="teal",
    )
    assert store.accounts.add_connection(given) == given
    assert store.accounts.connection(given.id) == given
    changed = replace(given, status=ConnectionStatus.ACTIVE, problem=None)
    store.accounts.update_connection(changed)
    assert store.accounts.connections("acct_1") == [changed]


def test_the_calendars_of_an_account_keep_their_ids_when_they_are_listed_again(store: Store) -> None:
    store.accounts.add(account())
    store.accounts.put_connections("acct_1", [connection("work", last_synced_at=NOW), connection("home")])
    again = store.accounts.put_connections(
        "acct_1", [replace(connection("work"), id="conn_other", name="Renamed"), connection("new", primary=True)]
    )
    assert [(one.id, one.name, one.last_synced_at) for one in again] == [
        ("conn_work", "Renamed", NOW),
        ("conn_new", "new", None),
    ]
    assert [one.id for one in store.accounts.connections()] == ["conn_new", "conn_work", "conn_home"]


def test_the_same_calendar_seen_by_two_accounts_is_two_connections(store: Store) -> None:
    store.accounts.add(account(1))
    store.accounts.add(account(2))
    store.accounts.put_connections("acct_1", [connection("work")])
    store.accounts.put_connections("acct_2", [connection("work", id="conn_shared")])
    assert [one.id for one in store.accounts.connections("acct_2")] == ["conn_shared"]
    assert len(store.accounts.connections()) == 2


def test_a_connection_in_use_is_not_removed(filled: World) -> None:
    accounts = filled.store.accounts
    for remove, what in ((accounts.remove_connection, "conn_home"), (accounts.remove, "acct_1")):
        with pytest.raises(ConflictError) as caught:
            remove(what)
        assert caught.value.code == "connection_in_use"
        assert [detail.message for detail in caught.value.details] == ["pair_1"]
    assert len(filled.store.accounts.connections()) == 2


def test_a_removed_account_leaves_nothing_of_its_person_and_comes_back_with_its_ids(filled: World) -> None:
    store = filled.store
    store.secrets.store("acct_1", b"sealed")
    filled.read(single("a"), full=True)
    store.pairs.remove("pair_1")
    store.accounts.remove("acct_1")
    assert (store.accounts.list(), store.accounts.connections()) == ([], [])
    assert store.secrets.load("acct_1") is None
    assert store.accounts.find(Provider.GOOGLE, "subject-1") is None
    assert filled.seen() == {}
    left = "\n".join(store.database.sqlite.iterdump())
    assert "ada1@example.com" not in left
    assert "Dentist" not in left

    assert store.accounts.add(account(id="acct_again")).id == "acct_1"
    back = store.accounts.put_connections("acct_1", [connection("work", id="new"), connection("home", id="newer")])
    assert [one.id for one in back] == ["conn_work", "conn_home"]
    store.pairs.add(pair("pair_2", Direction.A_TO_B))
    assert [one.id for one in store.pairs.directions("pair_2")] == [filled.direction.id]


def test_secrets_are_kept_byte_by_byte(store: Store) -> None:
    sealed = bytes(range(256))
    assert store.secrets.load("acct_1") is None
    store.secrets.store("acct_1", b"before")
    store.secrets.store("acct_1", sealed)
    assert store.secrets.load("acct_1") == sealed
    store.secrets.delete("acct_1")
    assert store.secrets.load("acct_1") is None
