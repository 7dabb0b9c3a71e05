"""How everything looks: colours for light and dark, the palette, the style sheet, the fonts.

Colours are named by what they are for. Every text colour reaches a contrast of 4.5 on the grounds it is used on
(WCAG 2.2 AA; a test computes it). Widgets ask for tones, never for literal colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.ui.resources import resource
from app.ui.words import Tone


@dataclass(frozen=True, slots=True)
class Shade:
    """A tone's text and ground."""

    text: str
    ground: str


@dataclass(frozen=True, slots=True)
class Colours:
    """One set of colours, as `#rrggbb`."""

    dark: bool
    page: str
    sidebar: str
    card: str
    line: str
    line_strong: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    selected: str
    on_selected: str
    hover: str
    row_selected: str
    focus: str
    tones: dict[Tone, Shade]

    def tone(self, tone: Tone) -> Shade:
        """The text and ground of a tone."""
        return self.tones[tone]


LIGHT = Colours(
    dark=False,
    page="#f7f8fa",
    sidebar="#eef0f4",
    card="#ffffff",
    line="#e3e6eb",
    line_strong="#ccd2db",
    text="#171a21",
    muted="#596273",
    accent="#2563eb",
    accent_hover="#1d55d3",
    on_accent="#ffffff",
    selected="#dde8fe",
    on_selected="#1b4bc4",
    hover="#e4e8ef",
    row_selected="#eef3fe",
    focus="#2563eb",
    tones={
        Tone.OK: Shade("#17713a", "#e2f6e8"),
        Tone.BUSY: Shade("#0b5cad", "#e1effd"),
        Tone.QUIET: Shade("#565f6e", "#eceef2"),
        Tone.ATTENTION: Shade("#855600", "#fff1d6"),
        Tone.FAILED: Shade("#b3261e", "#fde8e6"),
    },
)

DARK = Colours(
    dark=True,
    page="#14161b",
    sidebar="#191c22",
    card="#1d2027",
    line="#2b2f38",
    line_strong="#3d434f",
    text="#eceef2",
    muted="#9ea7b6",
    accent="#6397ff",
    accent_hover="#7ba7ff",
    on_accent="#0b1530",
    selected="#22345c",
    on_selected="#bdd2ff",
    hover="#252932",
    row_selected="#222b3d",
    focus="#6397ff",
    tones={
        Tone.OK: Shade("#5fd684", "#15321f"),
        Tone.BUSY: Shade("#78bbff", "#152d49"),
        Tone.QUIET: Shade("#b0b8c4", "#2a2e37"),
        Tone.ATTENTION: Shade("#e8ba52", "#3a2d0e"),
        Tone.FAILED: Shade("#ff928a", "#431d1c"),
    },
)


class Scheme(StrEnum):
    """Which colours the user wants."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """Puts the look on the application and follows the desktop's light and dark.

    Args:
        application: what gets style, palette, fonts and style sheet.
        scheme: what the user chose; `SYSTEM` follows the desktop (light where it does not say).
    """

    changed = Signal()
    """The colours are others now: icons and painted parts have to be made again."""

    def __init__(self, application: QApplication, scheme: Scheme = Scheme.SYSTEM) -> None:
        super().__init__(application)
        self._application = application
        self._scheme = scheme
        self.colours = self._wanted()
        application.setStyle(QStyleFactory.create("Fusion"))
        application.setFont(base_font(application.font()))
        application.styleHints().colorSchemeChanged.connect(self._follow)
        self._apply()

    def choose(self, scheme: Scheme) -> None:
        """Use another scheme from now on."""
        self._scheme = scheme
        self._follow()

    def _wanted(self) -> Colours:
        hints = self._application.styleHints()
        dark = self._scheme is Scheme.DARK or (
            self._scheme is Scheme.SYSTEM and hints.colorScheme() is Qt.ColorScheme.Dark
        )
        return DARK if dark else LIGHT

    def _follow(self) -> None:
        """Dressing all windows anew takes a tenth of a second: only when they shall look otherwise."""
        if self._wanted() is not self.colours:
            self.colours = self._wanted()
            self._apply()

    def _apply(self) -> None:
        self._application.setPalette(palette(self.colours))
        self._application.setStyleSheet(style_sheet(self.colours, self._application.font().pointSizeF()))
        self.changed.emit()


def base_font(system: QFont) -> QFont:
    """Inter at 10 points, larger when the desktop's own font is (a person who needs larger text set it there)."""
    families: list[str] = []
    for weight in ("Regular", "Medium", "SemiBold"):
        number = QFontDatabase.addApplicationFont(str(resource("fonts", "inter", f"Inter-{weight}.otf")))
        families += QFontDatabase.applicationFontFamilies(number)
    font = QFont(system)
    font.setFamilies([families[0], *system.families()] if families else system.families())
    # Desktops use 9 to 12 points for ordinary text; Inter is drawn large, so 10 matches all of them.
    font.setPointSizeF(10.0 if system.pointSizeF() <= 12 else system.pointSizeF() * 10 / 12)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def palette(colours: Colours) -> QPalette:
    """The Qt palette of a set of colours."""
    made = QPalette()
    role = QPalette.ColorRole
    for which, value in {
        role.Window: colours.page,
        role.WindowText: colours.text,
        role.Base: colours.card,
        role.AlternateBase: colours.page,
        role.Text: colours.text,
        role.PlaceholderText: colours.muted,
        role.Button: colours.card,
        role.ButtonText: colours.text,
        role.BrightText: colours.on_accent,
        role.ToolTipBase: colours.card,
        role.ToolTipText: colours.text,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.on_accent,
        role.Link: colours.accent,
        role.LinkVisited: colours.accent,
        role.Light: colours.card,
        role.Midlight: colours.hover,
        role.Mid: colours.line_strong,
        role.Dark: colours.line_strong,
        role.Shadow: colours.line_strong,
        role.Accent: colours.accent,
    }.items():
        made.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(colours.muted))
    return made


def style_sheet(colours: Colours, points: float) -> str:
    """The style sheet with colours and font sizes filled in; sizes follow the base font's points."""
    template = Template(resource("styles", "kalends.qss").read_text(encoding="utf-8"))
    values: dict[str, str] = {
        name: getattr(colours, name) for name in Colours.__slots__ if name not in ("dark", "tones")
    }
    for tone, shade in colours.tones.items():
        values[f"{tone.value}_text"] = shade.text
        values[f"{tone.value}_ground"] = shade.ground
    values["small"] = f"{points * 0.9:.2f}pt"
    values["large"] = f"{points * 1.2:.2f}pt"
    values["title"] = f"{points * 1.6:.2f}pt"
    values["display"] = f"{points * 2.0:.2f}pt"
    return template.substitute(values)
