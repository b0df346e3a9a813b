"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws.law import UpdateAt
from bpcompare.laws.update import decayed
from bpcompare.numbers.number import Num, apart, beforehand, hyperparameter, total


class AsgdRule:
    """Polyak and Juditsky, SIAM J. Control Optim. 30 (1992), with rates as torch has them; `eta` and `mu` are single numbers.

    w ← (1 − λ ηₜ) w − ηₜ d, the mean a ← a + μₜ (w − a), then ηₜ₊₁ = η/(1 + λ η t)^α and μₜ₊₁ = 1/max(1, t − t₀).
    """

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The rate and the weight of the next step, or the mean."""
        op = at.op
        if at.name == "eta":
            kept = beforehand(
                lambda eta, decay, alpha: eta / (1.0 + decay * eta * at.t) ** alpha, op.eta, op.decay, op.alpha, like=at.w
            )
            return hyperparameter(kept, at.w)
        if at.name == "mu":
            return hyperparameter(1.0 / max(1.0, at.t - op.begins), at.w)
        now = total([self.kept(at), -self.step(at)])
        mu, mean = at.slots["mu"], at.slots["mean"]
        return total([mean, (now - mean) * mu])

    def kept(self, at: UpdateAt[Any]) -> Num:
        """w − λ ηₜ w."""
        return total([apart(at.w), -(hyperparameter(at.op.decay, at.w) * at.slots["eta"] * at.w)])

    def step(self, at: UpdateAt[Any]) -> Num:
        """ηₜ d."""
        return np.multiply(at.slots["eta"], decayed(at))
