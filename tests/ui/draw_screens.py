"""Draws every page and sheet over the double, in the colours and at the scale asked for, into a folder.

Qt reads its scale when a process starts, so each scale needs a process: `QT_SCALE_FACTOR=2`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from app.domain.accounts import Provider
from app.domain.pairs import CopiesOnDelete
from app.ui.application import Application
from app.ui.desktop import Desktop
from app.ui.hold_sheet import HoldSheet
from app.ui.loop import DesktopLoop
from app.ui.theme import Scheme, Theme
from tests.ui.doubles import CoreDouble, StarterDouble, busy, calm, demo, empty, now
from tests.ui.hands import the


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is on the screen, and has no event to wait on
            await asyncio.sleep(0.01)


class _Drawing:
    def __init__(self, theme: Theme, scheme: Scheme, folder: Path) -> None:
        self._theme = theme
        self._scheme = scheme
        self._folder = folder
        theme.choose(scheme)

    async def all(self) -> None:
        for name, world in (("busy", busy), ("calm", calm), ("demo", demo), ("empty", empty)):
            starter = StarterDouble(partial(self._in_colours, world))
            desktop = Desktop(
                self._theme, starter, profile="default", state_folder=self._folder, now=now, open_url=lambda _url: True
            )
            life = asyncio.get_running_loop().create_task(desktop.live(hidden=False))
            await _until(lambda desktop=desktop: desktop.feed.latest is not None)  # type: ignore[misc]  # a default
            desktop.window.show_no_tray(False)
            await self._draw(name, desktop.window)
            if world is busy:
                await self._draw_busy(desktop)
                await self._draw_pages(desktop)
                await self._draw_sheets(desktop)
            if world is empty:
                await self._draw_sign_in(desktop, starter.core)
            desktop.quit()
            await life
            desktop.window.deleteLater()
            desktop.deleteLater()

    def _in_colours(self, world: Callable[[str], CoreDouble], profile: str) -> CoreDouble:
        core = world(profile)
        core.preference_values = replace(core.preference_values, theme=self._scheme.value)
        return core

    async def _draw_pages(self, desktop: Desktop) -> None:
        window = desktop.window
        window.show_no_tray(False)
        for name in ("pairs", "accounts", "settings"):
            window.show_page(name)
            await asyncio.sleep(0.2)
            await self._draw(name, window)
        bar = window.settings.verticalScrollBar()
        bar.setValue(bar.maximum())
        await self._draw("settings-below", window)

    async def _draw_sheets(self, desktop: Desktop) -> None:
        sheets = desktop.sheets
        assert desktop.feed.latest is not None
        pairs = desktop.feed.latest.pairs
        new = sheets.new_pair()
        assert new is not None
        await _until(lambda: "12 events" in new.next_days.count.text())
        await self._draw_and_close("pair-new", new)
        edit = sheets.edit_pair(pairs[0])
        edit.more_button.click()
        edit.resize(700, 980)
        await self._draw("pair-edit", edit)
        edit.own.click()
        edit.way.buttons[True].click()
        edit.options.edits.edited.setCurrentIndex(edit.options.edits.edited.findData("write_back"))
        edit.resize(700, 2400)
        await self._draw_and_close("pair-ways", edit)
        wrong = sheets.new_pair()
        assert wrong is not None
        wrong.target.choose("conn_6")
        wrong.save_button.click()
        await self._draw_and_close("pair-refused", wrong)
        preview = sheets.preview(pairs[0])
        await _until(preview.sync_button.isEnabled)
        await self._draw_and_close("preview", preview)
        checkup = sheets.checkup()
        await _until(lambda: "wrong" in checkup.subtitle.text())
        await self._draw_and_close("checkup", checkup)
        why = sheets.why("team")
        await _until(lambda: "events fit" in why.found.text())
        await self._draw_and_close("why", why)
        delete = sheets.delete_pair(pairs[0])
        await _until(lambda: "36" in delete.count.text())
        delete.choice.choose(CopiesOnDelete.REMOVE)
        await self._draw_and_close("delete", delete)
        await self._draw_and_close("pause-until", sheets.pause_all_until())
        key = sheets.new_key()
        await self._draw("key-new", key)
        key.label.setText("door display")
        key.make_button.click()
        await _until(lambda: bool(key.text.text()))
        await self._draw_and_close("key-shown", key)
        usage = desktop.window.accounts.usages[0]
        await self._draw_and_close("account-remove", sheets.remove_account(usage))
        await self._draw_and_close("licences", sheets.licences())
        await self._draw_and_close("help", desktop.window.show_help())
        activity = desktop.window.activity
        desktop.window.show_page("activity")
        activity.status_filter.setCurrentIndex(activity.status_filter.findData("skipped"))
        await _until(activity.clear_button.isVisible)
        await self._draw("activity-no-match", desktop.window)
        activity.show_log()
        await _until(lambda: activity.log.table.model().rowCount() > 0)
        activity.log.table.selectRow(2)
        await self._draw("log", desktop.window)
        accounts = desktop.feed.latest.accounts
        await self._draw_and_close("account-sign-out", sheets.sign_out(desktop.window.accounts.usages[0]))
        calendar = next(view for view in desktop.feed.latest.connections if view.account.id == accounts[0].id)
        stop = sheets.stop_following(calendar)
        await _until(lambda: "made" in stop.count.text())
        await self._draw_and_close("calendar-stop", stop)

    async def _draw_and_close(self, name: str, sheet: QDialog) -> None:
        await self._draw(name, sheet)
        sheet.reject()

    async def _draw_busy(self, desktop: Desktop) -> None:
        desktop.window.overview.run_wanted.emit("sync_run_02")
        await _until(desktop.window.activity.details.isVisible)
        await self._draw("activity", desktop.window)
        assert desktop.feed.latest is not None
        desktop._fix(desktop.feed.latest.status.problems[0])
        sheet = the(HoldSheet, desktop.window)
        await _until(sheet.keep_button.isEnabled)
        await self._draw("hold", sheet)
        sheet.reject()

    async def _draw_sign_in(self, desktop: Desktop, core: CoreDouble) -> None:
        sheet = desktop.connect_account()
        await self._draw("sign-in-choice", sheet)
        sheet.sign_in_to(Provider.GOOGLE)
        await _until(lambda: core.attempt is not None and sheet._waiting.copy_button.isEnabled())
        await self._draw("sign-in-waiting", sheet)
        sheet.reject()

    async def _draw(self, name: str, widget: QWidget) -> None:
        await asyncio.sleep(0.05)  # layouts and hover settle in the loop's next turns
        widget.grab().save(str(self._folder / f"{name}-{self._scheme}-{widget.devicePixelRatioF():g}x.png"))


def main() -> None:
    """Draw into the folder named by the first argument."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    # Pictures of today: the size of a window of an earlier drawing must not be remembered.
    (folder / "window.ini").unlink(missing_ok=True)
    application = Application(sys.argv[:1])
    theme = Theme(application)
    loop = DesktopLoop(application)
    asyncio.set_event_loop(loop)
    with loop:
        for scheme in (Scheme.LIGHT, Scheme.DARK):
            loop.run_until_complete(_Drawing(theme, scheme, folder).all())


if __name__ == "__main__":
    main()
