"""Rules that divide by roots of squares, and the plain one."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import AdagradLaw, RmsPropLaw, SgdLaw, decayed
from bpcompare.numbers.number import Num, beforehand, hyperparameter, total


class SgdRule(SgdLaw):
    """velocity ← μ velocity + (1 − τ) d, with τ = 0 where there was no velocity yet."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The velocity."""
        if not at.op.dampening:
            return super().slot(at)
        part = beforehand(lambda tau: 1.0 - tau, at.op.dampening, like=at.w)
        d = total(self.decayed(at.op, at.w, at.g))
        return total([hyperparameter(at.op.momentum, at.w) * at.slots["velocity"], part * d])


class RmsPropRule(RmsPropLaw):
    """The rule of specs, with 1 − ρ worked out beforehand."""

    def less(self, at: UpdateAt[Any]) -> Num:
        """1 − ρ."""
        return beforehand(lambda rho: 1.0 - rho, at.op.rho, like=at.w)


class AdagradRule(AdagradLaw):
    """The rule of specs, with a rate that falls: η/(1 + (t − 1) κ)."""

    def rate(self, at: UpdateAt[Any]) -> Num:
        """η/(1 + (t − 1) κ), κ the `lr_decay`."""
        return beforehand(lambda eta, kappa: eta / (1.0 + kappa * (at.t - 1.0)), at.op.eta, at.op.lr_decay, like=at.w)


class AdadeltaRule(RmsPropRule):
    """Zeiler, arXiv:1212.5701, algorithm 1, with a rate: δ = √(u + ε)/√(v + ε) d, and u the mean of δ²."""

    def slot(self, at: UpdateAt[Any]) -> Num:
        """ρ v + (1 − ρ) d², or ρ u + (1 − ρ) δ²."""
        d = self.moved(at) if at.name == "u" else decayed(at)
        return total([hyperparameter(at.op.rho, at.w) * at.slots[at.name], self.less(at) * (d * d)])

    def moved(self, at: UpdateAt[Any]) -> Num:
        """δ."""
        epsilon = hyperparameter(at.op.epsilon, at.w)
        return np.sqrt(at.slots["u"] + epsilon) / np.sqrt(self.slot(at.but(name="v")) + epsilon) * decayed(at)

    def step(self, at: UpdateAt[Any]) -> Num:
        """η δ."""
        return hyperparameter(at.op.eta, at.w) * self.moved(at)
