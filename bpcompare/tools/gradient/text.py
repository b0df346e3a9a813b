"""A gradient check as text: which input, which element, how much, why, and what next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from bpcompare.mistakes import MISTAKES
from bpcompare.report.columns import columns
from bpcompare.report.lines import clipped, counted, ending, fitted, joined, labelled, named, unlabelled
from bpcompare.report.numbers import long, off, short
from bpcompare.report.places import element
from bpcompare.text.medium import laid_out_for, medium
from bpcompare.tools.gradient.contracts.text import contract_lines
from bpcompare.tools.gradient.door import CONVENTIONS
from bpcompare.tools.gradient.finding import GradientCheck, InputFinding

LINES = 30
TITLES = {"torch": "torch's", "jax": "JAX's"}
COLUMNS = 80
NAME = 50
"""Cells of a name within a sentence: its end tells more than its beginning."""
GAP, LEAST = 3, 16
"""Cells between columns, and those that a name has at least."""


def text(check: GradientCheck) -> str:
    """At most 30 lines of 80 columns; the verdict last."""
    it = medium()
    with laid_out_for(replace(it, width=min(it.width, COLUMNS))):
        return _text(check)


def _text(check: GradientCheck) -> str:
    rows = [["input", "shape", "gradient", "a mistake this large would show"]]
    rows += [_row(finding) for finding in check.findings]
    rest = sum(max(len(row[k]) for row in rows) + GAP for k in (1, 2, 3))
    lines = columns([[ending(row[0], max(COLUMNS - rest, LEAST)), *row[1:]] for row in rows])
    for names, finding in _together(check.findings):
        lines += ["", *_told(names, finding)]
    lines += _zeros(check.findings)
    lines += contract_lines(check.contracts, wrong=any(finding.verdict == "wrong" for finding in check.findings))
    if check.untraced:
        said = f"the forward could not be followed: {clipped(check.untraced, 300)}; its differences stand in"
        lines += ["", *labelled("untraced", said, 3)]
    if check.left:
        lines += ["", *labelled("no time", f"{'; '.join(check.left)}: a longer budget= would", 3)]
    last = unlabelled(_verdict(check))
    return joined([*fitted(lines, LINES - 1 - len(last)), "", *last])


def _verdict(check: GradientCheck) -> str:
    law = f", and the law of {check.law}" if check.law else ""
    gradients = counted(len(check.findings), "gradient")
    if check.traced is not None:
        calls = sum(len(one.program.steps) for one in check.traced.watched.recordings)
        how = f" against the forward, traced in {counted(calls, 'call')}"
    else:
        # What has no numbers, or none of this shape, was held against nothing.
        how = " against differences of the forward" if any(one.tried for one in check.findings) else ""
    if check.convention:
        law += f"; by z = x + iy in {TITLES[check.convention]} convention, {CONVENTIONS[check.convention]}"
    return f"{check.verdict}  {check.framework}  {gradients}{how}{law}"


def _together(findings: Sequence[InputFinding]) -> list[tuple[list[str], InputFinding]]:
    """Findings that are told, each once: what is wrong with all of them is said of all at once."""
    found: dict[tuple[str, str], tuple[list[str], InputFinding]] = {}
    for number, finding in enumerate(findings):
        if finding.verdict != "certified":
            same = (finding.note, finding.cause) if finding.note and not finding.index else ("", f"{number}")
            found.setdefault(same, ([], finding))[0].append(finding.name)
    return list(found.values())


def _row(finding: InputFinding) -> list[str]:
    shape = "x".join(map(str, finding.shape)) or "scalar"
    words = {"certified": "ok", "convention": "ok, a convention", "wrong": "WRONG"}.get(finding.verdict, finding.verdict)
    power = short(finding.power) if 0 < finding.power < float("inf") else "-"
    return [finding.name, shape, words, f"{power} of its terms" if finding.terms else power]


def _zeros(findings: Sequence[InputFinding]) -> list[str]:
    """Which gradients are 0 up to rounding, and what cannot be told from them."""
    found = [one for one in findings if one.terms and one.verdict == "certified"]
    if not found:
        return []
    least = max(one.power * one.terms for one in found)
    said = f"{named([one.name for one in found], 3, NAME)}: 0 up to rounding, what is left of terms of size "
    said += f"{short(max(one.terms for one in found))}; a mistake smaller than {short(least)} may not show in it"
    return ["", *labelled("zero", said, 4)]


def _told(names: Sequence[str], finding: InputFinding) -> list[str]:
    where = element(ending(finding.name, NAME), finding.index)
    if finding.note:
        said = where if finding.index else named(names, 3, NAME)
        lines = unlabelled(f"{said}: {clipped(finding.note, 300)}")
    else:
        part = f"the {finding.part} part of " if finding.part else ""
        words = off(finding.got, finding.expected)
        lines = unlabelled(f"{part}the gradient of {where} {'is ' if words[:1].isdigit() else ''}{words}")
        lines += labelled("backward", long(finding.got).strip(), 1)
        lines += labelled("must be", f"{long(finding.expected).strip()} ± {short(finding.error)}", 1)
        if finding.tried > 1:
            lines += labelled("how many", f"{finding.off:,} of {finding.tried:,} elements that were tried are off", 1)
    if finding.code:
        lines += labelled("cause", f"{finding.code}  {MISTAKES[finding.code].title}; bpcompare explain {finding.code}", 3)
    elif finding.cause:
        lines += labelled("cause", finding.cause, 4)
    elif finding.verdict == "wrong" and not finding.note:
        lines += labelled("cause", "unknown: no single slip that bpcompare knows gives these numbers", 2)
        lines += labelled("do", "check the backward of each part of the forward by itself, with check_gradient", 2)
    if not isfinite(finding.got):
        lines += labelled("do", "look there for a division by 0, and for a root or a logarithm of a number below 0", 2)
    if finding.verdict == "undecided" and finding.note.startswith("the rounding bound is infinite"):
        lines += labelled("do", "other inputs, away from that place, would decide it", 2)
    return lines
