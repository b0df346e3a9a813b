"""How far two records are apart: two backends' of one plan, or then and now.

Between backends it is for information: rounding alone can make the largest of these numbers large. Whether something may move
is for the certificates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.record import Record
from bpcompare.proof.question import question
from bpcompare.proof.values import recorded_values


@dataclass(frozen=True)
class Pair:
    """Two backends: the largest difference of two elements in units in the last place, and relative to its tensor's largest."""

    a: str
    b: str
    max_ulp: float
    max_scaled: float


def pairs(records: Mapping[str, Record]) -> tuple[Pair, ...]:
    """Every pair of records that have steps."""
    answered = {name: record for name, record in records.items() if record.failure is None}
    return tuple(_pair(a, answered[a], b, answered[b]) for a, b in combinations(answered, 2))


def _pair(name: str, record: Record, other: str, opposite: Record) -> Pair:
    ulps, scaled = 0.0, 0.0
    with np.errstate(all="ignore"):
        for step, against in zip(record.steps, opposite.steps, strict=True):
            right = recorded_values(against)
            for path, x in recorded_values(step).items():
                u, s = apart(x, right[path])
                ulps, scaled = max(ulps, u), max(scaled, s)
    return Pair(name, other, ulps, scaled)


def apart(x: Array, y: Array) -> tuple[float, float]:
    """The largest difference in units in the last place, and relative to the largest element; ∞ where one is not finite."""
    if np.array_equal(x, y):  # +0 and −0 are equal, NaN is equal to nothing
        return 0.0, 0.0
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("inf"), float("inf")
    gap = float(np.abs(x - y).max())
    largest = float(max(np.abs(x).max(), np.abs(y).max()))
    return float(_ulps(x, y)), gap / largest


def _ulps(x: Array, y: Array) -> int:
    """The number of floating-point numbers between two elements, at most: their bit patterns, put in order."""
    kind = np.int32 if x.dtype == np.float32 else np.int64

    def ordered(z: Array) -> Array:
        bits: Array = (np.ascontiguousarray(z) + z.dtype.type(0)).view(kind)  # + 0 makes −0 the same as 0
        return np.asarray(bits ^ ((bits >> (8 * bits.itemsize - 1)) & np.iinfo(kind).max))

    a, b = ordered(x), ordered(y)
    low, high = np.minimum(a, b), np.maximum(a, b)
    return int((high.astype(np.uint64) - low.astype(np.uint64)).max())


@dataclass(frozen=True)
class Move:
    """One recorded quantity that has other bits: how many of its elements, and the one that moved most, then and now.

    `max_ulp` counts floating-point numbers between the two, `max_scaled` is relative to the largest element of the quantity.
    """

    path: str
    index: tuple[int, ...]
    then: float
    now: float
    off: int
    size: int
    max_ulp: float
    max_scaled: float


def moves(plan: Plan, then: Record, now: Record) -> tuple[Move, ...]:
    """Every quantity with other bits (±0 are the same), first those that others rest on. Both records answer `plan`."""
    found = []
    paths = [claim.path for claim in question(plan).claims]
    for number, (old, new) in enumerate(zip(then.steps, now.steps, strict=True), 1):
        before, after = recorded_values(old), recorded_values(new)
        found += [move for path in paths if (move := _move(step_prefix(number) + path, before[path], after[path]))]
    return tuple(found)


def quantities(record: Record) -> int:
    """How many quantities a record holds."""
    return sum(len(recorded_values(step)) for step in record.steps)


def _move(path: str, x: Array, y: Array) -> Move | None:
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    if same.all():
        return None
    with np.errstate(all="ignore"):
        gap = np.where(same, 0.0, np.nan_to_num(np.abs(np.subtract(y, x, dtype=np.float64)), nan=np.inf))
        ulp, scaled = apart(x, y)
    at = np.unravel_index(int(np.argmax(gap)), gap.shape) if gap.ndim else ()
    index = tuple(int(i) for i in at)
    return Move(path, index, float(x[index]), float(y[index]), int((~same).sum()), x.size, ulp, scaled)
