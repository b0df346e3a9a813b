"""The textbook's algorithm, by hand."""

from bpcompare_delta.backend import Delta

__all__ = ["Delta"]
