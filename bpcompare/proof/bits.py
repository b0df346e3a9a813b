"""Same bits first: what a law only moves is compared as it is, without balls, wherever nothing else happens to it."""

from __future__ import annotations

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Format
from bpcompare.ops.call import Call
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.values import StepValues


def moved(claim: Claim, values: StepValues, fmt: Format, laws: Laws, prefix: str) -> Finding | None:
    """That `claim` holds, if one exact move gives its numbers to the last bit; else None, and balls say what it is.

    Of a value with one reader that only moves it, Δ is moved back: where that would add up, bits decide nothing, for the sum is
    rounded; a sum that happens to have the same bits is in its ball, for the same sum in the same order is one of those that the
    ball covers. Its radius is that of a sum, though, so sums are left to balls: `moves_back` says of a law that it makes none.
    """
    if len(claim.owners) != 1 or claim.statement not in ("forward", "inductive", "gradient"):
        return None
    owner, op = claim.owners[0]
    if not isinstance(op, Call):
        return None
    law = laws.of(owner, op)
    if not getattr(law, "moves" if claim.statement == "forward" else "moves_back", False):
        return None
    given, recorded = values.given, values.recorded
    x = recorded[claim.path]
    m = claim.value(lambda path: given[path] if path in given else recorded[path], laws)
    if not _same(x, m):
        return None
    first = (0,) * x.ndim
    if not np.isfinite(x[first]):
        first = tuple(int(i) for i in np.unravel_index(int(np.isfinite(x).argmax()), x.shape))
    size = float(x[first])
    sharp = 2 * fmt.u
    return Finding(
        prefix + claim.path, claim.statement, "holds", 0.0, sharp, first, size, size, fmt.u * abs(size), 0.0, sharp, size=x.size
    )


def _same(x: Array, m: object) -> bool:
    """Whether these are the same numbers, some of them finite and not 0. What is 0 throughout says nothing of a move.

    NaN and infinities are moved as any number is: memory that nothing was written to yet holds what it likes.
    """
    if not isinstance(m, np.ndarray) or x.shape != m.shape or x.dtype != m.dtype or x.dtype.kind != "f" or not x.size:
        return False
    low, high = float(x.min()), float(x.max())
    if np.isfinite(low) and np.isfinite(high):
        return bool((low or high) and np.array_equal(x, m))
    return bool(x[np.isfinite(x)].any() and np.array_equal(x, m, equal_nan=True))
