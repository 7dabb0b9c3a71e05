"""The local REST API: translates HTTP for `app.services` and decides nothing (`contract/api.md`).

pydantic models live at this edge only. Every endpoint is a coroutine: services belong to the core loop's thread, and a
plain function would be run in another one.
"""
