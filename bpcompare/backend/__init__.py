"""The contract of a backend, and what those share that differentiate by themselves."""

from bpcompare.backend.backend import UNHEARD, Backend, gaps_of, rows, unsupported

__all__ = ["UNHEARD", "Backend", "gaps_of", "rows", "unsupported"]
