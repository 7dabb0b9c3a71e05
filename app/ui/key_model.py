"""API keys as rows of a table. It shows what it is given and asks nobody; a key's text is nowhere in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.domain.keys import DEFAULT_SCOPES, ApiKey
from app.ui import time_words
from app.ui.tables import KEY, QUIET, SECOND_LINE, SIGN
from app.ui.words import Sign, Tone

Index = QModelIndex | QPersistentModelIndex

HEADS = ("Name", "May", "Status", "Last used", "")
NAME, MAY, STATUS, USED, COMMANDS = range(5)


def may(key: ApiKey) -> str:
    """What a key may do, in a few words."""
    scopes = set(key.scopes)
    if "*" in scopes:
        return "Everything"
    if scopes >= set(DEFAULT_SCOPES):
        return "Read and change"
    if scopes == {"read:*"}:
        return "Read only"
    return ", ".join(key.scopes)


def state(key: ApiKey, now: datetime) -> Sign:
    """Whether it opens anything."""
    if key.revoked_at is not None:
        return Sign("circle-slash", "Revoked", Tone.QUIET)
    if key.expires_at is not None and key.expires_at <= now:
        return Sign("clock", "Expired", Tone.QUIET)
    return Sign("circle-check", "In use" if key.last_used_at is not None else "Ready", Tone.OK)


class KeyModel(QAbstractTableModel):
    """Rows of `ApiKey`.

    Args:
        now: the clock.
        parent: the Qt owner.
    """

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._keys: tuple[ApiKey, ...] = ()

    def show_keys(self, keys: tuple[ApiKey, ...]) -> None:
        """Show these keys, those that work first, then the newest."""
        now = self._now()
        ordered = sorted(keys, key=lambda key: key.created_at, reverse=True)
        ordered.sort(key=lambda key: state(key, now).tone is not Tone.OK)
        self.beginResetModel()
        self._keys = tuple(ordered)
        self.endResetModel()

    def key(self, row: int) -> ApiKey:
        """The key of a row."""
        return self._keys[row]

    def works(self, row: int) -> bool:
        """Whether the key of a row still opens something, so that it can be revoked."""
        return state(self._keys[row], self._now()).tone is Tone.OK

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row a key."""
        return 0 if parent.isValid() else len(self._keys)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as `HEADS`."""
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of `HEADS`."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, signs and what a screen reader says, by role."""
        key, column = self._keys[index.row()], index.column()
        if role == KEY:
            return key.id
        if role == Qt.ItemDataRole.AccessibleTextRole and column == NAME:
            return ", ".join((key.label, may(key), state(key, self._now()).word))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(key, column)
        if role == SECOND_LINE and column == NAME:
            return f"{key.kind.prefix}…{key.ending}  made {time_words.day_and_time(key.created_at, self._now())}"
        if role == SIGN and column == STATUS:
            return state(key, self._now())
        if role == QUIET:
            return column in (MAY, USED)
        return None

    def _text(self, key: ApiKey, column: int) -> str:
        if column == NAME:
            return key.label
        if column == MAY:
            return may(key)
        if column == STATUS:
            return state(key, self._now()).word
        if column == USED:
            return "never" if key.last_used_at is None else time_words.ago(key.last_used_at, self._now())
        return ""
