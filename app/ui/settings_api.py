"""The local API in Settings: on or off, its port and its address. It says what counts now.

It shows what it is given and asks nobody: what a person changes is told by a signal.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.preferences import PreferenceValues
from app.ui.boxes import Section
from app.ui.fields import NumberField, Switch
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Label

_PORT_HINT = "If it is taken when Kalends starts, the next free one is used."
_PORT_MAX = 65_535


class ApiSection(Section):
    """Switch, port and address."""

    wished = Signal(dict)
    """Preferences by name that a person wants to be others."""
    docs_wanted = Signal(str)
    """Open this address."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Local API", "Lets scripts and programs on this computer see and start syncs.")
        self._url: str | None = None
        self._wanted = 0
        self._filling = False
        self.on = Switch(theme, "Local API")
        self.on.toggled.connect(self._switched)
        self._state = self.add_row("Answer requests", "", self.on)
        self.port = NumberField("Port of the local API", 0, 99_999)  # too high a number is refused in words, not typing
        self.port.setSpecialValueText("any")
        self.port.setMinimumWidth(self.fontMetrics().averageCharWidth() * 12)
        self.port.editingFinished.connect(self._typed)
        self._port_hint = self.add_row("Port", _PORT_HINT, self.port)
        self.address = Label("", "code")
        self.copy_button = Button(theme, "Copy", "copy", name="Copy the address")
        self.copy_button.clicked.connect(self._copy)
        self.docs_button = Button(theme, "Open docs", "book-open", name="Open the documentation of the API")
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
        self.add(self._address_rule)
        self.add(self._address_row)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show_url(self, url: str | None) -> None:
        """Show where the API answers now, None where it does not."""
        self._url = url
        self.address.setText(url or "")
        self._address_row.setVisible(url is not None)
        self._address_rule.setVisible(url is not None)
        self._say()

    def show_values(self, values: PreferenceValues) -> None:
        """Show what is preferred."""
        self._wanted = values.api_port
        self._filling = True
        self.on.setChecked(values.api_enabled)
        self.port.setValue(values.api_port)
        self.port.setEnabled(values.api_enabled)
        self._filling = False
        self.refuse_port("")
        self._say()

    def refuse_port(self, reason: str) -> None:
        """Say why a port cannot be used; empty takes that away."""
        self._port_hint.setText(reason or _PORT_HINT)
        self._port_hint.show_role("error" if reason else "small")
        self.port.setAccessibleDescription(reason)

    def _say(self) -> None:
        """What the API does now."""
        text = "It answers on this computer only, and only with a key." if self._url is not None else "It is off."
        used = urlsplit(self._url or "").port
        if self._url is not None and self._wanted not in (0, used):
            text = f"Port {self._wanted} is used by another program, so it answers at port {used} for now."
        self._state.setText(text)
        self._state.show()

    # -- what is asked -----------------------------------------------------------------------------------------------

    def _switched(self, on: bool) -> None:
        if not self._filling:
            self.wished.emit({"api_enabled": on})

    def _typed(self) -> None:
        if self._filling:
            return
        if self.port.value() > _PORT_MAX:
            self.refuse_port(f"There is no port {self.port.value()}: ports go up to {_PORT_MAX}.")
            return
        self.wished.emit({"api_port": self.port.value()})

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())
        self.copy_button.say("Copied")

    def _open_docs(self) -> None:
        if self._url is not None:
            self.docs_wanted.emit(f"{self._url.rstrip('/')}/docs")
