"""The verdict in one line."""

from __future__ import annotations

from bpcompare.report.lines import clipped, counted, ending
from bpcompare.verdict.comparison import Comparison


def verdict_line(comparison: Comparison) -> str:
    """verdict, spec, dtype, backends, steps; then, unless it is a success, why in a few words."""
    asked, ran = len(comparison.certificates), len(comparison.ran)
    backends = counted(ran, "backend") if ran == asked else f"{ran} of {counted(asked, 'backend')}"
    steps = counted(len(comparison.plan.batches), "step")
    parts = [comparison.verdict, clipped(comparison.spec, 40), comparison.dtype, backends, steps]
    if comparison.plan.exact:
        parts.append("exact")
    if why := _why(comparison):
        parts.append(why)
    return "  ".join(parts)


def _why(comparison: Comparison) -> str:
    if comparison.verdict == "not_run":
        silent = [name for name in comparison.certificates if name not in comparison.ran]
        return (
            f"{clipped(', '.join(ending(name, 30) for name in silent), 60)} did not answer" if silent else "no backend was asked"
        )
    if comparison.exit_code == 0:
        return ""
    if comparison.verdict in ("identical", "certified"):
        return "nothing was compared: one backend alone"
    if comparison.verdict == "wrong" and comparison.blames:
        blame = comparison.blames[0]
        code = f" {blame.code}" if blame.code else ""
        who = blame.backend if blame.blame == blame.backend else f"{blame.backend} against the law"
        return f"{clipped(who, 50)} at {clipped(blame.path, 50)}{code}"
    for name, certificate in comparison.certificates.items():
        outcome = {"convention": "convention", "undecided": "undecided"}.get(comparison.verdict)
        for finding in certificate.notable:
            if finding.outcome == outcome:
                return f"{clipped(name, 40)} at {clipped(finding.path, 50)}"
    return ""
