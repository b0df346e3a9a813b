"""Δ behind an activation by way of −∂E/∂a, where a record has it: a sum of products, and g' times that.

Δ_j = g'(in_j) Σ_k w_jk Δ_k is no product of recorded matrices, for g' stands between, row by row. With b_j = −∂E/∂a_j in the
record it is two statements: b_j is in the ball of its sum, and Δ_j in that of g'(in_j) b_j with b_j as it is. From the two
follows that Δ_j is in the ball of the whole, for the law is monotone in what goes in. What a record says under b_j proves
nothing by itself: where one half does not hold, Δ is judged as if there were no b_j.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import least as needed

Way = Callable[[Claim, Balls], Finding | None]
"""That a claim holds, or None where this does not decide."""


def halved(claim: Claim, balls: Balls, way: Way, prefix: str = "") -> Finding | None:
    """That `claim` holds, for both its halves do; None where that does not decide, or the record has no −∂E/∂a there."""
    halves = claim.halves() if claim.halves is not None else None
    b = None if halves is None else balls.values.back.get(halves.through)
    values, x = balls.values, balls.values.recorded[claim.path]
    if halves is None or b is None or b.shape != x.shape or b.dtype != x.dtype:
        return None
    whole = replace(values, back={})
    own = way(halves.own, balls.beside(replace(whole, given={**values.given, halves.path: b})))
    back = None if own is None else way(halves.back, balls.beside(replace(whole, recorded={**values.recorded, halves.path: b})))
    if own is None or back is None:
        return None
    # A mistake of relative size ε is made in the one half or in the other, or some of it in each.
    power = own.power + back.power
    if not power <= needed(balls.fmt.u):
        return None
    nearest = back if back.share > own.share and x[back.worst] == b[back.worst] else own
    share = max(own.share, back.share)
    path = prefix + claim.path
    return replace(nearest, path=path, statement=claim.statement, share=share, power=power, blurred=None, probed=back.probed)
