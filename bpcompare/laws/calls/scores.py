"""Softmax and its relatives, and the errors that are made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly
from bpcompare.laws.calls.moves import taken
from bpcompare.laws.kernel import Node, lifted

rows = Rows()
NONE, MEAN, SUM = 0, 1, 2
"""torch's numbers for the reductions of errors."""

rows.law("_log_softmax", "log_softmax", rearranged=True)(lambda a: kernel.log_softmax(a.self, a.dim))


@rows.law("_softmax", "softmax", rearranged=True)
def _softmax(a: Arguments) -> Node:
    return kernel.softmax(levelled(lifted(a.self), a.dim), a.dim)


@rows.law("_safe_softmax", rearranged=True)
def _safe_softmax(a: Arguments) -> Node:
    """softmax, and 0 where all scores are −∞."""
    x, none = lifted(a.self), np.isneginf(plainly(a.self)).all(axis=a.dim, keepdims=True)
    if not none.any():
        return kernel.softmax(levelled(x, a.dim), a.dim)
    full = np.broadcast_to(none, x.shape)
    return kernel.where(full, np.zeros(()), kernel.softmax(kernel.where(full, np.zeros(()), x), a.dim))


def levelled(x: Node, axis: int) -> Node:
    """x with 0 for scores that are the same all along the axis: in no order of operations does softmax see anything but equals.

    Where a mask has put a format's lowest number on a whole row, x − max would have a radius of that size.
    """
    v = plainly(x)
    first = np.take(v, [0], axis)
    level = np.broadcast_to((v == first).all(axis=axis, keepdims=True) & np.isfinite(first), v.shape)
    if not level.any():
        return x
    return Node(x.shape, lambda: np.where(level, 0.0, x.value), [(x, lambda dy: dy)])


def reduced(x: Any, reduction: int) -> Node:
    """Every term, their mean, or their sum."""
    terms = lifted(x)
    if reduction == NONE:
        return terms
    return kernel.mean(terms) if reduction == MEAN else kernel.total(terms)


@rows.law("mse_loss", rearranged=True)
def _mse_loss(a: Arguments) -> Node:
    r = kernel.subtract(floats(a.self), floats(a.target))
    return reduced(kernel.elementwise(r, lambda v: v * v, lambda v: 2.0 * v), a.get("reduction", MEAN))


@rows.law("nll_loss_forward", "nll_loss2d_forward", "nll_loss_nd", "nll_loss", rearranged=True)
def _nll_loss(a: Arguments) -> Node:
    """−Σ w_t x_t, over Σ w_t where it is a mean; classes stand along the second axis, or the only one."""
    target, x = np.asarray(a.target), lifted(a.self)
    axis = 1 if x.ndim > 1 else 0
    counts = target != a.get("ignore_index", -100)
    classes = np.where(counts, target, 0)
    ids = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    picked = np.take_along_axis(ids, np.expand_dims(classes, axis), axis)
    index = np.where(counts, np.squeeze(picked, axis), -1)
    weight = a.get("weight")
    terms = kernel.negative(taken(x, index))
    weights: Any = counts.astype(np.float64)
    if weight is not None:
        weights = kernel.multiply(taken(weight, classes), weights)
        terms = kernel.multiply(terms, weights)
    reduction = a.get("reduction", MEAN)
    if reduction == NONE:
        return terms
    whole = kernel.total(terms)
    if reduction == SUM:
        return whole
    return kernel.divide(whole, kernel.total(weights) if weight is not None else float(counts.sum()))
