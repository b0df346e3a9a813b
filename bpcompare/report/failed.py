"""The report of anything that is no success: what happened, who is to blame, and what to do next."""

from __future__ import annotations

from bpcompare.comparison import Comparison
from bpcompare.report.lines import clipped, counted, labelled
from bpcompare.report.open import conventions, undecided
from bpcompare.report.passed import measures
from bpcompare.report.table import head, table
from bpcompare.report.wrong import also_wrong, wrong

ROWS = 4
"""Backends with a row of their own."""


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
    return lines


def _not_run(comparison: Comparison) -> list[str]:
    silent = {name: one.failure for name, one in comparison.certificates.items() if one.failure is not None}
    lines = []
    for name, failure in list(silent.items())[:3]:
        first, _, traceback = failure.partition("\n")
        lines += labelled("not run", f"{clipped(name, 60)}: {first}", 3)
        if traceback.strip():
            lines += labelled("", "-v shows the traceback", 1)
    if len(silent) > 3:
        lines += labelled("", f"and {counted(len(silent) - 3, 'more backend')}", 1)
    return lines


def _alone(comparison: Comparison) -> list[str]:
    ran = comparison.ran[0] if comparison.ran else "no backend"
    why = f"nothing: {ran} holds against the law, and that is one voice"
    return labelled("compared", f"{why}. `bpcompare backends` lists what else can run; -b adds it")
