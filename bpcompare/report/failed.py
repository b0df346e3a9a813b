"""The report of anything that is no success: what happened, who is to blame, and what to do next."""

from __future__ import annotations

from bpcompare.report.lines import NEWLINE, counted, ending, labelled
from bpcompare.report.passed import measures, printed
from bpcompare.report.table import head, table
from bpcompare.report.undecided import conventions, undecided
from bpcompare.report.wrong import also_wrong, wrong
from bpcompare.verdict.comparison import Comparison

ROWS = 4
"""Backends with a row of their own."""
SILENT = 8
"""Backends that did not answer, with a line of their own."""


def failed(comparison: Comparison) -> list[str]:
    """All lines but the command and the verdict; what decides the verdict comes first."""
    lines = [head(comparison), "", *table(comparison, ROWS)]
    sections = [_not_run(comparison)]
    if comparison.blames:
        sections.append([*wrong(comparison, comparison.blames[0]), *also_wrong(comparison)])
    else:
        sections += [conventions(comparison), undecided(comparison)]
    for section in sections:
        if section:
            lines += ["", *section]
    if comparison.verdict in ("identical", "certified"):
        lines += ["", *measures(comparison), *_alone(comparison)]
    return lines + printed(comparison)


def _not_run(comparison: Comparison) -> list[str]:
    silent = {name: one.failure for name, one in comparison.certificates.items() if one.failure is not None}
    lines: list[str] = []
    for name, failure in list(silent.items())[:SILENT]:
        lines += labelled(
            "" if lines else "not run", f"{ending(name, 60)}: {failure.partition(NEWLINE)[0]}", 3 if len(silent) < 3 else 1
        )
    if len(silent) > SILENT:
        lines += labelled("", f"and {counted(len(silent) - SILENT, 'more backend')}", 1)
    if any(NEWLINE in failure for failure in silent.values()):
        lines += labelled("", "-v shows tracebacks and the end of what was printed", 1)
    return lines


def _alone(comparison: Comparison) -> list[str]:
    ran = comparison.ran[0] if comparison.ran else "no backend"
    why = f"nothing, because only one backend ran: {ran} (it agrees with the law)"
    return labelled("compared", f"{why}. `bpcompare backends` lists what else can run; -b adds it")
