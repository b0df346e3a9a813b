"""What is neither right nor wrong: another convention at a kink, and what could not be decided."""

from __future__ import annotations

from collections.abc import Mapping

from bpcompare.plan.path import Path
from bpcompare.proof.finding import Doubt, Finding
from bpcompare.report.lines import clipped, counted, labelled
from bpcompare.report.numbers import short
from bpcompare.report.places import described, element, place, share_off
from bpcompare.verdict.comparison import Comparison

REMEDIES: Mapping[Doubt, str] = {
    "zero": "other data, weights or another --seed, so that every layer is alive",
    "still": "a larger learning rate or loss scale, or a parameter nearer to 0",
    "unbounded": "smaller weights, learning rate, loss scale or data: what overflows, or divides by 0, cannot be bounded",
    "infinite": "smaller weights, learning rate, loss scale or data: what overflows, or divides by 0, cannot be bounded",
    "algorithm": "the algorithm switched off: a direct sum has a bound that is sharp enough",
    "watched": "a backend in eager mode, or --exact: there recording must not change a bit",
}
"""What decides, for each doubt. What rounding blurs depends on the dtype."""

NAMED = 3
"""Findings that are described; the others are counted."""


def conventions(comparison: Comparison) -> list[str]:
    """Every place where backends chose another valid derivative."""
    found = _grouped(comparison, "convention")
    lines = []
    for names, finding, more in found[:NAMED]:
        follow = "follows" if len(names) == 1 else "follow"
        lines.append(f"{_listed(names)} {follow} another convention at {element(finding.path, finding.worst)}")
        lines += _where(comparison, finding)
        lines += labelled("values", f"{short(finding.recorded)} recorded, {short(finding.expected)} by the law's convention", 1)
        lines += labelled("why", finding.note, 3) + _more(more)
    if found:
        lines += labelled(
            "to decide", "neither is an error: data off the kink hides the choice; `bpcompare ops NAME` states the law's"
        )
    return lines


def undecided(comparison: Comparison) -> list[str]:
    """Everything that this run could not settle, and what would."""
    found = _grouped(comparison, "undecided")
    lines = []
    for names, finding, more in found[:NAMED]:
        lines.append(f"{_listed(names)} {'is' if len(names) == 1 else 'are'} undecided at {element(finding.path, finding.worst)}")
        lines += _where(comparison, finding)
        lines += labelled("why", finding.note, 3) + _more(more)
    if found:
        lines += labelled("to decide", _remedy(comparison), 2)
    return lines


def _grouped(comparison: Comparison, outcome: str) -> list[tuple[list[str], Finding, int]]:
    """The first such finding of every backend, those of one place and reason together; and how many more there are of it."""
    groups: dict[tuple[str, str], tuple[list[str], Finding, int]] = {}
    for name, certificate in comparison.certificates.items():
        found = [finding for finding in certificate.notable if finding.outcome == outcome]
        if found:
            names, _, _ = groups.setdefault((found[0].path, found[0].note), ([], found[0], len(found) - 1))
            names.append(name)
    return list(groups.values())


def _listed(names: list[str]) -> str:
    shown = [clipped(name, 40) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _where(comparison: Comparison, finding: Finding) -> list[str]:
    if Path(finding.path).kind == "plain":
        return labelled("where", "the gradient as computed without recording anything", 1)
    if not finding.size:
        return []
    at = place(comparison.plan, finding.path, finding.worst)
    words = [described(comparison.plan, at)] if len(at.index) or finding.size == 1 else []
    return labelled("where", words[0] + share_off(finding.off, finding.size), 1) if words else []


def _more(number: int) -> list[str]:
    return labelled("", f"and {counted(number, 'more place')} (-v lists them)", 1) if number else []


def _remedy(comparison: Comparison) -> str:
    """What would decide it."""
    found = {finding.doubt for one in comparison.certificates.values() for finding in one.notable} - {""}
    ways = [REMEDIES[doubt] for doubt in REMEDIES if doubt in found]
    narrow = comparison.dtype == "float32" and found & {"blurred", "still", "unbounded", "infinite"}
    if narrow:
        ways.insert(0, "--dtype float64")
    if "blurred" in found and not narrow:
        ways.append(REMEDIES["zero"])
    if "blurred" in found and not comparison.plan.exact:
        ways.append("--exact, if the net is made of sums and relu")
    return "; or ".join(dict.fromkeys(ways))
