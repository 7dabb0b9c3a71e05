"""The pairs family of the API: connections, sync pairs, history and holds (`contract/api.md` §6)."""

from __future__ import annotations

from app.api.pairs import availability, connections, feed, history, holds, sync_pairs

ROUTERS = (connections.router, sync_pairs.router, history.router, holds.router, availability.router, feed.router)
