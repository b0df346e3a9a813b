"""Sums of products in the record's own format, with what no ball of them falls short of: most numbers need no more to be inside.

A sum of n products is off by at most γ_n Σ|terms|, in any order, with fused multiply-adds or without. That is true of the record,
and of the same sum worked out here in the same format, a part at a time. With b roundings on any way through the parts, the sum
here is off by γ_b Σ|terms|. So a recorded number within (γ_n − γ_b) Σ|terms| of it lies in the law's ball, γ_n Σ|terms|. Each
part is at most Σ|its terms|: so Σ|parts| is Σ|terms| or less, and nobody has to form the product of the absolute values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import MOVES, Axes, Num, Number, first_of
from bpcompare.numbers.parts import parts
from bpcompare.numbers.sums import AT_ONCE, ROUNDED, SHORT, Exact, Sums, both, scattered

PARTS = 2
"""A sum is cut into so many: with one alone, every sum that cancels would look as if it had no room."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What sums are made of where they are ±(x @ w + plus) for two matrices of recorded numbers, and `plus` for each column.

    `kept`: where they are that, and not 0; None for everywhere.
    """

    x: Inner
    w: Inner
    plus: Array | None = None
    negative: bool = False
    kept: Array | None = None


class Inner(Number):
    """Numbers as they were recorded, or sums of products of these.

    `mid`: the sums, worked out in the format of the record. `n`: how many roundings the record's sums have; 0 for what was
    recorded. `own`: how many are on any way to `mid`, so that it is off by γ_own Σ|terms|, with that `roundoff`. `low` ≤
    Σ|terms|, up to these roundings. `most`: no Σ|terms| is larger. `exact` works out single entries. `rel` and `rad`: what a ball
    grants beside the roundings of a sum, for what went in: at most `rel` of each term, and `rad` for each entry. `dtype`: the
    record's format. `factors`: of a product that nothing was done with but a change of sign.

    A law that does anything else with it than moving entries, setting some to 0 and adding up products raises TypeError: it has
    no such numbers.
    """

    __slots__ = ("_low", "_mid", "_most", "_sums", "dtype", "factors", "n", "own", "rad", "rel", "roundoff")

    def __init__(
        self,
        mid: Array | None,
        *,
        n: int = 0,
        own: int = 0,
        most: float | None = None,
        low: Array | None = None,
        sums: Sums | None = None,
        rel: float = 0.0,
        rad: float = 0.0,
        roundoff: float = 0.0,
        dtype: Any = None,
    ) -> None:
        self._mid, self._low, self._sums = mid, low, sums
        self.n, self.own, self._most, self.rel, self.rad, self.roundoff = n, own, most, rel, rad, roundoff
        self.dtype = mid.dtype if dtype is None and mid is not None else dtype
        self.factors: Factors | None = None

    def like(self, mid: Array | None, low: Array | None, sums: Sums | None) -> Inner:
        """The same sums, moved."""
        return Inner(
            mid, n=self.n, own=self.own, most=self.most, low=low, sums=sums, rel=self.rel, rad=self.rad, roundoff=self.roundoff,
            dtype=self.dtype,
        )  # fmt: skip

    @property
    def mid(self) -> Array:
        """The sums."""
        return self.work_out()[0]

    @property
    def low(self) -> Array:
        """Σ|terms| or less."""
        mid, low = self.work_out()
        return np.abs(mid) if low is None else low

    def work_out(self) -> tuple[Array, Array | None]:
        """The sums, and their Σ|terms| or less, kept from here on."""
        if self._mid is None:
            pieces = [(m, low) for _, _, m, low in self.blocks()]
            self._mid, self._low = (np.concatenate([piece[part] for piece in pieces]) for part in (0, 1))
        return self._mid, self._low

    def blocks(self) -> Iterator[tuple[Any, tuple[int, ...], Array, Array]]:
        """A part after the other: where it is, the index of its first entry, its sums, and its Σ|terms| or less."""
        if self._mid is None and self._sums is not None:
            for start in range(0, self.shape[0], self._sums.rows):
                some = slice(start, start + self._sums.rows)
                yield some, (start, *(0,) * (self.ndim - 1)), *self._sums.block(some)
            return
        mid, low = self.mid, self.low
        for part, first in parts(mid, AT_ONCE):
            yield part, first, mid[part], low[part]

    @property
    def most(self) -> float:
        """No Σ|terms| is larger; NaN where there is one."""
        if self._most is None:
            self._most = float(np.maximum(self.mid.max(initial=0.0), -self.mid.min(initial=0.0)))
        return self._most

    def exact(self, at: Array) -> tuple[Array, Array]:
        """See `Entry`."""
        if self._sums is not None:
            return self._sums.exact(at)
        found = np.where(at > 0, self.mid[np.unravel_index(np.maximum(at - 1, 0), self.shape)], 0.0).astype(np.float64)
        return found, np.abs(found)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the numbers."""
        shape: tuple[int, ...] = self._sums.shape if self._mid is None and self._sums is not None else self.mid.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def T(self) -> Inner:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return self.map(np.transpose)

    def map(self, f: Callable[[Array], Array]) -> Inner:
        """The same move of entries for every part."""
        if self._sums is None:
            return self.like(f(self.mid), None, None)
        mid = f(self.mid)

        def block(some: slice) -> tuple[Array, Array]:
            return found.mid[some].copy(), found.low[some].copy()

        found = self.like(mid, f(self.low), Sums(mid.shape, block, self._sums.exact.after(f)))
        return found

    def reshape(self, *shape: Any) -> Inner:
        """As ndarray.reshape."""
        return self.map(lambda x: x.reshape(*shape))

    def __getitem__(self, key: Any) -> Inner:
        return self.map(lambda x: x[key])

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("it is more than an array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.negative and method == "__call__" and not kwargs:
            return self.turned()
        raise TypeError(f"{ufunc.__name__} of sums of products")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where:
            return self._kept(*args)
        if func is np.concatenate:
            return self._joined(*args, **kwargs)
        if func not in MOVES:
            raise TypeError(f"numpy.{func.__name__} of sums of products")
        return self.map(lambda part: func(part, *args[1:], **kwargs))

    def _joined(self, parts: Sequence[Num], axis: int = 0) -> Inner:
        """Recorded numbers beside one another. Raises TypeError for others."""
        if not all(isinstance(part, Inner) and not part.n and part.dtype == self.dtype for part in parts):
            raise TypeError("sums of products beside something else")
        rel, rad, most = (float(np.max([getattr(part, name) for part in parts])) for name in ("rel", "rad", "most"))
        return Inner(np.concatenate([part.mid for part in parts], axis=axis), rel=rel, rad=rad, most=most)

    def _kept(self, condition: Any, x: object, y: Any) -> Inner:
        """Entries where a plain condition holds, and exact zeros elsewhere. Raises TypeError for another choice."""
        if x is not self or not isinstance(condition, np.ndarray) or condition.shape != self.shape or np.ndim(y) or y != 0:
            raise TypeError("a choice between sums of products")
        keep: Array = condition
        before = self._sums

        def kept(part: Array) -> Array:
            return part * keep  # 0 · ∞ is near nothing

        if before is None or self._mid is not None:
            return self.map(kept)

        def block(some: slice) -> tuple[Array, Array]:
            m, low = before.block(some)
            factor = keep[some].astype(m.dtype)
            m *= factor
            low *= factor
            return m, low

        found = self.like(None, None, Sums(self.shape, block, before.exact.where(keep)))
        if self.factors is not None:
            found.factors = replace(self.factors, kept=keep if self.factors.kept is None else keep & self.factors.kept)
        return found

    def turned(self) -> Inner:
        """With the other sign."""
        if self._sums is None:
            return self.like(-self.mid, None, None)
        before, single = self._sums.block, self._sums.exact

        def other(at: Array) -> tuple[Array, Array]:
            m, size = single(at)
            return -m, size

        def block(some: slice) -> tuple[Array, Array]:
            m, low = before(some)
            return np.negative(m, out=m), low

        exact = Exact(self.shape, other)
        if self._mid is not None:
            return self.like(-self._mid, self._low, Sums(self.shape, block, exact))
        found = self.like(None, None, Sums(self.shape, block, exact))
        if self.factors is not None:
            found.factors = replace(self.factors, negative=not self.factors.negative)
        return found

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Inner:
        """x @ w + plus, worked out in parts. Raises TypeError for what is no product of two recorded numbers."""
        if not (isinstance(x, Inner) and isinstance(w, Inner)) or x.n or w.n or x.dtype != w.dtype:
            raise TypeError("a product of something else than two recorded numbers")
        found = _product(x, w)
        factors = Factors(x, w) if x.ndim == w.ndim == 2 else None
        if plus is not None:
            row = plus.mid if isinstance(plus, Inner) and plus.ndim == 1 and not plus.n else None
            factors = replace(factors, plus=row) if factors is not None and row is not None else None
            n, found = found.n, cls.total([found, np.broadcast_to(plus, found.shape)])
            found.n = n + 1  # one sum of so many terms, as a ball has it
        found.factors = factors
        return found

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Inner:
        """All terms, and the products in them, as one sum. Raises TypeError if there are none, or other numbers among them."""
        inner = [term for term in terms if isinstance(term, Inner)]
        if len(inner) != len(terms) or len({term.dtype for term in inner}) > 1:
            raise TypeError("a sum of something else than recorded numbers")
        summed = next((term for term in inner if term.n), None)
        if summed is None or any(term.shape != summed.shape for term in inner):
            raise TypeError("a sum without products")
        shape = summed.shape

        def block(some: slice) -> tuple[Array, Array]:
            first, *others = (term.block(some) for term in sorted(inner, key=lambda term: term.n == 0))
            m, low = first
            for more, least in others:
                m += more
                low += least
            return m, low

        def exact(at: Array) -> tuple[Array, Array]:
            pairs = [term.exact(at) for term in inner]
            return sum((m for m, _ in pairs), np.zeros(at.shape)), sum((size for _, size in pairs), np.zeros(at.shape))

        return cls(
            None,
            n=sum(term.n for term in inner) + len(inner),
            own=max(term.own for term in inner) + len(inner),
            most=sum(term.most for term in inner),
            sums=Sums(shape, block, Exact(shape, exact)),
            rel=max(term.rel for term in inner),
            rad=sum(term.rad for term in inner),
            roundoff=max(term.roundoff for term in inner),
            dtype=summed.dtype,
        )

    def block(self, some: slice) -> tuple[Array, Array]:
        """Sums along the first axis, and their Σ|terms| or less; both the caller's own where these are sums."""
        if self._sums is not None and self._mid is None:
            return self._sums.block(some)
        m = self.mid[some]
        low = np.abs(m) if self._low is None else self._low[some].copy()
        return (m.copy() if self.n else m), low

    def total_along(self, axis: Axes, keepdims: bool) -> Inner:
        """One sum along axes, of what was recorded, in float64 with Σ|terms|. Raises TypeError for sums of sums."""
        if self.n:
            raise TypeError("a sum of sums of products")
        x, axes = self.mid, (axis,) if isinstance(axis, int) else axis
        axes = tuple(sorted(one % x.ndim for one in axes))
        count = prod(x.shape[one] for one in axes)
        rows = max(1, AT_ONCE // max(1, prod(x.shape[1:])))
        pieces = [both(x[start : start + rows], axes, keepdims) for start in range(0, x.shape[0], rows)]
        if 0 in axes:
            mid, low = (np.asarray(sum(piece[part] for piece in pieces)) for part in (0, 1))
        else:
            mid, low = (np.concatenate([piece[part] for piece in pieces]) for part in (0, 1))
        return self._added_up(mid, low, count)

    def _added_up(self, mid: Array, low: Array, count: int) -> Inner:
        """Sums of so many recorded numbers at most, and their Σ|terms|, worked out in float64."""

        def single(at: Array) -> tuple[Array, Array]:
            there, places = at > 0, np.maximum(at - 1, 0)
            return np.where(there, mid.reshape(-1)[places], 0.0), np.where(there, low.reshape(-1)[places], 0.0)

        def block(some: slice) -> tuple[Array, Array]:
            return mid[some].copy(), low[some].copy()

        sums = Sums(mid.shape, block, Exact(mid.shape, single))
        return Inner(
            mid, n=count, own=count, most=count * self.most, low=low, sums=sums, rel=self.rel, rad=count * self.rad,
            roundoff=2.0**-53, dtype=self.dtype,
        )  # fmt: skip

    def positive(self) -> Array:
        """Of what was recorded. Raises TypeError for sums, which are off by rounding."""
        if self.n:
            raise TypeError("the sign of sums of products")
        return np.asarray(self.mid > 0)

    def first_max(self, among: Array | None) -> Array:
        """Of what was recorded. Raises TypeError for sums, which are off by rounding."""
        if self.n:
            raise TypeError("the largest of sums of products")
        return first_of(self.mid if among is None else np.where(among, self.mid, -np.inf))

    def gather(self, index: Array) -> Inner:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Inner:
        """Rows added up, in float64. Raises TypeError for sums of sums, and where no row is met twice: nothing is added up."""
        most = int(np.bincount(index.ravel(), minlength=1).max(initial=0))
        if self.n or most < 2 or self.ndim == index.ndim or (index < 0).any():
            raise TypeError("a sum of something else than recorded rows")
        mid, low = scattered(self.mid, index, rows)
        return self._added_up(mid, low, most)

    def hyperparameter(self, value: Num) -> Num:  # noqa: ARG002
        """Raises TypeError: a product with it would be another sum."""
        raise TypeError("a hyperparameter in sums of products")


def _product(left: Inner, right: Inner) -> Inner:
    """x @ w: parts of each sum one after the other, some rows at a time."""
    x, w = left.mid, right.mid
    n = x.shape[-1]
    shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-2]), x.shape[-2], w.shape[-1])
    short = n < SHORT
    kind = x.dtype if n >= ROUNDED else np.dtype(np.float64)
    ends = [n * part // PARTS for part in range(PARTS + 1)]
    own = (n + 1 if kind == np.float64 else 2) if short else -(-n // PARTS) + PARTS
    lead = len(shape) > 2

    def operands(some: slice) -> tuple[Array, Array]:
        above = x[some] if x.ndim == len(shape) and (not lead or len(x) == shape[0]) else x
        below = w[some] if lead and w.ndim == len(shape) and len(w) == shape[0] else w
        return above, below

    def block(some: slice) -> tuple[Array, Array]:
        a, b = operands(some)
        if short:
            m = (a.astype(np.float64) @ b.astype(np.float64)).astype(kind, copy=False)
            return m, np.abs(a, dtype=kind) @ np.abs(b, dtype=kind)
        m = a[..., : ends[1]] @ b[..., : ends[1], :]
        size, part = np.abs(m), np.empty_like(m)
        for begin, end in pairwise(ends[1:]):
            np.matmul(a[..., begin:end], b[..., begin:end, :], out=part)
            m += part
            np.abs(part, out=part)
            size += part
        return m, size

    def exact(at: Array) -> tuple[Array, Array]:
        *lead, row, column = np.unravel_index(np.maximum(at - 1, 0), shape)
        above = np.broadcast_to(x, (*shape[:-2], *x.shape[-2:]))[(*lead, row)].astype(np.float64)
        below = np.broadcast_to(w, (*shape[:-2], *w.shape[-2:])).swapaxes(-1, -2)[(*lead, column)].astype(np.float64)
        products = above * below * (at > 0)[:, None]
        return products.sum(axis=-1), np.abs(products).sum(axis=-1)

    return Inner(
        None,
        n=n,
        own=own,
        most=n * left.most * right.most,
        sums=Sums(shape, block, Exact(shape, exact)),
        rel=left.rel + right.rel + left.rel * right.rel,
        rad=2 * n * (left.rad * right.most + right.rad * left.most),
        roundoff=float(np.finfo(kind if short else x.dtype).eps) / 2,
        dtype=left.dtype,
    )
