"""Arrays of dyadic numbers, with a proof that no order of summation can round them.

A sum whose terms are whole multiples of a quantum 2^q, and whose absolute values add up to less than 2^(p+q), has only partial
sums with at most p bits: in a format of precision p each is exact, in any order, with FMA or without. The proof is made for each
entry on its own: what one entry of an array needs says nothing about another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import MOVES, Axes, Num, Number, Side, first_of

EMPTY = 10_000
"""The exponent of the quantum of zero, which is a multiple of everything."""
BASE = 16
"""Quanta of the products in a sum meet as powers of 2^16, so that a matrix product finds the smallest of up to 2^16."""


class InexactError(ArithmeticError):
    """A number or function that cannot be exact: what it was."""


class Precision:
    """A format of `bits` significant bits and least exponent `least`.

    `side` decides where an activation stands on its kink, `ties` where entries tie for a maximum: None by the law's convention,
    "low" and "high" as the two extremes of what is valid.
    """

    def __init__(self, dtype: str, side: Side = None, ties: Side = None) -> None:
        self.bits, self.least = (24, -126) if dtype == "float32" else (53, -1022)
        self.side = side
        self.ties = ties

    def demand(self, most: Array, q: Array) -> None:
        """Raise InexactError unless, entry by entry, sums of multiples of 2^q with absolute values up to `most` fit."""
        most, q = np.asarray(most, np.float64), np.asarray(q)
        live = q < EMPTY
        with np.errstate(over="ignore", under="ignore"):
            fits = (most < np.ldexp(1.0, np.minimum(self.bits + q, 1023))) & (q >= self.least)
        if (bad := ~fits & (live | np.isnan(most))).any():
            at = np.unravel_index(int(np.argmax(bad)), bad.shape)
            most, q = np.broadcast_to(most, bad.shape)[at], np.broadcast_to(q, bad.shape)[at]
            if not most:
                raise InexactError("a product underflows")
            raise InexactError(f"{np.floor(np.log2(most)) + 1 - q:.0f} bits needed, {self.bits} there")


def quanta(x: Array) -> Array:
    """For every entry the largest q such that it is a multiple of 2^q; EMPTY for zero. Raises InexactError for NaN, infinity."""
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise InexactError("a number is not finite")
    mantissa, exponent = np.frexp(x)
    whole = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    _, lowest = np.frexp((whole & -whole).astype(np.float64))
    return np.where(x == 0, EMPTY, lowest - 1 + exponent - 53)


def bits(x: Array) -> Array:
    """For every entry the significant bits that it needs; 0 for zero."""
    _, exponent = np.frexp(np.asarray(x, np.float64))
    return np.where(np.asarray(x) == 0, 0, exponent - quanta(x))


def _of_products(q: Array, r: Array) -> Array:
    """For every entry of a matrix product, a common quantum of its terms, from the quanta of the factors."""
    live_q, live_r = q < EMPTY, r < EMPTY
    if not live_q.any() or not live_r.any():
        return np.full((*np.broadcast_shapes(q.shape[:-2], r.shape[:-2]), q.shape[-2], r.shape[-1]), EMPTY)
    high_q, high_r = int(q[live_q].max()), int(r[live_r].max())
    if (high_q - int(q.min())) + (high_r - int(r.min())) > 1000 // BASE:
        # Too far apart for a float64: one quantum for each row and column instead, which is never too large.
        return np.asarray(np.minimum(q.min(axis=-1)[..., :, None] + r.min(axis=-2)[..., None, :], EMPTY))
    left = np.where(live_q, np.ldexp(1.0, np.where(live_q, BASE * (high_q - q), 0)), 0.0)
    right = np.where(live_r, np.ldexp(1.0, np.where(live_r, BASE * (high_r - r), 0)), 0.0)
    met = left @ right
    # A sum of n powers is at least its largest, and below 2^BASE times it while n is: rounding down finds the exponent.
    _, exponent = np.frexp(met)
    return np.asarray(np.where(met > 0, high_q + high_r - (exponent - 1) // BASE, EMPTY))


class Dyadic(Number):
    """float64 entries that are exact, under the rules of a `Precision`."""

    __slots__ = ("mid", "precision")

    def __init__(self, mid: Array, precision: Precision) -> None:
        self.mid = mid
        self.precision = precision

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        shape: tuple[int, ...] = self.mid.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.mid.ndim

    @property
    def T(self) -> Dyadic:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return Dyadic(self.mid.T, self.precision)

    def __len__(self) -> int:
        return len(self.mid)

    def __getitem__(self, key: Any) -> Dyadic:
        return Dyadic(self.mid[key], self.precision)

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("a Dyadic is not an array: a silent conversion would drop its proof")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = _UFUNCS.get(ufunc)
        if rule is None or method != "__call__" or kwargs:
            raise InexactError(f"{ufunc.__name__} rounds")
        return rule(*inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _MOVES:
            raise InexactError(f"numpy.{func.__name__} is not known to be exact")
        precision = _precision_in(args)
        plain = [_plain(arg) for arg in args]
        return Dyadic(func(*plain, **kwargs), precision)

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Dyadic:
        """x @ w + plus, if every partial sum fits."""
        precision = _precision_in((x, w, plus))
        x, w = _plain(x), _plain(w)
        q, mid, most = _of_products(quanta(x), quanta(w)), x @ w, np.abs(x) @ np.abs(w)
        if plus is not None:
            plus = _plain(plus)
            q, mid, most = np.minimum(q, quanta(plus)), mid + plus, most + np.abs(plus)
        precision.demand(most, q)
        return cls(mid, precision)

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Dyadic:
        """The sum of the terms, if every partial sum fits."""
        precision = _precision_in(terms)
        plain = [np.asarray(_plain(term), np.float64) for term in terms]
        most, q = np.abs(plain[0]), quanta(plain[0])
        for x in plain[1:]:
            most, q = most + np.abs(x), np.minimum(q, quanta(x))
        precision.demand(most, q)
        return cls(np.asarray(sum(plain)), precision)

    def total_along(self, axis: Axes, keepdims: bool) -> Dyadic:
        """One sum along axes, if every partial sum fits."""
        self.precision.demand(np.abs(self.mid).sum(axis=axis), quanta(self.mid).min(axis=axis, initial=EMPTY))
        return Dyadic(np.asarray(self.mid.sum(axis=axis, keepdims=keepdims)), self.precision)

    def positive(self) -> Array:
        """Entries above zero; with a side, zeros as that side has them."""
        if self.precision.side == "high":
            return np.asarray(self.mid >= 0)
        return np.asarray(self.mid > 0)

    def first_max(self, among: Array | None = None) -> Array:
        """The first maximum; of those that tie none (ties "low") or all ("high")."""
        mid = self.mid if among is None else np.where(among, self.mid, -np.inf)
        top = mid == mid.max(axis=-1, keepdims=True)
        if self.precision.ties == "high":
            return np.asarray(top)
        if self.precision.ties == "low":
            return np.asarray(top & (top.sum(axis=-1, keepdims=True) == 1))
        return first_of(mid)

    def gather(self, index: Array) -> Dyadic:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Dyadic:
        """Rows added up, if every partial sum fits."""
        y, most = (np.zeros((rows, *self.mid.shape[index.ndim :])) for _ in range(2))
        q = np.full(y.shape, EMPTY)
        np.add.at(y, index, self.mid)
        np.add.at(most, index, np.abs(self.mid))
        np.minimum.at(q, index, quanta(self.mid))
        self.precision.demand(most, q)
        return Dyadic(y, self.precision)

    def hyperparameter(self, value: Num) -> Dyadic:
        """A number of the spec, if the format has it."""
        if isinstance(value, Dyadic):
            return value
        x = np.asarray(float(value))
        self.precision.demand(np.abs(x), quanta(x))
        return Dyadic(x, self.precision)


def _plain(x: Any) -> Any:
    if isinstance(x, Dyadic):
        return x.mid
    if isinstance(x, list | tuple) and any(isinstance(part, Dyadic) for part in x):
        return [_plain(part) for part in x]
    return x


def _precision_in(operands: Any) -> Precision:
    for operand in operands:
        if isinstance(operand, Dyadic):
            return operand.precision
        if isinstance(operand, list | tuple) and (inner := next((x for x in operand if isinstance(x, Dyadic)), None)) is not None:
            return inner.precision
    raise TypeError("no Dyadic among the operands")


def _add(x: Any, y: Any) -> Dyadic:
    precision = _precision_in((x, y))
    a, b = (np.asarray(_plain(z), np.float64) for z in (x, y))
    precision.demand(np.abs(a) + np.abs(b), np.minimum(quanta(a), quanta(b)))
    return Dyadic(a + b, precision)


def _subtract(x: Any, y: Any) -> Dyadic:
    return _add(x, -np.asarray(_plain(y), np.float64)) if isinstance(x, Dyadic) else _add(-y, x)


def _multiply(x: Any, y: Any) -> Dyadic:
    precision = _precision_in((x, y))
    a, b = (np.asarray(_plain(z), np.float64) for z in (x, y))
    mid = a * b
    precision.demand(np.abs(mid), np.minimum(quanta(a) + quanta(b), EMPTY))
    return Dyadic(mid, precision)


def _divide(x: Any, y: Any) -> Dyadic:
    precision = _precision_in((x, y))
    a, b = (np.asarray(_plain(z), np.float64) for z in (x, y))
    if (np.frexp(np.abs(b))[0] != 0.5).any():
        raise InexactError(f"division by {b.ravel()[0]:g} rounds: only powers of two divide exactly")
    mid = a / b
    precision.demand(np.abs(mid), quanta(mid))
    return Dyadic(mid, precision)


def _power(x: Dyadic, p: Num) -> Dyadic:
    """xᵖ for a whole p ≥ 0: p − 1 products, each exact. In another order the products are shorter, so they are exact too."""
    p = float(_plain(p))
    if p != int(p) or p < 0:
        raise InexactError(f"a power of {p:g} rounds")
    if p == 0:
        return Dyadic(np.ones(x.shape), x.precision)
    y = x
    for _ in range(int(p) - 1):
        y = _multiply(y, x)
    return y


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: lambda x: Dyadic(-x.mid, x.precision),
    np.square: lambda x: _multiply(x, x),
    np.power: _power,
    np.matmul: lambda x, y: Dyadic.dot(x, y, None),
}
_MOVES = MOVES | {np.concatenate, np.where, np.zeros_like}
