"""Arrays read at places that a grid says, between their entries."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly, recorded
from bpcompare.laws.calls.moves import numbered, taken
from bpcompare.laws.calls.sampling import BEND, PLACED
from bpcompare.laws.kernel import Node, lifted, pulled_back
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, closed, either, hyperparameter, unit_of

rows = Rows()
NEAREST, BICUBIC = 1, 2
BORDER, REFLECTION = 1, 2
"""torch's numbers for ways to read, and for what lies outside; 0 is a mean of the nearest by their distance, and zeros."""
ON_ENTRIES = ("on an entry, at the border, or where it is reflected: the derivative of one of the two sides",)


@rows.law("grid_sampler_2d", "grid_sampler_3d", kinks=ON_ENTRIES)
def _grid_sampler(a: Arguments) -> Node:
    """The mean of the entries around each place, by their distance, or the nearest one. On an entry its slope has two sides."""
    x, grid = lifted(floats(a.input)), lifted(floats(a.grid))
    recorded(grid)  # raises where nobody saw which entries are around
    n = x.ndim - 2
    axes = [_Axis(a, grid, n - 1 - k, x.shape[2 + k]) for k in range(n)]
    if a.interpolation_mode == NEAREST:
        return _read(x, [axis.nearest() for axis in axes])
    whole = _read(x, [axis.around() for axis in axes])
    sides = [_read(x, [axis.beside(sign) for axis in axes]) for sign in (-1.0, 1.0)]

    def to_x(dy: Num) -> Num:
        return closed(pulled_back(whole, dy, x))

    def to_grid(dy: Num) -> Num:
        first, second = (closed(pulled_back(side, dy, grid)) for side in sides)
        return either(first, lambda: second)

    return Node(whole.shape, lambda: whole.value, [(x, to_x), (grid, to_grid)])


@rows.law("affine_grid_generator")
def _affine_grid_generator(a: Arguments) -> Node:
    """θ applied to (x, y, 1) or (x, y, z, 1) at every entry; x goes from −1 to 1, or to the middles of the outer entries."""
    count, _, *sizes = a.size

    def line(n: int) -> Array:
        at = np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1)
        return at if a.align_corners else at * ((n - 1) / n)

    places = np.meshgrid(*map(line, sizes), indexing="ij")
    base = np.stack([*reversed(places), np.ones(sizes)], axis=-1).reshape(1, prod(sizes), len(sizes) + 1)
    around = either(hyperparameter(base, a.some), lambda: hyperparameter(base + PLACED * unit_of(a.some), a.some))
    return kernel.reshape(kernel.matmul(around, kernel.permute(a.theta, (0, 2, 1))), (count, *sizes, len(sizes)))


Neighbour = tuple[Array, Any]
"""Places along an axis, −1 for none, and their weights; (examples, places of the grid …)."""


