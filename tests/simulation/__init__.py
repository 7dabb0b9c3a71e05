"""Deterministic simulation of the engine: machines, services and people in one seeded order (`engine.md` §16)."""
