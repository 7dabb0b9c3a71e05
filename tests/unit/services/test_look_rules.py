"""Which looks of copies are refused, by which field, and what the refusal says."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.pairs import CopyColour, CopyVisibility, DetailField, DirectionSettings, Mode, Replacement
from app.services.look_rules import wrong_looks


def test_the_defaults_of_every_mode_can_be() -> None:
    for mode in Mode:
        assert list(wrong_looks(DirectionSettings(mode=mode))) == []


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({"title": "x" * 501}, "title", "500"),
        ({"title_prefix": "x" * 61}, "title_prefix", "60"),
        ({"title_prefix": "a\nb"}, "title_prefix", "one line"),
        ({"title_replacements": (Replacement("a"),) * 11}, "title_replacements", "10"),
        (
            {"title_replacements": (Replacement("a"), Replacement("(a+)+", "", True))},
            "title_replacements[1]",
            "repeated group",
        ),
        ({"reminder_minutes": 40_321}, "reminder_minutes", "40320"),
        ({"detail_fields": (DetailField.TEXT, DetailField.TEXT)}, "detail_fields", "once"),
        ({"colour": CopyColour.AS_ORIGINAL}, "colour", "Busy time"),
        ({"visibility": CopyVisibility.AS_ORIGINAL}, "visibility", "Busy time"),
    ],
)
def test_a_refusal_names_its_field_and_what_to_do(settings: dict[str, Any], field: str, says: str) -> None:
    (detail,) = wrong_looks(DirectionSettings(**settings))
    assert detail.field == field
    assert says in detail.message


def test_copies_with_titles_may_have_the_colour_and_the_visibility_of_their_originals() -> None:
    settings = DirectionSettings(
        mode=Mode.DETAILS, colour=CopyColour.AS_ORIGINAL, visibility=CopyVisibility.AS_ORIGINAL
    )
    assert list(wrong_looks(settings)) == []
