"""Arithmetic that writes down what it is asked to do: a law evaluated on it gives its own formula, element by element.

An array of formulas would be as large as the net. So a traced array has its numbers, and one function that writes the formula of
an element when it is asked for: what is shown is traced from the law itself, on the way from the result back to what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from bpcompare.formula.expression import (
    Apply,
    Constant,
    Difference,
    Expression,
    Negative,
    Power,
    Quotient,
    Rest,
    Square,
    summed,
    times,
)
from bpcompare.formula.named import Named
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import MOVES, Axes, Num, Number, excluded, first_max

Index = tuple[int, ...]
Element = Callable[[Index], Expression]
NOTHING = Constant(0.0)
"""The 0 of a mask or of padding: a term that is no term."""


class Traced(Number):
    """Numbers `x`, and `element(index)`, the formula of one of them. Sums of more than `most` terms show the largest."""

    __slots__ = ("element", "most", "x")
    formula = True

    def __init__(self, x: Array, element: Element, most: int) -> None:
        self.x = x
        self.element = element
        self.most = most

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        shape: tuple[int, ...] = self.x.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.x.ndim

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.x.size

    @property
    def T(self) -> Traced:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return _moved(np.transpose, (self,), {})

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, key: Any) -> Traced:
        return _moved(lambda x: x[key], (self,), {})

    def reshape(self, *shape: Any) -> Traced:
        """As ndarray.reshape."""
        return _moved(lambda x: x.reshape(*shape), (self,), {})

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("a formula is not an array: a silent conversion would drop it")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or (ufunc.nin != 1 and ufunc not in _BINARY and ufunc not in (np.power, np.matmul)):
            raise TypeError(f"no formula for {ufunc.__name__}.{method}")
        if ufunc is np.matmul:
            return self.dot(inputs[0], inputs[1], None)
        if ufunc is np.square:
            return self * self
        if ufunc in _BINARY:
            return _combined(ufunc, *inputs)
        if ufunc is np.negative:
            return -self
        if ufunc is np.power:
            return inputs[0] ** inputs[1]
        return _applied(ufunc.__name__, ufunc, self)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where:
            return _chosen(*args)
        if func not in _MOVES:
            raise TypeError(f"no formula for numpy.{func.__name__}")
        return _moved(func, args, kwargs)

    def __neg__(self) -> Traced:
        return Traced(-self.x, lambda at: negated(self.element(at)), self.most)

    def __pow__(self, n: Any) -> Traced:
        exponent = _lifted(n, self.most).element(())

        def element(at: Index) -> Expression:
            base = self.element(at)
            if isinstance(base, Constant) and base.symbol:  # βᵗ of a hyperparameter is one more
                return Constant(base.value**exponent.value, f"{base.symbol}^{exponent.value:g}")
            return Square(base) if exponent.value == 2 else Power(base, exponent)

        return Traced(np.asarray(self.x ** float(exponent.value)), element, self.most)

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Traced:
        """Σ_k x_k w_k and one more term."""
        most = next(part.most for part in (x, w, plus) if isinstance(part, Traced))
        x, w = _lifted(x, most), _lifted(w, most)
        y = x.x @ w.x
        more = None if plus is None else _lifted(plus, most)

        def element(at: Index) -> Expression:
            *lead, row, column = at
            left = x.x[(*_within(lead, x.shape[:-2]), row)]
            right = w.x[(*_within(lead, w.shape[:-2]), slice(None), column)]

            def term(k: int) -> Expression:
                return times(
                    x.element((*_within(lead, x.shape[:-2]), row, k)), w.element((*_within(lead, w.shape[:-2]), k, column))
                )

            terms = _shortened(left * right, term, most - (more is not None))
            return summed(terms if more is None else [*terms, more.element(_within(at, more.shape))])

        return cls(y if more is None else np.asarray(y + more.x), element, most)

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Traced:
        """The terms added up."""
        most = next(term.most for term in terms if isinstance(term, Traced))
        lifted = [_lifted(term, most) for term in terms]
        x = np.asarray(sum(term.x for term in lifted[1:]) + lifted[0].x)
        return cls(x, lambda at: summed([term.element(_within(at, term.shape)) for term in lifted]), most)

    def total_along(self, axis: Axes, keepdims: bool) -> Traced:
        """The sum along axes."""
        axes = sorted(a % self.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))

        def element(at: Index) -> Expression:
            rest = iter(at)
            if keepdims:
                key: list[Any] = [slice(None) if a in axes else at[a] for a in range(self.ndim)]
            else:
                key = [slice(None) if a in axes else next(rest) for a in range(self.ndim)]
            part = self.x[tuple(key)]

            def term(flat: int) -> Expression:
                inside = iter(np.unravel_index(flat, part.shape))
                return self.element(tuple(int(next(inside)) if isinstance(k, slice) else int(k) for k in key))

            return summed(_shortened(part.reshape(-1), term, self.most))

        return Traced(np.asarray(self.x.sum(axis=tuple(axes), keepdims=keepdims)), element, self.most)

    def positive(self) -> Array:
        """Where the numbers are above 0: a formula is that of the branch which was taken."""
        return np.asarray(self.x > 0)

    def plain(self) -> Array:
        """The numbers, by which a law takes one branch or another; likewise."""
        return self.x

    def first_max(self, among: Array | None) -> Array:
        """Where the first maxima are."""
        return first_max(self.x, among)

    def excluded(self) -> Array:
        """Scores that a mask has excluded."""
        return excluded(self.x)

    def gather(self, index: Array) -> Traced:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Traced:
        """Rows added up."""
        y = np.zeros((rows, *self.shape[index.ndim :]))
        np.add.at(y, index, self.x)

        def element(at: Index) -> Expression:
            places = np.argwhere(index == at[0])
            sizes = np.array([self.x[(*place, *at[1:])] for place in places])
            return summed(_shortened(sizes, lambda k: self.element((*map(int, places[k]), *at[1:])), self.most))

        return Traced(y, element, self.most)

    def hyperparameter(self, value: Num) -> Traced:
        """A number of the spec, by its name."""
        return _lifted(value, self.most)

    def named(self, symbol: str) -> Traced:
        """These numbers under a name: what they are made of is another formula."""
        return Traced(self.x, lambda at: Constant(float(self.x[at]), symbol, lambda: self.element(at)), self.most)

    def applied(self, symbol: str, f: Callable[[Num], Num]) -> Traced:
        """f of each number, by its name. A derivative is written as a number: how it is worked out is the function's business."""
        return _applied(symbol, f, self, opaque=symbol.endswith("'"))


