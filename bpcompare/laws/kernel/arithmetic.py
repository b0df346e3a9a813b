"""Element by element: sums, products, quotients, branches, and functions with a derivative. Shapes broadcast as in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.laws.kernel.moves import spread, summed_to
from bpcompare.laws.kernel.node import Node, Shape, Transpose, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers import number
from bpcompare.numbers.number import Num, masked


def add(*terms: Any) -> Node:
    """Σ of the terms, one sum; every term receives Δ."""
    nodes = [lifted(term) for term in terms]
    shape = np.broadcast_shapes(*(node.shape for node in nodes))
    sources = [(node, _to(node, lambda dy: dy)) for node in nodes]
    return Node(shape, lambda: number.total([_wide(node, shape) for node in nodes]), sources)


def subtract(x: Any, y: Any) -> Node:
    """x − y;  Δ_x = Δ,  Δ_y = −Δ."""
    return _binary(x, y, lambda a, b: a - b, lambda _a, _b, dy: dy, lambda _a, _b, dy: -dy)


def multiply(x: Any, y: Any) -> Node:
    """x y;  Δ_x = y Δ,  Δ_y = x Δ."""
    return _binary(x, y, lambda a, b: a * b, lambda _a, b, dy: b() * dy, lambda a, _b, dy: a() * dy)


def divide(x: Any, y: Any) -> Node:
    """x/y;  Δ_x = Δ/y,  Δ_y = −x Δ/y²."""
    return _binary(x, y, lambda a, b: a / b, lambda _a, b, dy: dy / b(), lambda a, b, dy: -(a() * dy / (b() * b())))


def negative(x: Any) -> Node:
    """−x;  −Δ."""
    x = lifted(x)
    return Node(x.shape, lambda: -x.value, [(x, lambda dy: -dy)])


def elementwise(x: Any, g: Callable[[Num], Num], g_prime: Callable[[Num], Num], back: Transpose | None = None) -> Node:
    """g(x);  g'(x) Δ, or `back(Δ)` where that product has a better order."""
    x = lifted(x)
    return Node(x.shape, lambda: g(x.value), [(x, back or (lambda dy: g_prime(x.value) * dy))])


def where(mask: Array, x: Any, y: Any) -> Node:
    """x where the mask is true, y elsewhere; each receives Δ where it was taken, exactly 0 elsewhere."""
    x, y = lifted(x), lifted(y)
    shape = np.broadcast_shapes(np.shape(mask), x.shape, y.shape)
    full = np.broadcast_to(mask, shape)

    def evaluate() -> Num:
        return np.where(full, _wide(x, shape), _wide(y, shape))

    return Node(shape, evaluate, [(x, _to(x, lambda dy: masked(full, dy))), (y, _to(y, lambda dy: masked(~full, dy)))])


def _wide(node: Node, shape: Shape) -> Num:
    """The node's value, repeated to `shape`; a single number stays one, with what is known of its rounding."""
    return spread(node.value, shape) if node.shape else node.value


Back = Callable[[Callable[[], Num], Callable[[], Num], Num], Num]
"""Δ of one operand from both, each evaluated only if it is called, and Δ."""


def _binary(x: Any, y: Any, operation: Callable[[Num, Num], Num], to_x: Back, to_y: Back) -> Node:
    x, y = lifted(x), lifted(y)

    def evaluate() -> Num:
        return operation(x.value, y.value)

    def back(rule: Back) -> Transpose:
        return lambda dy: rule(lambda: x.value, lambda: y.value, dy)

    shape = np.broadcast_shapes(x.shape, y.shape)
    return Node(shape, evaluate, [(x, _to(x, back(to_x))), (y, _to(y, back(to_y)))])


def _to(source: Node, back: Callable[[Num], Num]) -> Transpose:
    """`back`, summed over what was repeated of the source."""
    return lambda dy: summed_to(back(dy), source.shape)
