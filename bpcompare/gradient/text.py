"""A gradient check as text: which input, which element, how much, why, and what next."""

from __future__ import annotations

from bpcompare.gradient.check import GradientCheck, InputFinding
from bpcompare.mistakes import MISTAKES
from bpcompare.report.columns import columns
from bpcompare.report.lines import clipped, counted, fitted, joined, labelled
from bpcompare.report.numbers import long, off, short
from bpcompare.report.places import element

LINES = 30


def text(check: GradientCheck) -> str:
    """At most 30 lines; the verdict last."""
    rows = [["input", "shape", "gradient", "a mistake of this size would have shown"]]
    rows += [_row(finding) for finding in check.findings]
    lines = columns(rows)
    for finding in check.findings:
        if finding.verdict != "certified":
            lines += ["", *_told(finding)]
    law = f", and the law of {check.law}" if check.law else ""
    lines += ["", f"{check.verdict}  {check.framework}  {counted(len(check.findings), 'input')} against the forward alone{law}"]
    return joined([*fitted(lines[:-1], LINES - 1), lines[-1]])


def _row(finding: InputFinding) -> list[str]:
    shape = "x".join(map(str, finding.shape)) or "scalar"
    words = {"certified": "ok", "convention": "ok, at a kink", "wrong": "WRONG"}.get(finding.verdict, finding.verdict)
    power = short(finding.power) if 0 < finding.power < float("inf") else "-"
    return [clipped(finding.name, 30), shape, words, power]


def _told(finding: InputFinding) -> list[str]:
    where = element(clipped(finding.name, 40), finding.index)
    if finding.note:
        lines = [f"{where if finding.index else clipped(finding.name, 40)}: {clipped(finding.note, 200)}"]
    else:
        lines = [
            f"the gradient of {where} is {off(finding.got, finding.expected)}",
            f"  > backward {long(finding.got)}",
            f"    forward  {long(finding.expected)}   ± {short(finding.error)}, from the forward alone",
            *labelled("how many", f"{finding.off:,} of {finding.tried:,} elements that were tried are off", 1),
        ]
    if finding.code:
        lines += labelled("cause", f"{finding.code}  {MISTAKES[finding.code].title}; bpcompare explain {finding.code}", 2)
    elif finding.cause:
        lines += labelled("cause", finding.cause, 2)
    elif finding.verdict == "wrong" and not finding.note:
        lines += labelled("cause", "unknown", 1)
    return lines
