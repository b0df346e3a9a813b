"""The primitives of the laws beyond NumPy's own functions, dispatched on what the numbers are.

A law written with these and with NumPy runs unchanged on arrays, on complex arrays, and on every other kind of `Number`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpcompare.parameter import Array

Num = Any
"""An array of real or complex floats, or a `Number`."""

Axes = int | tuple[int, ...]

Side = Literal["low", "high"] | None
"""How to decide what numbers leave open at a kink or a tie: by the law's convention, or by an extreme of what is valid."""


class Number(ABC):
    """An array-like arithmetic of its own, such as one that carries rounding bounds. Its class answers the primitives."""

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
    def first_max(self) -> Array:
        """See `first_max`."""

    @abstractmethod
    def gather(self, index: Array) -> Num:
        """See `gather`."""

    @abstractmethod
    def scatter(self, index: Array, rows: int) -> Num:
        """See `scatter`."""

    def moments(self, axes: tuple[int, ...]) -> tuple[Num, Num]:
        """See `moments`."""
        return central_moments(self, axes)

    def either(self, other: Num) -> Num:
        """See `either`."""
        return self

    @abstractmethod
    def hyperparameter(self, value: Num) -> Num:
        """See `hyperparameter`."""


@dataclass(frozen=True, slots=True)
class Product:
    """x @ w, not yet evaluated: what a matrix product contributes to a sum, so that the sum can be one sum."""

    x: Num
    w: Num


def _kind(*operands: Num) -> type[Number] | None:
    return next((type(operand) for operand in operands if isinstance(operand, Number)), None)


def dot(x: Num, w: Num, plus: Num | None = None) -> Num:
    """x @ w + plus for x (rows, n), w (n, columns), plus (columns,): one sum of n products (and one term) per entry."""
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
    """The sum of a list of equally shaped terms, or of one array along `axis`; the order of summation is nobody's promise.

    Products in the list enter the same sum: Σ_k w_jk Δ_k over every consumer k is one sum, as the textbook writes it.
    """
    if isinstance(terms, (list, tuple)):
        return _total_of(terms)
    x: Any = terms
    if axis is None:
        axis = tuple(range(x.ndim))
    return x.total_along(axis, keepdims) if isinstance(x, Number) else x.sum(axis=axis, keepdims=keepdims)


def _total_of(terms: Sequence[Num | Product]) -> Num:
    products = [term for term in terms if isinstance(term, Product)]
    others: list[Num] = [term for term in terms if not isinstance(term, Product)]
    if products:
        if len(products) > 1:
            x = np.concatenate([product.x for product in products], axis=-1)
            w = np.concatenate([product.w for product in products], axis=0)
            products = [Product(x, w)]
        others.append(dot(products[0].x, products[0].w))
    if len(others) == 1:
        return others[0]
    kind = _kind(*others)
    if kind is not None:
        return kind.total(others)
    y = others[0] + others[1]
    for term in others[2:]:
        y = _plus(y, term)
    return y


def moments(x: Num, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """x − μ, and its mean square σ², with mean and square over `axes`, which stay with length one."""
    return x.moments(axes) if isinstance(x, Number) else central_moments(x, axes)


def central_moments(x: Num, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """The two passes of `moments`, written out."""
    count = float(np.prod([x.shape[axis] for axis in axes]))
    centred = x - total(x, axis=axes, keepdims=True) / count
    return centred, total(centred * centred, axis=axes, keepdims=True) / count


def positive(x: Num) -> Array:
    """Where x > 0, as booleans. Zero is not positive: at a kink this is the convention. Complex numbers: their real part."""
    if isinstance(x, Number):
        return x.positive()
    return np.asarray(x.real > 0)


def first_max(x: Num) -> Array:
    """Booleans that mark the first maximum along the last axis. Complex numbers: of their real part."""
    if isinstance(x, Number):
        return x.first_max()
    mask = np.zeros(x.shape, bool)
    np.put_along_axis(mask, np.argmax(x.real, axis=-1)[..., None], True, axis=-1)
    return mask


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


def either(value: Num, other: Callable[[], Num]) -> Num:
    """`value`; for arithmetics with bounds, wide enough for the other formula of the same function that some framework uses."""
    return value.either(other()) if isinstance(value, Number) else value
