"""Names that every machine derives alike, with the check values of `engine.md` §4."""

from __future__ import annotations

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain import identity

SOURCE = identity.google_calendar_key("ada@example.com")
TARGET = "caldav:https://dav.example.org/cal/ada/home/"


def test_the_check_values_come_out() -> None:
    direction = identity.direction_key(SOURCE, TARGET)
    copy_id = identity.copy_id(TARGET, identity.copy_key(direction, "abc123"), 0)
    assert direction.startswith("187fa31a")
    assert copy_id.startswith("f4554a15")
    assert len(direction) == len(copy_id) == 40


def test_a_direction_is_not_its_opposite() -> None:
    assert identity.direction_key(SOURCE, TARGET) != identity.direction_key(TARGET, SOURCE)


@given(st.text(), st.text(max_size=15), st.integers(0, 99))
def test_ids_fit_the_services_they_go_to(original: str, occ: str, generation: int) -> None:
    copy_id = identity.copy_id(TARGET, identity.copy_key("d", original, occ), generation)
    assert re.fullmatch(r"[a-v0-9]{5,1024}", identity.google_event_id(copy_id))
    transaction = identity.transaction_id(copy_id)
    assert UUID(transaction).version == 8
    assert transaction.startswith("6b616c6e-")


def test_generations_occurrences_and_originals_all_have_ids_of_their_own() -> None:
    ids = {
        identity.copy_id(TARGET, identity.copy_key("d", original, occ), generation)
        for original in ("a", "b", "a20261123")
        for occ in ("", "20261123", "20261123T0900")
        for generation in range(3)
    }
    assert len(ids) == 27


def test_a_microsoft_calendar_is_named_by_account_and_id() -> None:
    assert identity.microsoft_calendar_key("home.1", "AAMk=") == "microsoft:home.1:AAMk="
