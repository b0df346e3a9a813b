"""The two conventions for the gradient of a complex number, in findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from bpcompare.tools.gradient.door import Convention
from bpcompare.tools.gradient.finding import GradientCheck, InputFinding

OTHER: Mapping[str, Convention] = {"torch": "jax", "jax": "torch"}
CAUSES: Mapping[str, str] = {
    "torch": "it is the gradient in JAX's convention, and torch's is the conjugate of that: multiply dy with the conjugate of "
    "the derivative",
    "jax": "it is the gradient in torch's convention, and JAX's is the conjugate of that: multiply dy with the derivative "
    "itself, and not with its conjugate",
}
"""By the convention that was asked for."""


def of_complex(finding: InputFinding, complexes: Collection[str]) -> InputFinding:
    """A finding about pairs of real numbers as one about complex ones."""
    if finding.name not in complexes or not finding.shape:
        return finding
    *index, part = finding.index or (0,)
    words = ("real", "imaginary")[part] if finding.index else ""
    return replace(finding, shape=finding.shape[:-1], index=tuple(index) if finding.index else (), part=words)


def in_other_convention(found: GradientCheck, beside: GradientCheck) -> GradientCheck:
    """What was found, where a wrong gradient is right `beside` it, in the other convention, with that as its cause."""
    held = {one.name for one in beside.findings if one.verdict in ("certified", "convention")}
    findings = [
        replace(one, cause=CAUSES[found.convention]) if one.verdict == "wrong" and (one.name in held or beside.ok) else one
        for one in found.findings
    ]
    return replace(found, findings=tuple(findings))
