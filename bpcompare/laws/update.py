"""Laws of the update rules: one step, from the gradient and the slots before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt, UpdateLaw
from bpcompare.numbers.number import Num, apart, beforehand, hyperparameter, named, total
from bpcompare.ops import Adagrad, Adam, AdamW, RmsProp, Sgd, UpdateOp


def decayed(at: UpdateAt[Adam] | UpdateAt[RmsProp] | UpdateAt[Adagrad]) -> Num:
    """d = g + λ w."""
    return total([at.g, hyperparameter(at.op.weight_decay, at.w) * at.w]) if at.op.weight_decay else at.g


def rooted(at: UpdateAt[RmsProp] | UpdateAt[Adagrad], s: Num) -> Num:
    """√(s + ε), or √s + ε."""
    epsilon = hyperparameter(at.op.epsilon, at.w)
    return np.sqrt(s + epsilon) if at.op.epsilon_inside else np.sqrt(s) + epsilon


def drawn(m: Num, d: Num, part: Num) -> Num:
    """m + (1 − ρ)(d − m): ρ m + (1 − ρ) d as torch's lerp has it.

    Where ρ is small, that rounds by u |m|, which is more than u ρ |m|.
    """
    return total([m, part * (d - m)])


def less_decay(at: UpdateAt[Any]) -> Num:
    """w − η λ w, with η λ worked out beforehand (Loshchilov and Hutter, arXiv:1711.05101); w where nothing decays."""
    if not at.op.weight_decay:
        return apart(at.w)
    rate = beforehand(lambda eta, decay: eta * decay, at.op.eta, at.op.weight_decay, like=at.w)
    return total([apart(at.w), -(rate * at.w)])


class Downhill(ABC):
    """What all rules have in common: w − the step.

    `smooth`: they are made of sums, products, quotients, roots and maxima. Where a rule decides by numbers what it does, which
    way it takes depends on the format that these are worked out in.
    """

    rearranged = True
    smooth = True

    @abstractmethod
    def step(self, at: UpdateAt[Any]) -> Num:
        """How far the parameter goes down."""

    def parameter(self, at: UpdateAt[Any]) -> Num:
        """One step down."""
        return at.w - self.step(at)


class SgdLaw(Downhill):
    """w − η (velocity, or d + μ velocity, or d) with d = g + λ w."""

    def decayed(self, op: Sgd, p: Num, g: Num) -> list[Num]:
        """The terms of d."""
        return [g, hyperparameter(op.weight_decay, p) * p] if op.weight_decay else [g]

    def slot(self, at: UpdateAt[Sgd]) -> Num:
        """μ velocity + d."""
        return total([hyperparameter(at.op.momentum, at.w) * at.slots["velocity"], *self.decayed(at.op, at.w, at.g)])

    def step(self, at: UpdateAt[Sgd]) -> Num:
        """η velocity, or what stands in its place."""
        if not at.op.momentum:
            step = total(self.decayed(at.op, at.w, at.g))
        else:
            step = self.slot(at)
            if at.op.nesterov:
                step = total([*self.decayed(at.op, at.w, at.g), hyperparameter(at.op.momentum, at.w) * step])
        return hyperparameter(at.op.eta, at.w) * step


class AdamLaw(Downhill):
    """Kingma and Ba's algorithm 1."""

    def less(self, at: UpdateAt[Adam], beta: float, t: int | None = None) -> Num:
        """1 − β, or 1 − βᵗ. Some frameworks work it out in the format of the parameters."""
        kept = hyperparameter(beta, at.w)
        return hyperparameter(1.0 - (kept if t is None else kept**t), at.w)

    def slot(self, at: UpdateAt[Adam]) -> Num:
        """β m + (1 − β) d, or its square."""
        beta, d = at.op.beta1 if at.name == "m" else at.op.beta2, self.fed(at)
        return total([hyperparameter(beta, at.w) * at.slots[at.name], self.less(at, beta) * (d if at.name == "m" else d * d)])

    def fed(self, at: UpdateAt[Adam]) -> Num:
        """What the moments are the means of."""
        return decayed(at)

    def second(self, at: UpdateAt[Adam]) -> Num:
        """What the root is taken of."""
        return self.slot(at.but(name="v"))

    def direction(self, at: UpdateAt[Adam]) -> Num:
        """m̂ / (√v̂ + ε)."""
        m = named("m̂", self.slot(at.but(name="m")) / self.less(at, at.op.beta1, at.t))
        v = named("v̂", self.second(at) / self.less(at, at.op.beta2, at.t))
        return m / (np.sqrt(v) + hyperparameter(at.op.epsilon, at.w))

    def step(self, at: UpdateAt[Adam]) -> Num:
        """η times the direction."""
        return hyperparameter(at.op.eta, at.w) * self.direction(at)


class AdamWLaw(AdamLaw):
    """The decay goes straight to the parameter."""

    def fed(self, at: UpdateAt[Adam]) -> Num:
        """The gradient alone."""
        return at.g

    def step(self, at: UpdateAt[AdamW]) -> Num:  # type: ignore[override]
        """The same with decay beside the direction."""
        decay = hyperparameter(at.op.weight_decay, at.w) * at.w
        return hyperparameter(at.op.eta, at.w) * total([self.direction(at), decay])


class RmsPropLaw(Downhill):
    """d/√(v + ε), or d/(√v + ε), v the mean of squares or the variance; added up in the velocity."""

    def slot(self, at: UpdateAt[RmsProp]) -> Num:
        """ρ v + (1 − ρ) d², m + (1 − ρ)(d − m), or μ velocity + the direction."""
        if at.name == "velocity":
            return total([hyperparameter(at.op.momentum, at.w) * at.slots["velocity"], self.direction(at)])
        d = decayed(at)
        if at.name == "m":
            return drawn(at.slots["m"], d, self.less(at))
        return total([hyperparameter(at.op.rho, at.w) * at.slots["v"], self.less(at) * (d * d)])

    def less(self, at: UpdateAt[RmsProp]) -> Num:
        """1 − ρ. Some frameworks work it out in the format of the parameters."""
        return hyperparameter(1.0 - hyperparameter(at.op.rho, at.w), at.w)

    def direction(self, at: UpdateAt[RmsProp]) -> Num:
        """d / √(s + ε), with s = v or s = v − m²."""
        s = self.slot(at.but(name="v"))
        if at.op.centered:
            m = self.slot(at.but(name="m"))
            s = s - m * m
        return decayed(at) / rooted(at, s)

    def step(self, at: UpdateAt[RmsProp]) -> Num:
        """η velocity, or η times the direction."""
        step = self.slot(at.but(name="velocity")) if at.op.momentum else self.direction(at)
        return hyperparameter(at.op.eta, at.w) * step


class AdagradLaw(Downhill):
    """d/√(sum + ε), or d/(√sum + ε), with the sum of all squares so far."""

    def slot(self, at: UpdateAt[Adagrad]) -> Num:
        """Sum + d²."""
        d = decayed(at)
        return total([at.slots["sum"], d * d])

    def rate(self, at: UpdateAt[Adagrad]) -> Num:
        """η."""
        return hyperparameter(at.op.eta, at.w)

    def step(self, at: UpdateAt[Adagrad]) -> Num:
        """η d over the root."""
        return self.rate(at) * (decayed(at) / rooted(at, self.slot(at)))


TABLE: Mapping[type[UpdateOp], UpdateLaw] = {
    Sgd: SgdLaw(),
    Adam: AdamLaw(),
    AdamW: AdamWLaw(),
    RmsProp: RmsPropLaw(),
    Adagrad: AdagradLaw(),
}
