"""Identity of bits: a record against the law, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.dyadic import InexactError
from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.proof.certificate import judge
from bpcompare.proof.choices import Chosen, Sides
from bpcompare.proof.claims import Claim
from bpcompare.proof.exact.exactly import Exactly, evaluate
from bpcompare.proof.exact.reference import reference
from bpcompare.proof.finding import Certificate, Finding
from bpcompare.proof.kinks import excused
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values


def examine(plan: Plan, record: Record, laws: Laws = LAWS) -> Certificate:
    """Demand bit-identity of every recorded quantity with the law on the same premises.

    After a wrong number the premises are others than the plan was drawn for. Where the law still rounds nowhere on them, bits
    are compared all the same; elsewhere the number must lie in its ball, as in any other run.
    """
    if record.failure is not None:
        return Certificate(record.provenance, (), failure=record.failure)
    try:
        right = reference(plan, laws)
    except InexactError as error:
        return Certificate(record.provenance, (), failure=f"the plan says that nothing in it can round, and it does: {error}")
    (values,) = step_values(plan, record)
    balls = Exactly(values, format_of(plan.dtype, record.provenance.flushes), plan.dtype)
    with np.errstate(all="ignore"):
        findings = tuple(_judged(claim, balls, right, laws) for claim in question(plan).claims)
    plain = []
    (step,) = record.steps
    for name, x in (step.plain or {}).items():
        same = np.array_equal(x, step.gradient[name])
        note = "" if same else "the gradient without instrumentation has other bits: watching changed the answer"
        plain.append(Finding(f"{name}.plain", "gradient", "holds" if same else "undecided", 0.0, 0.0, size=x.size, note=note))
    return Certificate(record.provenance, findings, tuple(plain))


def _judged(claim: Claim, balls: Exactly, right: Mapping[str, Array], laws: Laws) -> Finding:
    recorded = balls.values.recorded
    if all(np.array_equal(recorded[path], right[path]) for path in claim.premises if path in recorded):
        return _compared(claim, balls, right[claim.path], laws)
    ball = evaluate(claim, balls, laws)
    if np.any(ball.final_radius()):
        return judge(claim, balls, laws)
    return _compared(claim, balls, ball.mid, laws)


def _compared(claim: Claim, balls: Exactly, expected: Array, laws: Laws) -> Finding:
    x = balls.values.recorded[claim.path].astype(np.float64)
    off = ~(x == expected)
    if not off.any():
        return Finding(claim.path, claim.statement, "holds", 0.0, 0.0, size=x.size)
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape)) if off.ndim else ()
    moved = float(abs(x[at] - expected[at]) / abs(expected[at])) if expected[at] else float("inf")
    outcome: Literal["refuted", "convention", "undecided"] = "refuted"
    note = ""
    if np.isfinite(x).all():
        at_side = partial(evaluate, claim, balls, laws)

        def chosen(sides: Sides) -> Ball:
            return evaluate(claim, balls, Chosen(laws, sides))

        outcome, note = excused(claim, laws, x, off, at_side, balls.lookup(balls.fmt(ties="high")), chosen)
    note = note or "not the same bits, although no order of summation can round here"
    return Finding(
        claim.path, claim.statement, outcome, float("inf"), 0.0, at, float(x[at]), float(expected[at]), 0.0, moved,
        off=int(off.sum()), size=x.size, note=note,
    )  # fmt: skip
