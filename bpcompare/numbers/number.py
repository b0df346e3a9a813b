"""The primitives of the laws beyond NumPy's own functions, dispatched on what the numbers are.

A law written with these and with NumPy runs unchanged on arrays, on complex arrays, and on every other kind of `Number`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view

from bpcompare.network.parameter import Array
from bpcompare.numbers.kinds import Kinds

Num = Any
"""An array of real or complex floats, or a `Number`."""

Axes = int | tuple[int, ...]

Side = Literal["low", "high", "even", "drawn", "split"] | None
"""How to decide what numbers leave open at a kink or a tie: by the law's convention, or by an extreme of what is valid.

Of the calls of own code also with Δ of a tie in equal parts ("even", at kinks as "low"), or in parts that are drawn ("drawn", at
kinks as "high"; "split", at kinks by the sign of the zero, so that x and −x are on two sides).
"""

MOVES: frozenset[Callable[..., Any]] = frozenset(
    {
        np.broadcast_to,
        np.expand_dims,
        np.flip,
        np.moveaxis,
        np.pad,
        np.repeat,
        np.reshape,
        np.squeeze,
        np.swapaxes,
        np.transpose,
        sliding_window_view,
    }
)
"""NumPy's functions that only move the entries of one array, and pad with 0."""


class Number(NDArrayOperatorsMixin, metaclass=Kinds):
    """An array-like arithmetic of its own, such as one that carries rounding bounds. Its class answers the primitives.

    Its operators are NumPy's ufuncs, which come back to `__array_ufunc__`.

    `formula`: it writes down what it is asked to do, for people to read.
    """

    formula: ClassVar[bool] = False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """As an array's."""

    @classmethod
    @abstractmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Num:
        """See `dot`."""

    @classmethod
    @abstractmethod
    def total(cls, terms: Sequence[Num]) -> Num:
        """See `total`, of a list."""

    @abstractmethod
    def total_along(self, axis: Axes, keepdims: bool) -> Num:
        """See `total`, along axes."""

    @abstractmethod
    def positive(self) -> Array:
        """See `positive`."""

    @abstractmethod
    def first_max(self, among: Array | None) -> Array:
        """See `first_max`."""

    @property
    def side(self) -> Side:
        """See `side_of`."""
        return None

    def order(self) -> Array:
        """See `order`. Raises TypeError where numbers of this kind are in no order."""
        raise TypeError(f"{type(self).__name__}s are in no order")

    def excluded(self) -> Array:
        """See `excluded`."""
        return np.zeros(self.shape, bool)

    @abstractmethod
    def gather(self, index: Array) -> Num:
        """See `gather`."""

    @abstractmethod
    def scatter(self, index: Array, rows: int) -> Num:
        """See `scatter`."""

    def moments(self, axes: tuple[int, ...]) -> tuple[Num, Num]:
        """See `moments`."""
        return central_moments(self, axes)

    @property
    def unit(self) -> float:
        """See `unit_of`."""
        return 0.0

    def plain(self) -> Array:
        """See `plainly`. Raises TypeError where there are none."""
        raise TypeError(f"a {type(self).__name__} has no plain numbers")

    def is_sharp(self) -> bool:
        """See `is_sharp`."""
        return True

    def in_format(self, value: float, *, widened: bool) -> float:
        """See `in_format`."""
        return value

    def either(self, other: Num) -> Num:
        """See `either`."""
        return self

    def in_one(self, whole: Callable[[Num], Num], parts: Callable[[], Num]) -> Num:
        """See `in_one`."""
        return parts()

    def named(self, symbol: str) -> Num:
        """See `named`."""
        return self

    def applied(self, symbol: str, f: Callable[[Num], Num]) -> Num:
        """See `applied`."""
        return f(self)

    @abstractmethod
    def hyperparameter(self, value: Num) -> Num:
        """See `hyperparameter`."""

    def apart(self) -> Num:
        """See `apart`."""
        return self

    def beforehand(self, f: Callable[..., Num], values: Sequence[float]) -> Num:
        """See `beforehand`."""
        return f(*map(self.hyperparameter, values))


