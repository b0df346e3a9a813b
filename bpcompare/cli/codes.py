"""Exit codes that are no verdict's. docs/verdicts.md lists all of them; verdicts' own stand in `bpcompare.verdict.comparison`."""

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


def code_of(error: Exception) -> int:
    """The exit code for an error of what was given: USAGE, or the error's own."""
    return int(getattr(error, "exit_code", USAGE))


def reason(error: Exception) -> str:
    """Why something could not be read or written: the system's words, where it has any."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
