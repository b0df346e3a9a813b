"""A conformance as a table: for people, and as markdown for a repository."""

from __future__ import annotations

from bpcompare.ops import OPS
from bpcompare.report.columns import columns
from bpcompare.report.lines import counted, joined
from bpcompare.report.numbers import finite, share
from bpcompare.testing.conform import DTYPES, Conformance, Trial


def rows(it: Conformance) -> list[list[str]]:
    """One row an op: cases, then for each dtype the verdict and the largest share of a ball; or the gap."""
    found = [["op", "cases", *DTYPES]]
    for op in OPS.values():
        mine = [one for one in it.trials if one.case.about is op]
        if op.name in it.gaps:
            found.append([op.name, "-", f"gap: {it.gaps[op.name]}"])
        elif mine:
            cells = [_cell([one for one in mine if one.dtype == dtype]) for dtype in DTYPES]
            found.append([op.name, str(len(mine) // len(DTYPES)), *cells])
        else:
            needs = it.untried.get(op.name)
            found.append([op.name, "0", "not tried" + (f": its cases need {needs}" if needs else "")])
    return found


def _cell(trials: list[Trial]) -> str:
    bad = [one for one in trials if one.problem]
    if bad:
        return f"FAILS {bad[0].case.name}" + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
    worst = share(max(finite(one.share) for one in trials))
    kinds = dict.fromkeys(one.verdict for one in trials)
    return f"{', '.join(kinds)}, at most {worst}"


def _summary(it: Conformance) -> list[str]:
    lines = [
        f"{counted(len(it.trials), 'trial')}, each run twice: the same bits; plan, shapes, dtypes and memory as they must be.",
        f"{counted(it.planted, 'error')} planted in its answers, {counted(it.mistakes, 'known mistake')} made beside it.",
    ]
    if it.conventions:
        lines.append(f"Another valid derivative on a kink: {', '.join(it.conventions)}.")
    if it.complaints:
        lines.append(f"It does not conform: {counted(len(it.complaints), 'complaint')}.")
    elif it.untried:
        lines.append(f"It conforms in what was tried, which {', '.join(it.untried)} of its table were not.")
    else:
        lines.append("It conforms.")
    return lines


def conformance_text(it: Conformance) -> str:
    """For the terminal: the table, and every complaint in full."""
    lines = [f"{it.name}  {it.version}", "", *columns(rows(it)), ""]
    for complaint in it.complaints:
        lines += [*complaint.splitlines(), ""]
    return joined([*lines, *_summary(it)])


def conformance_markdown(it: Conformance) -> str:
    """For a README."""
    table = rows(it)
    width = max(map(len, table))
    cells = [[*row, *[""] * (width - len(row))] for row in table]
    lines = ["| " + " | ".join(cells[0]) + " |", "|---" * width + "|", *("| " + " | ".join(row) + " |" for row in cells[1:])]
    head = f"`bpcompare conform {it.name} --markdown`, {it.name} {it.version}; shares are of the rounding allowed."
    return "\n".join([head, "", *lines, "", *_summary(it)])