class _Axis:
    """One coordinate of the grid: where it leads along an axis of `size` entries, and how far that may be `off` by rounding.

    Raises LookupError where that is half the way to the next entry: nobody knows then which one was read.
    """

    def __init__(self, a: Arguments, grid: Node, number: int, size: int) -> None:
        self.size, self.cubic = size, a.interpolation_mode == BICUBIC
        self.border, self.corners = a.padding_mode, bool(a.align_corners)
        one = kernel.reshape(kernel.cut(grid, -1, range(number, number + 1)), grid.shape[:-1])
        if self.corners:
            self.at = kernel.multiply(kernel.add(one, 1.0), 0.5 * (size - 1))
        else:
            self.at = kernel.multiply(kernel.subtract(kernel.multiply(kernel.add(one, 1.0), float(size)), 1.0), 0.5)
        self.plain = plainly(self.at)
        self.off = PLACED * unit_of(a.some) * (np.abs(self.plain) + size)
        if not (self.off < 0.5).all():
            raise LookupError("a grid whose places are rounded by half an entry, or that is not finite")
        self.held = not self.cubic and self.border in (BORDER, REFLECTION)  # places themselves are; of a cubic, its neighbours
        self.like = a.some

    def beside(self, sign: float) -> list[Neighbour]:
        """The neighbours, where the place is taken for a little less, or for a little more than it is."""
        return self._neighbours(*self._placed(self.plain + sign * self.off))

    def nearest(self) -> list[Neighbour]:
        """The entry that is nearest, halfway the even one. Where a rounding may decide, it is one of two, each weighed 0 to 1."""
        off = np.where(self._is_exact(), 0.0, self.off)
        one, other = (self._nearest(self._placed(self.plain + sign * off)[1]) for sign in (-1.0, 1.0))
        apart = (one != other).astype(np.float64)
        ends = [hyperparameter(end, self.like) for end in (np.ones(one.shape), 1.0 - apart, np.zeros(one.shape), apart)]
        return [
            (one, either(ends[0], lambda: ends[1])),
            (np.where(apart > 0, other, -1), either(ends[2], lambda: ends[3])),
        ]

    def _nearest(self, at: Array) -> Array:
        return self._there(np.rint(np.clip(at, 0.0, self.size - 1.0) if self.held else at).astype(np.int64))

    def _is_exact(self) -> Any:
        """Where no step towards the place is rounded: multiples of 1/256 that are not too large for the format."""
        grains = 512.0 * self.plain
        return (grains == np.rint(grains)) & (1024.0 * unit_of(self.like) * (np.abs(self.plain) + self.size) < 1.0)

    def around(self) -> list[Neighbour]:
        """The neighbours, and those that a place which is rounded to the other side of an entry would have."""
        node, at = self._placed(self.plain)
        low, where = self._low(at), self._inside(at)
        t = np.where(where, at - low, 0.0)
        spare = either(hyperparameter(np.zeros(low.shape), self.like), lambda: hyperparameter(self.off, self.like))
        reach = 2 if self.cubic else 1
        beyond = [(low - reach, t <= self.off), (low + reach + 1, 1.0 - t <= self.off)]
        if self.held:
            edge = np.minimum(np.abs(at), np.abs(at - (self.size - 1))) <= self.off
            beyond += [(low, edge), (low + 1, edge)]
        return [*self._neighbours(node, at), *((self._there(place, near), spare) for place, near in beyond)]

    def _placed(self, decided: Array) -> tuple[Node, Array]:
        """The place between the mirrors, if there are any, and where it is decided to be there."""
        if not self.held or self.border != REFLECTION:
            return self.at, decided
        sign, shift = self._turned(decided)
        around = either(hyperparameter(shift, self.like), lambda: hyperparameter(shift + self.off, self.like))
        return kernel.add(kernel.multiply(self.at, sign), around), sign * decided + shift

    def _neighbours(self, node: Node, decided: Array) -> list[Neighbour]:
        low = self._low(decided)
        at = kernel.where(self._inside(decided), node, np.clip(decided, 0.0, self.size - 1.0)) if self.held else node
        t = kernel.subtract(at, low.astype(np.float64))
        if self.cubic:
            apart = [kernel.add(t, 1.0), t, kernel.subtract(1.0, t), kernel.subtract(2.0, t)]
            return [(self._there(low + k), _keys(one, near=k in (0, 1))) for k, one in zip((-1, 0, 1, 2), apart, strict=True)]
        return [(self._there(low), kernel.subtract(1.0, t)), (self._there(low + 1), t)]

    def _low(self, at: Array) -> Array:
        return np.floor(np.clip(at, 0.0, self.size - 1.0) if self.held else at).astype(np.int64)

    def _inside(self, at: Array) -> Array:
        return np.asarray((at > 0) & (at < self.size - 1)) if self.held else np.ones(at.shape, bool)

    def _there(self, place: Array, near: Any = True) -> Array:
        """The places that there are; a cubic's are held at the border, or reflected."""
        if self.cubic and self.border == BORDER:
            place = np.clip(place, 0, self.size - 1)
        if self.cubic and self.border == REFLECTION:
            sign, shift = self._turned(place.astype(np.float64))
            place = np.clip(sign * place + shift, 0, self.size - 1).astype(np.int64)
        return np.where((place >= 0) & (place < self.size) & near, place, -1)

    def _turned(self, at: Array) -> tuple[Array, Array]:
        """Sign and shift that bring a place to between the mirrors: the entries at the edges, or half an entry outside them."""
        first = 0.0 if self.corners else -0.5
        apart = float(self.size - 1 if self.corners else self.size)
        if not apart:
            return np.zeros(at.shape), np.zeros(at.shape)
        turns = np.floor((at - first) / apart)
        odd = turns % 2 == 1
        return np.where(odd, -1.0, 1.0), np.where(odd, (turns + 1.0) * apart + 2.0 * first, -turns * apart)


def _keys(t: Node, *, near: bool) -> Node:
    """Keys' cubic kernel at a distance t ≤ 1 (`near`), or from 1 to 2: at those distances one polynomial each."""
    if near:
        return kernel.add(((BEND + 2.0) * t - (BEND + 3.0)) * t * t, 1.0)
    return ((BEND * t - 5.0 * BEND) * t + 8.0 * BEND) * t - 4.0 * BEND


def _read(x: Node, neighbours: list[list[Neighbour]]) -> Node:
    """Σ of the entries, each weighed along all axes."""
    count, channels, *sizes = x.shape
    start = numbered((count, channels)).reshape(count, channels, *(1 for _ in sizes)) * prod(sizes)
    terms = []
    for one in product(*neighbours):
        inside = np.logical_and.reduce([place >= 0 for place, _ in one])
        if not inside.any():
            continue
        within: Any = 0
        weight: Any = 1.0
        for size, (place, by) in zip(sizes, one, strict=True):
            within = within * size + place
            weight = by if isinstance(weight, float) else kernel.multiply(weight, by)
        entries = taken(x, np.where(inside[:, None], start + within[:, None], -1))
        if isinstance(weight, Node):
            entries = kernel.multiply(entries, kernel.reshape(weight, (count, 1, *weight.shape[1:])))
        terms.append(entries)
    if not terms:
        return lifted(np.zeros((count, channels, *neighbours[0][0][0].shape[1:])))
    return kernel.add(*terms) if len(terms) > 1 else terms[0]