def negated(x: Expression) -> Expression:
    """−x; of a difference, the other way round."""
    match x:
        case Negative():
            return x.of
        case Difference():
            return Difference(x.right, x.left)
        case Constant(number=0.0):
            return x
        case Quotient(top=Difference() as top):
            return Quotient(negated(top), x.bottom)
    return Negative(x)


def _lifted(value: Any, most: int) -> Traced:
    """A constant, or an array of them, as a traced one."""
    if isinstance(value, Traced):
        return value
    if isinstance(value, Named):
        return Traced(np.asarray(float(value)), lambda _: Constant(float(value), value.symbol), most)
    x = np.asarray(value, np.float64)
    return Traced(x, lambda at: Constant(float(x[at])), most)


def _within(at: Sequence[int], shape: tuple[int, ...]) -> Index:
    """Where an entry of a broadcast array stands in the one of `shape`."""
    return tuple(0 if size == 1 else int(i) for i, size in zip(at[len(at) - len(shape) :], shape, strict=True))


def _combined(ufunc: Any, x: Any, y: Any) -> Traced:
    most = x.most if isinstance(x, Traced) else y.most
    same = x is y
    x, y = _lifted(x, most), _lifted(y, most)
    write = _BINARY[ufunc]

    def element(at: Index) -> Expression:
        left = x.element(_within(at, x.shape))
        return Square(left) if same and ufunc is np.multiply else write(left, y.element(_within(at, y.shape)))

    return Traced(np.asarray(ufunc(x.x, y.x)), element, most)


