"""Variances, norms, products, distances: many numbers made one."""

from __future__ import annotations

import math

import numpy as np

from bpcompare.laws import elementary, kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, plainly
from bpcompare.laws.calls.functions import absolute, unmoved
from bpcompare.laws.calls.sums import axes
from bpcompare.laws.kernel import Node, lifted
from bpcompare.laws.kernel.scores import softmax_along
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num

rows = Rows()


def _moments(a: Arguments) -> tuple[Node, Node]:
    """Σ (x − μ)²/(n − correction), and μ, over the axes that the call names; both keep these axes with length 1."""
    x = lifted(a.get("self", a.get("input")))
    over = axes(a, x)
    n = math.prod(x.shape[axis] for axis in over)
    less = a.get("correction")
    less = (1 if a.get("unbiased", True) else 0) if less is None else less
    if n - less <= 0:
        raise LookupError("no more numbers than the correction")
    _, variance = kernel.moments(x, over)
    scale = n / (n - less)
    return variance if scale == 1.0 else kernel.multiply(operand(a, scale), variance), kernel.mean(x, over, keepdims=True)


@rows.law("var", rearranged=True)
def _var(a: Arguments) -> Node:
    return kernel.reshape(_moments(a)[0], a.shape)


@rows.law("std", rearranged=True)
def _std(a: Arguments) -> Node:
    return kernel.reshape(kernel.sqrt(_moments(a)[0]), a.shape)


@rows.law("var_mean", rearranged=True)
def _var_mean(a: Arguments) -> list[Node]:
    return [kernel.reshape(part, shape) for part, shape in zip(_moments(a), a.shapes, strict=True)]


@rows.law("std_mean", rearranged=True)
def _std_mean(a: Arguments) -> list[Node]:
    variance, mean = _moments(a)
    return [kernel.reshape(part, shape) for part, shape in zip((kernel.sqrt(variance), mean), a.shapes, strict=True)]


def last(x: Node, over: tuple[int, ...]) -> Node:
    """The axes `over` joined as the last one."""
    over = tuple(axis % x.ndim for axis in over)
    kept = tuple(axis for axis in range(x.ndim) if axis not in over)
    moved = kernel.permute(x, (*kept, *over)) if over != tuple(range(len(kept), x.ndim)) else x
    return kernel.reshape(moved, (*(x.shape[axis] for axis in kept), math.prod(x.shape[axis] for axis in over)))


@rows.law("prod", rearranged=True)
def _prod(a: Arguments) -> Node:
    """x₁ x₂ … by halves;  Δ times the product of all others, zeros among them or not."""
    x = last(lifted(a.self), axes(a, a.self))
    if not x.shape[-1]:
        return lifted(np.ones(a.shape))
    while (n := x.shape[-1]) > 1:
        half = n // 2
        pairs = kernel.multiply(kernel.cut(x, -1, range(half)), kernel.cut(x, -1, range(half, 2 * half)))
        x = pairs if n == 2 * half else kernel.concat([pairs, kernel.cut(x, -1, range(n - 1, n))], -1)
    return kernel.reshape(x, a.shape)


@rows.law("nansum")
def _nansum(a: Arguments) -> Node:
    """Σ of what is a number;  Δ where it is one."""
    x, there = lifted(a.self), ~np.isnan(plainly(a.self))
    return kernel.reshape(kernel.total(kernel.where(there, x, np.zeros(())), axes(a, x), keepdims=True), a.shape)


@rows.law("logsumexp", "special_logsumexp", rearranged=True)
def _logsumexp(a: Arguments) -> Node:
    """ln Σ eˣ;  softmax(x) Δ."""
    x = last(lifted(a.self), axes(a, a.self))

    def back(dy: Num) -> Num:
        return softmax_along(x.value, -1) * np.expand_dims(dy, -1)

    found = Node(x.shape[:-1], lambda: np.reshape(elementary.log_sum_exp(x.value), x.shape[:-1]), [(x, back)])
    return kernel.reshape(found, a.shape)


# norms


