"""Products whose factors a framework may cut: what is allowed is granted to claims that do not hold otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bpcompare.ops.call import Call
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding

REDUCED = "with factors of its products cut, as the framework was allowed"
"""What is noted of a claim that holds no other way."""


def reduced(claim: Claim) -> float:
    """How far, relatively, factors of products in a claim's law may be off, as the code's own framework was allowed."""
    return max((op.factors for _, op in claim.owners if isinstance(op, Call)), default=0.0)


def whole_first(balls: Balls, judged: Callable[[Balls], Finding]) -> Finding:
    """A claim, judged on `balls` with nothing granted, and only where that refutes it with what is allowed.

    What may be cut is often not: then nothing of the power is lost.
    """
    found = judged(balls.unreduced())
    if found.outcome != "refuted":
        return found
    wider = judged(balls)
    return replace(wider, note=wider.note or REDUCED) if wider.outcome == "holds" else wider
