"""The small parts that every window is made of: labels, buttons, icons, cards. They know the theme and nothing else.

Every label shows plain text: names and titles come from other people's calendars.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QToolTip,
    QWidget,
)

from app.ui.focus import focus_came, focus_went
from app.ui.icons import icon, own_pixmap, pixmap
from app.ui.theme import Colours, Theme
from app.ui.words import Tone

Pick = Callable[[Colours], str]
"""Chooses a colour from the theme's."""


def muted(colours: Colours) -> str:
    """The colour of side remarks."""
    return colours.muted


class Label(QLabel):
    """Plain text in a role of the style sheet: `display`, `title`, `heading`, `strong`, `muted`, `small`, `brand`.

    Args:
        text: shown as it is, never as HTML.
        role: empty for ordinary text.
        wrap: break lines; without it the label keeps to one.
    """

    def __init__(self, text: str = "", role: str = "", *, wrap: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        if wrap:
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setText(text)

    def show_role(self, role: str) -> None:
        """Take another role."""
        self.setProperty("role", role)
        self.style().unpolish(self)
        self.style().polish(self)


class Icon(QWidget):
    """A Lucide icon in a colour of the theme, decoration only: the word beside it says the same."""

    def __init__(self, theme: Theme, name: str, pick: Pick = muted, size: int = 18) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        self._pick = pick
        self._size = size
        self.setFixedSize(size, size)
        theme.changed.connect(self.update)

    def show_icon(self, name: str, pick: Pick) -> None:
        """Show another icon, or another colour."""
        self._name, self._pick = name, pick
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw at this screen's pixel ratio."""
        painter = QPainter(self)
        colour = self._pick(self._theme.colours)
        painter.drawPixmap(0, 0, pixmap(self._name, colour, self._size, self.devicePixelRatioF()))
        painter.end()


class Badge(QWidget):
    """An icon on a round ground of its tone: the state of everything, at the head of the overview."""

    def __init__(self, theme: Theme, name: str, tone: Tone, size: int = 44) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        self._tone = tone
        self.setFixedSize(size, size)
        theme.changed.connect(self.update)

    def show_sign(self, name: str, tone: Tone) -> None:
        """Show another state."""
        self._name, self._tone = name, tone
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground and icon."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = self._theme.colours.tone(self._tone)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade.ground)
        painter.drawEllipse(self.rect())
        inner = round(self.width() * 0.5)
        offset = (self.width() - inner) // 2
        painter.drawPixmap(offset, offset, pixmap(self._name, shade.text, inner, self.devicePixelRatioF()))
        painter.end()


class Mark(QWidget):
    """Kalends' own sign."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.setFixedSize(size, size)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw at this screen's pixel ratio."""
        painter = QPainter(self)
        painter.drawPixmap(0, 0, own_pixmap("kalends", self.width(), self.devicePixelRatioF()))
        painter.end()


class Button(QPushButton):
    """A button in a role of the style sheet (`primary`, `link`, `nav`, `choice`; empty for an ordinary one).

    Args:
        theme: whose colours the icon takes.
        text: its word; a verb where it does something.
        glyph: Lucide icon in front of it, or none.
        role: as above.
        name: accessible name where the word alone says too little.
    """

    def __init__(self, theme: Theme, text: str, glyph: str = "", role: str = "", *, name: str = "") -> None:
        super().__init__()
        self._theme = theme
        self._glyph = glyph
        self._role = role
        self.setProperty("role", role)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(16, 16) if role != "nav" else QSize(18, 18))
        self._name = name
        self.say(text)
        self._colour()
        theme.changed.connect(self._colour)

    def show_glyph(self, glyph: str) -> None:
        """Show another icon."""
        self._glyph = glyph
        self._colour()

    def say(self, text: str) -> None:
        """Show another word."""
        # Styles put icon and word too close together; two thin spaces are the gap, unknown to a screen reader.
        self.setText(f"\u2009\u2009{text}" if self._glyph else text)
        self.setAccessibleName(self._name or text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button that has the focus, as Space does: Qt would hand it to another one of the dialog."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
        super().focusOutEvent(event)

    def _colour(self) -> None:
        if not self._glyph:
            return
        colours = self._theme.colours
        usual = {"primary": colours.on_accent, "link": colours.accent, "nav": colours.muted}.get(
            self._role, colours.text
        )
        size = self.iconSize().width()
        self.setIcon(icon(self._glyph, usual, size, on=colours.on_selected, off=colours.muted))


class Part(QRadioButton):
    """One of several in a row or a column, of which one is chosen: a page of the sidebar, a segment. No dot is drawn.

    Args:
        theme: whose colours the icon takes.
        text: its word.
        glyph: Lucide icon in front of it.
        role: `nav` or `segment`, in the style sheet.
    """

    def __init__(self, theme: Theme, text: str, glyph: str, role: str) -> None:
        super().__init__(f"\u2009\u2009{text}")
        self._theme = theme
        self._glyph = glyph
        self.setAccessibleName(text)
        self.setProperty("role", role)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(18, 18) if role == "nav" else QSize(16, 16))
        self._colour()
        theme.changed.connect(self._colour)
        self.toggled.connect(self._colour)

    def say(self, text: str) -> None:
        """Show another word."""
        self.setText(f"\u2009\u2009{no_mnemonic(text)}")
        self.setAccessibleName(text)

    def flag(self, reason: str) -> None:
        """Mark it because of something behind it that needs the person; empty takes that away."""
        text = self.accessibleName()
        self.setText(f"\u2009\u2009{no_mnemonic(text)}{'  !' if reason else ''}")
        self.setAccessibleDescription(reason)
        self.setToolTip(plain_tooltip(reason) if reason else "")

    def hitButton(self, _position: object) -> bool:
        """All of it counts."""
        return True

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
        super().focusOutEvent(event)

    def _colour(self) -> None:
        colours = self._theme.colours
        usual = colours.muted if self.property("role") == "nav" else colours.text
        # Qt draws a radio button's icon as if it were never chosen.
        now = colours.on_selected if self.isChecked() else usual
        self.setIcon(icon(self._glyph, now, self.iconSize().width(), off=colours.muted))


