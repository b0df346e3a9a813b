"""Arrays read at places that a grid says, between their entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly
from bpcompare.laws.calls.moves import numbered, taken
from bpcompare.laws.calls.sampling import PLACED
from bpcompare.laws.kernel import Node, lifted, pulled_back
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, closed, either, hyperparameter, unit_of

rows = Rows()
BILINEAR, ZEROS, BORDER = 0, 0, 1
"""torch's numbers for ways to read, and for what lies outside."""
ON_ENTRIES = ("on an entry, and at the border: the derivative of one of the two sides",)


@rows.law("grid_sampler_2d", kinks=ON_ENTRIES)
def _grid_sampler_2d(a: Arguments) -> Node:
    """The mean of the four entries around each place, by their distance. On an entry its derivative has two sides."""
    if a.interpolation_mode != BILINEAR or a.padding_mode not in (ZEROS, BORDER):
        raise LookupError("a grid that is not read linearly, or with reflections")
    x, grid = lifted(floats(a.input)), lifted(floats(a.grid))
    u = unit_of(a.some)
    axes = [_Axis(a, grid, number, size, u) for number, size in ((1, x.shape[2]), (0, x.shape[3]))]
    whole = _read(x, [axis.around(a.some) for axis in axes])
    sides = [_read(x, [axis.beside(sign) for axis in axes]) for sign in (-1.0, 1.0)]

    def to_x(dy: Num) -> Num:
        return closed(pulled_back(whole, dy, x))

    def to_grid(dy: Num) -> Num:
        first, second = (closed(pulled_back(side, dy, grid)) for side in sides)
        return either(first, lambda: second)

    return Node(whole.shape, lambda: whole.value, [(x, to_x), (grid, to_grid)])


@rows.law("affine_grid_generator")
def _affine_grid_generator(a: Arguments) -> Node:
    """θ applied to (x, y, 1) at every entry; x and y go from −1 to 1, or to the middles of the entries at the edges."""
    *_, high, wide = a.size
    if len(a.size) != 4:
        raise LookupError("a grid in space")

    def line(n: int) -> Array:
        at = np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1)
        return at if a.align_corners else at * ((n - 1) / n)

    y, x = np.meshgrid(line(high), line(wide), indexing="ij")
    base = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(1, high * wide, 3)
    around = either(hyperparameter(base, a.some), lambda: hyperparameter(base + PLACED * unit_of(a.some), a.some))
    return kernel.reshape(kernel.matmul(around, kernel.permute(a.theta, (0, 2, 1))), a.shape)


Neighbour = tuple[Array, Any]
"""Places along an axis, −1 for none, and their weights; (examples, height', width')."""


class _Axis:
    """One coordinate of the grid: where it leads along an axis of `size` entries, and how far that may be `off` by rounding."""

    def __init__(self, a: Arguments, grid: Node, number: int, size: int, u: float) -> None:
        self.size, self.border = size, a.padding_mode == BORDER
        one = kernel.reshape(kernel.cut(grid, -1, range(number, number + 1)), grid.shape[:-1])
        if a.align_corners:
            self.at = kernel.multiply(kernel.add(one, 1.0), 0.5 * (size - 1))
        else:
            self.at = kernel.multiply(kernel.subtract(kernel.multiply(kernel.add(one, 1.0), float(size)), 1.0), 0.5)
        self.plain = plainly(self.at)
        self.off = PLACED * u * (np.abs(self.plain) + size)

    def beside(self, sign: float) -> list[Neighbour]:
        """The two neighbours, where the place is taken for a little less, or for a little more than it is."""
        return self._pair(self.plain + sign * self.off)

    def around(self, like: Num) -> list[Neighbour]:
        """The two neighbours, and those that a place which is rounded to the other side of an entry would have."""
        low, where = self._low(self.plain), self._inside(self.plain)
        t = np.where(where, self.plain - low, 0.0)
        spare = either(hyperparameter(np.zeros(low.shape), like), lambda: hyperparameter(self.off, like))
        beyond = [(low - 1, t <= self.off), (low + 2, 1.0 - t <= self.off)]
        if self.border:
            edge = np.minimum(np.abs(self.plain), np.abs(self.plain - (self.size - 1))) <= self.off
            beyond += [(low, edge), (low + 1, edge)]
        return [*self._pair(self.plain), *((self._there(np.where(near, place, -1)), spare) for place, near in beyond)]

    def _pair(self, decided: Array) -> list[Neighbour]:
        low = self._low(decided)
        held = np.clip(decided, 0.0, self.size - 1.0)
        at = kernel.where(self._inside(decided), self.at, held) if self.border else self.at
        t = kernel.subtract(at, low.astype(np.float64))
        return [(self._there(low), kernel.subtract(1.0, t)), (self._there(low + 1), t)]

    def _low(self, at: Array) -> Array:
        return np.floor(np.clip(at, 0.0, self.size - 1.0) if self.border else at).astype(np.int64)

    def _inside(self, at: Array) -> Array:
        return np.asarray((at > 0) & (at < self.size - 1)) if self.border else np.ones(at.shape, bool)

    def _there(self, place: Array) -> Array:
        return np.where((place >= 0) & (place < self.size), place, -1)


def _read(x: Node, neighbours: list[list[Neighbour]]) -> Node:
    """Σ of the entries, each weighed along both axes."""
    count, channels, _, wide = x.shape
    start = numbered((count, channels))[:, :, None, None] * (x.shape[2] * wide)
    down, across = neighbours
    terms = []
    for row, by_row in down:
        for column, by_column in across:
            inside = (row >= 0) & (column >= 0)
            if not inside.any():
                continue
            index = np.where(inside[:, None], start + (row * wide + column)[:, None], -1)
            weight = kernel.multiply(by_row, by_column)
            terms.append(kernel.multiply(taken(x, index), kernel.reshape(weight, (count, 1, *weight.shape[1:]))))
    if not terms:
        return lifted(np.zeros((count, channels, *down[0][0].shape[1:])))
    return kernel.add(*terms)
