"""Sums, means and products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws.kernel.moves import spread, summed_to
from bpcompare.laws.kernel.node import Node, Shape, Transpose, lifted
from bpcompare.numbers import number
from bpcompare.numbers.number import Num, Product, dot


def total(x: Any, axes: Sequence[int] | None = None, *, keepdims: bool = False) -> Node:
    """The sum over `axes`, all of them unless they are given;  every member receives Δ."""
    x = lifted(x)
    over, kept, shape = _without(x.shape, axes, keepdims=keepdims)
    return Node(
        shape,
        lambda: number.total(x.value, axis=over, keepdims=keepdims),
        [(x, lambda dy: spread(np.reshape(dy, kept), x.shape))],
    )


def mean(x: Any, axes: Sequence[int] | None = None, *, keepdims: bool = False) -> Node:
    """Σ/n over `axes`;  every member receives Δ/n."""
    x = lifted(x)
    over, kept, shape = _without(x.shape, axes, keepdims=keepdims)
    n = float(prod(x.shape[axis] for axis in over))
    return Node(
        shape,
        lambda: number.total(x.value, axis=over, keepdims=keepdims) / n,
        [(x, lambda dy: spread(np.reshape(dy / n, kept), x.shape))],
    )


def _without(shape: Shape, axes: Sequence[int] | None, *, keepdims: bool) -> tuple[Shape, Shape, Shape]:
    """The axes counted from 0, the shape with length 1 there, and the shape that is left."""
    over = tuple(range(len(shape))) if axes is None else tuple(axis % len(shape) for axis in axes)
    kept = tuple(1 if axis in over else size for axis, size in enumerate(shape))
    return over, kept, kept if keepdims else tuple(size for axis, size in enumerate(shape) if axis not in over)


def matmul(x: Any, w: Any) -> Node:
    """x w, one sum an entry; axes before the last two broadcast.  Δ_x = Δ wᵀ,  Δ_w = xᵀ Δ, summed over what was repeated."""
    x, w = lifted(x), lifted(w)
    shape = (*np.broadcast_shapes(x.shape[:-2], w.shape[:-2]), x.shape[-2], w.shape[-1])

    def evaluate() -> Num:
        return dot(x.value, w.value)

    to_x = _product(x.shape, lambda dy: Product(dy, np.swapaxes(w.value, -1, -2)))
    to_w = _product(w.shape, lambda dy: Product(np.swapaxes(x.value, -1, -2), dy))
    return Node(shape, evaluate, [(x, to_x), (w, to_w)])


def _product(shape: Shape, back: Any) -> Transpose:
    """A product that stays open, unless it must be summed over what was repeated of its receiver."""

    def transpose(dy: Num) -> Num | Product:
        product = back(dy)
        return product if product.shape == shape else summed_to(dot(product.x, product.w), shape)

    return transpose


def moments(x: Any, axes: Sequence[int]) -> tuple[Node, Node]:
    """c = x − μ and σ² = Σ c²/n over `axes`, which stay with length 1;  Δ − Σ Δ/n, and 2 c Δ/n.

    Balls know that Σ c = 0, so these two are one primitive.
    """
    x = lifted(x)
    over, kept, _ = _without(x.shape, axes, keepdims=True)
    n = float(prod(x.shape[axis] for axis in over))
    pair = Node((), lambda: number.moments(x.value, over))

    def through_centred(dy: Num) -> Num:
        return dy - number.total(dy, axis=over, keepdims=True) / n

    def through_variance(dy: Num) -> Num:
        return pair.value[0] * (2.0 * dy / n)

    return (
        Node(x.shape, lambda: pair.value[0], [(x, through_centred)]),
        Node(kept, lambda: pair.value[1], [(x, through_variance)]),
    )
