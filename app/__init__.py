"""Kalends: keeps a person's calendars in step, on their own computer.

The package is a library with three thin front ends (windows, local API, command line). Nothing is imported here, so
that ``import app.domain`` costs nothing and no front end pulls in another.
"""

from __future__ import annotations

__version__ = "0.1.0"
