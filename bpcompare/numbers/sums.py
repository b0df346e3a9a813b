"""Sums that are worked out when asked for: some along the first axis at a time, and single ones exactly."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from bpcompare.network.parameter import Array

SHORT = 16
"""Sums of fewer products are worked out in float64: of so few roundings, few are left over."""

ROUNDED = 8
"""From so many products on they are then rounded to the record's format, which costs two of these roundings and half the time."""

AT_ONCE = 2**16
"""So many sums at a time: they stay in the processor's cache while parts are added to them."""

ROWS = 128
"""And so many rows at least, where rows are long: for fewer, a product takes longer."""

Entry = Callable[[Array], tuple[Array, Array]]
"""From places (numbers of entries in row order, from 1; 0: no entry, there stands 0) to their sums and Σ|terms|, in float64."""


class Exact:
    """Single entries of an array of sums of some shape, which were moved since."""

    def __init__(self, shape: tuple[int, ...], entry: Entry, moves: tuple[Callable[[Array], Array], ...] = ()) -> None:
        self._shape, self._entry, self._moves = shape, entry, moves

    def where(self, keep: Array) -> Exact:
        """Set to 0 where a condition of the same shape does not hold."""

        def entry(at: Array) -> tuple[Array, Array]:
            return self(np.where(keep.reshape(-1)[np.maximum(at - 1, 0)], at, 0))

        return Exact(keep.shape, entry)

    def after(self, move: Callable[[Array], Array]) -> Exact:
        """Moved once more."""
        return Exact(self._shape, self._entry, (*self._moves, move))

    def __call__(self, at: Array) -> tuple[Array, Array]:
        """See `Entry`."""
        if not self._moves:
            return self._entry(at)
        came = np.arange(1, prod(self._shape) + 1, dtype=np.int32 if prod(self._shape) < 2**31 - 1 else np.int64)
        came = came.reshape(self._shape)
        for move in self._moves:
            came = move(came)  # which puts a 0 where it puts zeros
        there = at > 0
        found = np.zeros(at.shape, np.int64)
        found[there] = came[np.unravel_index(at[there] - 1, came.shape)]
        return self._entry(found)


Block = Callable[[slice], tuple[Array, Array]]
"""From indices along the first axis to the sums there, and what Σ|terms| does not fall short of."""


class Sums:
    """Sums of products that are worked out when asked for, some along the first axis at a time, and single ones exactly."""

    def __init__(self, shape: tuple[int, ...], block: Block, exact: Exact) -> None:
        self.shape, self.block, self.exact = shape, block, exact

    @property
    def rows(self) -> int:
        """So many indices along the first axis are worked out at a time."""
        return max(1, max(AT_ONCE, ROWS * self.shape[-1]) // max(1, prod(self.shape[1:])))


def both(x: Array, axes: tuple[int, ...], keepdims: bool) -> tuple[Array, Array]:
    """Sums of some numbers along axes, and of their absolute values, in float64."""
    wide = x.astype(np.float64)
    if axes == (0,) and x.ndim == 2 and not keepdims:
        ones = np.ones(len(x))
        return ones @ wide, ones @ np.abs(wide, out=wide)
    return along(wide, axes, keepdims), along(np.abs(wide, out=wide), axes, keepdims)


FEW = 16
"""NumPy takes as long for a sum of few numbers as for one of many."""


def along(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """Sums along axes, in any order."""
    count = x.shape[-1] if x.ndim else 0
    if axes not in ((x.ndim - 1,), (-1,)) or not 0 < count <= FEW or x.dtype != np.float64:
        return np.asarray(x.sum(axis=axes, keepdims=keepdims))
    found: Array = (x.reshape(-1, count) @ np.ones(count)).reshape(x.shape[:-1])
    return found[..., None] if keepdims else found


def scattered(x: Array, index: Array, rows: int) -> tuple[Array, Array]:
    """Rows of x added up into `rows` rows, as the index says, and their absolute values, in float64."""
    flat = index.reshape(-1)
    lying = x.reshape(flat.size, -1)
    order = np.argsort(flat, kind="stable")
    found, size = np.zeros((rows, lying.shape[1])), np.zeros((rows, lying.shape[1]))
    step = max(AT_ONCE // max(lying.shape[1], 1), 1)
    for start in range(0, flat.size, step):
        among = order[start : start + step]
        wide, places = lying[among].astype(np.float64), flat[among]
        first = np.flatnonzero(np.append(True, places[1:] != places[:-1]))
        found[places[first]] += np.add.reduceat(wide, first, axis=0)
        size[places[first]] += np.add.reduceat(np.abs(wide, out=wide), first, axis=0)
    shape = (rows, *x.shape[index.ndim :])
    return found.reshape(shape), size.reshape(shape)
