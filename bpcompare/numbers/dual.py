"""Dual numbers: a number and how it moves, so that any law, and its Δ, is differentiated once more along one direction.

Clifford (1871); Griewank and Walther, *Evaluating Derivatives* (2008), chapter 3. Both parts are numbers of one arithmetic: of
balls, and then the derivative is enclosed as the value is. Where a law branches, both parts follow the branch that is taken; on a
kink or a tie there is no derivative, and TypeError says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers import special
from bpcompare.numbers.number import MOVES, Axes, Num, Number, dot, gather, scatter, total

__all__ = ["Dual", "NoDerivativeError"]


class NoDerivativeError(TypeError, LookupError):
    """There is no derivative at this point, or no rule for it: who looks for a law finds none there."""


class Dual(Number):
    """`value` and `tangent`, of one shape; a tangent of None is 0."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, tangent: Any = None) -> None:
        self.value, self.tangent = value, tangent

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of both parts."""
        return tuple(np.shape(self.value)) if not isinstance(self.value, Number) else self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape))

    @property
    def T(self) -> Dual:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return self._each(lambda x: x.T)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Dual:
        return self._each(lambda x: x[key])

    def reshape(self, *shape: Any) -> Dual:
        """As ndarray.reshape."""
        return self._each(lambda x: x.reshape(*shape))

    def transpose(self, *axes: Any) -> Dual:
        """As ndarray.transpose."""
        return self._each(lambda x: x.transpose(*axes))

    def _each(self, f: Callable[[Any], Any]) -> Dual:
        """What is linear, of both parts."""
        return Dual(f(self.value), None if self.tangent is None else f(self.tangent))

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("a dual number is not an array: a silent conversion would drop its derivative")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__.lstrip("_")  # SciPy's zeta is written around a ufunc that it hides
        if method == "__call__" and not kwargs:
            if name in SLOPES:
                return _one(ufunc, SLOPES[name], inputs[0])
            if name in PAIRS:
                return PAIRS[name](*map(_dual, inputs))
        raise NoDerivativeError(f"no rule of dual numbers for numpy.{name}")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in MOVES:
            return self._each(lambda x: func(x, *args[1:], **kwargs))
        if func is np.concatenate:
            parts = [_dual(x) for x in args[0]]
            tangents = None if all(x.tangent is None for x in parts) else func([_moves(x) for x in parts], *args[1:], **kwargs)
            return Dual(func([x.value for x in parts], *args[1:], **kwargs), tangents)
        if func is np.where:
            condition, x, y = args[0], _dual(args[1]), _dual(args[2])
            tangent = None if x.tangent is None and y.tangent is None else func(condition, _moves(x), _moves(y))
            return Dual(func(condition, x.value, y.value), tangent)
        raise NoDerivativeError(f"no rule of dual numbers for numpy.{func.__name__}")

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Dual:
        """ẋ w + x ẇ."""
        x, w = _dual(x), _dual(w)
        terms = [] if x.tangent is None else [dot(x.tangent, w.value)]
        terms += [] if w.tangent is None else [dot(x.value, w.tangent)]
        found = Dual(dot(x.value, w.value), total(terms) if terms else None)
        return found if plus is None else _sum(found, _dual(plus))

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Dual:
        """Both parts added up."""
        duals = [_dual(term) for term in terms]
        moving = [x.tangent for x in duals if x.tangent is not None]
        return Dual(total([x.value for x in duals]), total(moving) if moving else None)

    def total_along(self, axis: Axes, keepdims: bool) -> Dual:
        """Both parts."""
        return self._each(lambda x: total(x, axis=axis, keepdims=keepdims))

    def positive(self) -> Array:
        """Where the value is above 0. Raises NoDerivativeError where that cannot be told: on a kink there is no derivative."""
        if self._kinked(self.value).any():
            raise NoDerivativeError("on a kink, there is no second derivative")
        return np.asarray(self.plain() > 0)

    def first_max(self, among: Array | None) -> Array:
        """Where the largest values are. Raises NoDerivativeError where two tie."""
        x, r = np.asarray(self.plain()), self._radius(self.value)
        x = x if among is None else np.where(among, x, -np.inf)
        mask = np.zeros(x.shape, bool)
        np.put_along_axis(mask, np.argmax(x, axis=-1)[..., None], True, axis=-1)
        lowest = np.max(np.where(mask, x - r, -np.inf), axis=-1, keepdims=True)
        if (~mask & (x + r >= lowest)).any():
            raise NoDerivativeError("several share a maximum: there is no second derivative")
        return mask

    def excluded(self) -> Array:
        """By the value."""
        found: Array = self.value.excluded()
        return found

    def gather(self, index: Array) -> Dual:
        """Rows of both parts."""
        return self._each(lambda x: gather(x, index))

    def scatter(self, index: Array, rows: int) -> Dual:
        """Rows of both parts, added up."""
        return self._each(lambda x: scatter(x, index, rows))

    def hyperparameter(self, value: Num) -> Num:
        """A number that does not move."""
        return value if isinstance(value, Dual) else Dual(self.value.hyperparameter(value))

    def beforehand(self, f: Callable[..., Num], values: Sequence[float]) -> Num:
        """A coefficient that does not move."""
        return Dual(self.value.beforehand(f, values))

    def in_format(self, value: float, *, widened: bool) -> float:
        """As the value has it."""
        found: float = self.value.in_format(value, widened=widened)
        return found

    def plain(self) -> Array:
        """The value's numbers."""
        found: Array = self.value.plain()
        return found

    def is_sharp(self) -> bool:
        """Whether the value is."""
        return bool(self.value.is_sharp())

    @property
    def unit(self) -> float:
        """That of the value."""
        found: float = self.value.unit
        return found

    def either(self, other: Num) -> Num:
        """Of both parts. Raises NoDerivativeError where one formula moves, and the other does not."""
        if self.tangent is None and other.tangent is None:
            return Dual(self.value.either(other.value))
        if self.tangent is None or other.tangent is None:
            raise NoDerivativeError("one formula moves, and the other does not")
        return Dual(self.value.either(other.value), self.tangent.either(other.tangent))

    @staticmethod
    def _radius(x: Any) -> Any:
        return x.radius() if hasattr(x, "radius") else 0.0

    def _kinked(self, x: Any) -> Array:
        return np.asarray(np.abs(np.asarray(self.plain())) <= self._radius(x))


