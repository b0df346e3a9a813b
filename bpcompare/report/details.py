"""All findings, folded over steps, and the tracebacks of failures: what -v adds."""

from __future__ import annotations

from dataclasses import dataclass

from bpcompare.mistakes import MISTAKES
from bpcompare.plan.path import Path
from bpcompare.proof.finding import Certificate, Finding
from bpcompare.report.columns import columns
from bpcompare.report.lines import clipped, counted
from bpcompare.report.numbers import finite, off, share, short
from bpcompare.report.passed import unshown
from bpcompare.report.table import BADNESS
from bpcompare.verdict.comparison import Comparison

ROWS = 60
"""Paths that are listed for one backend; the worst are among them."""


def details(comparison: Comparison) -> list[str]:
    """One block a backend, then the mistakes that could not have been seen."""
    lines: list[str] = []
    for name, certificate in comparison.certificates.items():
        lines += [*([""] if lines else []), f"{clipped(name, 60)}: {comparison.backends[name].verdict}"]
        lines += _provenance(certificate)
        if certificate.failure is not None:
            lines += ["    " + line for line in certificate.failure.splitlines()]
        else:
            lines += [*_without_instruments(certificate, len(comparison.plan.batches)), *_table(certificate)]
    if comparison.unseen:
        lines += ["", f"mistakes that {unshown(comparison)}:"]
        lines += [f"  {code}  {MISTAKES[code].title}" for code in comparison.unseen if code in MISTAKES]
    return lines


def _provenance(certificate: Certificate) -> list[str]:
    it = certificate.provenance
    facts = [f"{it.framework} {it.version}", it.device, it.mode, *(f"{key}={value}" for key, value in it.switches.items())]
    facts += [f"{op}: {algorithm}" for op, algorithm in it.algorithms.items()]
    facts += [f"{key}={value}" for key, value in it.environment.items()]
    if it.updater:
        facts.append(f"updates by {it.updater}")
    if spoken := [one for one in it.voice if " " not in one]:
        facts.append(f"voice: {', '.join(spoken[:3])}")
    lines = [clipped("  " + ", ".join(facts) + f", {short(it.seconds)} s", 200)]
    return lines + (["  printed:", *("    " + line for line in it.printed.splitlines())] if it.printed else [])


def _without_instruments(certificate: Certificate, steps: int) -> list[str]:
    """In how many steps the gradient was computed without instrumentation as well, if not in all."""
    compared = len({Path(finding.path).step for finding in certificate.plain})
    return [f"  gradient without instrumentation: compared in {compared} of {steps} steps"] if 0 < compared < steps else []


@dataclass
class _Folded:
    """One path over all steps: its worst finding, and the steps it was judged in."""

    worst: Finding
    steps: int
    power: float


def _fold(certificate: Certificate) -> dict[str, _Folded]:
    folded: dict[str, _Folded] = {}
    for finding in (*certificate.findings, *certificate.plain):
        path = Path(finding.path).bare
        if path not in folded:
            folded[path] = _Folded(finding, 1, finding.power)
            continue
        known = folded[path]
        known.steps += 1
        known.power = max(known.power, finding.power)
        if _key(finding) < _key(known.worst):
            known.worst = finding
    return folded


def _key(finding: Finding) -> tuple[int, float]:
    return BADNESS.index(finding.outcome), -finite(finding.share)


def _table(certificate: Certificate) -> list[str]:
    folded = _fold(certificate)
    kept = set(sorted(folded, key=lambda path: _key(folded[path].worst))[:ROWS])
    rows = [["path", "steps", "outcome", "share", "power", ""]]
    for path, one in folded.items():
        if path in kept:
            finding = one.worst
            note = off(finding.recorded, finding.expected) if finding.outcome == "refuted" else finding.note
            place = f" ({finding.path})" if finding.path != path and finding.outcome != "holds" else ""
            power = "" if Path(path).kind == "plain" else short(one.power)
            facts = [clipped(path, 40), str(one.steps), finding.outcome, share(finding.share), power]
            rows.append([*facts, clipped(note + place, 60)])
    lines = columns(rows, 2, indent=2)
    if len(folded) > ROWS:
        lines.append(f"  … and {counted(len(folded) - ROWS, 'more path')}")
    return lines
