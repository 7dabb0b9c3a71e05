"""Finds the files of `resources/`: beside `app/` in a checkout, inside it when installed. Reads nothing else."""

from __future__ import annotations

from pathlib import Path

_APP = Path(__file__).resolve().parents[1]


def resource(*parts: str) -> Path:
    """The path of a resource, for example `resource("icons", "kalends", "kalends.svg")`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for root in (_APP / "resources", _APP.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError("/".join(("resources", *parts)))
