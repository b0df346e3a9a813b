"""Errors: what a model is trained by, term by term, and what is made of the terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.laws import elementary, kernel
from bpcompare.laws.calls.activations import activated
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, floats, rounded
from bpcompare.laws.calls.functions import absolute
from bpcompare.laws.calls.moves import taken
from bpcompare.laws.calls.scores import MEAN, reduced
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, either, positive
from bpcompare.ops import Softplus

rows = Rows()


def _error(name: str, terms: Callable[[Arguments], Node], *, kinks: tuple[str, ...] = ()) -> None:
    """`name` is what its reduction makes of these terms, each times its weight if there is one."""

    def law(a: Arguments) -> Node:
        found, weight = terms(a), a.get("weight")
        return reduced(found if weight is None else kernel.multiply(found, floats(weight)), a.get("reduction", MEAN))

    rows.law(name, rearranged=True, kinks=kinks)(law)


def _apart(a: Arguments) -> Node:
    return kernel.subtract(floats(a.self), floats(a.target))


def _near_and_far(a: Arguments, edge: float, near: Callable[[Num], Num], slope: Num, far: Callable[[Node], Node]) -> Node:
    """A parabola `near` 0, whose derivative is r/edge · `slope`, and a straight line `far` out."""
    r = _apart(a)
    size = absolute(r)
    parabola = kernel.elementwise(r, near, lambda v: slope * v)
    return kernel.where(positive(size.value - rounded(edge, a.some)), far(size), parabola)


def _smooth_l1(a: Arguments) -> Node:
    """½r²/β near, |r| − ½β far; |r| for β = 0."""
    beta = float(a.get("beta", 1.0))
    if beta == 0:
        return absolute(_apart(a))
    b = a.number_of(beta)
    return _near_and_far(
        a, beta, lambda v: 0.5 * (v * v) / b, 1.0 / b, lambda size: kernel.subtract(size, operand(a, 0.5 * beta))
    )


def _huber(a: Arguments) -> Node:
    """½r² near, δ(|r| − ½δ) far."""
    delta = float(a.get("delta", 1.0))
    d = a.number_of(delta)
    return _near_and_far(
        a,
        delta,
        lambda v: 0.5 * (v * v),
        1.0,
        lambda size: kernel.multiply(d, kernel.subtract(size, operand(a, 0.5 * delta))),
    )


_error("smooth_l1_loss", _smooth_l1)
_error("huber_loss", _huber)
_error("l1_loss", lambda a: absolute(_apart(a)), kinks=("0: the derivative is 0",))

LOWEST_LOG, LEAST_SPREAD = -100.0, 1e-12
"""torch's bounds: of a logarithm in the binary cross-entropy, and of x(1 − x), which its Δ is divided by."""


def _binary_cross_entropy(a: Arguments) -> Node:
    """−t ln x − (1 − t) ln(1 − x), no logarithm below −100;  (x − t)/(x(1 − x)) Δ, and (ln(1 − x) − ln x) Δ for t."""
    x, t = lifted(a.self), lifted(floats(a.target))

    def limited(v: Num) -> Num:
        low = np.log(v)
        return np.where(positive(low - LOWEST_LOG), low, LOWEST_LOG)

    def g() -> Num:
        return (t.value - 1.0) * _log_of_rest(x.value, limited) - t.value * limited(x.value)

    def to_x(dy: Num) -> Num:
        spread = x.value * (1.0 - x.value)
        return (x.value - t.value) / np.where(positive(spread - LEAST_SPREAD), spread, LEAST_SPREAD) * dy

    def to_t(dy: Num) -> Num:
        return (np.log(1.0 - x.value) - np.log(x.value)) * dy

    return Node(x.shape, g, [(x, to_x), (t, to_t)])


def _log_of_rest(x: Num, log: Callable[[Num], Num]) -> Num:
    """ln(1 − x), of the difference or as log1p(−x)."""

    def at_once() -> Num:
        low = np.log1p(-x)
        return np.where(positive(low - LOWEST_LOG), low, LOWEST_LOG)

    return either(at_once(), lambda: log(1.0 - x))


