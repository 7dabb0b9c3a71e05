"""Emulated calendar services on loopback: Google and Microsoft with their OAuth, as strict as the real ones.

Used by the demo (in-process, over real sockets), by `kalends sandbox` (its own process) and by tests. It knows
nothing of the rest of the application and must never import from it.
"""

from __future__ import annotations
