"""The sheet of one sync pair: made new, or changed. It holds a `PairDraft`, shows what is wrong, and asks the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.errors import ConflictError, InputError
from app.domain.pairs import DirectionSettings, Mode, PairStatus
from app.services.views import ConnectionView, PairChange, PairView
from app.ui import pair_draft, time_words, words
from app.ui.bridge import CoreThread
from app.ui.calendar_choice import CalendarChoice
from app.ui.choices import Choose, Segments
from app.ui.fields import Field, Tick
from app.ui.next_days import Asked, NextDays
from app.ui.pair_draft import PairDraft
from app.ui.pair_options import PairOptions
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Choice, Icon, IconButton, Label

_MODES = (
    (Mode.BLOCKER, "Busy only", "Blocks the time. Title, place and notes stay where they are."),
    (Mode.DETAILS, "Title and time", "The title as well; place and notes only if you choose them."),
    (Mode.FULL, "Full details", "Title, place and notes. Guests are never invited again."),
)


_NAME_WIDTH = 130
"""Pixels for a calendar's name where two ways are named beside each other."""


class PairSheet(Sheet):
    """Makes or changes a pair.

    Args:
        theme: its colours.
        bridge: the way to the core.
        calendars: what can be chosen.
        draft: what it begins with; with a pair in it, that one is changed.
        pairs: the pairs there are.
        now: the clock.
        parent: the window it belongs to.
    """

    saved = Signal(object)
    """It was made or changed: the `PairView`."""

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        calendars: Sequence[ConnectionView],
        draft: PairDraft,
        pairs: Sequence[PairView],
        now: Callable[[], datetime],
        parent: QWidget,
    ) -> None:
        is_new = draft.pair is None
        super().__init__(theme, "New sync pair" if is_new else "Edit sync pair", parent, width=660, scrolls=True)
        self._bridge = bridge
        self._calendars = {view.connection.id: view for view in calendars}
        self._draft = draft
        self._pairs = tuple(pairs)
        self._tried = False
        self._agreed: tuple[PairChange, int] | None = None
        self._said: dict[str, str] = {}
        self._filling = False
        self._other = draft.settings_back or draft.settings
        """Settings of the way that is not shown now."""
        self.source = CalendarChoice(theme, "From")
        self.target = CalendarChoice(theme, "To")
        for side in (self.source, self.target):
            side.show_calendars(calendars)
        self.swap_button = IconButton(theme, "arrow-left-right", "Swap the two calendars")
        self.ways: Segments[bool] = Segments(
            theme, ((False, "One way", "arrow-right"), (True, "Both ways", "arrow-left-right")), "Direction"
        )
        self.own = Tick(theme, "Each way has its own settings")
        self.way: Segments[bool] = Segments(
            theme, ((False, "There", "arrow-right"), (True, "Back", "arrow-right")), "Settings of the way"
        )
        self._story = Label("", "strong", wrap=True)
        self._remark = Label("", "muted", wrap=True)
        self.modes: Choose[Mode] = Choose(theme, _MODES, across=True)
        self.interval = Choice(theme, "Look for changes every")
        self._fill_intervals(draft.interval_seconds)
        self.next_days = NextDays(theme, bridge, now)
        self.options = PairOptions(theme)
        self.more_button = Button(theme, "More options", "chevron-down", "link")
        self._general = Label("", "error", wrap=True)
        self._fields = {
            pair_draft.FROM: Field(theme, "From", self.source),
            pair_draft.TO: Field(theme, "To", self.target),
            pair_draft.INTERVAL: Field(theme, "Look for changes every", self.interval),
            pair_draft.TITLE: self.options.title,
            pair_draft.WINDOW: self.options.window_field,
            pair_draft.PREFIX: self.options.looks.prefix_field,
            pair_draft.REPLACEMENTS: self.options.looks.swaps_field,
            pair_draft.REMINDERS: self.options.looks.reminders_field,
            pair_draft.WORDS: self.options.filters.without.field,
            pair_draft.HOURS: self.options.filters.hours_field,
            pair_draft.EDITED: self.options.edits.edited_field,
            pair_draft.DELETED: self.options.edits.deleted_field,
        }
        self._lay_out(theme)
        self._offer(is_new=is_new)
        self._fill()
        self._listen()
        self._show()
        self.take_size(700, 780)
        (self.source if is_new else self.save_button).setFocus()

    # -- parts -------------------------------------------------------------------------------------------------------

    def _lay_out(self, theme: Theme) -> None:
        ends = QHBoxLayout()
        ends.setSpacing(8)
        ends.addWidget(self._fields[pair_draft.FROM], 1, Qt.AlignmentFlag.AlignTop)
        swap = QVBoxLayout()
        swap.addSpacing(self.fontMetrics().height() + 10)
        swap.addWidget(self.swap_button)
        swap.addStretch(1)
        ends.addLayout(swap)
        ends.addWidget(self._fields[pair_draft.TO], 1, Qt.AlignmentFlag.AlignTop)
        self.body.setSpacing(18)
        self.body.addLayout(ends)
        way = QVBoxLayout()
        way.setSpacing(6)
        way.addWidget(Label("Direction", "strong"))
        row = QHBoxLayout()
        row.setSpacing(18)
        row.addWidget(self.ways)
        row.addWidget(self.own)
        row.addStretch(1)
        way.addLayout(row)
        self.body.addLayout(way)
        self._way_part = QWidget()
        part = QVBoxLayout(self._way_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(6)
        part.addWidget(Label("Settings below are for", "strong"))
        part.addWidget(self.way)
        self.body.addWidget(self._way_part)
        mode = QVBoxLayout()
        mode.setSpacing(6)
        mode.addWidget(Label("What a copy shows", "strong"))
        mode.addWidget(self.modes)
        self.body.addLayout(mode)
        story = QHBoxLayout()
        story.setSpacing(10)
        story.addWidget(Icon(theme, "info"), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(self._story)
        texts.addWidget(self._remark)
        story.addLayout(texts, 1)
        self.body.addLayout(story)
        self.body.addWidget(self.next_days)
        often = QHBoxLayout()
        often.addWidget(self._fields[pair_draft.INTERVAL])
        often.addStretch(1)
        often.addWidget(self.more_button, 0, Qt.AlignmentFlag.AlignBottom)
        self.body.addLayout(often)
        self.options.hide()
        self.body.addWidget(self.options)
        self.body.addWidget(self._general)
        self.body.addStretch(1)

    def _offer(self, *, is_new: bool) -> None:
        self.later_button: Button | None = None
        if is_new:
            self.later_button = self.offer("Save without syncing")
            self.later_button.setToolTip("Saved paused. You see what the first sync would do before it starts.")
            self.later_button.clicked.connect(lambda: self._save(PairStatus.PAUSED))
        self.save_button = self.offer("Create and sync" if is_new else "Save", role="primary")
        self.save_button.clicked.connect(lambda: self._save(PairStatus.ACTIVE))

    def _fill_intervals(self, present: int) -> None:
        for seconds in sorted({*pair_draft.INTERVALS, present}):
            self.interval.addItem(time_words.interval(seconds), seconds)

    def _fill(self) -> None:
        draft = self._draft
        self.source.choose(draft.from_id)
        self.target.choose(draft.to_id)
        self.ways.choose(draft.both)
        self.own.setChecked(draft.has_own)
        self.way.choose(False)
        self.interval.setCurrentIndex(self.interval.findData(draft.interval_seconds))
        self._show_settings(draft.settings)
        fixed = draft.pair is not None
        self.source.setEnabled(not fixed)
        self.target.setEnabled(not fixed)
        if fixed:
            self.say("Edit sync pair", "Its calendars stay; for other calendars, make another pair.")

    def _listen(self) -> None:
        self.source.currentIndexChanged.connect(self._edited)
        self.target.currentIndexChanged.connect(self._edited)
        self.swap_button.clicked.connect(self._swap)
        self.ways.group.idToggled.connect(self._kind_chosen)
        self.own.toggled.connect(self._own_chosen)
        self.way.group.idToggled.connect(self._way_chosen)
        self.modes.group.idToggled.connect(self._kind_chosen)
        self.interval.currentIndexChanged.connect(self._edited)
        self.options.changed.connect(self._edited)
        self.more_button.clicked.connect(self._unfold)

    # -- what is written ---------------------------------------------------------------------------------------------

    def draft(self) -> PairDraft:
        """What is filled in now."""
        return replace(
            self._draft,
            from_id=self.source.chosen,
            to_id=self.target.chosen,
            both=self.ways.value,
            settings=self._other if self._shows_back else self._settings(),
            settings_back=(self._settings() if self._shows_back else self._other) if self._has_own else None,
            interval_seconds=int(self.interval.currentData()),
        )

    @property
    def _has_own(self) -> bool:
        return self.ways.value and self.own.isChecked()

    @property
    def _shows_back(self) -> bool:
        """Whether the settings that are shown are those of the way back."""
        return self._has_own and self.way.value

    def _settings(self) -> DirectionSettings:
        """What is filled in below, with the mode."""
        return replace(self.options.settings(), mode=self.modes.value)

    def _show_settings(self, settings: DirectionSettings) -> None:
        self._filling = True
        self.modes.choose(settings.mode)
        self.options.show_settings(settings, both=self.ways.value)
        self._filling = False

    def _own_chosen(self, own: bool) -> None:
        """Each way has its own settings from now on, those it has now; or both have those that are shown."""
        if own:
            self._other = self._settings()
        elif self.way.value:
            self._filling = True
            self.way.choose(False)
            self._filling = False
        self._edited()

    def _way_chosen(self, _number: int, chosen: bool) -> None:
        if chosen and not self._filling:
            here = self._settings()
            self._show_settings(self._other)
            self._other = here
            self._edited()

    def _kind_chosen(self, _number: int, chosen: bool) -> None:
        if chosen and not self._filling:
            if not self._has_own and self.way.value:
                # One way alone again: the one that leads from the first calendar.
                self.way.choose(False)
            self.options.show_kind(self.modes.value, both=self.ways.value)
            self._edited()

    def _swap(self) -> None:
        turned = self.draft().turned()
        for side, chosen in ((self.source, turned.from_id), (self.target, turned.to_id)):
            side.blockSignals(True)
            side.choose(chosen)
            side.blockSignals(False)
        if self._has_own:
            # Settings stay with their way, which is called the other one now.
            shown = self._shows_back
            self._filling = True
            self.way.choose(not shown)
            self._filling = False
        self._edited()

    def _unfold(self) -> None:
        shown = not self.options.isVisibleTo(self)
        self.options.setVisible(shown)
        self.more_button.show_glyph("chevron-up" if shown else "chevron-down")
        self.more_button.say("Fewer options" if shown else "More options")
        if shown:
            self.take_size(self.width(), 900)

    def _edited(self) -> None:
        self._said = {}
        self._show()

    def _show(self) -> None:
        draft = self.draft()
        story = draft.story(self._calendars)
        remark = draft.remark(self._pairs)
        self._story.setText(story or "Choose two calendars.")
        self._remark.setText(remark)
        self._remark.setVisible(bool(remark))
        for place, chosen in ((pair_draft.FROM, draft.from_id), (pair_draft.TO, draft.to_id)):
            end = self._calendars.get(chosen or "")
            self._fields[place].say(words.account_name(end.account) if end is not None else "")
        self._show_ways(draft)
        shown_way = draft.way(back=self._shows_back)
        source = self._calendars.get(shown_way.from_id or "")
        if source is not None:
            self.options.filters.offer_zone(source.connection.zone)
        title = shown_way.example(self._calendars)
        usable = "{calendar} and {account}"
        if shown_way.settings.mode is not Mode.BLOCKER:
            usable = "{title}, {calendar} and {account}"
        hint = f"“Stand-up” becomes “{title}”. You can use {usable}."
        if shown_way.withholds_title():
            hint = f"“Stand-up” becomes “{title}”: busy time never shows a title, so {{title}} stays empty."
        self.options.title.say(hint)
        found = draft.problems(self._calendars)
        # An end that was not chosen yet is no mistake until someone tries to save.
        shown = {
            place: reason
            for place, reason in found.items()
            if self._tried or not self._calendars or (draft.from_id is not None and draft.to_id is not None)
        }
        shown |= self._said
        for place, field in self._fields.items():
            field.refuse(shown.get(place, ""))
        self._general.setText(shown.get(pair_draft.GENERAL, ""))
        self._general.setVisible(pair_draft.GENERAL in shown)
        self._preview(shown_way, found)

    def _preview(self, way: PairDraft, found: Mapping[str, str]) -> None:
        """Look at the next days of the way whose settings are shown."""
        ends = [self._calendars.get(end or "") for end in (way.from_id, way.to_id)]
        wrong = found.get(pair_draft.TO) or found.get(pair_draft.FROM) or next(iter(found.values()), "")
        source, target = ends
        if source is None or target is None or wrong:
            self.next_days.follow(None, wrong or "Choose two calendars to see what would be copied.")
            return
        names = (source.connection.name, target.connection.name)
        self.next_days.follow(Asked(source.connection.id, target.connection.id, way.settings, way.both, *names))

    def reject(self) -> None:
        """Close it; nobody looks at the preview any more."""
        self.next_days.end()
        super().reject()

    def _show_ways(self, draft: PairDraft) -> None:
        """Name the two ways after their calendars, and show what is chosen for each."""
        ends = [self._calendars.get(end or "") for end in (draft.from_id, draft.to_id)]
        named = [view.connection.name if view is not None else "…" for view in ends]
        if named[0] == named[1]:
            named = [view.label if view is not None else "…" for view in ends]
        short = [self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _NAME_WIDTH) for name in named]
        self.way.buttons[False].say(f"{short[0]} → {short[1]}")
        self.way.buttons[True].say(f"{short[1]} → {short[0]}")
        self.own.setVisible(draft.both)
        self._way_part.setVisible(draft.has_own)
        of_pair = [f"“{name}”" for name in (reversed(named) if draft.is_turned else named)]
        self.options.edits.name_calendars(*of_pair)

    # -- saving ------------------------------------------------------------------------------------------------------

    def _save(self, status: PairStatus) -> None:
        self._tried = True
        self._said = {}
        self._show()
        draft = self.draft()
        wrong = draft.problems(self._calendars)
        if wrong:
            self._refused(wrong)
            self._fields[next(iter(wrong))].editor.setFocus()
            return

        async def save() -> None:
            try:
                view: PairView
                if draft.pair is None:
                    view = (await self._bridge.call(lambda core: core.pairs.create([draft.new(status)])))[0]
                else:
                    pair_id, change = draft.pair.id, draft.change()
                    expected = self._agreed[1] if self._agreed is not None and self._agreed[0] == change else 0
                    view = await self._bridge.call(lambda core: core.pairs.update(pair_id, change, expected=expected))
            except ConflictError as error:
                if error.code == "count_changed":
                    # Told what goes, the person saves the same once more, or changes something.
                    self._agreed = draft.change(), int(error.details[0].message)
                    self._refused({pair_draft.GENERAL: f"{error.message} Save again if that is what you want."})
                    return
                self._refused({pair_draft.TO: f"{error.message} {error.fix or ''}".strip()})
                return
            except InputError as error:
                self._refused(draft.places(error.details) or {pair_draft.GENERAL: error.message})
                return
            self.saved.emit(view)
            self.accept()

        buttons = [self.save_button] if self.later_button is None else [self.later_button, self.save_button]
        self.work(save, *buttons)

    def _refused(self, reasons: dict[str, str]) -> None:
        """The core says no: its reasons stand where they belong."""
        if self._has_own and self.draft().wrong_way(self._calendars) is not self.way.value:
            self.way.choose(not self.way.value)
        self._said = reasons
        if set(pair_draft.FOLDED) & set(self._said) and not self.options.isVisibleTo(self):
            self._unfold()
        self._show()
