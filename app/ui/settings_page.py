"""Settings: how Kalends looks, its habits, the local API and its keys, where data lies, and what it is made of.

A change counts at once and is kept by the core. There is no *Save*.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from app.domain.alerts import Wish
from app.domain.autostart import Autostart
from app.domain.errors import InputError
from app.domain.keys import ApiKey
from app.domain.preferences import PreferenceValues
from app.ui import pair_draft, time_words
from app.ui.boxes import ScrollPage, Section
from app.ui.bridge import CoreThread
from app.ui.choices import Segments
from app.ui.feed import Snapshot
from app.ui.fields import Switch
from app.ui.settings_api import ApiSection
from app.ui.settings_keys import KeySection
from app.ui.settings_places import PlacesSection
from app.ui.settings_start import StartRow
from app.ui.sign_in_sheet import OpenUrl
from app.ui.tasks import TaskRunner
from app.ui.theme import Scheme, Theme
from app.ui.widgets import Button, Choice

if TYPE_CHECKING:
    from app.services.core import Core

_PLACES = {
    "log_file": "Log",
    "database": "Database",
    "config_file": "Settings file",
    "data": "Data",
    "config": "Settings",
}
_THEMES = {
    Scheme.SYSTEM.value: "Follows your desktop.",
    Scheme.LIGHT.value: "Always light, whatever your desktop shows.",
    Scheme.DARK.value: "Always dark, whatever your desktop shows.",
}
"""What each theme means, in words."""
_CLOSING: dict[str, bool | None] = {"Ask if there is no tray": None, "Keep syncing": True, "Quit Kalends": False}
_WISHES = {
    Wish.PROBLEMS_ONLY: "Problems only",
    Wish.PROBLEMS_AND_CHANGES: "Problems and changes",
    Wish.NOTHING: "Nothing",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the page shows, as of one moment."""

    preferences: PreferenceValues
    keys: tuple[ApiKey, ...]
    places: tuple[tuple[str, Path], ...]
    autostart: Autostart | None


def read(core: Core) -> Known:
    """Read it from the core, on its thread."""
    places = []
    for field in fields(core.info):
        value = getattr(core.info, field.name)
        if isinstance(value, Path):
            places.append((_PLACES.get(field.name, field.name.replace("_", " ").capitalize()), value))
    autostart = core.autostart.get() if core.autostart is not None else None
    return Known(core.preferences.get(), core.keys.list(), tuple(places), autostart)