def _binary_cross_entropy_with_logits(a: Arguments) -> Node:
    """(1 − t) x + (1 + (w − 1) t) ln(1 + e^−x) with the weight w of what is true;  ((w t + 1 − t) σ(x) − w t) Δ."""
    x, t, weight = lifted(a.self), lifted(floats(a.target)), a.get("pos_weight")
    w = None if weight is None else lifted(floats(weight))

    def factor() -> Num:
        return 1.0 if w is None else (w.value - 1.0) * t.value + 1.0

    def g() -> Num:
        soft = elementary.softplus(-x.value)
        return (1.0 - t.value) * x.value + (soft if w is None else factor() * soft)

    def to_x(dy: Num) -> Num:
        s = elementary.sigmoid(x.value)
        if w is None:
            return (s - t.value) * dy
        true = w.value * t.value
        return ((true + 1.0 - t.value) * s - true) * dy

    def to_t(dy: Num) -> Num:
        if w is None:
            return -x.value * dy
        return (elementary.softplus(x.value) * -1.0 + w.value * elementary.softplus(-x.value)) * dy

    return Node(x.shape, g, [(x, to_x), (t, to_t)])


_error("binary_cross_entropy", _binary_cross_entropy)
_error("binary_cross_entropy_with_logits", _binary_cross_entropy_with_logits)


def _soft_margin(a: Arguments) -> Node:
    """ln(1 + e^(−t x)), the sum or the exponential first."""
    u = kernel.negative(kernel.multiply(floats(a.target), a.self))
    soft = activated(Softplus, u)
    plain = kernel.elementwise(u, lambda v: either(elementary.softplus(v), lambda: np.log(1.0 + np.exp(v))), lambda v: v)
    return Node(u.shape, lambda: plain.value, [(u, soft.sources[0][1])])


_error("soft_margin_loss", _soft_margin)

AT_THE_MARGIN = ("at the margin: the derivative is 0",)


def _beyond(z: Node, among: Any, p: float) -> Node:
    """max(0, z)ᵖ, of those that are `among` the terms, else 0."""
    inside = kernel.where(positive(z.value) & among, z, np.zeros(()))
    return inside if p == 1 else kernel.elementwise(inside, lambda v: v * v, lambda v: 2.0 * v)


@rows.law("multi_margin_loss", rearranged=True, kinks=AT_THE_MARGIN)
def _multi_margin(a: Arguments) -> Node:
    """Σ_j max(0, margin − x_t + x_j)ᵖ w_t/K over all classes j but t, the true one."""
    x, single = lifted(a.self), a.self.ndim == 1
    x = kernel.reshape(x, (1, -1)) if single else x
    target = np.asarray(a.target).reshape(-1)
    examples, classes = x.shape
    true = np.arange(examples)[:, None] * classes + target[:, None]
    z = kernel.add(kernel.subtract(x, taken(x, true)), operand(a, a.get("margin", 1)))
    terms = _beyond(z, np.arange(classes) != target[:, None], float(a.get("p", 1)))
    if (weight := a.get("weight")) is not None:
        terms = kernel.multiply(taken(weight, target[:, None]), terms)
    each = kernel.divide(kernel.total(terms, (-1,)), float(classes))
    return kernel.reshape(reduced(each, a.get("reduction", MEAN)), a.shape)


@rows.law("multilabel_margin_loss_forward", rearranged=True, kinks=AT_THE_MARGIN)
def _multilabel_margin(a: Arguments) -> list[Node | None]:
    """Σ max(0, 1 − x_t + x_j)/K over true classes t, which are listed up to the first −1, and all others j."""
    x = lifted(a.self)
    x = kernel.reshape(x, (1, -1)) if x.ndim == 1 else x
    examples, classes = x.shape
    target = np.asarray(a.target).reshape(examples, classes)
    listed = np.cumsum(target < 0, axis=1) == 0
    true = np.zeros((examples, classes), bool)
    row, at = np.nonzero(listed)
    true[row, target[row, at]] = True
    index = np.where(listed, np.arange(examples)[:, None] * classes + np.where(listed, target, 0), -1)
    z = kernel.add(kernel.subtract(kernel.reshape(x, (examples, 1, classes)), taken(x, index[..., None])), 1.0)
    terms = kernel.reshape(_beyond(z, listed[..., None] & ~true[:, None, :], 1.0), (examples, -1))
    each = kernel.divide(kernel.total(terms, (-1,)), float(classes))
    return [kernel.reshape(reduced(each, a.get("reduction", MEAN)), a.shape), None]
