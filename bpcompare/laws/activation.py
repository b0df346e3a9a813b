"""g and g' of every activation, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt
from typing import Any

import numpy as np

from bpcompare import ops
from bpcompare.laws import elementary
from bpcompare.laws.elementary import sigmoid
from bpcompare.laws.kernel.scores import softmax_along, softmax_back
from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.network.parameter import Array
from bpcompare.numbers import special
from bpcompare.numbers.number import Num, applied, either, hyperparameter, masked, named, positive, shown

Function = Callable[[Any, Num], Num]
"""g(op, in) or g'(op, in)."""


class Elementwise(PlainLaw):
    """a_j = g(in_j): the Jacobian is diagonal, and Δ_in = g'(in) Δ_a.

    `back(op, in, Δ_a)` is Δ_in where it is more than that product: a branch for Δ itself, or another order of the factors.
    """

    entrywise = True
    side_by_side = True
    by_example = True

    def __init__(
        self, g: Function, g_prime: Function, back: Callable[[Any, Num, Num], Num] | None = None, *, rearranged: bool = True
    ) -> None:
        self.g = g
        self.g_prime = g_prime
        self.back = back
        self.rearranged = rearranged

    def forward(self, at: At[Any]) -> Num:
        """g(in)."""
        return applied(at.op.name, lambda x: self.g(at.op, x), at.x)

    def delta(self, at: At[Any]) -> Num:
        """g'(in) Δ."""
        if shown(at.x):
            return applied("g'", lambda x: self.g_prime(at.op, x), at.x) * at.dy
        return self.g_prime(at.op, at.x) * at.dy if self.back is None else self.back(at.op, at.x, at.dy)


class IdentityLaw(PlainLaw):
    """g(x) = x, g'(x) = 1."""

    entrywise = True
    side_by_side = True
    by_example = True

    def forward(self, at: At[Any]) -> Num:
        """in."""
        return at.x

    def delta(self, at: At[Any]) -> Num:
        """Δ."""
        return at.dy


class SoftmaxLaw(PlainLaw):
    """Not elementwise: Δ_in = a (Δ_a − Σ_k a_k Δ_k), along one axis."""

    rearranged = True
    by_example = True

    def axis(self, at: At[ops.Softmax]) -> int:
        """The op's axis, counted with that of the examples."""
        axis: int = at.op.axis % (at.x.ndim - 1) + 1
        return axis

    def forward(self, at: At[ops.Softmax]) -> Num:
        """softmax over the axis."""
        return softmax_along(at.x, self.axis(at))

    def delta(self, at: At[ops.Softmax]) -> Num:
        """The Jacobian diag(a) − a aᵀ, applied."""
        return softmax_back(named("a", softmax_along(at.x, self.axis(at))), at.dy, self.axis(at))


def _sigmoid_prime(op: Any, x: Num) -> Num:
    s = sigmoid(x)
    return s * (1.0 - s)


def _tanh_prime(op: Any, x: Num) -> Num:
    a = np.tanh(x)
    return 1.0 - a * a


def _leaky(op: ops.LeakyRelu, x: Num, y: Num) -> Num:
    """y where x is positive, else slope y."""
    return np.where(positive(x), y, hyperparameter(op.slope, y) * y)


def _not_positive(x: Num) -> Num:
    """Where x is positive, the exponential is not evaluated: it would overflow."""
    return np.where(positive(x), 0.0, x)


def _elu(op: ops.Elu, x: Num) -> Num:
    return np.where(positive(x), x, hyperparameter(op.alpha, x) * np.expm1(_not_positive(x)))


