"""How far two records are apart: two backends' of one plan, or then and now.

Between backends it is for information: rounding alone can make the largest of these numbers large. Whether something may move
is for the certificates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

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


class Pairs(Sequence[Pair]):
    """Every pair of records that have steps, worked out when one is looked at."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = {name: record for name, record in records.items() if record.failure is None}

    @cached_property
    def _found(self) -> tuple[Pair, ...]:
        return tuple(_pair(a, self._records[a], b, self._records[b]) for a, b in combinations(self._records, 2))

    def __len__(self) -> int:
        return len(self._records) * (len(self._records) - 1) // 2

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def same(self, name: str) -> bool:
        """Whether a record and every other one have the same bits everywhere: told where the first differ."""
        mine, others = self._records.get(name), [record for other, record in self._records.items() if other != name]
        return mine is not None and bool(others) and all(_same(mine, other) for other in others)


def same(pairs: Sequence[Pair], name: str) -> bool:
    """Whether there are pairs of this record with others, and no number of them is apart. ±0 are the same."""
    if isinstance(pairs, Pairs):
        return pairs.same(name)
    mine = [pair for pair in pairs if name in (pair.a, pair.b)]
    return bool(mine) and all(pair.max_ulp == 0 for pair in mine)


def _same(record: Record, opposite: Record) -> bool:
    for step, against in zip(record.steps, opposite.steps, strict=True):
        right = recorded_values(against)
        if not all(np.array_equal(x, right[path]) for path, x in recorded_values(step).items()):
            return False
    return True


def _pair(name: str, record: Record, other: str, opposite: Record) -> Pair:
    ulps, scaled = 0.0, 0.0
    with np.errstate(all="ignore"):
        for step, against in zip(record.steps, opposite.steps, strict=True):
            right = recorded_values(against)
            for path, x in recorded_values(step).items():
                u, s = apart(x, right[path])
                ulps, scaled = max(ulps, u), max(scaled, s)
    return Pair(name, other, ulps, scaled)


BLOCK = 2**15
"""So many elements at a time: they stay in the processor's cache."""


def apart(x: Array, y: Array) -> tuple[float, float]:
    """The largest difference in units in the last place, and relative to the largest element; ∞ where one is not finite."""
    a, b = x.reshape(-1), y.reshape(-1)
    ulps, gap, largest, finite, alike = 0, 0.0, 0.0, True, True
    for start in range(0, a.size, BLOCK):
        one, other = a[start : start + BLOCK], b[start : start + BLOCK]
        top = max(float(np.abs(one).max()), float(np.abs(other).max()))
        finite &= bool(np.isfinite(top))
        if not np.array_equal(one, other):  # +0 and −0 are equal, NaN is equal to nothing
            gap, ulps, alike = max(gap, float(np.abs(one - other).max())), max(ulps, _ulps(one, other)), False
        if not finite and not alike:
            break
        largest = max(largest, top)
    if alike:
        return 0.0, 0.0
    return (float(ulps), gap / largest) if finite else (float("inf"), float("inf"))


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
