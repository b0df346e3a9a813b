"""Exit codes that are no verdict's. docs/verdicts.md lists all of them; those of verdicts stand in `bpcompare.comparison`."""

from __future__ import annotations

USAGE = 2
"""A bad spec or usage."""
NOT_RUN = 3
"""A backend did not answer; also where it took the whole process with it."""
BUG = 70
"""bpcompare failed itself. Python's own exit code for an exception would be 1, which here means "wrong"."""
UNTOLD = 74
"""The result could not be written to standard output, so nobody was told."""
UNMARKED = 75
"""The grader failed, so a submission has no mark."""
INTERRUPTED = 130
"""Ctrl-C."""
