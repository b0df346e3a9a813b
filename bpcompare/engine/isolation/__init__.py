"""Running backends apart: each in a process of its own, and in another Python where that is asked for."""

from bpcompare.engine.isolation.isolated import Isolated

__all__ = ["Isolated"]
