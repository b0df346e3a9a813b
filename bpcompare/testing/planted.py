"""Errors planted in a backend's own answer: a certificate that did not refute them would prove nothing about the backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.plan import Plan
from bpcompare.plan.record import Record, StepRecord
from bpcompare.proof.certificate import certify
from bpcompare.proof.question import question
from bpcompare.proof.values import recorded_values

PLANTED = 1e-3
"""Relative size of the error, in the largest element of a quantity."""
FIELDS = ("net_in", "a", "delta", "gradient", "parameters", "state", "slots")


def unnoticed(plan: Plan, record: Record) -> Iterator[str]:
    """Paths of the last step where an error of `PLANTED`, or of the sign, is not refuted there. In float64 there must be none.

    Where the law gives zeros only, there is nothing to be wrong by a factor; an error there is an absolute one.
    """
    last = len(record.steps) - 1
    prefix = f"step{last + 1}/" if last else ""
    for claim in question(plan).claims:
        for factor in (1 + PLANTED, -1.0):
            step = _wrong(record.steps[last], claim.path, factor)
            steps = (*record.steps[:last], step)
            certificate = certify(plan, replace(record, steps=steps), steps=[last + 1])
            if prefix + claim.path not in {finding.path for finding in certificate.refuted}:
                yield f"{prefix}{claim.path} × {factor:g}"


def _wrong(step: StepRecord, path: str, factor: float) -> StepRecord:
    target = recorded_values(step)[path]
    changed = target.copy()
    at = np.unravel_index(int(np.argmax(np.abs(changed))), changed.shape) if changed.ndim else ()
    changed[at] = changed[at] * factor if changed[at] else PLANTED
    found: dict[str, Any] = {"error": changed if target is step.error else step.error}
    for name in FIELDS:
        found[name] = {key: changed if x is target else x for key, x in getattr(step, name).items()}
    return replace(step, **found)
