"""What all sheets are made of: a dialog over the window with head, body and buttons, that can always be cancelled.

A sheet is opened, never executed: syncing and the rest of the app go on. What fails is said in it, with *Try again*.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.focus import is_ringed, ring_on_return
from app.ui.notes import MessageArea
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Frame, Label
from app.ui.words import Tone

_SIDE = 28
_SCROLLS = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End)
_TITLE_BAR = 30
_BORDER = 8
_EDGE = QSize(16, 60)
"""Room left at the edges of the screen, for the frame too."""


class FittedDialog(QDialog):
    """A dialog that is as tall as its words at its width, and stays so when they change.

    Qt would reserve the height they would need at their narrowest, and leave a void.

    Args:
        parent: the window it belongs to.
        fits: False where something in it takes whatever height there is.
    """

    def __init__(self, parent: QWidget, *, fits: bool = True) -> None:
        super().__init__(parent)
        self._over = parent
        self._fits = fits
        self._fitted = -1
        self._by_key = is_ringed(QApplication.focusWidget())
        self._begun = False

    def event(self, event: QEvent) -> bool:
        """Words have changed, or it is shown: take their height."""
        if event.type() == QEvent.Type.WindowActivate and not self._begun:
            self._begun = True
            # Qt gives its first focus as if by key, whatever opened it.
            ring_on_return(self.focusWidget(), self._by_key)
        done = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            if self._fits:
                self._fit()
            self._place(shown=event.type() == QEvent.Type.Show)
        return done

    def take_size(self, width: int, height: int) -> None:
        """Be as large as that (pixels), as far as the screen has room: what is longer scrolls inside."""
        self.resize(QSize(width, height).boundedTo(self._room()))
        self._place(shown=False)

    def _room(self) -> QSize:
        """The largest size that is seen whole; before it is shown, on the screen of its window."""
        screen = self.screen() if self.isVisible() else self._over.screen()
        return screen.availableGeometry().size() - _EDGE

    def _place(self, *, shown: bool) -> None:
        """Over the middle of its window when it is shown, and never beyond the screen however it grows.

        Qt places a dialog before it has the height of its words, and a window manager may take its word for it.
        """
        if not (shown or self.isVisible()):
            return
        largest = self._room()
        if self.size().boundedTo(largest) != self.size():
            # Its window may have gone to a smaller screen since it was made.
            self.setMinimumSize(self.minimumSize().boundedTo(largest))
            self.resize(self.size().boundedTo(largest))
        if shown:
            over = self._over.window().geometry().center()
            wanted = QPoint(over.x() - self.width() // 2, over.y() - self.height() // 2 - _TITLE_BAR)
        else:
            wanted = self.pos()
        room = self.screen().availableGeometry()
        # What the window manager draws around it has to be seen as well.
        x = max(room.left(), min(wanted.x(), room.right() - self.width() - _BORDER))
        y = max(room.top(), min(wanted.y(), room.bottom() - self.height() - _TITLE_BAR - _BORDER))
        if (x, y) != (self.x(), self.y()):
            self.move(x, y)

    def _fit(self) -> None:
        layout = self.layout()
        if layout is None:
            return
        width = max(self.width(), self.minimumWidth(), layout.totalMinimumSize().width())
        wanted = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        wanted = min(wanted, self._room().height())
        if wanted == self._fitted and self.height() >= wanted:
            return
        grown = self._fitted >= 0 and self.height() > self._fitted  # by hand: leave it
        self._fitted = wanted
        self.setMinimumHeight(wanted)
        self.resize(width, max(self.height(), wanted) if grown else wanted)


class Sheet(FittedDialog):
    """A sheet.

    Args:
        theme: its colours.
        title: what it is about.
        parent: the window it belongs to.
        width: in pixels at least.
        scrolls: the body may be longer than the screen.
        fits: False where something in the body takes whatever height there is.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        parent: QWidget,
        *,
        width: int = 520,
        scrolls: bool = False,
        fits: bool = True,
    ) -> None:
        super().__init__(parent, fits=fits and not scrolls)
        self.theme = theme
        self.tasks = TaskRunner(self)
        self._area: QScrollArea | None = None
        self._primary: list[Button] = []
        self.setModal(True)
        self.setWindowTitle(title)
        self.setMinimumWidth(width)
        self.badge: Badge | None = None
        self.title = Label(title, "title", wrap=True)
        self.subtitle = Label("", "muted", wrap=True)
        self.subtitle.hide()
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(self.title)
        texts.addWidget(self.subtitle)
        self._head = QHBoxLayout()
        self._head.setContentsMargins(_SIDE, 24, _SIDE, 0)
        self._head.setSpacing(14)
        self._head.addLayout(texts, 1)
        self.messages = MessageArea(theme)
        self.tasks.failed.connect(self.messages.show_failure)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        self.cancel_button = Button(theme, "Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.reject)
        self._foot = QHBoxLayout()
        self._foot.setContentsMargins(_SIDE, 16, _SIDE, 22)
        self._foot.setSpacing(8)
        self._foot.addWidget(self.cancel_button)
        self._foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head)
        column.addWidget(self.messages)
        if scrolls:
            column.addSpacing(12)
            column.addWidget(self._scrolled(), 1)
            column.addWidget(Frame("rule"))
        else:
            self.body.setContentsMargins(_SIDE, 16, _SIDE, 0)
            column.addLayout(self.body, 1)
        column.addLayout(self._foot)

    def mark(self, glyph: str, tone: Tone) -> None:
        """Put a badge in front of the title."""
        self.badge = Badge(self.theme, glyph, tone, 40)
        self._head.insertWidget(0, self.badge, 0, Qt.AlignmentFlag.AlignTop)

    def say(self, title: str, subtitle: str = "") -> None:
        """Show another title and the line below it."""
        self.title.setText(title)
        self.subtitle.setText(subtitle)
        self.subtitle.setVisible(bool(subtitle))

    def offer(self, text: str, glyph: str = "", role: str = "") -> Button:
        """Add a button at the right; the last one is the one Enter presses if it is the primary one."""
        button = Button(self.theme, text, glyph, role)
        button.setAutoDefault(False)
        if role == "primary":
            button.setDefault(True)
            self._primary.append(button)
        self._foot.addWidget(button)
        return button

    def work(self, do: Callable[[], Awaitable[object]], *buttons: Button) -> None:
        """Start work with these buttons disabled meanwhile; a failure is shown with *Try again*."""
        self.tasks.spawn(partial(self._work, do, buttons), key="work")

    async def _work(self, do: Callable[[], Awaitable[object]], buttons: tuple[Button, ...]) -> None:
        self.messages.clear()
        for button in buttons:
            button.setEnabled(False)
        try:
            await do()
        finally:
            for button in buttons:
                button.setEnabled(True)

    def reject(self) -> None:
        """Close it; what it still waits for is given up."""
        self.tasks.cancel()
        super().reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Of the keys that no field wants, Enter presses the primary button, and some scroll a long sheet: a person
        without a pointer has to see its end too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Qt knows one default button, be it hidden or not; a sheet has one for each of its steps.
            for button in self._primary:
                if button.isVisible() and button.isEnabled():
                    button.click()
                    break
            return
        if self._area is not None and event.key() in _SCROLLS:
            QApplication.sendEvent(self._area.verticalScrollBar(), event)
            return
        super().keyPressEvent(event)

    def _scrolled(self) -> QScrollArea:
        inside = QWidget()
        inside.setObjectName("sheetBody")
        self.body.setContentsMargins(_SIDE, 6, _SIDE, 20)
        inside.setLayout(self.body)
        self._area = area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        return area


class ConfirmSheet(Sheet):
    """Asks before something that cannot be taken back; the verb stands on the button.

    Args:
        theme: its colours.
        title: the question.
        text: what happens.
        verb: what the button says.
        do: what it does.
        parent: the window it belongs to.
    """

    def __init__(
        self, theme: Theme, title: str, text: str, verb: str, do: Callable[[], Awaitable[object]], parent: QWidget
    ) -> None:
        super().__init__(theme, title, parent, width=440)
        self._do = do
        self.mark("triangle-alert", Tone.ATTENTION)
        self.body.addWidget(Label(text, wrap=True))
        self.body.addStretch(1)
        self.do_button = self.offer(verb, role="danger")
        self.do_button.clicked.connect(lambda: self.work(self._confirmed, self.do_button))
        self.cancel_button.setFocus()

    async def _confirmed(self) -> None:
        await self._do()
        self.accept()
