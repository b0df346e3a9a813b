"""A comparison as text: who, where, how much, why, and what to do next."""

from __future__ import annotations

from bpcompare.report.details import details
from bpcompare.report.failed import failed
from bpcompare.report.lines import fitted, joined, roomy
from bpcompare.report.passed import passed
from bpcompare.report.verdict import verdict_line
from bpcompare.verdict.comparison import NOTHING_COMPARED, Comparison

PASS_LINES = 15
FAIL_LINES = 30
ANY = 10_000

__all__ = ["text", "verdict_line"]


def text(comparison: Comparison, *, command: str | None = None, verbose: bool = False) -> str:
    """What the command line prints of `comparison`, without colour: at most 15 lines for a pass, 30 otherwise, the verdict last.

    `command` is the shell command that reproduces it, printed where something is to be reproduced. `verbose` adds every finding
    and the tracebacks of failures, before the verdict.
    """
    if comparison.exit_code == 0:
        lines = fitted([*passed(comparison), ""], ANY if verbose else roomy(PASS_LINES) - 1)
    else:
        # The command is there to be copied: never wrapped, clipped or left out.
        last = [f"  {'reproduce':<11}{command}"] if command and comparison.exit_code != NOTHING_COMPARED else []
        lines = fitted([*failed(comparison), *last, ""], ANY if verbose else roomy(FAIL_LINES) - 1, keep=last)
    if verbose:
        lines += ["" for line in lines[-1:] if line] + [*details(comparison), ""]
    return joined([*lines, verdict_line(comparison)])
