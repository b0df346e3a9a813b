"""An audit as text."""

from __future__ import annotations

from bpcompare.report.columns import columns
from bpcompare.report.lines import NEWLINE, clipped, counted, joined
from bpcompare.report.numbers import short
from bpcompare.report.places import node
from bpcompare.report.table import head
from bpcompare.tools.audit.audit import Audit

ROWS = 10


def audit_text(it: Audit, *, verbose: bool = False) -> str:
    """What this spec and data cannot show, and how sharp the rest is; `verbose` lists everything."""
    most = 10_000 if verbose else ROWS
    failure = next((one.failure for one in it.comparison.certificates.values() if one.failure is not None), None)
    lines = [head(it.comparison), ""]
    if failure is not None:
        return joined([*lines, f"delta does not run: {failure.partition(NEWLINE)[0]}"])
    return joined([*lines, *_blind(it, most), "", *_idle(it, most), "", *_weakest(it, most), "", *_nodes(it, most)])


def _blind(it: Audit, most: int) -> list[str]:
    untried = f"; {len(it.untried):,} more could not be tried in time" if it.untried else ""
    if it.blind is None:  # delta does not run, which is said before
        return []
    if not it.blind:
        every = "of the known mistakes that were tried" if it.untried else "every known mistake that can be made here would show"
        return [f"blind spots: none{' ' if it.untried else '; '}{every}{untried}"]
    ran = len(it.comparison.plan.batches)
    part = f" in the first {counted(it.searched, 'step')} of {ran:,}; the others were not searched" if it.searched < ran else ""
    lines = [f"blind spots: {counted(len(it.blind), 'known mistake')} would not show{part}{untried}"]
    for spot in it.blind[:most]:
        remedy = f"visible with {spot.remedy}" if spot.remedy else "not visible with any change that was tried"
        lines.append(f"  {spot.mistake.code}  {clipped(spot.mistake.title, 60)}: {remedy}")
    return lines + _more(len(it.blind) - most)


def _idle(it: Audit, most: int) -> list[str]:
    if not it.idle:
        return ["units: none is dead, none saturated"]
    network = it.comparison.plan.network
    lines = ["units:"]
    for one in it.idle[:most]:
        names = ", ".join(node(network, one.layer, unit) for unit in one.units[:3])
        more = f" and {len(one.units) - 3:,} more" if len(one.units) > 3 else ""
        why = "dead: Δ is 0 in every example" if one.dead else "saturated: g' is below 0.001 in every example"
        lines.append(f"  {clipped(one.layer, 30)}: {len(one.units):,} of {one.of:,} {why} ({names}{more})")
    return lines + _more(len(it.idle) - most)


def _weakest(it: Audit, most: int) -> list[str]:
    rows = [["smallest mistake that shows", "at its worst unit or example", "where"]]
    for finding in it.weakest[:most]:
        blurred = "-" if finding.blurred is None else short(finding.blurred)
        power = short(finding.power) if finding.power < float("inf") else "none would"
        rows.append([power, blurred, clipped(finding.path, 60)])
    return [*columns(rows), *_more(len(it.weakest) - most)]


def _nodes(it: Audit, most: int) -> list[str]:
    network = it.comparison.plan.network
    rows = [["smallest mistake that shows in Δ", "of node"]]
    for one in it.nodes[:most]:
        power = short(one.power) if one.power < float("inf") else "none would"
        rows.append([power, clipped(node(network, one.layer, one.unit).removeprefix("node "), 60)])
    return [*columns(rows), *_more(len(it.nodes) - most)]


def _more(number: int) -> list[str]:
    return [f"  … and {number:,} more, -v to see them"] if number > 0 else []
