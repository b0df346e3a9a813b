"""Whether a number that its ball cannot tell from 0 is what rounding left of cancelled terms, or a number that the ball hides.

A ball that goes through open values may be far wider than any honest error, and the sizes of its terms grow with it: through
thirty steps of a Newton iteration they grow to 10¹⁷ times the number, which is then small beside them and yet no 0. What
rounding left is another number whenever its premises change by roundings; a number that is no 0 stays what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim

DRAWS = 4
"""How often the premises are changed."""
ROUNDINGS = 4.0
"""By how many roundings they change."""
STEADY = 16.0
"""A mean this many times as large as the draws are apart is no rounding."""
LARGEST = 256.0
"""What was recorded may be so many times as large as what the draws leave."""


def vanishes(claim: Claim, balls: Balls, laws: Laws, among: Array) -> bool:
    """Whether the elements `among` of a claim's array are 0 but for rounding, by its law and as they were recorded.

    A claim of one step has no open values: there the radius is rounding, and nothing is asked. What a rule keeps may have some:
    the stages of Muon's step that nobody saw.
    """
    if len(claim.owners) < 2 and claim.statement != "state":
        return True
    kind: type[np.floating[Any]] = np.float64 if balls.fmt.dtype == "float64" else np.float32
    found = np.stack([_drawn(claim, balls, laws, kind, np.random.default_rng(number))[among] for number in range(DRAWS)])
    if not np.isfinite(found).all():
        return False
    steady, apart = float(np.abs(found.mean(axis=0)).max()), float(np.ptp(found, axis=0).max())
    rounding = float(np.abs(found).max()) * max(balls.fmt.u / float(np.finfo(kind).epsneg), 1.0)
    recorded = float(np.abs(balls.recorded(claim.path)[among]).max())
    return steady <= STEADY * apart and recorded <= LARGEST * rounding


def _drawn(claim: Claim, balls: Balls, laws: Laws, kind: type[np.floating[Any]], random: np.random.Generator) -> Array:
    """The law in plain arithmetic, on premises that are some roundings off."""

    def get(path: str) -> Any:
        x = balls.number(path)
        if isinstance(x, int) or x.dtype.kind != "f":
            return x
        return (x * (1 + ROUNDINGS * balls.fmt.u * random.uniform(-1, 1, x.shape))).astype(kind)

    shape = balls.values.recorded[claim.path].shape
    return np.broadcast_to(np.asarray(claim.value(get, laws), np.float64), shape)
