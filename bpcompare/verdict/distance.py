"""How far two records are apart: two backends' of one plan, or then and now.

Between backends it is for information: rounding alone can make the largest of these numbers large. Whether something may move
is for the certificates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import combinations

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.record import Record
from bpcompare.proof.question import question
from bpcompare.proof.values import recorded_values

BLOCK = 2**16
"""Elements that are looked at together: what is worked out of them stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two backends, and how far apart they are; measured when somebody asks.

    `arrays` gives what both recorded at each place, one after the other.
    """

    a: str
    b: str
    arrays: Callable[[], Iterable[tuple[Array, Array]]] = field(repr=False)

    @cached_property
    def same(self) -> bool:
        """Whether all of it has the same bits; +0 and −0 are equal, NaN is equal to nothing. Ends at the first that differs."""
        return all(np.array_equal(x, y) for x, y in self.arrays())

    @property
    def max_ulp(self) -> float:
        """The largest difference of two elements in units in the last place."""
        return self._largest[0]

    @property
    def max_scaled(self) -> float:
        """The largest difference of two elements, relative to the largest of their tensor."""
        return self._largest[1]

    @cached_property
    def _largest(self) -> tuple[float, float]:
        ulps, scaled = 0.0, 0.0
        with np.errstate(all="ignore"):
            for x, y in self.arrays():
                u, s = apart(x, y)
                ulps, scaled = max(ulps, u), max(scaled, s)
        return ulps, scaled


def pairs(records: Mapping[str, Record]) -> tuple[Pair, ...]:
    """Every pair of records that have steps."""
    answered = {name: record for name, record in records.items() if record.failure is None}
    return tuple(Pair(a, b, partial(_side_by_side, answered[a], answered[b])) for a, b in combinations(answered, 2))


def _side_by_side(record: Record, other: Record) -> Iterator[tuple[Array, Array]]:
    for step, against in zip(record.steps, other.steps, strict=True):
        right = recorded_values(against)
        yield from ((x, right[path]) for path, x in recorded_values(step).items())


def apart(x: Array, y: Array) -> tuple[float, float]:
    """The largest difference in units in the last place, and relative to the largest element; ∞ where one is not finite."""
    ulps, gap, largest, same = 0, 0.0, 0.0, True
    flat, other = x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        p, q = flat[start : start + BLOCK], other[start : start + BLOCK]
        largest = max(largest, *(abs(float(end)) for z in (p, q) for end in (z.max(), z.min()))) if largest < np.inf else largest
        if np.array_equal(p, q):  # +0 and −0 are equal, NaN is equal to nothing
            continue
        same = False
        if not (np.isfinite(p).all() and np.isfinite(q).all()):
            return float("inf"), float("inf")
        gap = max(gap, float(np.abs(p - q).max()))
        ulps = max(ulps, _ulps(p, q))
    if same:
        return 0.0, 0.0
    return (float(ulps), gap / largest) if largest < np.inf else (float("inf"), float("inf"))


def _ulps(x: Array, y: Array) -> int:
    """The number of floating-point numbers between two elements, at most: their bit patterns, put in order."""
    kind = np.int32 if x.dtype == np.float32 else np.int64

    def ordered(z: Array) -> Array:
        bits: Array = (np.ascontiguousarray(z) + z.dtype.type(0)).view(kind)  # + 0 makes −0 the same as 0
        below = bits >> (8 * bits.itemsize - 1)  # −1 for what is negative: its magnitude counts down from 0
        return np.asarray((bits ^ (below & np.iinfo(kind).max)) - below)

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