def _added(x: Expression, y: Expression) -> Expression:
    return summed([x, y])


def _less(x: Expression, y: Expression) -> Expression:
    return negated(y) if x == NOTHING else x if y == NOTHING else Difference(x, y)


def _over(x: Expression, y: Expression) -> Expression:
    return x if y == Constant(1.0) or x == NOTHING else Quotient(x, y)


_BINARY: dict[Any, Callable[[Expression, Expression], Expression]] = {
    np.add: _added,
    np.subtract: _less,
    np.multiply: times,
    np.divide: _over,
}


def _applied(symbol: str, f: Callable[[Any], Any], x: Traced, *, opaque: bool = False) -> Traced:
    def rule(number: float) -> float:
        return float(np.asarray(f(np.array([number])))[0])

    return Traced(np.asarray(f(x.x)), lambda at: Apply(symbol, x.element(at), rule, opaque), x.most)


def _chosen(mask: Any, x: Any, y: Any) -> Traced:
    """np.where: the formula of the side that was taken."""
    most = x.most if isinstance(x, Traced) else y.most
    x, y = _lifted(x, most), _lifted(y, most)
    z = np.where(mask, x.x, y.x)
    wide = np.broadcast_to(mask, z.shape)

    def element(at: Index) -> Expression:
        side: Traced = x if wide[at] else y
        return side.element(_within(at, side.shape))

    return Traced(z, element, most)


def _moved(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Traced:
    """A function that only moves entries: it shows where by moving their numbers, counted from 1; 0 is what it pads with."""
    parts: list[Traced] = []
    starts: list[int] = []

    def each(arg: Any, of: Callable[[Traced], Any]) -> Any:
        if isinstance(arg, Traced):
            return of(arg)
        return [each(part, of) for part in arg] if isinstance(arg, list) and any(isinstance(p, Traced) for p in arg) else arg

    def numbered(part: Traced) -> Array:
        start = starts[-1] + parts[-1].size if parts else 1
        parts.append(part)
        starts.append(start)
        return np.arange(start, start + part.size).reshape(part.shape)

    args = [list(arg) if isinstance(arg, tuple) and any(isinstance(p, Traced) for p in arg) else arg for arg in args]

    @cache
    def places() -> Array:
        return np.asarray(func(*(each(arg, numbered) for arg in args), **kwargs))

    def element(at: Index) -> Expression:
        place = int(places()[at])
        if not place:
            return NOTHING
        which = int(np.searchsorted(starts, place, side="right")) - 1
        part = parts[which]
        return part.element(tuple(map(int, np.unravel_index(place - starts[which], part.shape))))

    most = _first(args).most
    return Traced(np.asarray(func(*(each(arg, lambda part: part.x) for arg in args), **kwargs)), element, most)


def _first(args: Sequence[Any]) -> Traced:
    for arg in args:
        found = arg if isinstance(arg, Traced) else _first(arg) if isinstance(arg, list) else None
        if found is not None:
            return found
    raise TypeError("no formula among the operands")


def _shortened(sizes: Array, term: Callable[[int], Expression], most: int) -> list[Expression]:
    """The terms of a sum; of more than `most` the largest, in their order, and the rest as one number."""
    # NaN sorts last: a term that is no number is always shown.
    kept = np.argsort(np.abs(sizes), kind="stable")[-max(most - 1, 1) :] if len(sizes) > most else range(len(sizes))
    every = sorted(int(k) for k in kept)
    found = [term(k) for k in every]
    if len(found) < len(sizes):
        others = np.delete(sizes, every)
        found.append(Rest(float(others.sum()), len(others)))
    return found


_MOVES = MOVES | {np.concatenate, np.stack, np.zeros_like}
