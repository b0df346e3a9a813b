"""Goldens: what a backend computed once, to be checked by later versions of it."""

from bpcompare.golden.check import Checked, Options, backends_of, check, goldens_of, runnable, update, write
from bpcompare.golden.golden import Golden
from bpcompare.golden.store import Entry, GoldenError

__all__ = [
    "Checked", "Entry", "Golden", "GoldenError", "Options", "backends_of", "check", "goldens_of", "runnable", "update", "write",
]  # fmt: skip
