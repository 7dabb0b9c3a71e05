"""Judges of the emulated services: what others publish about Google and Graph, held against every request and answer.

They look on at every sandbox of the test process (`fixture.py`) and change nothing. They must never be imported by the
application: nothing of Google's client library or of these schemas belongs into it.
"""

from __future__ import annotations