def norm(x: Node, p: float) -> Node:
    """(Σ |x|ᵖ)^(1/p) along the last axis; where x is 0 throughout, it is 0 and its Δ, too."""
    zero = (plainly(x) == 0).all(axis=-1)
    if p == 0:
        return _count(x)
    if math.isinf(p):
        return _extreme(x, p)
    if zero.any():  # 1 in place of 0: whatever comes back there is dropped
        x = kernel.where(np.broadcast_to(zero[..., None], x.shape), np.ones(()), x)
    found = _power_mean(x, p)
    return kernel.where(zero, np.zeros(()), found) if zero.any() else found


def _count(x: Node) -> Node:
    """How many are not 0; no Δ."""
    return kernel.total(unmoved(x, (plainly(x) != 0).astype(np.float64)), (-1,))


def _power_mean(x: Node, p: float) -> Node:
    if p == 1:
        return kernel.total(absolute(x), (-1,))
    if p == 2:
        return kernel.sqrt(kernel.total(kernel.elementwise(x, lambda v: v * v, lambda v: 2.0 * v), (-1,)))
    even = float(p).is_integer() and p % 2 == 0
    return kernel.power(kernel.total(kernel.power(x if even else absolute(x), float(p)), (-1,)), 1.0 / p)


def _extreme(x: Node, p: float) -> Node:
    """The largest, or the smallest, |x|; those that tie share Δ evenly."""
    size = np.abs(plainly(x))
    if not size.shape[-1]:
        raise LookupError("the largest of nothing")
    winners = size == (size.max if p > 0 else size.min)(axis=-1, keepdims=True)
    return kernel.total(kernel.multiply(winners / winners.sum(axis=-1, keepdims=True), absolute(x)), (-1,))


@rows.law("linalg_vector_norm", "norm", "frobenius_norm", rearranged=True, kinks=("0: the derivative is 0",))
def _norm(a: Arguments) -> Node:
    order = a.get("ord", a.get("p", 2))
    if not isinstance(order, (int, float)):
        raise LookupError("an order that is no number")
    return kernel.reshape(norm(last(lifted(a.self), axes(a, a.self)), float(order)), a.shape)


@rows.law("dist", rearranged=True, kinks=("0: the derivative is 0",))
def _dist(a: Arguments) -> Node:
    apart = kernel.subtract(a.self, a.other)
    return kernel.reshape(norm(kernel.reshape(apart, (-1,)), float(a.get("p", 2))), ())


@rows.law("_cdist_forward", rearranged=True, kinks=("0: the derivative is 0",))
def _cdist(a: Arguments) -> Node:
    """‖x_i − y_j‖ of each with each."""
    x, y = lifted(a.x1), lifted(a.x2)
    apart = kernel.subtract(
        kernel.reshape(x, (*x.shape[:-1], 1, x.shape[-1])), kernel.reshape(y, (*y.shape[:-2], 1, *y.shape[-2:]))
    )
    return norm(apart, float(a.p))


@rows.law("_pdist_forward", "pdist", rearranged=True, kinks=("0: the derivative is 0",))
def _pdist(a: Arguments) -> Node:
    """‖x_i − x_j‖ for i before j."""
    first, second = np.triu_indices(a.self.shape[0], 1)
    return norm(kernel.subtract(picked(a.self, first), picked(a.self, second)), float(a.get("p", 2)))


def picked(x: Node, index: Array) -> Node:
    """Rows of a matrix."""
    flat = kernel.reshape(x, (-1,))
    return kernel.take(flat, index[:, None] * x.shape[1] + np.arange(x.shape[1]))


@rows.law("_euclidean_dist", rearranged=True)
def _euclidean_dist(a: Arguments) -> Node:
    """√(|x|² + |y|² − 2 x y) of each with each, by one product of matrices; what rounding makes negative counts as 0."""
    x, y = lifted(a.x1), lifted(a.x2)

    def squares(v: Node) -> Node:
        return kernel.total(kernel.multiply(v, v), (-1,), keepdims=True)

    ones_x, ones_y = (np.ones((*v.shape[:-1], 1)) for v in (x, y))
    left = kernel.concat([kernel.multiply(-2.0, x), squares(x), ones_x], -1)
    right = kernel.concat([y, ones_y, squares(y)], -1)
    turned = kernel.permute(right, (*range(right.ndim - 2), right.ndim - 1, right.ndim - 2))
    return kernel.sqrt(kernel.matmul(left, turned))
