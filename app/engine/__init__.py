"""The sync algorithm (`engine.md`): a pure plan, a guard, and a journaled shell that works through ports.

Knows no provider, no database, no clock and no event loop: time, names and occurrences come from ports, so that the
same code runs in production and, step by step, in a simulation.
"""
