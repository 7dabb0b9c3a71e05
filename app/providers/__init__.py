"""Calendar services over httpx: one package for each, on shared transport, retries, limits and text handling.

Implements `app.domain.ports.CalendarService`; imports nothing of ours but `app.domain`.
"""
