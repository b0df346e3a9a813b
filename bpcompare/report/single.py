"""One finding as text, for a test of its own."""

from __future__ import annotations

from bpcompare.proof.finding import Finding
from bpcompare.report.places import element
from bpcompare.verdict.comparison import Comparison


def finding_text(comparison: Comparison, backend: str, finding: Finding) -> str:
    """What is wrong with it, and where the proof breaks first."""
    first = comparison.first
    follows = f"\n  first      {first.path} of {first.backend} is where it begins" if first else ""
    outcome = {"refuted": "is wrong"}.get(finding.outcome, f"is {finding.outcome}")
    values = f"recorded {finding.recorded!r}, the law gives {finding.expected!r} ± {finding.radius:.3g}"
    note = f"\n  why        {finding.note}" if finding.note else ""
    return f"{backend} {outcome} at {element(finding.path, finding.worst)}: {values}{note}{follows}"
