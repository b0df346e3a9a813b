"""Arrays of dyadic numbers, with a proof that no order of summation can round them.

All entries of an array are whole multiples of a quantum 2^q. A sum whose terms are multiples of 2^q, and whose absolute values
add up to less than 2^(p+q), has only partial sums with at most p bits: in a format of precision p each is exact, in any order,
with FMA or without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bpcompare.arithmetic import Axes, Num, Number
from bpcompare.parameter import Array

EMPTY = 10_000
"""The exponent of the quantum of an array of zeros."""


class InexactError(ArithmeticError):
    """A number or function that cannot be exact: what it was."""


class Precision:
    """A format of `bits` significant bits and least exponent `least`; `side` decides at ties of a maximum."""

    def __init__(self, dtype: str, side: Literal["low", "high"] | None = None) -> None:
        self.bits, self.least = (24, -126) if dtype == "float32" else (53, -1022)
        self.side = side

    def demand(self, most: float, q: int) -> None:
        """Raise InexactError unless sums of multiples of 2^q with absolute values up to `most` fit."""
        if q != EMPTY and (not most < 2.0 ** (self.bits + q) or q < self.least):
            raise InexactError(f"{np.log2(most) - q + 1:.0f} bits needed, {self.bits} there")


def quantum(x: Array) -> int:
    """The largest q such that every entry is a multiple of 2^q."""
    nonzero = np.asarray(x, np.float64)[np.asarray(x) != 0]
    if not nonzero.size:
        return EMPTY
    mantissa, exponent = np.frexp(nonzero)
    whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)
    lowest_bit = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    return int((lowest_bit + exponent - 53).min())


def _sum_of(*q: int) -> int:
    return EMPTY if EMPTY in q else sum(q)


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

    def __add__(self, other: Num) -> Dyadic:
        return _add(self, other)

    def __radd__(self, other: Num) -> Dyadic:
        return _add(other, self)

    def __sub__(self, other: Num) -> Dyadic:
        return _subtract(self, other)

    def __rsub__(self, other: Num) -> Dyadic:
        return _subtract(other, self)

    def __mul__(self, other: Num) -> Dyadic:
        return _multiply(self, other)

    def __rmul__(self, other: Num) -> Dyadic:
        return _multiply(other, self)

    def __truediv__(self, other: Num) -> Dyadic:
        return _divide(self, other)

    def __neg__(self) -> Dyadic:
        return Dyadic(-self.mid, self.precision)

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Dyadic:
        """x @ w + plus, if every partial sum fits."""
        precision = _precision_in((x, w, plus))
        x, w = _plain(x), _plain(w)
        q, mid, most = _sum_of(quantum(x), quantum(w)), x @ w, np.abs(x) @ np.abs(w)
        if plus is not None:
            plus = _plain(plus)
            q, mid, most = min(q, quantum(plus)), mid + plus, most + np.abs(plus)
        precision.demand(float(most.max(initial=0.0)), q)
        return cls(mid, precision)

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Dyadic:
        """The sum of the terms, if every partial sum fits."""
        precision = _precision_in(terms)
        plain = [np.asarray(_plain(term), np.float64) for term in terms]
        precision.demand(float(sum(np.abs(x) for x in plain).max(initial=0.0)), min(map(quantum, plain)))  # type: ignore[union-attr]
        return cls(np.asarray(sum(plain)), precision)

    def total_along(self, axis: Axes, keepdims: bool) -> Dyadic:
        """One sum along axes, if every partial sum fits."""
        most = np.abs(self.mid).sum(axis=axis)
        self.precision.demand(float(np.max(most, initial=0.0)), quantum(self.mid))
        return Dyadic(np.asarray(self.mid.sum(axis=axis, keepdims=keepdims)), self.precision)

    def positive(self) -> Array:
        """Entries above zero."""
        return np.asarray(self.mid > 0)

    def first_max(self) -> Array:
        """The first maximum; with a side, at ties: none of them, or all."""
        top = self.mid == self.mid.max(axis=-1, keepdims=True)
        if self.precision.side == "high":
            return np.asarray(top)
        if self.precision.side == "low":
            return np.asarray(top & (top.sum(axis=-1, keepdims=True) == 1))
        mask = np.zeros(self.mid.shape, bool)
        np.put_along_axis(mask, np.argmax(self.mid, axis=-1)[..., None], True, axis=-1)
        return mask

    def gather(self, index: Array) -> Dyadic:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Dyadic:
        """Rows added up, if every partial sum fits."""
        y, most = (np.zeros((rows, *self.mid.shape[index.ndim :])) for _ in range(2))
        np.add.at(y, index, self.mid)
        np.add.at(most, index, np.abs(self.mid))
        self.precision.demand(float(most.max(initial=0.0)), quantum(self.mid))
        return Dyadic(y, self.precision)

    def hyperparameter(self, value: Num) -> Dyadic:
        """A number of the spec, if the format has it."""
        if isinstance(value, Dyadic):
            return value
        x = np.asarray(float(value))
        self.precision.demand(abs(float(value)), quantum(x))
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
    precision.demand(float((np.abs(a) + np.abs(b)).max(initial=0.0)), min(quantum(a), quantum(b)))
    return Dyadic(a + b, precision)


def _subtract(x: Any, y: Any) -> Dyadic:
    return _add(x, -np.asarray(_plain(y), np.float64)) if isinstance(x, Dyadic) else _add(-y, x)


def _multiply(x: Any, y: Any) -> Dyadic:
    precision = _precision_in((x, y))
    a, b = (np.asarray(_plain(z), np.float64) for z in (x, y))
    mid = a * b
    precision.demand(float(np.abs(mid).max(initial=0.0)), _sum_of(quantum(a), quantum(b)))
    return Dyadic(mid, precision)


def _divide(x: Any, y: Any) -> Dyadic:
    precision = _precision_in((x, y))
    a, b = (np.asarray(_plain(z), np.float64) for z in (x, y))
    if (np.frexp(np.abs(b))[0] != 0.5).any():
        raise InexactError(f"division by {b.ravel()[0]:g} rounds: only powers of two divide exactly")
    mid = a / b
    precision.demand(float(np.abs(mid).max(initial=0.0)), quantum(mid))
    return Dyadic(mid, precision)


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: lambda x: -x,
}
_MOVES = frozenset(
    {
        np.reshape,
        np.transpose,
        np.expand_dims,
        np.broadcast_to,
        np.flip,
        np.pad,
        np.concatenate,
        np.where,
        np.zeros_like,
        sliding_window_view,
    }
)
