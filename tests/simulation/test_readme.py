"""Each promise that the README prints names the oracle that watches it, and each oracle is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulation.history import History
from tests.simulation.oracle import PROMISES, Oracle

README = Path(__file__).parents[2] / "README.md"


def test_each_promise_of_the_readme_names_an_oracle_that_is_there() -> None:
    text = README.read_text(encoding="utf-8").partition("## Promises")[2].partition("\n## ")[0]
    promises = re.split(r"\n(?=\d+\. )", text)[1:]
    named = {int(one.partition(".")[0]): re.search(r"`(Oracle|History)\.(\w+)`\s*$", one) for one in promises}
    assert named.keys() == PROMISES.keys()
    for number, found in named.items():
        assert found is not None, f"promise {number} names no oracle"
        owner = {"Oracle": Oracle, "History": History}[found[1]]
        assert callable(getattr(owner, found[2], None)), f"promise {number} names {found[2]}, which is not there"
