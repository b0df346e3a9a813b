"""Laws of the update rules: one step, from the gradient and the slots before it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcompare.arithmetic import Num, hyperparameter, total
from bpcompare.laws.law import UpdateLaw
from bpcompare.ops import Adam, AdamW, Sgd, UpdateOp


class SgdLaw:
    """w − η (velocity, or d + μ velocity, or d) with d = g + λ w."""

    rearranged = True

    def decayed(self, op: Sgd, p: Num, g: Num) -> list[Num]:
        """The terms of d."""
        return [g, hyperparameter(op.weight_decay, p) * p] if op.weight_decay else [g]

    def slot(self, op: Sgd, t: int, p: Num, g: Num, slots: Mapping[str, Num], name: str) -> Num:
        """μ velocity + d."""
        return total([hyperparameter(op.momentum, p) * slots["velocity"], *self.decayed(op, p, g)])

    def parameter(self, op: Sgd, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:
        """One step down."""
        if not op.momentum:
            step = total(self.decayed(op, p, g))
        else:
            step = self.slot(op, t, p, g, slots, "velocity")
            if op.nesterov:
                step = total([*self.decayed(op, p, g), hyperparameter(op.momentum, p) * step])
        return p - hyperparameter(op.eta, p) * step


class AdamLaw:
    """Kingma and Ba's algorithm 1."""

    rearranged = True

    def slot(self, op: Adam, t: int, p: Num, g: Num, slots: Mapping[str, Num], name: str) -> Num:
        """β m + (1 − β) g, or its square."""
        beta = hyperparameter(op.beta1 if name == "m" else op.beta2, p)
        return total([beta * slots[name], hyperparameter(1.0 - beta, p) * (g if name == "m" else g * g)])

    def direction(self, op: Adam, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:
        """m̂ / (√v̂ + ε)."""
        hat = {}
        for name, beta in (("m", op.beta1), ("v", op.beta2)):
            unbiased = hyperparameter(1.0 - hyperparameter(beta, p) ** t, p)
            hat[name] = self.slot(op, t, p, g, slots, name) / unbiased
        return hat["m"] / (np.sqrt(hat["v"]) + hyperparameter(op.epsilon, p))

    def parameter(self, op: Adam, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:
        """One step down."""
        return p - hyperparameter(op.eta, p) * self.direction(op, t, p, g, slots)


class AdamWLaw(AdamLaw):
    """The decay goes straight to the parameter."""

    def parameter(self, op: AdamW, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:  # type: ignore[override]
        """One step down, with decay beside the direction."""
        decay = hyperparameter(op.weight_decay, p) * p
        return p - hyperparameter(op.eta, p) * total([self.direction(op, t, p, g, slots), decay])


TABLE: Mapping[type[UpdateOp], UpdateLaw] = {Sgd: SgdLaw(), Adam: AdamLaw(), AdamW: AdamWLaw()}