Slope = Callable[[Any, Any], Any]
SLOPES: Mapping[str, Slope] = {
    "negative": lambda _x, _y: -1.0,
    "square": lambda x, _: 2.0 * x,
    "exp": lambda _, y: y,
    "expm1": lambda _, y: y + 1.0,
    "exp2": lambda _, y: float(np.log(2.0)) * y,
    "log": lambda x, _: 1.0 / x,
    "log1p": lambda x, _: 1.0 / (x + 1.0),
    "log2": lambda x, _: 1.0 / (float(np.log(2.0)) * x),
    "log10": lambda x, _: 1.0 / (float(np.log(10.0)) * x),
    "sqrt": lambda _, y: 0.5 / y,
    "tanh": lambda _, y: 1.0 - y * y,
    "sin": lambda x, _: np.cos(x),
    "cos": lambda x, _: -np.sin(x),
    "tan": lambda _, y: 1.0 + y * y,
    "sinh": lambda x, _: np.cosh(x),
    "cosh": lambda x, _: np.sinh(x),
    "arctan": lambda x, _: 1.0 / (1.0 + x * x),
    "arcsinh": lambda x, _: 1.0 / np.sqrt(1.0 + x * x),
    "arctanh": lambda x, _: 1.0 / (1.0 - x * x),
    "arcsin": lambda x, _: 1.0 / np.sqrt(1.0 - x * x),
    "arccos": lambda x, _: -1.0 / np.sqrt(1.0 - x * x),
    "erf": lambda x, _: float(2.0 / np.sqrt(np.pi)) * np.exp(-(x * x)),
    "erfc": lambda x, _: float(-2.0 / np.sqrt(np.pi)) * np.exp(-(x * x)),
    "gammaln": lambda x, _: special.digamma(x),
    "psi": lambda x, _: special.zeta(2.0, x),
}
"""f′(x), where y = f(x)."""


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x)


def _moves(x: Dual) -> Any:
    """The tangent as an array."""
    return np.zeros(x.shape) if x.tangent is None else x.tangent


def _one(ufunc: Any, slope: Slope, x: Any) -> Dual:
    y = ufunc(x.value)
    return Dual(y, None if x.tangent is None else slope(x.value, y) * x.tangent)


def _terms(shape: tuple[int, ...], *terms: Any) -> Any:
    """The sum of those that are there, in the shape of the result."""
    found = [term for term in terms if term is not None]
    if not found:
        return None
    whole = found[0] if len(found) == 1 else found[0] + found[1]
    return whole if whole.shape == shape else np.broadcast_to(whole, shape)


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Number) else np.shape(x)


def _sum(x: Dual, y: Dual) -> Dual:
    value = x.value + y.value
    return Dual(value, _terms(_shape(value), x.tangent, y.tangent))


def _difference(x: Dual, y: Dual) -> Dual:
    value = x.value - y.value
    return Dual(value, _terms(_shape(value), x.tangent, None if y.tangent is None else -y.tangent))


def _multiplied(x: Dual, y: Dual) -> Dual:
    value = x.value * y.value
    left = None if x.tangent is None else x.tangent * y.value
    return Dual(value, _terms(_shape(value), left, None if y.tangent is None else x.value * y.tangent))


def _divided(x: Dual, y: Dual) -> Dual:
    value = x.value / y.value
    left = None if x.tangent is None else x.tangent / y.value
    return Dual(value, _terms(_shape(value), left, None if y.tangent is None else -(value * y.tangent) / y.value))


def _power(x: Dual, p: Dual) -> Dual:
    if p.tangent is not None:
        raise NoDerivativeError("no rule of dual numbers for an exponent that moves")
    value = x.value**p.value
    if x.tangent is None:
        return Dual(value)
    sharp = not isinstance(p.value, Number) or not np.any(Dual._radius(p.value))  # noqa: SLF001 — of this module
    # A whole exponent stays one: of a number below 0 there is no other power.
    less = float(p.value.plain() if isinstance(p.value, Number) else p.value) - 1.0 if sharp else p.value - 1.0
    return Dual(value, p.value * x.value**less * x.tangent)


def _largest(x: Dual, y: Dual) -> Dual:
    above = _difference(x, y).positive()
    found: Any = np.where(above, x, y)
    return _dual(found)


def _zeta(s: Dual, x: Dual) -> Dual:
    order = float(s.value)
    found = special.zeta(order, x.value)
    return Dual(found, None if x.tangent is None else -order * special.zeta(order + 1.0, x.value) * x.tangent)


PAIRS: Mapping[str, Callable[[Dual, Dual], Dual]] = {
    "add": _sum,
    "subtract": _difference,
    "multiply": _multiplied,
    "divide": _divided,
    "true_divide": _divided,
    "power": _power,
    "maximum": _largest,
    "zeta": _zeta,
    "matmul": lambda x, y: Dual.dot(x, y, None),
}
