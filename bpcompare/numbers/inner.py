"""Sums of products in the record's own format, with what no ball of them falls short of: most numbers need no more to be inside.

A sum of n products is off by at most γ_n Σ|terms|, in any order, with fused multiply-adds or without. That is true of the record,
and of the same sum worked out here in the same format, a part at a time. With b roundings on any way through the parts, the sum
here is off by γ_b Σ|terms|. So a recorded number within (γ_n − γ_b) Σ|terms| of it lies in the law's ball, γ_n Σ|terms|. Each
part is at most Σ|its terms|: so Σ|parts| is Σ|terms| or less, and nobody has to form the product of the absolute values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import MOVES, Axes, Num, Number

PARTS = 4
"""A long sum is cut into so many: with one alone, every sum that cancels would look as if it had no room."""

SHORTEST = 8
"""So many products at least are a part."""

AT_ONCE = 2**16
"""So many sums at a time: they stay in the processor's cache while parts are added to them."""


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


class Inner(Number):
    """Numbers as they were recorded, or sums of products of these.

    `mid`: the sums, worked out in the format of the record. `n`: how many roundings the record's sums have; 0 for what was
    recorded, which is exact. `own`: how many are on any way to `mid`, so that it is off by γ_own Σ|terms|. `low` ≤ Σ|terms|,
    up to these roundings. `most`: no Σ|terms| is larger. `exact` works out single entries.

    A law that does anything else with it than moving entries and adding up products raises TypeError: it has no such numbers.
    """

    __slots__ = ("_exact", "_low", "_most", "mid", "n", "own")

    def __init__(
        self, mid: Array, *, n: int = 0, own: int = 0, most: float | None = None, sums: tuple[Array, Exact] | None = None
    ) -> None:
        self.mid, self.n, self.own, self._most = mid, n, own, most
        self._low: Array | None = None
        self._exact: Exact | None = None
        if sums is not None:
            self._low, self._exact = sums

    @property
    def low(self) -> Array:
        """Σ|terms| or less."""
        return np.abs(self.mid) if self._low is None else self._low

    @property
    def most(self) -> float:
        """No Σ|terms| is larger; NaN where there is one."""
        if self._most is None:
            self._most = float(np.maximum(self.mid.max(initial=0.0), -self.mid.min(initial=0.0)))
        return self._most

    def exact(self, at: Array) -> tuple[Array, Array]:
        """See `Entry`."""
        if self._exact is not None:
            return self._exact(at)
        found = np.where(at > 0, self.mid[np.unravel_index(np.maximum(at - 1, 0), self.shape)], 0.0).astype(np.float64)
        return found, np.abs(found)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the numbers."""
        shape: tuple[int, ...] = self.mid.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.mid.ndim

    @property
    def T(self) -> Inner:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return self.map(np.transpose)

    def map(self, f: Callable[[Array], Array]) -> Inner:
        """The same move of entries for every part."""
        low, exact = self._low, self._exact
        sums = None if low is None or exact is None else (f(low), exact.after(f))
        return Inner(f(self.mid), n=self.n, own=self.own, most=self.most, sums=sums)

    def reshape(self, *shape: Any) -> Inner:
        """As ndarray.reshape."""
        return self.map(lambda x: x.reshape(*shape))

    def __getitem__(self, key: Any) -> Inner:
        return self.map(lambda x: x[key])

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("it is more than an array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.negative and method == "__call__" and not kwargs:
            return self._negative()
        raise TypeError(f"{ufunc.__name__} of sums of products")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in MOVES:
            raise TypeError(f"numpy.{func.__name__} of sums of products")
        return self.map(lambda part: func(part, *args[1:], **kwargs))

    def _negative(self) -> Inner:
        def turned(at: Array) -> tuple[Array, Array]:
            m, size = self.exact(at)
            return -m, size

        sums = (self._low, Exact(self.shape, turned)) if self._low is not None else None
        return Inner(-self.mid, n=self.n, own=self.own, most=self._most, sums=sums)

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Inner:
        """x @ w + plus, worked out in parts. Raises TypeError for what is no product of two recorded numbers."""
        if not (isinstance(x, Inner) and isinstance(w, Inner)) or x.n or w.n or x.mid.dtype != w.mid.dtype:
            raise TypeError("a product of something else than two recorded numbers")
        found = _product(x.mid, w.mid, x.most * w.most)
        return found if plus is None else cls.total([found, np.broadcast_to(plus, found.shape)])

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Inner:
        """All terms, and the products in them, as one sum. Raises TypeError if there are none, or other numbers among them."""
        inner = [term for term in terms if isinstance(term, Inner)]
        if len(inner) != len(terms) or len({term.mid.dtype for term in inner}) > 1:
            raise TypeError("a sum of something else than recorded numbers")
        if not any(term.n for term in inner):
            raise TypeError("a sum without products")
        first, *others = inner
        mid, low = first.mid, first.low
        for term in others:
            mid, low = mid + term.mid, low + term.low
        n, own = sum(term.n for term in inner) + len(inner), max(term.own for term in inner) + len(inner)

        def exact(at: Array) -> tuple[Array, Array]:
            pairs = [term.exact(at) for term in inner]
            return sum((m for m, _ in pairs), np.zeros(at.shape)), sum((size for _, size in pairs), np.zeros(at.shape))

        most = sum(term.most for term in inner)
        return cls(mid, n=n, own=own, most=most, sums=(low, Exact(mid.shape, exact)))

    def total_along(self, axis: Axes, keepdims: bool) -> Inner:  # noqa: ARG002
        """Raises TypeError: such sums are long and short of parts."""
        raise TypeError("a sum along axes")

    def positive(self) -> Array:
        """Raises TypeError."""
        raise TypeError("the sign of sums of products")

    def first_max(self, among: Array | None) -> Array:  # noqa: ARG002
        """Raises TypeError."""
        raise TypeError("the largest of sums of products")

    def gather(self, index: Array) -> Inner:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Inner:  # noqa: ARG002
        """Raises TypeError."""
        raise TypeError("sums of as many terms as an index was met")

    def hyperparameter(self, value: Num) -> Num:  # noqa: ARG002
        """Raises TypeError: a product with it would be another sum."""
        raise TypeError("a hyperparameter in sums of products")


def _product(x: Array, w: Array, top: float) -> Inner:
    """x @ w: parts of each sum one after the other, some rows at a time. No product of two numbers is larger than `top`."""
    n = x.shape[-1]
    parts = max(1, min(PARTS, n // SHORTEST))
    ends = [n * part // parts for part in range(parts + 1)]
    shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-2]), x.shape[-2], w.shape[-1])
    mid, low = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
    rows = max(1, AT_ONCE // max(1, shape[-1]))
    for start in range(0, shape[-2], rows):
        some = slice(start, start + rows)
        for number, (begin, end) in enumerate(pairwise(ends)):
            part = x[..., some, begin:end] @ w[..., begin:end, :]
            if not number:
                m, size = part, np.abs(part)
            else:
                m += part
                size += np.abs(part, out=part)
        mid[..., some, :], low[..., some, :] = m, size

    def exact(at: Array) -> tuple[Array, Array]:
        *lead, row, column = np.unravel_index(np.maximum(at - 1, 0), shape)
        left = np.broadcast_to(x, (*shape[:-2], *x.shape[-2:]))[(*lead, row)].astype(np.float64)
        right = np.broadcast_to(w, (*shape[:-2], *w.shape[-2:])).swapaxes(-1, -2)[(*lead, column)].astype(np.float64)
        products = left * right * (at > 0)[:, None]
        return products.sum(axis=-1), np.abs(products).sum(axis=-1)

    own = -(-n // parts) + parts
    return Inner(mid, n=n, own=own, most=n * top, sums=(low, Exact(shape, exact)))
