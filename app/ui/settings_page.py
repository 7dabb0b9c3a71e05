"""Settings: how Kalends looks, its habits, the local API and its keys, where data lies, and what it is made of.

A change counts at once and is kept by the core; what needs a new start says so. There is no *Save*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.alerts import Wish
from app.domain.errors import InputError
from app.domain.keys import ApiKey
from app.domain.preferences import PreferenceValues
from app.ui import key_model, pair_draft, words
from app.ui.boxes import ScrollPage, Section
from app.ui.bridge import CoreThread
from app.ui.feed import Snapshot
from app.ui.fields import NumberField, Segments, Tick
from app.ui.key_model import KeyModel
from app.ui.sign_in_sheet import OpenUrl
from app.ui.tables import Table
from app.ui.tasks import TaskRunner
from app.ui.theme import Scheme, Theme
from app.ui.widgets import Button, Choice, Frame, IconButton, Label

if TYPE_CHECKING:
    from app.services.core import Core

_PLACES = {
    "log_file": "Log",
    "database": "Database",
    "config_file": "Settings file",
    "data": "Data",
    "config": "Settings",
}
_WISHES = {
    Wish.PROBLEMS_ONLY: "Problems only",
    Wish.PROBLEMS_AND_CHANGES: "Problems and changes",
    Wish.NOTHING: "Nothing",
}
_PORT_HINT = "The next free one is used if it is taken."


@dataclass(frozen=True, slots=True)
class Known:
    """What the page shows, as of one moment."""

    preferences: PreferenceValues
    keys: tuple[ApiKey, ...]
    places: tuple[tuple[str, Path], ...]


def read(core: Core) -> Known:
    """Read it from the core, on its thread."""
    places = []
    for field in fields(core.info):
        value = getattr(core.info, field.name)
        if isinstance(value, Path):
            places.append((_PLACES.get(field.name, field.name.replace("_", " ").capitalize()), value))
    return Known(core.preferences.get(), core.keys.list(), tuple(places))


class SettingsPage(ScrollPage):
    """The last page. It reads only when it is shown.

    Args:
        theme: its colours.
        bridge: the way to the core.
        tasks: runs the readings and shows what fails.
        now: the clock.
        open_url: opens the API's pages and folders.
    """

    changed = Signal(object)
    """The `PreferenceValues` that count now."""
    key_wanted = Signal()
    revoke_wanted = Signal(object)
    """End this `ApiKey`."""
    licences_wanted = Signal()

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        tasks: TaskRunner,
        now: Callable[[], datetime],
        open_url: OpenUrl,
    ) -> None:
        super().__init__("Settings", "Changes count at once.")
        self._theme = theme
        self._bridge = bridge
        self._tasks = tasks
        self._open_url = open_url
        self._api_url: str | None = None
        self._filling = False
        self._places: tuple[tuple[str, Path], ...] = ()
        self._port_before: int | None = None
        self.column.addWidget(self._looks())
        self.column.addWidget(self._habits())
        self.column.addWidget(self._api())
        self._key_model = KeyModel(now, self)
        self.column.addWidget(self._keys())
        self._folders = Section("Where your data lies", "On this computer only.")
        self._folder_rows = QVBoxLayout()
        self._folder_rows.setSpacing(8)
        holder = QWidget()
        holder.setLayout(self._folder_rows)
        self._folder_rows.setContentsMargins(0, 0, 0, 0)
        self._folders.add(holder)
        self.column.addWidget(self._folders)
        self.column.addWidget(self._about())
        self.column.addStretch(1)
        self.forget()

    # -- parts -------------------------------------------------------------------------------------------------------

    def _looks(self) -> Section:
        section = Section("Appearance")
        self.theme_choice: Segments[str] = Segments(
            self._theme,
            (
                (Scheme.SYSTEM.value, "System", "monitor"),
                (Scheme.LIGHT.value, "Light", "sun"),
                (Scheme.DARK.value, "Dark", "moon"),
            ),
        )
        self.theme_choice.group.idToggled.connect(self._theme_chosen)
        section.add_row("Theme", "System follows your desktop.", self.theme_choice)
        return section

    def _habits(self) -> Section:
        section = Section("Syncing and notifications")
        self.interval = Choice(self._theme, "Look for changes every")
        for seconds in pair_draft.INTERVALS:
            self.interval.addItem(words.interval(seconds), seconds)
        self.interval.currentIndexChanged.connect(self._interval_chosen)
        section.add_row("Look for changes every", "For new sync pairs; each pair has its own.", self.interval)
        self.on_start = Tick(self._theme, "On")
        self.on_start.setAccessibleName("Sync when Kalends starts")
        self.on_start.toggled.connect(lambda on: self._change(sync_on_start=on))
        section.add_row("Sync when Kalends starts", "Every active pair runs once at the start.", self.on_start)
        self.notifications = Choice(self._theme, "Notifications")
        for value, text in _WISHES.items():
            self.notifications.addItem(text, value.value)
        self.notifications.currentIndexChanged.connect(self._notifications_chosen)
        text = "Deletions that wait for you are told in any case."
        section.add_row("Notifications", text, self.notifications)
        return section

    def _api(self) -> Section:
        section = Section("Local API", "Lets scripts and programs on this computer see and start syncs.")
        self.api_on = Tick(self._theme, "On")
        self.api_on.setAccessibleName("Local API")
        self.api_on.toggled.connect(lambda on: self._change(api_enabled=on))
        self._api_state = section.add_row("Answer requests", "", self.api_on)
        self.port = NumberField("Port of the local API", 0, 65535)
        self.port.setMinimumWidth(self.fontMetrics().averageCharWidth() * 12)
        self.port.editingFinished.connect(self._port_typed)
        self._port_hint = section.add_row("Port", _PORT_HINT, self.port)
        self.address = Label("", "code")
        self.copy_button = Button(self._theme, "Copy", "copy", name="Copy the address")
        self.copy_button.clicked.connect(self._copy_address)
        self.docs_button = Button(self._theme, "Open docs", "book-open", name="Open the documentation of the API")
        self.docs_button.clicked.connect(self._open_docs)
        self._address_row = QWidget()
        row = QHBoxLayout(self._address_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(Label("Address", "strong"))
        texts.addWidget(self.address)
        row.addLayout(texts, 1)
        row.addWidget(self.copy_button)
        row.addWidget(self.docs_button)
        self._address_rule = Frame("rule")
        section.add(self._address_rule)
        section.add(self._address_row)
        return section

    def _keys(self) -> Section:
        section = Section("API keys", "Each program gets its own, so that you can take it back.")
        self.key_button = Button(self._theme, "New key", "plus")
        self.key_button.clicked.connect(self.key_wanted)
        section.offer(self.key_button)
        self.key_table = Table(self._theme, "API keys", self._key_model, rows_shown=6)
        self.key_table.set_row_lines(2)
        self.key_table.set_columns(0, 19, 14, 14, 12)
        self.key_table.hide_when_narrow({key_model.USED: 620, key_model.MAY: 480})
        self.key_table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._key_model.modelReset.connect(self._place_key_buttons)
        section.add(self.key_table)
        self._no_keys = Label("No key yet. Without one, no program can use the API.", "muted", wrap=True)
        section.add(self._no_keys)
        return section

    def _about(self) -> Section:
        section = Section("About Kalends")
        licences = Button(self._theme, "Licences")
        licences.clicked.connect(self.licences_wanted)
        self._version = section.add_row("Version", "", licences)
        return section

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the core says about itself."""
        self._api_url = snapshot.status.api_url
        self._version.setText(f"{snapshot.status.version} · free software under the MIT licence")
        self._version.show()
        self.address.setText(self._api_url or "")
        self._address_row.setVisible(self._api_url is not None)
        self._address_rule.setVisible(self._api_url is not None)
        self._say_api()

    def forget(self) -> None:
        """The core was stopped or switched: until it was read, nothing here is true, and nothing can be changed."""
        self._port_before = None
        self.key_table.hide()
        self._no_keys.hide()
        self.inside.setEnabled(False)

    def read(self) -> None:
        """Read from the core and show it."""
        self._tasks.spawn(self._read, key="settings")

    async def _read(self) -> None:
        known: Known = await self._bridge.call(read)
        self._fill(known.preferences)
        self._key_model.show_keys(known.keys)
        self.key_table.setVisible(bool(known.keys))
        self._no_keys.setVisible(not known.keys)
        self.key_table.updateGeometry()
        self._show_places(known.places)
        self.inside.setEnabled(True)

    def _fill(self, values: PreferenceValues) -> None:
        self._filling = True
        if self._port_before is None:
            self._port_before = values.api_port
        self.theme_choice.choose(values.theme)
        if self.interval.findData(values.interval_seconds) < 0:
            self.interval.addItem(words.interval(values.interval_seconds), values.interval_seconds)
        self.interval.setCurrentIndex(self.interval.findData(values.interval_seconds))
        self.notifications.setCurrentIndex(self.notifications.findData(values.notifications))
        self.on_start.setChecked(values.sync_on_start)
        self.api_on.setChecked(values.api_enabled)
        self.port.setValue(values.api_port)
        self.port.setEnabled(values.api_enabled)
        self._filling = False
        self._say_api()

    def _say_api(self) -> None:
        """What the API does now, and what a change will do at the next start."""
        runs, wanted = self._api_url is not None, self.api_on.isChecked()
        text = "It answers on this computer only, and only with a key." if runs else "It is off."
        if runs and not wanted:
            text = "It still answers, and will be off from the next start of Kalends."
        elif not runs and wanted:
            text = "It will answer from the next start of Kalends."
        elif runs and self._port_before not in (None, self.port.value()):
            text = f"It still answers at the old port, and at port {self.port.value()} from the next start of Kalends."
        self._api_state.setText(text)
        self._api_state.show()

    def _say_port(self, problem: str) -> None:
        self._port_hint.setText(problem or _PORT_HINT)
        self._port_hint.show_role("error" if problem else "small")
        self.port.setAccessibleDescription(problem)

    def _show_places(self, places: tuple[tuple[str, Path], ...]) -> None:
        if places == self._places:
            return
        self._places = places
        while (item := self._folder_rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for name, path in places:
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(4)
            texts = QVBoxLayout()
            texts.setSpacing(1)
            texts.addWidget(Label(name, "strong"))
            texts.addWidget(Label(str(path), "small", wrap=True))
            row.addLayout(texts, 1)
            copy = IconButton(self._theme, "copy", f"Copy the path of: {name}")
            copy.clicked.connect(partial(_copy, str(path)))
            folder = IconButton(self._theme, "folder-open", f"Open the folder of: {name}")
            folder.clicked.connect(partial(self._open_folder, path))
            row.addWidget(copy)
            row.addWidget(folder)
            self._folder_rows.addWidget(line)

    def _place_key_buttons(self) -> None:
        for row in range(self._key_model.rowCount()):
            if self._key_model.works(row):
                key = self._key_model.key(row)
                button = Button(self._theme, "Revoke", role="link", name=f"Revoke {key.label}")
                button.clicked.connect(partial(self._revoke, key))
                self.key_table.setIndexWidget(self._key_model.index(row, key_model.COMMANDS), button)

    # -- what is asked -----------------------------------------------------------------------------------------------

    def _change(self, **values: object) -> None:
        if self._filling:
            return

        async def work() -> None:
            try:
                now_counts: PreferenceValues = await self._bridge.call(lambda core: core.preferences.change(**values))
            except InputError as error:
                if "api_port" not in values:
                    raise
                self._say_port(error.message)
                return
            self._say_port("")
            self._fill(now_counts)
            self.changed.emit(now_counts)

        self._tasks.spawn(work)

    def _theme_chosen(self, _number: int, chosen: bool) -> None:
        if chosen:
            self._change(theme=self.theme_choice.value)

    def _interval_chosen(self) -> None:
        self._change(interval_seconds=int(self.interval.currentData()))

    def _notifications_chosen(self) -> None:
        self._change(notifications=str(self.notifications.currentData()))

    def _port_typed(self) -> None:
        self._change(api_port=self.port.value())

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())
        self.copy_button.say("Copied")

    def _open_docs(self) -> None:
        if self._api_url is not None:
            self._open_url(f"{self._api_url.rstrip('/')}/docs")

    def _open_folder(self, path: Path) -> None:
        self._open_url(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)).toString())

    def _revoke(self, key: ApiKey) -> None:
        self.revoke_wanted.emit(key)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