def _elu_prime(op: ops.Elu, x: Num) -> Num:
    """α e^x as g + α: so JAX differentiates expm1, and it is less exact than e^x far below 0."""
    alpha = hyperparameter(op.alpha, x)
    return np.where(positive(x), 1.0, alpha * (np.expm1(_not_positive(x)) + 1.0))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""λ and α for which activations keep mean 0 and variance 1: the fixed point of Klambauer et al., appendix A."""


def _selu(op: Any, x: Num) -> Num:
    return SELU_SCALE * np.where(positive(x), x, SELU_ALPHA * np.expm1(_not_positive(x)))


def _selu_prime(op: Any, x: Num) -> Num:
    return SELU_SCALE * np.where(positive(x), 1.0, SELU_ALPHA * (np.expm1(_not_positive(x)) + 1.0))


def _celu(op: ops.Celu, x: Num) -> Num:
    alpha = hyperparameter(op.alpha, x)
    return np.where(positive(x), x, alpha * np.expm1(_not_positive(x) / alpha))


def _celu_prime(op: ops.Celu, x: Num) -> Num:
    return np.where(positive(x), 1.0, np.expm1(_not_positive(x) / hyperparameter(op.alpha, x)) + 1.0)


def _clipped(x: Num, low: Num, high: Num) -> Num:
    """x between the bounds, the nearer bound elsewhere."""
    return np.where(positive(x - low), np.where(positive(high - x), x, high), low)


def _between(x: Num, low: Num, high: Num) -> Array:
    """Whether x lies between the bounds; at a bound it does not."""
    return np.asarray(positive(x - low) & positive(high - x))


def _bounds(op: ops.Hardtanh, x: Num) -> tuple[Num, Num]:
    return hyperparameter(op.low, x), hyperparameter(op.high, x)


def _hard_sigmoid(x: Num) -> Num:
    return _clipped(x + 3.0, 0.0, 6.0) / 6.0


def _hard_swish_prime(op: Any, x: Num) -> Num:
    return _hard_sigmoid(x) + masked(_between(x, -3.0, 3.0), x / 6.0)


def _softsign_prime(op: Any, x: Num) -> Num:
    """1/(1 + |x|)². Frameworks differentiate the quotient, as 1/(1 + |x|) − |x|/(1 + |x|)², which is off by |x| u."""
    size = elementary.magnitude(x)
    below = 1.0 + size
    return either(1.0 / (below * below), lambda: 1.0 / below - size / (below * below))


def _mish_prime(op: Any, x: Num) -> Num:
    a = np.tanh(elementary.softplus(x))
    return a + x * sigmoid(x) * (1.0 - a * a)


def _gelu_erf_prime(op: Any, x: Num) -> Num:
    """Φ + x φ."""
    return 0.5 * (1.0 + special.erf(x * sqrt(0.5))) + x * np.exp(-0.5 * x * x) * (1.0 / sqrt(2.0 * pi))


def _inner(x: Num) -> Num:
    """u = √(2/π)(x + 0.044715 x³)."""
    return sqrt(2.0 / pi) * (x + 0.044715 * (x * x * x))


def _gelu_tanh_prime(op: Any, x: Num) -> Num:
    a = np.tanh(_inner(x))
    inner_prime = sqrt(2.0 / pi) * (1.0 + (3.0 * 0.044715) * (x * x))
    return 0.5 * (1.0 + a) + 0.5 * x * (1.0 - a * a) * inner_prime


def _gelu_tanh_back(op: Any, x: Num, dy: Num) -> Num:
    """g'(in) Δ, or Δ multiplied in first: TensorFlow's product with 0.044715 may be flushed before 3x² makes it large."""

    def first() -> Num:
        a = np.tanh(_inner(x))
        outer = 0.5 * x * dy * (1.0 - a * a) * sqrt(2.0 / pi)
        return 0.5 * (1.0 + a) * dy + outer + outer * 0.044715 * (3.0 * (x * x))

    return either(_gelu_tanh_prime(op, x) * dy, first)


def _silu_prime(op: Any, x: Num) -> Num:
    s = sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


TABLE: Mapping[type[ops.Op], Law] = {
    ops.Identity: IdentityLaw(),
    ops.Sigmoid: Elementwise(lambda op, x: sigmoid(x), _sigmoid_prime),
    ops.Tanh: Elementwise(lambda op, x: np.tanh(x), _tanh_prime),
    ops.Relu: Elementwise(
        lambda op, x: masked(positive(x), x),
        lambda op, x: np.where(positive(x), 1.0, 0.0),
        lambda op, x, dy: masked(positive(x), dy),
        rearranged=False,
    ),
    ops.LeakyRelu: Elementwise(
        lambda op, x: _leaky(op, x, x),
        lambda op, x: np.where(positive(x), 1.0, hyperparameter(op.slope, x)),
        _leaky,
        rearranged=False,
    ),
    ops.Elu: Elementwise(_elu, _elu_prime),
    ops.Selu: Elementwise(_selu, _selu_prime),
    ops.Celu: Elementwise(_celu, _celu_prime),
    ops.Relu6: Elementwise(
        lambda op, x: _clipped(x, 0.0, 6.0),
        lambda op, x: np.where(_between(x, 0.0, 6.0), 1.0, 0.0),
        lambda op, x, dy: masked(_between(x, 0.0, 6.0), dy),
        rearranged=False,
    ),
    ops.Hardtanh: Elementwise(
        lambda op, x: _clipped(x, *_bounds(op, x)),
        lambda op, x: np.where(_between(x, *_bounds(op, x)), 1.0, 0.0),
        lambda op, x, dy: masked(_between(x, *_bounds(op, x)), dy),
        rearranged=False,
    ),
    ops.HardSigmoid: Elementwise(
        lambda op, x: _hard_sigmoid(x),
        lambda op, x: np.where(_between(x, -3.0, 3.0), 1.0, 0.0) / 6.0,
        lambda op, x, dy: masked(_between(x, -3.0, 3.0), dy / 6.0),
    ),
    ops.HardSwish: Elementwise(lambda op, x: x * _hard_sigmoid(x), _hard_swish_prime),
    ops.Softplus: Elementwise(lambda op, x: elementary.softplus(x), lambda op, x: elementary.softplus_prime(x)),
    ops.GeluErf: Elementwise(lambda op, x: 0.5 * x * (1.0 + special.erf(x * sqrt(0.5))), _gelu_erf_prime),
    ops.GeluTanh: Elementwise(lambda op, x: 0.5 * x * (1.0 + np.tanh(_inner(x))), _gelu_tanh_prime, _gelu_tanh_back),
    ops.Silu: Elementwise(lambda op, x: x * sigmoid(x), _silu_prime),
    ops.Mish: Elementwise(lambda op, x: x * np.tanh(elementary.softplus(x)), _mish_prime),
    ops.Softsign: Elementwise(lambda op, x: x / (1.0 + elementary.magnitude(x)), _softsign_prime),
    ops.Softmax: SoftmaxLaw(),
}
