"""Whether all of an array is inside of its ball: found out a part at a time, so that what is made stays in the cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.parts import index_from, parts
from bpcompare.proof.claims import Claim
from bpcompare.proof.entries import BLOCK
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import least as needed

SMALLEST = 1e-300
"""Added to radii before dividing by them. Only what is reported is divided; what decides is |recorded − law| ≤ r itself."""


def inside(claim: Claim, x: Array, ball: Ball, u: float, before: Array | None, prefix: str = "") -> Finding | None:
    """That `claim` holds, if every entry of the recorded `x` is finite, has a finite ball and lies in it, and some ball is sharp.

    None says nothing. `u` is the unit roundoff of the format, `before` the parameter that an update changes.
    """
    if not x.size or x.dtype.kind != "f" or x.shape != ball.shape:
        return None
    if not x.ndim:
        found = inside(claim, x.reshape(1), ball.reshape(1), u, None if before is None else np.reshape(before, 1), prefix)
        return None if found is None else replace(found, worst=())
    largest, sharp, worst = -1.0, np.inf, (0,) * x.ndim
    for part, start in parts(ball.mid, BLOCK):
        m = ball.mid[part]
        r = np.add(ball[part].final_radius(), SMALLEST, dtype=np.float64)
        share = np.subtract(m, x[part])  # m first: what is made lies in memory as it does
        np.abs(share, out=share)
        share /= r
        here = float(share.max())  # a NaN is the largest
        if not (here <= NEARLY_ONE and np.isfinite(r.max()) and r.min() > 0):
            return None
        if here > largest:
            largest, worst = here, index_from(int(share.argmax()), share.shape, start)
        size = np.abs(m if before is None else m - before[part], out=share)
        np.divide(r, size, out=size)
        sharp = min(sharp, 2 * float(size.min()))
    if not sharp <= needed(u):
        return None
    recorded, expected = float(x[worst]), float(ball.mid[worst])
    off = abs(recorded - expected)
    return Finding(
        prefix + claim.path,
        claim.statement,
        "holds",
        largest,
        sharp,
        worst,
        recorded,
        expected,
        float(np.asarray(ball[worst].final_radius())),
        off / abs(expected) if expected else np.inf if off else 0.0,
        size=x.size,
    )


NEARLY_ONE = 0.999
"""Up to this share, no entry can be outside of its ball, and the exact comparison is left out."""
