"""The windows and the tray: the only package of Kalends that uses Qt.

It translates between a person and `app.services` and decides nothing. Everything it asks of the core goes through
`app.ui.bridge`.
"""

from __future__ import annotations

import builtins

# PySide6 replaces the import function by one that reads the source of every module imported afterwards: 24 MiB and a
# fifth more time for the whole core. Only `from __feature__ import …` needs it, which we do not use.
_plain_import = builtins.__import__

import PySide6.QtCore  # noqa: E402, F401 - between saving and restoring the import function, which is the point

builtins.__import__ = _plain_import
