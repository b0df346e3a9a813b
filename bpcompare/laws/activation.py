"""g and g' of every activation, side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from bpcompare.arithmetic import Num, either, hyperparameter, masked, positive, total
from bpcompare.laws import elementary
from bpcompare.laws.law import PlainLaw
from bpcompare.ops import Elu, LeakyRelu


class Elementwise(PlainLaw):
    """a_j = g(in_j): the Jacobian is diagonal, and Δ_in = g'(in) Δ_a."""

    rearranged = True

    @abstractmethod
    def g(self, op: Any, x: Num) -> Num:
        """g(in)."""

    @abstractmethod
    def g_prime(self, op: Any, x: Num) -> Num:
        """g'(in)."""

    def forward(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """g(in)."""
        return self.g(op, xs[0])

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """g'(in) Δ."""
        return self.g_prime(op, xs[0]) * dy


class IdentityLaw(PlainLaw):
    """g(x) = x, g'(x) = 1."""

    def forward(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """in."""
        return xs[0]

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ."""
        return dy


class SigmoidLaw(Elementwise):
    """σ(x), σ(x) (1 − σ(x))."""

    def g(self, op: Any, x: Num) -> Num:
        """σ."""
        return elementary.sigmoid(x)

    def g_prime(self, op: Any, x: Num) -> Num:
        """σ' = σ (1 − σ)."""
        s = elementary.sigmoid(x)
        return s * (1.0 - s)


class TanhLaw(Elementwise):
    """tanh x, 1 − tanh² x."""

    def g(self, op: Any, x: Num) -> Num:
        """tanh."""
        return np.tanh(x)

    def g_prime(self, op: Any, x: Num) -> Num:
        """tanh' = 1 − tanh²."""
        a = np.tanh(x)
        return 1.0 - a * a


class ReluLaw(Elementwise):
    """x or 0; its derivative at 0 is 0."""

    rearranged = False

    def g(self, op: Any, x: Num) -> Num:
        """x where positive."""
        return masked(positive(x), x)

    def g_prime(self, op: Any, x: Num) -> Num:
        """1 where positive."""
        return np.where(positive(x), 1.0, 0.0)

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ where in is positive."""
        return masked(positive(xs[0]), dy)


class LeakyReluLaw(Elementwise):
    """x or slope x; its derivative at 0 is the slope."""

    rearranged = False

    def g(self, op: LeakyRelu, x: Num) -> Num:
        """x where positive, else slope x."""
        return np.where(positive(x), x, hyperparameter(op.slope, x) * x)

    def g_prime(self, op: LeakyRelu, x: Num) -> Num:
        """1 where positive, else the slope."""
        return np.where(positive(x), 1.0, hyperparameter(op.slope, x))

    def delta(self, op: LeakyRelu, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ or slope Δ."""
        return np.where(positive(xs[0]), dy, hyperparameter(op.slope, dy) * dy)


class EluLaw(Elementwise):
    """x or α (e^x − 1)."""

    def g(self, op: Elu, x: Num) -> Num:
        """Where x is positive, the exponential is not evaluated: it would overflow."""
        return np.where(positive(x), x, hyperparameter(op.alpha, x) * np.expm1(_not_positive(x)))

    def g_prime(self, op: Elu, x: Num) -> Num:
        """1 where positive, else α e^x, as g + α: so JAX differentiates expm1, and it is less exact than e^x far below 0."""
        alpha = hyperparameter(op.alpha, x)
        return np.where(positive(x), 1.0, alpha * (np.expm1(_not_positive(x)) + 1.0))


class SoftplusLaw(Elementwise):
    """ln(1 + e^x), σ(x)."""

    def g(self, op: Any, x: Num) -> Num:
        """softplus."""
        return elementary.softplus(x)

    def g_prime(self, op: Any, x: Num) -> Num:
        """softplus' = σ."""
        return elementary.softplus_prime(x)


class GeluErfLaw(Elementwise):
    """x Φ(x), Φ(x) + x φ(x)."""

    def g(self, op: Any, x: Num) -> Num:
        """x (1 + erf(x/√2))/2."""
        return 0.5 * x * (1.0 + special.erf(x * sqrt(0.5)))

    def g_prime(self, op: Any, x: Num) -> Num:
        """Φ + x φ."""
        return 0.5 * (1.0 + special.erf(x * sqrt(0.5))) + x * np.exp(-0.5 * x * x) * (1.0 / sqrt(2.0 * pi))


class GeluTanhLaw(Elementwise):
    """x (1 + tanh u)/2 with u = √(2/π)(x + 0.044715 x³)."""

    def g(self, op: Any, x: Num) -> Num:
        """The approximation itself."""
        return 0.5 * x * (1.0 + np.tanh(self.inner(x)))

    def g_prime(self, op: Any, x: Num) -> Num:
        """Its derivative, not that of the erf form."""
        a = np.tanh(self.inner(x))
        inner_prime = sqrt(2.0 / pi) * (1.0 + (3.0 * 0.044715) * (x * x))
        return 0.5 * (1.0 + a) + 0.5 * x * (1.0 - a * a) * inner_prime

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """g'(in) Δ, or Δ multiplied in first: TensorFlow's product with 0.044715 may be flushed before 3x² makes it large."""
        x = xs[0]

        def first() -> Num:
            a = np.tanh(self.inner(x))
            outer = 0.5 * x * dy * (1.0 - a * a) * sqrt(2.0 / pi)
            return 0.5 * (1.0 + a) * dy + outer + outer * 0.044715 * (3.0 * (x * x))

        return either(self.g_prime(op, x) * dy, first)

    @staticmethod
    def inner(x: Num) -> Num:
        """u."""
        return sqrt(2.0 / pi) * (x + 0.044715 * (x * x * x))


class SiluLaw(Elementwise):
    """x σ(x), σ(x)(1 + x(1 − σ(x)))."""

    def g(self, op: Any, x: Num) -> Num:
        """x σ(x)."""
        return x * elementary.sigmoid(x)

    def g_prime(self, op: Any, x: Num) -> Num:
        """σ (1 + x (1 − σ))."""
        s = elementary.sigmoid(x)
        return s * (1.0 + x * (1.0 - s))


class SoftmaxLaw(PlainLaw):
    """Not elementwise: Δ_in = a (Δ_a − Σ_k a_k Δ_k)."""

    rearranged = True

    def forward(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """softmax over the last axis."""
        return elementary.softmax(xs[0])

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """The Jacobian diag(a) − a aᵀ, applied."""
        a = elementary.softmax(xs[0])
        return a * (dy - total(a * dy, axis=-1, keepdims=True))


def _not_positive(x: Num) -> Num:
    return np.where(positive(x), 0.0, x)
