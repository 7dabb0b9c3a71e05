"""Files that a person chose in a dialog: read and written whole, with what goes wrong in words."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors import InputError, StorageError

LONGEST = 4_000_000
"""Bytes of a file that is read: nothing that Kalends saves for people is longer."""


def write(file: Path, text: str) -> None:
    """Write a file. Raises StorageError `file_unwritable`."""
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StorageError(
            f"{file.name} cannot be written ({error.strerror or type(error).__name__}).",
            code="file_unwritable",
            fix="Choose another folder.",
        ) from error


def read(file: Path) -> str:
    """What a file says. Raises StorageError `file_unreadable`; InputError where it is no text, or far too long."""
    try:
        with file.open("rb") as handle:
            data = handle.read(LONGEST + 1)
    except OSError as error:
        raise StorageError(
            f"{file.name} cannot be read ({error.strerror or type(error).__name__}).",
            code="file_unreadable",
            fix="Choose another file.",
        ) from error
    try:
        if len(data) > LONGEST:
            raise ValueError("too long")
        return data.decode("utf-8")
    except ValueError:
        raise InputError(f"{file.name} is no settings file of Kalends.", fix="Choose another file.") from None
