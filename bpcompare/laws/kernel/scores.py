"""The largest of several numbers, and its smooth relatives, along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import elementary
from bpcompare.laws.kernel.node import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, first_max, masked, named
from bpcompare.numbers.number import total as summed


def largest(x: Any, among: Array | None = None) -> Node:
    """The maximum along the last axis, of those entries that are `among` its candidates;  the first maximum receives all of Δ."""
    x = lifted(x)
    winner = Node(x.shape, lambda: first_max(x.value, among))

    def back(dy: Num) -> Num:
        return masked(winner.value, np.broadcast_to(np.expand_dims(dy, -1), x.shape))

    return Node(x.shape[:-1], lambda: summed(masked(winner.value, x.value), axis=-1), [(x, back)])


def softmax(x: Any, axis: int = -1) -> Node:
    """a = eˣ/Σ eˣ along an axis;  a (Δ − Σ a Δ)."""
    x = lifted(x)
    y = Node(x.shape, lambda: softmax_along(x.value, axis))

    def back(dy: Num) -> Num:
        return softmax_back(y.value, dy, axis)

    return Node(x.shape, lambda: y.value, [(x, back)])


def log_softmax(x: Any, axis: int = -1) -> Node:
    """x − ln Σ eˣ along an axis;  Δ − softmax(x) Σ Δ."""
    x = lifted(x)

    def evaluate() -> Num:
        moved = np.moveaxis(x.value, axis, -1)
        return np.moveaxis(moved - elementary.log_sum_exp(moved), -1, axis)

    def back(dy: Num) -> Num:
        return dy - softmax_along(x.value, axis) * summed(dy, axis=axis % x.ndim, keepdims=True)

    return Node(x.shape, evaluate, [(x, back)])


# the same on numbers


def softmax_along(x: Num, axis: int) -> Num:
    """eˣ/Σ eˣ along an axis."""
    if axis % x.ndim == x.ndim - 1:
        return elementary.softmax(x)
    return np.moveaxis(elementary.softmax(np.moveaxis(x, axis, -1)), -1, axis)


def softmax_back(a: Num, dy: Num, axis: int) -> Num:
    """a (Δ − Σ_k a_k Δ_k): the Jacobian diag(a) − a aᵀ, applied."""
    return a * (dy - named("Σ a Δ_a", summed(a * dy, axis=axis % dy.ndim, keepdims=True)))
