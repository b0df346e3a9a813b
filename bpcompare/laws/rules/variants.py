"""Variants of Adam, as optax has them, and rules that step by signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.rules.moments import AdamRule
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, apart, hyperparameter, named, plainly, total, unit_of

NEAR = 64.0
"""A sum that is so many roundings of its terms, or less, may have either sign."""


class NesterovAdamRule(AdamRule):
    """Dozat, ICLR 2016 workshop, algorithm 2, with one momentum: m̂ = β₁ m/(1 − β₁ᵗ⁺¹) + (1 − β₁) g/(1 − β₁ᵗ)."""

    def direction(self, at: UpdateAt[Any]) -> Num:
        """m̂ / (√v̂ + ε)."""
        beta = hyperparameter(at.op.beta1, at.w)
        old = beta * (self.slot(at.but(name="m")) / self.less(at, at.op.beta1, at.t + 1))
        new = self.less(at, at.op.beta1) * (self.fed(at) / self.less(at, at.op.beta1, at.t))
        v = named("v̂", self.second(at) / self.less(at, at.op.beta2, at.t))
        return named("m̂", total([old, new])) / (np.sqrt(v) + hyperparameter(at.op.epsilon, at.w))


class AmsgradRule(AdamRule):
    """Reddi et al., ICLR 2018, of moments without their bias: the root is of the largest v̂ so far."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The largest v̂, and Adam's moments."""
        if at.name != "top":
            return super().slot(at)
        return np.maximum(at.slots["top"], self.slot(at.but(name="v")) / self.less(at, at.op.beta2, at.t))

    def direction(self, at: UpdateAt[Any]) -> Num:
        """m̂ / (√top + ε)."""
        m = named("m̂", self.slot(at.but(name="m")) / self.less(at, at.op.beta1, at.t))
        return m / (np.sqrt(self.slot(at.but(name="top"))) + hyperparameter(at.op.epsilon, at.w))


class AdaBeliefRule(AdamRule):
    """Zhuang et al., NeurIPS 2020: v is the mean of (g − m)², each time with `epsilon_inside` more."""

    smooth = False  # m is nearly g, often: a difference of 32 bits says little about it

    def slot(self, at: UpdateAt[Any]) -> Num:
        """β₂ v + (1 − β₂)(g − m)² + ε, or Adam's m."""
        if at.name != "v":
            return super().slot(at)
        off = total([self.fed(at), -self.slot(at.but(name="m"))])
        kept = hyperparameter(at.op.beta2, at.w) * at.slots["v"]
        return total([kept, self.less(at, at.op.beta2) * (off * off), hyperparameter(at.op.epsilon_inside, at.w)])


class YogiRule(AdamRule):
    """Zaheer et al., NeurIPS 2018: v goes towards g² by a part of g², not of their distance."""

    smooth = False

    def slot(self, at: UpdateAt[Any]) -> Num:
        """v − (1 − β₂) sign(v − g²) g², or Adam's m."""
        if at.name != "v":
            return super().slot(at)
        g, v = self.fed(at), at.slots["v"]
        side = signs(at, plainly(v), -(plainly(g) ** 2))
        return total([v, -(self.less(at, at.op.beta2) * (side * (g * g)))])


class LionRule(AdamRule):
    """Chen et al., NeurIPS 2023, program 1: the step is the sign of β₁ m + (1 − β₁) g, and m is drawn to g by 1 − β₂."""

    smooth = False

    def slot(self, at: UpdateAt[Any]) -> Num:
        """β₂ m + (1 − β₂) g."""
        return total([hyperparameter(at.op.beta2, at.w) * at.slots["m"], self.less(at, at.op.beta2) * self.fed(at)])

    def direction(self, at: UpdateAt[Any]) -> Num:
        """The sign."""
        return signs(at, at.op.beta1 * plainly(at.slots["m"]), (1.0 - at.op.beta1) * plainly(self.fed(at)))


class SignRule:
    """Bernstein et al., ICML 2018: w − η sign g."""

    def slot(self, _at: UpdateAt[Any]) -> Num:
        """Raises LookupError: it keeps nothing."""
        raise LookupError("it keeps nothing")

    def step(self, at: UpdateAt[Any]) -> Num:
        """η sign g."""
        return hyperparameter(at.op.eta, at.w) * np.sign(plainly(at.g))


class LambRule(AdamRule):
    """You et al., ICLR 2020, algorithm 2, with φ(z) = z: u = m̂/(√v̂ + ε) + λ w, and w − η ‖w‖/‖u‖ u.

    Where one of the norms is 0, it is w − η u.
    """

    smooth = False

    def kept(self, at: UpdateAt[Any]) -> Num:
        """W: the decay is a part of u."""
        return apart(at.w)

    def step(self, at: UpdateAt[Any]) -> Num:
        """η ‖w‖/‖u‖ u."""
        u = self.direction(at)
        if at.op.weight_decay:
            u = total([u, hyperparameter(at.op.weight_decay, at.w) * at.w])
        u = named("u", u)
        rate = hyperparameter(at.op.eta, at.w)
        moments = [at.g, at.slots["m"], *([at.w] if at.op.weight_decay else [])]
        if not plainly(at.w).any() or not any(plainly(x).any() for x in moments):
            return rate * u
        return rate * (norm(at.w) / norm(u) * u)


def norm(x: Num) -> Num:
    """√ of the sum of all squares."""
    return np.sqrt(total(x * x))


def signs(at: UpdateAt[Any], one: Array, other: Array) -> Array:
    """The signs of sums. Raises LookupError where rounding may give either."""
    found, size = one + other, np.abs(one) + np.abs(other)
    if ((size > 0) & (np.abs(found) <= NEAR * max(unit_of(at.w), 2.0**-53) * size)).any():
        raise LookupError("the sign of a sum that is 0 up to rounding")
    return np.asarray(np.sign(found))