@dataclass(frozen=True, slots=True)
class Product:
    """x @ w, not yet evaluated: what a matrix product contributes to a sum, so that the sum can be one sum."""

    x: Num
    w: Num

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the product."""
        lead = np.broadcast_shapes(self.x.shape[:-2], self.w.shape[:-2])
        return (*lead, self.x.shape[-2], self.w.shape[-1])


def _kind(*operands: Num) -> type[Number] | None:
    return next((type(operand) for operand in operands if isinstance(operand, Number)), None)


def dot(x: Num, w: Num, plus: Num | None = None) -> Num:
    """x @ w + plus for x (…, rows, n), w (…, n, columns), plus (columns,): one sum of n products (and one term) per entry.

    Axes before the last two broadcast.
    """
    kind = _kind(x, w, plus)
    if kind is not None:
        return kind.dot(x, w, plus)
    y = x @ w
    return y if plus is None else _plus(y, plus)


def _plus(y: Array, term: Array) -> Array:
    """y + term, in place of y (which is ours) where its type allows."""
    # Sums over all axes are NumPy scalars, which nothing can be written into.
    return np.add(y, term, out=y) if y.ndim and y.dtype == np.result_type(y, term) else np.asarray(y + term)


def total(terms: Num | Sequence[Num | Product], axis: Axes | None = None, keepdims: bool = False) -> Num:
    """The sum of a list of equally shaped terms, or of one array along `axis`; no order of summation is guaranteed.

    Products in the list enter the same sum: Σ_k w_jk Δ_k over every consumer k is one sum, as the textbook writes it.
    """
    if isinstance(terms, (list, tuple)):
        return _total_of(terms)
    x: Any = terms
    if axis is None:
        axis = tuple(range(x.ndim))
    return x.total_along(axis, keepdims) if isinstance(x, Number) else x.sum(axis=axis, keepdims=keepdims)


def closed(value: Num | Product) -> Num:
    """A number of its own, where the value is a product that waits for its sum."""
    return total([value]) if isinstance(value, Product) else value


def _total_of(terms: Sequence[Num | Product]) -> Num:
    products = [term for term in terms if isinstance(term, Product)]
    others: list[Num] = [term for term in terms if not isinstance(term, Product)]
    if products:
        joined = _side_by_side(products)
        others.append(dot(joined.x, joined.w))
    if len(others) == 1:
        return others[0]
    kind = _kind(*others)
    if kind is not None:
        return kind.total(others)
    y = others[0] + others[1]
    for term in others[2:]:
        y = _plus(y, term)
    return y


def _side_by_side(products: Sequence[Product]) -> Product:
    """Σ x @ w of several products as one product: the x beside one another, the w below one another."""
    if len(products) == 1:
        return products[0]

    def alike(parts: Sequence[Num]) -> Sequence[Num]:
        leads = [part.shape[:-2] for part in parts]
        if len(set(leads)) == 1:
            return parts
        lead = np.broadcast_shapes(*leads)
        return [np.broadcast_to(part, (*lead, *part.shape[-2:])) for part in parts]

    x, w = alike([product.x for product in products]), alike([product.w for product in products])
    return Product(np.concatenate(x, axis=-1), np.concatenate(w, axis=-2))


def moments(x: Num, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """x − μ, and its mean square σ², with mean and square over `axes`, which stay with length one."""
    return x.moments(axes) if isinstance(x, Number) else central_moments(x, axes)


def central_moments(x: Num, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """The two passes of `moments`, written out."""
    count = float(prod(x.shape[axis] for axis in axes))
    centred = x - named("μ", total(x, axis=axes, keepdims=True) / count)
    return centred, named("σ²", total(centred * centred, axis=axes, keepdims=True) / count)


def positive(x: Num) -> Array:
    """Where x > 0, as booleans. Zero is not positive: at a kink this is the convention. Complex numbers: their real part."""
    if isinstance(x, Number):
        return x.positive()
    return np.asarray(x.real > 0)


def side_of(x: Num) -> Side:
    """Which side is taken at a kink, where `positive` says the same of x and of −x; None: the convention."""
    return x.side if isinstance(x, Number) else None


def first_max(x: Num, among: Array | None = None) -> Array:
    """Booleans that mark the first maximum along the last axis, of those entries that are `among` its candidates.

    Complex numbers: of their real part.
    """
    if isinstance(x, Number):
        return x.first_max(among)
    return first_of(x.real if among is None else np.where(among, x.real, -np.inf))


def first_of(x: Array) -> Array:
    """Booleans that mark the first maximum of an array along the last axis."""
    mask = np.zeros(x.shape, bool)
    np.put_along_axis(mask, np.argmax(x, axis=-1)[..., None], True, axis=-1)
    return mask


def order(x: Num) -> Array:
    """The positions that sort x along the last axis, equal ones as they stand. Complex numbers: by their real part."""
    return x.order() if isinstance(x, Number) else np.argsort(x.real, axis=-1, kind="stable")


LOW = 2.0**-4
"""From this part of a format's lowest number on, a score counts as excluded."""


