"""About the parts Kalends is made of: their names, versions and licences, and the texts of those that come with it."""

from __future__ import annotations

import re
from importlib import metadata

from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.ui.resources import resource
from app.ui.sheet import Sheet
from app.ui.theme import Theme

_TEXTS = (
    ("Lucide icons", ("icons", "lucide", "LICENSE")),
    ("Inter typeface", ("fonts", "inter", "LICENSE.txt")),
    ("Swagger UI", ("swagger", "LICENSE.txt")),
)


def parts() -> tuple[str, ...]:
    """`httpx 0.28.1 – BSD-3-Clause` for each library this installation requires and has; none if it does not say."""
    try:
        wanted = metadata.requires("kalends") or []
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for requirement in wanted:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9_.\-]", requirement, maxsplit=1)[0]
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        found.append(f"{about['Name']} {about['Version']} – {_licence(about)}")
    return tuple(sorted(found, key=str.casefold))


def _licence(about: metadata.PackageMetadata) -> str:
    for name in ("License-Expression", "License"):
        value = (about.get_all(name) or [""])[0]
        if value and "\n" not in value and len(value) < 80:
            return str(value)
    kinds = [line.rsplit(" :: ", 1)[-1] for line in about.get_all("Classifier") or () if line.startswith("License")]
    return ", ".join(kinds) or "see its own files"


def whole_text() -> str:
    """Everything there is to read."""
    text = ["Kalends is free software under the MIT licence.", "", "It is built on:", ""]
    text += [f"  {part}" for part in parts()]
    for title, path in _TEXTS:
        text += ["", "", title, "-" * len(title), "", resource(*path).read_text(encoding="utf-8").strip()]
    return "\n".join(text)


class LicencesSheet(Sheet):
    """Shows them."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, "Licences", parent, width=680, fits=False)
        self.text = QPlainTextEdit(whole_text())
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("Licences")
        self.body.addWidget(self.text, 1)
        self.cancel_button.say("Close")
        self.take_size(720, 560)
