"""Infinities that a call gives as it must: it was handed one, or one operation of finite numbers demands it."""

from __future__ import annotations

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import once


def handed_on(claim: Claim, x: Array, m: Array, r: Array, balls: Balls, laws: Laws) -> tuple[Array, Array, Array]:
    """Record, law and radius, with 0 where a call gives the infinity that it must give: what a mask puts on a score.

    It was handed one, or the numbers of one operation demand it. As a 0 that is one, it shows nothing of how sharp the claim is.
    """
    calls = [op for _, op in claim.owners if isinstance(op, Call)]
    if claim.statement != "forward" or len(calls) != len(claim.owners) or not np.isinf(x).any():
        return x, m, r
    same = np.isinf(m) & (x == m)
    handed = any(isinstance(value, float) and np.isinf(value) for op in calls for value in op.passed.values())
    if not handed and not any(np.isinf(balls.point(path)).any() for path in claim.premises):
        same = np.zeros_like(same)
    same |= _overflown(claim, x, m, balls, laws)
    if not same.any():
        return x, m, r
    return np.where(same, 0.0, x), np.where(same, 0.0, m), np.where(same, 0.0, r)


def _overflown(claim: Claim, x: Array, m: Array, balls: Balls, laws: Laws) -> Array:
    """Where one operation of finite numbers passes the format's largest number: then IEEE gives that infinity."""
    beyond = np.isinf(x) & (np.sign(x) == np.sign(m)) & (np.abs(m) * (1 - 4 * balls.fmt.unit) > balls.fmt.largest)
    if not beyond.any() or not once(claim, laws):
        return np.zeros_like(beyond)
    finite = all(np.isfinite(balls.point(path)).all() for path in claim.premises)
    return np.asarray(beyond if finite else beyond & np.isfinite(m))
