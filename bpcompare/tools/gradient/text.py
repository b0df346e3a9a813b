"""A gradient check as text: which input, which element, how much, why, and what next."""

from __future__ import annotations

from bpcompare.mistakes import MISTAKES
from bpcompare.report.columns import columns
from bpcompare.report.lines import clipped, counted, fitted, joined, labelled, shown
from bpcompare.report.numbers import long, off, short
from bpcompare.report.places import element
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import medium
from bpcompare.tools.gradient.contracts.text import contract_lines
from bpcompare.tools.gradient.door import CONVENTIONS
from bpcompare.tools.gradient.finding import GradientCheck, InputFinding

LINES = 30
TITLES = {"torch": "torch's", "jax": "JAX's"}


def text(check: GradientCheck) -> str:
    """At most 30 lines; the verdict last."""
    rows = [["input", "shape", "gradient", "a mistake of this size would have shown"]]
    rows += [_row(finding) for finding in check.findings]
    lines = columns(rows)
    for finding in check.findings:
        if finding.verdict != "certified":
            lines += ["", *_told(finding)]
    lines += contract_lines(check.contracts, wrong=any(finding.verdict == "wrong" for finding in check.findings))
    law = f", and the law of {check.law}" if check.law else ""
    if check.untraced:
        lines += ["", *labelled("untraced", f"{clipped(check.untraced, 300)}; differences of the forward stand in", 3)]
    if check.left:
        lines += ["", *labelled("no time", f"{'; '.join(check.left)}: a longer budget= would", 3)]
    how = "against differences of the forward"
    if check.traced is not None:
        calls = sum(len(one.program.steps) for one in check.traced.watched.recordings)
        how = f"against the forward, traced in {counted(calls, 'call')}"
    if check.convention:
        law += f"; by z = x + iy in {TITLES[check.convention]} convention, {CONVENTIONS[check.convention]}"
    lines += ["", f"{check.verdict}  {check.framework}  {counted(len(check.findings), 'gradient')} {how}{law}"]
    return joined([*fitted(lines[:-1], LINES - 1), lines[-1]])


def _row(finding: InputFinding) -> list[str]:
    shape = "x".join(map(str, finding.shape)) or "scalar"
    words = {"certified": "ok", "convention": "ok, a convention", "wrong": "WRONG"}.get(finding.verdict, finding.verdict)
    power = short(finding.power) if 0 < finding.power < float("inf") else "-"
    return [clipped(finding.name, 30), shape, words, power]


def _told(finding: InputFinding) -> list[str]:
    where = element(clipped(finding.name, 40), finding.index)
    if finding.note:
        said = f"{where if finding.index else clipped(finding.name, 40)}: {clipped(finding.note, 300)}"
        first, *more = wrapped(shown(said), medium().width - 2, whole=not medium().fit)
        lines = [first, *(f"  {row}" for row in more)]
    else:
        part = f"the {finding.part} part of " if finding.part else ""
        lines = [
            f"{part}the gradient of {where}: {off(finding.got, finding.expected)}",
            f"  > backward {long(finding.got)}",
            f"    forward  {long(finding.expected)}   ± {short(finding.error)}",
            *labelled("how many", f"{finding.off:,} of {finding.tried:,} elements that were tried are off", 1),
        ]
    if finding.code:
        lines += labelled("cause", f"{finding.code}  {MISTAKES[finding.code].title}; bpcompare explain {finding.code}", 2)
    elif finding.cause:
        lines += labelled("cause", finding.cause, 2)
    elif finding.verdict == "wrong" and not finding.note:
        lines += labelled("cause", "unknown", 1)
    return lines
