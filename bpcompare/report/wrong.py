"""One backend that is wrong: where, by which rule, with which numbers, who says so, why, and what follows."""

from __future__ import annotations

from math import isfinite

import numpy as np
from rich.cells import cell_len

from bpcompare.mistakes import MISTAKES
from bpcompare.plan.path import Path
from bpcompare.proof.finding import Finding
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.report.lines import clipped, counted, labelled, named, widest
from bpcompare.report.numbers import long, off, relative
from bpcompare.report.places import ClaimElement, described, element, place, share_off
from bpcompare.report.rule import STATEMENT, rule
from bpcompare.report.substitution import substitution
from bpcompare.text.cells import padded
from bpcompare.verdict.blame import LAW, Blame
from bpcompare.verdict.comparison import Comparison

VOICES = 4
"""Values that are printed beside the law's and the oracle's."""


def wrong(comparison: Comparison, blame: Blame) -> list[str]:
    """Everything about the first place where a backend leaves the proof."""
    plan = comparison.plan
    finding = _finding(comparison, blame.backend, blame.path)
    at = place(plan, finding.path, finding.worst)
    values = step_values(plan, comparison.records[blame.backend])[at.step - 1]
    numbers = substitution(plan.network, at.claim, at.index, values, finding.expected)
    where = described(plan, at) + share_off(finding.off, finding.size)
    lines = [_title(blame, finding)]
    lines += labelled("where", where)
    lines += labelled("statement", STATEMENT[at.claim.statement], 1)
    lines += labelled("rule", rule(plan.network, at.claim))
    if numbers and len(numbers) < widest() - 13:
        lines += labelled("numbers", numbers, 1)
    lines += ["", *_voices(comparison, blame, finding, at), ""]
    lines += labelled("blame", _blamed(blame), 2)
    lines += _cause(blame, finding)
    return lines + _follows(comparison, blame, at)


def also_wrong(comparison: Comparison) -> list[str]:
    """The other backends that are wrong, one line each."""
    lines = []
    for blame in comparison.blames[1:4]:
        code = f", {blame.code} {MISTAKES[blame.code].title}" if blame.code in MISTAKES else ""
        size = off(*_values(_finding(comparison, blame.backend, blame.path)))
        lines += labelled("also wrong", f"{blame.backend} at {blame.path}: {size}{code}", 1)
    if len(comparison.blames) > 4:
        lines += labelled("", f"and {counted(len(comparison.blames) - 4, 'more backend')}", 1)
    return lines


def _finding(comparison: Comparison, backend: str, path: str) -> Finding:
    return next(finding for finding in comparison.certificates[backend].refuted if finding.path == path)


def _values(finding: Finding) -> tuple[float, float]:
    return finding.recorded, finding.expected


def _title(blame: Blame, finding: Finding) -> str:
    where = element(finding.path, finding.worst)
    name = clipped(blame.backend, 40)
    if blame.blame == blame.backend:
        return f"{name} is wrong at {where}: {off(*_values(finding))}"
    if blame.blame == LAW:
        return f"the law is suspected at {where}, where {name} leaves it: {off(*_values(finding))}"
    return f"{name} and the law differ at {where}, and nobody can say who is right: {off(*_values(finding))}"


def _voices(comparison: Comparison, blame: Blame, finding: Finding, at: ClaimElement) -> list[str]:
    """The law's value, the oracle's and the backends': the one at fault last, marked."""
    rows = [("law", long(finding.expected), f"from {clipped(blame.backend, 30)}'s own recorded inputs")]
    if blame.oracle is not None:
        nearer = abs(blame.oracle - finding.expected) < abs(blame.oracle - finding.recorded)
        side = "with the law" if nearer else "against the law"
        words = f"by the complex step; {blame.doubt}" if blame.doubt else f"{side}, from the forward pass alone"
        rows.append(("oracle", long(blame.oracle), words))
    others = [name for name in comparison.ran if name != blame.backend]
    for name in others[: VOICES - 1]:
        value = float(step_values(comparison.plan, comparison.records[name])[at.step - 1].recorded[at.claim.path][at.index])
        rows.append((name, long(value), _standing(comparison, name, finding, value)))
    rows.append((blame.backend, long(finding.recorded), off(*_values(finding))))
    width = max(8, *(cell_len(clipped(name, 24)) for name, _, _ in rows))
    lines = [
        f"  {'>' if at == len(rows) - 1 else ' '} {padded(clipped(name, 24), width)}  {value:<22}  {words}"
        for at, (name, value, words) in enumerate(rows)
    ]
    hidden = others[VOICES - 1 :]
    if hidden:
        lines.insert(-1, f"    … and {counted(len(hidden), 'more backend')}")
    return lines