class IconButton(QToolButton):
    """A button that is an icon only; its name is its tooltip too."""

    def __init__(self, theme: Theme, glyph: str, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._glyph = glyph
        self.setIconSize(QSize(16, 16))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.show_as(glyph, name)
        theme.changed.connect(self._colour)

    def show_as(self, glyph: str, name: str) -> None:
        """Show another icon with another name; the name is shown as it is, also in the tooltip."""
        self._glyph = glyph
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(name))
        self._colour()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
        super().focusOutEvent(event)

    def _colour(self) -> None:
        colours = self._theme.colours
        self.setIcon(icon(self._glyph, colours.muted, 16, off=colours.line_strong))


class Choice(QComboBox):
    """A choice among texts. The style sheet cannot colour its arrow, so it is drawn here."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName(name)
        # Only this one heeds the style sheet's rows, and its list is as tall as they are.
        self.setItemDelegate(QStyledItemDelegate(self))
        theme.changed.connect(self.update)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page: scrolling must not change what it passes over."""
        event.ignore()

    @property
    def elided(self) -> bool:
        """Whether there is too little room for the chosen text."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return self._shown_text(option) != option.currentText

    def event(self, event: QEvent) -> bool:
        """The whole text as a tooltip where it is cut."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.elided:
            QToolTip.showText(event.globalPos(), plain_tooltip(self.currentText()), self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the box, the text with an ellipsis where it is cut, and the arrow in the theme's colour."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if self.currentIndex() < 0:
            option.currentText = self.placeholderText()
            option.palette.setBrush(QPalette.ColorRole.ButtonText, option.palette.placeholderText())
        option.currentText = self._shown_text(option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        colours = self._theme.colours
        colour = colours.muted if self.isEnabled() else colours.line_strong
        arrow = pixmap("chevron-down", colour, 16, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - 26, (self.height() - 16) // 2, arrow)
        painter.end()

    def _shown_text(self, option: QStyleOptionComboBox) -> str:
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        return self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room - 2)


def hidden_label(editor: QWidget) -> QLabel:
    """A label that is only read out, for an editor whose name is not written beside it.

    On Linux the name of a combo box is what is chosen in it: what it is for comes from its label alone.
    """
    label = Label(editor.accessibleName())
    label.setParent(editor.parentWidget())
    label.setBuddy(editor)
    label.hide()
    return label


class Frame(QFrame):
    """A box in a role of the style sheet (`card`, `note`, `strip`, `rule`), with a tone where it has one."""

    def __init__(self, role: str, tone: Tone | None = None) -> None:
        super().__init__()
        self.setProperty("role", role)
        if tone is not None:
            self.setProperty("tone", tone.value)


def plain_tooltip(text: str) -> str:
    """Text for a tooltip, where Qt guesses the format: escaped and marked, it is shown as it is."""
    return f"<span>{html.escape(text)}</span>"


def no_mnemonic(text: str) -> str:
    """Text for menus and buttons, where a lone `&` would underline the next letter and vanish."""
    return text.replace("&", "&&")
