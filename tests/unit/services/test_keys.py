"""API keys: shown once, kept as a hash, recognised exactly, and never widened by a typo."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InputError
from app.domain.keys import KeyKind
from app.services.keys import Keys, well_formed
from app.store.store import Store
from app.system.identifiers import Identifiers
from tests.fakes.engine_world import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(clock: HandClock) -> Store:
    return Store.open(":memory:", now=clock.now)


@pytest.fixture
def keys(store: Store, clock: HandClock) -> Keys:
    return Keys(store.keys, clock, Identifiers(clock).new, sandbox_only=False)


def test_a_new_key_opens_and_its_text_is_nowhere_in_the_database(tmp_path: Path, clock: HandClock) -> None:
    with Store.open(tmp_path / "kalends.db", now=clock.now) as store:
        made = Keys(store.keys, clock, Identifiers(clock).new, sandbox_only=False).create("laptop")
    secret = made.text.removeprefix("cs_live_").encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]


def test_a_key_is_known_again_by_its_last_four_characters_and_no_more(keys: Keys) -> None:
    made = keys.create("laptop")
    assert [key.ending for key in keys.list()] == [made.text[-4:]]
    assert made.text[:-6][-4:] not in repr(keys.list()[0]), "they are of its checksum, not of its secret"


def test_the_kind_shows_in_the_prefix_and_the_demo_makes_test_keys(store: Store, clock: HandClock) -> None:
    demo = Keys(store.keys, clock, Identifiers(clock).new, sandbox_only=True)
    assert demo.create("a").text.startswith("cs_test_")
    assert demo.create("b", kind=KeyKind.WBK).text.startswith("wbk_")


def test_only_the_exact_key_is_recognised(keys: Keys) -> None:
    made = keys.create("laptop")
    assert keys.authenticate(made.text) is not None
    assert keys.authenticate(made.text[:-1]) is None
    assert keys.authenticate(made.text + "x") is None
    assert keys.authenticate(made.text.swapcase()) is None
    assert keys.authenticate("") is None


@given(st.text(max_size=80))
def test_no_made_up_text_is_well_formed(text: str) -> None:
    assert not well_formed(text)


def test_revoked_and_expired_keys_open_nothing(keys: Keys, clock: HandClock) -> None:
    revoked = keys.create("old")
    keys.revoke(revoked.key.id)
    brief = keys.create("brief", expires_at=clock.now() + timedelta(hours=1))
    assert keys.authenticate(brief.text) is not None
    clock.advance(hours=2)
    assert keys.authenticate(revoked.text) is None
    assert keys.authenticate(brief.text) is None


def test_last_use_is_noted_at_most_once_a_minute(keys: Keys, clock: HandClock, store: Store) -> None:
    made = keys.create("laptop")
    keys.authenticate(made.text)
    first = store.keys.get(made.key.id).last_used_at
    clock.advance(seconds=30)
    keys.authenticate(made.text)
    assert store.keys.get(made.key.id).last_used_at == first
    clock.advance(minutes=2)
    keys.authenticate(made.text)
    assert store.keys.get(made.key.id).last_used_at == clock.now()


def test_scopes_open_what_they_name_and_families_what_they_cover(keys: Keys) -> None:
    reader = keys.create("reader", ["read:*"]).key
    assert reader.grants("read:pairs")
    assert not reader.grants("write:pairs")
    assert not reader.grants("approve:deletions")
    assert keys.create("all", ["*"]).key.grants("approve:deletions")


@pytest.mark.parametrize(
    ("label", "scopes", "field"),
    [("", None, "label"), ("x" * 101, None, "label"), ("ok", ["read:everything"], "scopes")],
)
def test_a_bad_key_is_refused_by_field(keys: Keys, label: str, scopes: list[str] | None, field: str) -> None:
    with pytest.raises(InputError) as refused:
        keys.create(label, scopes)
    assert [detail.field for detail in refused.value.details] == [field]


def test_an_expiry_in_the_past_is_refused(keys: Keys, clock: HandClock) -> None:
    with pytest.raises(InputError):
        keys.create("late", expires_at=clock.now())