def _standing(comparison: Comparison, name: str, finding: Finding, value: float) -> str:
    own = next((one for one in comparison.certificates[name].findings if one.path == finding.path), None)
    if own is None:
        return ""
    if own.outcome == "refuted":
        return f"wrong too: {off(value, finding.expected)}" if value != finding.recorded else "wrong too, the same value"
    if own.outcome != "holds":
        return own.outcome
    apart = abs(value - finding.expected)
    return "ok" if apart <= 4 * finding.radius else "ok, from other inputs"


def _blamed(blame: Blame) -> str:
    if blame.blame is None:
        return blame.ground
    return f"{blame.blame}: {blame.ground}"


def _cause(blame: Blame, finding: Finding) -> list[str]:
    if blame.code is None:
        if not isfinite(finding.recorded):
            return labelled("cause", finding.note or "not finite", 1)
        if finding.note:
            return labelled("cause", finding.note, 1)
        if blame.ratio:
            return labelled("cause", f"unknown, but exactly {blame.ratio}", 2)
        return labelled("cause", "unknown: no formula of the catalogue of mistakes gives this number", 1)
    mistake = MISTAKES[blame.code]
    lines = labelled("cause", f"{blame.code}  {mistake.title}: {mistake.wrong}", 2)
    also = f"; {named(blame.also, 4)} would give the same here" if blame.also else ""
    if blame.form:
        lines += labelled("", f"here: {blame.form}", 2)
    if blame.alone:
        lines += labelled("", f"made at {clipped(blame.alone, 40)} alone: the layer's other parameters are right", 2)
    return lines + labelled("", f"reproduces the value{also}          bpcompare explain {blame.code}", 1)


def _follows(comparison: Comparison, blame: Blame, at: ClaimElement) -> list[str]:
    refuted = comparison.certificates[blame.backend].refuted
    bare = dict.fromkeys(place_path for finding in refuted if (place_path := Path(finding.path).bare) != at.claim.path)
    steps = {finding.path for finding in refuted} - {blame.path}
    parts = []
    if steps:
        parts.append(f"{counted(len(steps), 'more quantity') if len(steps) == 1 else f'{len(steps):,} more quantities'} refuted")
        parts[-1] += f" ({named(list(bare), 3)})" if bare else " (the same in other steps)"
    carried = _carried(comparison, at)
    if carried:
        parts.append(f"{counted(carried, 'array')} of the step computed from this one")
    if effect := _effect(comparison, blame):
        parts.append(effect)
    return labelled("follows", "; ".join(parts) or "nothing else is affected", 2)


def _carried(comparison: Comparison, at: ClaimElement) -> int:
    """Quantities of one step that rest on this one, directly or not."""
    reached = {at.claim.path}
    for claim in question(comparison.plan).claims:  # each after those it rests on
        if reached & set(claim.premises):
            reached.add(claim.path)
    return len(reached) - 1


def _effect(comparison: Comparison, blame: Blame) -> str:
    """How far the trained parameters end up from those of a backend that holds."""
    good = [name for name in comparison.ran if comparison.certificates[name].verdict == "certified"]
    if not good or blame.blame == LAW:
        return ""
    mine, other = comparison.records[blame.backend].steps[-1], comparison.records[good[0]].steps[-1]
    largest = 0.0
    zeros = {Path(path).bare for path in comparison.zeros}
    with np.errstate(all="ignore"):
        for name, x in mine.parameters.items():
            y = other.parameters[name].astype(np.float64)
            scale, gap = float(np.abs(y).max(initial=0.0)), float(np.abs(x - y).max(initial=0.0))
            if f"{name}.gradient" in zeros:  # such a parameter may be nothing but rounding, and measures nothing
                scale = max(scale, float(np.abs(x).max(initial=0.0)))
            if not isfinite(gap):
                return "parameters are no longer finite"
            largest = max(largest, gap / scale if scale else 0.0)
    if not largest:
        return "parameters end up the same"
    return f"parameters end up to {relative(largest)} away from {clipped(good[0], 20)}'s"
