"""Goldens: what a backend computed once, to be checked by later versions of it."""

from bpcompare.tools.golden.check import Checked, Options, backends_of, check, goldens_of, runnable, update, write
from bpcompare.tools.golden.golden import Golden
from bpcompare.tools.golden.store import Entry, GoldenError

__all__ = [
    "Checked", "Entry", "Golden", "GoldenError", "Options", "backends_of", "check", "goldens_of", "runnable", "update", "write",
]  # fmt: skip
