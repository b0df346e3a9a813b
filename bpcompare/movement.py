"""What moved between two records of one plan: bits, in the order of the proof. Whether it may move is for the certificates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpcompare.claims import claims
from bpcompare.pairs import apart
from bpcompare.parameter import Array
from bpcompare.plan import Plan, step_prefix
from bpcompare.record import Record
from bpcompare.values import recorded_values


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
    paths = [claim.path for claim in claims(plan)]
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