def excluded(x: Num) -> Array:
    """Where x is −∞ or comes near the lowest number of its format: what masks put on scores that must not count.

    e^(x − y) is exactly 0 there for every y that is not as low, while x − y itself may overflow.
    """
    if isinstance(x, Number):
        return x.excluded()
    return np.asarray(x.real < -LOW * float(np.finfo(x.dtype).max))


def masked(mask: Array, x: Num) -> Num:
    """x where the mask is true, exactly 0 elsewhere."""
    if isinstance(x, Number):
        return np.where(mask, x, 0.0)  # type: ignore[call-overload]
    y = x * mask  # ten times faster than `where`, and the same unless an infinity is masked
    return y if np.isfinite(y).all() else np.where(mask, x, 0.0)


def gather(x: Num, index: Array) -> Num:
    """Rows of x: x[index]."""
    return x.gather(index) if isinstance(x, Number) else x[index]


def scatter(x: Num, index: Array, rows: int) -> Num:
    """The transpose of `gather`: y[index] += x into `rows` rows of zeros; an index met twice adds twice."""
    if isinstance(x, Number):
        return x.scatter(index, rows)
    y = np.zeros((rows, *x.shape[index.ndim :]), x.dtype)
    np.add.at(y, index, x)
    return y


def hyperparameter(value: Num, like: Num) -> Num:
    """A number of the spec, as the arithmetic of `like` has it: where it is rounded, its own rounding counts.

    Applied to a number computed from hyperparameters alone (1 − βᵗ), it says that no rearrangement reaches into it.
    """
    return like.hyperparameter(value) if isinstance(like, Number) else value


def apart(x: Num) -> Num:
    """x, which a formula adds to at its end and reads nowhere else: no rearrangement of that formula rounds it once more."""
    return x.apart() if isinstance(x, Number) else x


def beforehand(f: Callable[..., Num], *values: float, like: Num) -> Num:
    """f(values), a coefficient that is worked out in Python's floats before an array is touched, in the arithmetic of `like`.

    Where numbers are rounded: in float64, whatever the format of the arrays, and to that format once.
    """
    return like.beforehand(f, values) if isinstance(like, Number) else f(*values)


def unit_of(like: Num) -> float:
    """The unit roundoff of the format that numbers have bounds for; 0 where they have none."""
    return like.unit if isinstance(like, Number) else 0.0


def plainly(x: Num) -> Array:
    """The numbers themselves, for what is decided by them and has no rounding: where a whole part jumps, what is NaN, what is 0.

    Such a decision is right for what was recorded, which is what a call was given to the last bit.
    """
    return x.plain() if isinstance(x, Number) else np.asarray(x)


def is_sharp(x: Num) -> bool:
    """Whether x is known but for a rounding or two, as what was recorded is; what is worked out may be wider."""
    return x.is_sharp() if isinstance(x, Number) else True


def in_format(value: float, like: Num, *, widened: bool = False) -> float:
    """A number of Python's as the format of `like` has it, to the last bit; `widened`: where 16 bits are compared as 32."""
    return like.in_format(float(value), widened=widened) if isinstance(like, Number) else float(value)


def either(value: Num, other: Callable[[], Num]) -> Num:
    """`value`; for arithmetics with bounds, wide enough for the other formula of the same function that some framework uses."""
    return value.either(other()) if isinstance(value, Number) else value


def in_one(x: Num, whole: Callable[[Num], Num], parts: Callable[[], Num]) -> Num:
    """`whole(x)`, or the same function in many small steps: `parts()`, for arithmetics that have no rule for the whole.

    Those with bounds have one: what they know of the whole is narrower than what follows from its steps.
    """
    if isinstance(x, Number):
        return x.in_one(whole, parts)
    return parts() if np.iscomplexobj(x) else whole(x)


def named(symbol: str, value: Num) -> Num:
    """`value`; where formulas are written down, under this name, which stands there in its place."""
    return value.named(symbol) if isinstance(value, Number) else value


def applied(symbol: str, f: Callable[[Num], Num], x: Num) -> Num:
    """f(x), element by element; where formulas are written down, as this function of x."""
    return x.applied(symbol, f) if isinstance(x, Number) else f(x)


def shown(x: Num) -> bool:
    """Whether a formula is written down: then a law has its plain form, not the one that is quickest."""
    return isinstance(x, Number) and x.formula
