"""How far two backends are apart: for information. Rounding alone can make the largest of these numbers large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bpcompare.parameter import Array
from bpcompare.record import Record
from bpcompare.values import recorded_values


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
