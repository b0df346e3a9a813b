"""What an array holds, whatever its layout: its numbers in order of size, and five sizes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bpcompare.network.parameter import Array

LARGEST = 2**22
"""Elements up to which all numbers of an array are put in order. Beyond, its five sizes stand for it."""
FILLED = 1e-4
"""Where one large number fills some places (−1e9 of a mask), what is smaller than this part of it is the rest."""
PLAIN = (0.0, 1.0, -1.0)
"""Numbers that whole arrays are filled with. Such an array says nothing about where it comes from."""


@dataclass(frozen=True, eq=False)
class Print:
    """The fingerprint of an array. `ordered` are its numbers in ascending order, None for a very large one.

    `sizes`: mean, mean absolute, root mean square, largest and smallest number. Like the ordered numbers, none of them moves by
    more than the largest change of an element: so what rounding does to an array bounds what it does to its print. `rest`: where
    one large number fills some places, the largest of the other numbers; else 0.
    """

    count: int
    sizes: Array
    ordered: Array | None
    scale: float
    rest: float = 0.0

    @property
    def mute(self) -> bool:
        """Whether it is filled with one plain number, or with nothing."""
        return not self.count or (self.sizes[3] == self.sizes[4] and float(self.sizes[3]) in PLAIN)


def print_of(x: Array) -> Print:
    """The fingerprint of an array of floats, of any shape."""
    flat = np.asarray(x, np.float64).ravel()
    if not flat.size:
        return Print(0, np.zeros(5), flat, 0.0)
    finite = np.abs(flat[np.isfinite(flat)])
    ordered = np.sort(flat) if flat.size <= LARGEST else None
    with np.errstate(all="ignore"):
        flat = flat if ordered is None else ordered  # so that sums do not depend on the layout
        sizes = np.array([flat.mean(), np.abs(flat).mean(), np.sqrt(np.square(flat).mean()), flat.max(), flat.min()])
    scale = float(finite.max(initial=0.0))
    small = finite[finite <= scale / 2]
    rest = float(small.max(initial=0.0))
    filled = small.size < finite.size and rest <= FILLED * scale and finite[finite > scale / 2].min() >= (1 - FILLED) * scale
    return Print(flat.size, sizes, ordered, scale, rest if filled else 0.0)


def apart(a: Array, b: Array) -> float:
    """The largest difference of two arrays, element by element; equal infinities are not apart, nor are NaNs."""
    if a.shape != b.shape:
        return float("inf")
    with np.errstate(all="ignore"):
        gap = np.abs(a - b)
    gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, gap)
    return float(np.nan_to_num(gap, nan=np.inf, posinf=np.inf).max(initial=0.0))


def distance(a: Print, b: Print) -> float:
    """How far two prints are apart, relative to their largest number; infinite where they have not as many."""
    if a.count != b.count:
        return float("inf")
    scale = max(a.scale, b.scale)
    gap = apart(a.sizes, b.sizes)
    if a.ordered is not None and b.ordered is not None:
        gap = max(gap, apart(a.ordered, b.ordered))
        if a.rest or b.rest:  # beside what fills the other places, they would all be 0
            ones, others = (one.ordered[np.abs(one.ordered) <= one.scale / 2] for one in (a, b) if one.ordered is not None)
            return max(gap / scale, apart(ones, others) / max(a.rest, b.rest))
    return gap / scale if scale else (0.0 if gap == 0 else float("inf"))


class Index:
    """Prints by path, for those that are near another one."""

    def __init__(self, prints: Sequence[tuple[str, Print]]) -> None:
        self._by_count: dict[int, list[tuple[str, Print]]] = {}
        for path, one in prints:
            self._by_count.setdefault(one.count, []).append((path, one))
        self._sizes = {count: np.array([one.sizes for _, one in found]) for count, found in self._by_count.items()}

    def near(self, one: Print, most: float) -> list[str]:
        """The paths whose sizes are within `most`, relative to the largest number, in the order that they were given in."""
        found = self._by_count.get(one.count, [])
        if not found:
            return []
        with np.errstate(all="ignore"):
            gap = np.abs(self._sizes[one.count] - one.sizes)
        gap = np.where(self._sizes[one.count] == one.sizes, 0.0, gap)
        close = np.all(np.nan_to_num(gap, nan=0.0, posinf=np.inf) <= most * max(one.scale, np.finfo(float).tiny), axis=1)
        return [path for (path, _), near in zip(found, close.tolist(), strict=True) if near]
