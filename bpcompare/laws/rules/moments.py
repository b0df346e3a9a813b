"""Adam and its relatives, with the switches of frameworks. 1 − βᵗ and the like are worked out beforehand, in Python's floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import AdamLaw, decayed, drawn
from bpcompare.numbers.number import Num, apart, beforehand, hyperparameter, named, total, unit_of


class AdamRule(AdamLaw):
    """Adam, or AdamW where the decay is `decoupled`. `amsgrad`: the root is of the largest v so far (Reddi et al., ICLR 2018)."""

    def less(self, at: UpdateAt[Any], beta: float, t: int | None = None) -> Num:
        """1 − β, or 1 − βᵗ; in the format of the parameters where the rule is `narrow`, or, of βᵗ alone, has `narrow_powers`."""
        if at.op.settings.get("narrow") or (t is not None and at.op.settings.get("narrow_powers")):
            return super().less(at, beta, t)
        return beforehand(lambda beta: 1.0 - (beta if t is None else beta**t), beta, like=at.w)

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The moments, and the largest v so far."""
        if at.name == "m":
            return drawn(at.slots["m"], self.fed(at), self.less(at, at.op.beta1))
        if at.name == "top":
            return np.maximum(at.slots["top"], self.slot(at.but(name="v")))
        return super().slot(at)

    def fed(self, at: UpdateAt[Any]) -> Num:
        """What the moments are the means of: the gradient alone where the decay is decoupled."""
        return at.g if at.op.decoupled else decayed(at)

    def second(self, at: UpdateAt[Any]) -> Num:
        """What the root is taken of."""
        return self.slot(at.but(name="top")) if at.op.amsgrad else super().second(at)

    def kept(self, at: UpdateAt[Any]) -> Num:
        """w, or w − η λ w where the decay stands beside the step."""
        if not (at.op.decoupled and at.op.weight_decay):
            return apart(at.w)
        rate = hyperparameter(at.op.eta, at.w)
        return total([apart(at.w), -(rate * (hyperparameter(at.op.weight_decay, at.w) * at.w))])

    def step(self, at: UpdateAt[Any]) -> Num:
        """η times the direction; the decay is no part of it."""
        return AdamLaw.step(self, at)


class NAdamRule(AdamRule):
    """Dozat, ICLR 2016 workshop, with momenta that grow: μₜ = β₁ (1 − 0.96^(t ψ)/2). `product` is μ₁ … μₜ."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The product, and Adam's moments."""
        return at.slots["product"] * self.mu(at, at.t) if at.name == "product" else super().slot(at)

    def mu(self, at: UpdateAt[Any], t: int) -> Num:
        """μₜ, ψ the `momentum_decay`."""
        return beforehand(
            lambda beta, c, psi: beta * (1.0 - 0.5 * c ** (psi * t)), at.op.beta1, 0.96, at.op.momentum_decay, like=at.w
        )

    def steps(self, at: UpdateAt[Any]) -> list[Num]:
        """η (1 − μₜ) d/(1 − μ₁…μₜ) and η μₜ₊₁ m/(1 − μ₁…μₜ₊₁), both over √v̂ + ε: one is subtracted after the other."""
        product, now, following = at.after["product"], self.mu(at, at.t), self.mu(at, at.t + 1)
        new = hyperparameter((1.0 - now) / (1.0 - product), at.w)
        old = hyperparameter(following / (1.0 - product * following), at.w)
        v = named("v̂", self.second(at) / self.less(at, at.op.beta2, at.t))
        root, rate = np.sqrt(v) + hyperparameter(at.op.epsilon, at.w), hyperparameter(at.op.eta, at.w)
        return [rate * new * self.fed(at) / root, rate * old * self.slot(at.but(name="m")) / root]


class RAdamRule(AdamRule):
    """Liu et al., arXiv:1908.03265: Adam's direction, made smaller while its v rests on few steps, and m̂ alone on fewer than six.

    ε stands beside √v, before the bias is taken out: √(1 − β₂ᵗ) r m̂/(√v + ε); or, `corrected`, beside √v̂.
    """

    def direction(self, at: UpdateAt[Any]) -> Num:
        """r m̂/(√v̂ + ε), or m̂. Raises LookupError where either may be right."""
        m = named("m̂", self.slot(at.but(name="m")) / self.less(at, at.op.beta1, at.t))
        steps = length(at.op.beta2, at.t)
        off = 1e-9 if not at.op.settings.get("narrow_powers") else blurred(at)
        if abs(steps - 5.0) < off:
            raise LookupError("ρₜ is 5 up to rounding: either formula is right")
        if steps < 5.0:
            return m
        if at.op.settings.get("corrected"):
            if off > 1e-4 * (steps - 4.0):
                raise LookupError("in this format ρₜ, a small difference of large numbers, is rounded too far")
            root = np.sqrt(self.second(at) / self.less(at, at.op.beta2, at.t)) + hyperparameter(at.op.epsilon, at.w)
            return shortened(hyperparameter(at.op.beta2, at.w), at.t) * m / root
        part = beforehand(lambda beta: rectified(beta, at.t), at.op.beta2, like=at.w)
        return part * m / (np.sqrt(self.second(at)) + hyperparameter(at.op.epsilon, at.w))


def length(beta: Num, t: int) -> Num:
    """ρₜ = ρ − 2 t βᵗ/(1 − βᵗ), with ρ = 2/(1 − β) − 1: how many steps v rests on."""
    kept = beta**t
    return 2.0 / (1.0 - beta) - 1.0 - 2.0 * t * kept / (1.0 - kept)


def blurred(at: UpdateAt[Any]) -> float:
    """How far ρₜ may be off that is worked out in the format of the parameters."""
    return max(unit_of(at.w) * (2.0 / (1.0 - float(at.op.beta2))) ** 2 / float(at.t), 1e-9)


def rectified(beta: Num, t: int) -> Num:
    """√(1 − βᵗ) r."""
    return np.sqrt(1.0 - beta**t) * shortened(beta, t)


def shortened(beta: Num, t: int) -> Num:
    """r, with r² = (ρₜ − 4)(ρₜ − 2) ρ / ((ρ − 4)(ρ − 2) ρₜ)."""
    now, most = length(beta, t), 2.0 / (1.0 - beta) - 1.0
    return np.sqrt((now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now))


class AdamaxRule(AdamRule):
    """Kingma and Ba's algorithm 2, with ε inside of the maximum: u ← max(β₂ u, |d| + ε)."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """m as in Adam, or u."""
        if at.name != "u":
            return super().slot(at)
        d = self.fed(at)
        size = np.maximum(d, -d)
        return np.maximum(hyperparameter(at.op.beta2, at.w) * at.slots["u"], size + hyperparameter(at.op.epsilon, at.w))

    def direction(self, at: UpdateAt[Any]) -> Num:
        """m̂/u."""
        return self.slot(at.but(name="m")) / self.less(at, at.op.beta1, at.t) / self.slot(at.but(name="u"))
