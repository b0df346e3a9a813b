"""Sums that are worked out when asked for: some along the first axis at a time, and single ones exactly."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from bpcompare.network.parameter import Array

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