def switch_autostart(core: Core, on: bool) -> Autostart:
    """Start with the computer, or no longer. Raises InputError, StorageError."""
    if core.autostart is None:
        raise InputError("Kalends cannot start with this computer by itself.")
    return core.autostart.change(on)


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
    help_wanted = Signal()
    checkup_wanted = Signal()
    demo_wanted = Signal()
    save_wanted = Signal()
    """The settings shall be saved in a file."""
    restore_wanted = Signal()
    quit_wanted = Signal()
    closing_chosen = Signal(object)
    """What closing the window shall mean: True goes on, False quits, None asks where there is no tray."""

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
        self._filling = False
        self._values: PreferenceValues | None = None
        self._autostart: Autostart | None = None
        self.api = ApiSection(theme)
        self.api.wished.connect(lambda values: self._change(**values))
        self.api.docs_wanted.connect(open_url)
        self.keys = KeySection(theme, now)
        self.keys.new_wanted.connect(self.key_wanted)
        self.keys.revoke_wanted.connect(self.revoke_wanted)
        self._places = PlacesSection(theme)
        self._places.folder_wanted.connect(open_url)
        for section in (self._looks(), self._habits(), self.api, self.keys, self._places, self._about()):
            self.column.addWidget(section)
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
            "Theme",
        )
        self.theme_choice.group.idToggled.connect(self._theme_chosen)
        self._theme_words = section.add_row("Theme", _THEMES[self.theme_choice.value], self.theme_choice)
        return section

    def _habits(self) -> Section:
        section = Section("Syncing and notifications")
        self.start = StartRow(self._theme)
        self.start.wished.connect(self._start_chosen)
        self.start.settings_wanted.connect(self._open_url)
        self.start.add_to(section)
        self.interval = Choice(self._theme, "Look for changes every")
        for seconds in pair_draft.INTERVALS:
            self.interval.addItem(time_words.interval(seconds), seconds)
        self.interval.currentIndexChanged.connect(self._interval_chosen)
        section.add_row("Look for changes every", "For new sync pairs; each pair has its own.", self.interval)
        self.on_start = Switch(self._theme, "Sync when Kalends starts")
        self.on_start.toggled.connect(lambda on: self._change(sync_on_start=on))
        section.add_row("Sync when Kalends starts", "Every active pair runs once at the start.", self.on_start)
        self.metered = Switch(self._theme, "Quiet on metered connections")
        self.metered.toggled.connect(lambda on: self._change(quiet_on_metered=on))
        text = "Scheduled syncs wait there. What you ask for goes on."
        if not sys.platform.startswith("linux"):
            text += " On this system Kalends cannot tell that a connection is metered."
        section.add_row("Quiet on metered connections", text, self.metered)
        self.notifications = Choice(self._theme, "Notifications")
        for value, text in _WISHES.items():
            self.notifications.addItem(text, value.value)
        self.notifications.currentIndexChanged.connect(self._notifications_chosen)
        text = "What waits for your decision is told in any case."
        section.add_row("Notifications", text, self.notifications)
        self.closing = Choice(self._theme, "When the window is closed")
        for word, keep in _CLOSING.items():
            self.closing.addItem(word, keep)
        self.closing.currentIndexChanged.connect(self._closing_chosen)
        text = "While Kalends runs, it keeps your calendars in step, with or without its window."
        section.add_row("When the window is closed", text, self.closing)
        return section

    def _about(self) -> Section:
        section = Section("About Kalends")
        licences = Button(self._theme, "Licences")
        licences.clicked.connect(self.licences_wanted)
        self._version = section.add_row("Version", "", licences)
        self.help_button = Button(self._theme, "Help and keys", "circle-question-mark")
        self.help_button.clicked.connect(self.help_wanted)
        section.add_row("Help", "What each page is for, and all keyboard shortcuts.", self.help_button)
        self.checkup_button = Button(self._theme, "Check now", "shield-check")
        self.checkup_button.clicked.connect(self.checkup_wanted)
        text = "Folders, disk, database, sign-ins, password store, desktop, network and clock, each with its fix."
        section.add_row("Check-up", text, self.checkup_button)
        self.save_button = Button(self._theme, "Save a copy…")
        self.save_button.clicked.connect(self.save_wanted)
        self.restore_button = Button(self._theme, "Restore…")
        self.restore_button.clicked.connect(self.restore_wanted)
        text = "Preferences and sync pairs, to keep or to take along. No sign-in, no event and no copy is in it."
        section.add_row("Settings file", text, self.save_button, self.restore_button)
        self.quit_button = Button(self._theme, "Quit Kalends")
        self.quit_button.clicked.connect(self.quit_wanted)
        section.add_row("Quit", "Nothing syncs until Kalends is started again.", self.quit_button)
        self.demo_button = Button(self._theme, "Open the demo", "flask-conical")
        self.demo_button.clicked.connect(self.demo_wanted)
        text = "Made-up calendars on this computer, to try things out. Your own syncs wait meanwhile."
        self._demo_row = section.add_group("Demo", text, self.demo_button)
        return section

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the core says about itself."""
        self._version.setText(f"{snapshot.status.version} · free software under the MIT licence")
        self._version.show()
        self._demo_row.setVisible(not snapshot.is_demo)
        self.api.show_url(snapshot.status.api_url)

    def show_closing(self, keep: bool | None) -> None:
        """Show what closing the window means."""
        self._filling = True
        self.closing.setCurrentIndex(list(_CLOSING.values()).index(keep))
        self._filling = False

    def forget(self) -> None:
        """The core was stopped or switched: until it was read, nothing here is true, and nothing can be changed."""
        self.keys.forget()
        self.inside.setEnabled(False)

    def read(self) -> None:
        """Read from the core and show it."""
        self._tasks.spawn(self._read, key="settings")

    async def _read(self) -> None:
        known: Known = await self._bridge.call(read)
        self._fill(known.preferences)
        self.keys.show_keys(known.keys)
        self._places.show_places(known.places)
        self._autostart = known.autostart
        self.start.show_state(known.autostart)
        self.inside.setEnabled(True)

    def _fill(self, values: PreferenceValues) -> None:
        self._filling = True
        self._values = values
        self.theme_choice.choose(values.theme)
        if self.interval.findData(values.interval_seconds) < 0:
            self.interval.addItem(time_words.interval(values.interval_seconds), values.interval_seconds)
        self.interval.setCurrentIndex(self.interval.findData(values.interval_seconds))
        self.notifications.setCurrentIndex(self.notifications.findData(values.notifications))
        self.on_start.setChecked(values.sync_on_start)
        self.metered.setChecked(values.quiet_on_metered)
        self._filling = False
        self.api.show_values(values)

    # -- what is asked -----------------------------------------------------------------------------------------------

    def _change(self, **values: object) -> None:
        if self._filling:
            return

        async def work() -> None:
            try:
                now_counts: PreferenceValues = await self._bridge.call(lambda core: core.preferences.change(**values))
            except InputError as error:
                if "api_port" not in values:
                    self._show_kept()
                    raise
                self.api.refuse_port(error.message)
                return
            except BaseException:
                self._show_kept()
                raise
            self._fill(now_counts)
            self.changed.emit(now_counts)

        self._tasks.spawn(work)

    def _show_kept(self) -> None:
        """A change was not kept: show what counts, not what was wished for."""
        if self._values is not None:
            self._fill(self._values)

    def _start_chosen(self, on: bool) -> None:
        async def work() -> None:
            try:
                self._autostart = await self._bridge.call(lambda core: switch_autostart(core, on))
            finally:
                self.start.show_state(self._autostart)  # what the system has, not what was wished for

        self._tasks.spawn(work)

    def _theme_chosen(self, _number: int, chosen: bool) -> None:
        if chosen:
            self._theme_words.setText(_THEMES[self.theme_choice.value])
            self._change(theme=self.theme_choice.value)

    def _closing_chosen(self) -> None:
        if not self._filling:
            self.closing_chosen.emit(list(_CLOSING.values())[self.closing.currentIndex()])

    def _interval_chosen(self) -> None:
        self._change(interval_seconds=int(self.interval.currentData()))

    def _notifications_chosen(self) -> None:
        self._change(notifications=str(self.notifications.currentData()))
