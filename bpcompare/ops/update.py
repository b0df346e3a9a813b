"""Update rules. g is +∂E/∂w, η the learning rate, t the number of this step counted from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import UpdateOp, fraction, positive

__all__ = ["Adam", "AdamW", "Sgd"]


def _not_negative(name: str, value: float) -> tuple[str, ...]:
    return () if 0 <= value < float("inf") else (f"{name}: must be finite and not negative, is {value!r}",)


@dataclass(frozen=True)
class Sgd(UpdateOp):
    """w ← w − η g, the textbook's w_ij ← w_ij + η a_i Δ_j; with decay added to g, and momentum as Sutskever et al. (2013).

    d = g + weight_decay · w;  velocity ← momentum · velocity + d;  w ← w − η (velocity; Nesterov: d + momentum · velocity).
    """

    name: ClassVar[str] = "sgd"
    equations: ClassVar[tuple[str, ...]] = (
        "d = g + λ w",
        "velocity ← μ velocity + d",
        "w ← w − η velocity   (Nesterov: w − η (d + μ velocity); without momentum: w − η d)",
    )
    eta: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def problems(self) -> tuple[str, ...]:
        """η positive, momentum a fraction, decay not negative; Nesterov needs momentum."""
        problems = positive(self, "eta") + fraction(self, "momentum") + _not_negative("weight_decay", self.weight_decay)
        if self.nesterov and not self.momentum:
            problems += ("nesterov: needs a momentum above 0",)
        return problems

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity, where there is momentum."""
        return ("velocity",) if self.momentum else ()


@dataclass(frozen=True)
class Adam(UpdateOp):
    """Kingma, Ba, arXiv:1412.6980, algorithm 1; ε stands outside the root."""

    name: ClassVar[str] = "adam"
    equations: ClassVar[tuple[str, ...]] = (
        "m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²",
        "w ← w − η (m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)",
    )
    eta: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def problems(self) -> tuple[str, ...]:
        """η and ε positive, β₁ and β₂ fractions."""
        return positive(self, "eta", "epsilon") + fraction(self, "beta1", "beta2")

    @property
    def slots(self) -> tuple[str, ...]:
        """First and second moment."""
        return ("m", "v")


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the decay decoupled from the gradient: Loshchilov, Hutter, arXiv:1711.05101."""

    name: ClassVar[str] = "adamw"
    equations: ClassVar[tuple[str, ...]] = (
        "m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²",
        "w ← w − η (m̂ / (√v̂ + ε) + λ w)  with m̂, v̂ as in Adam",
    )
    weight_decay: float = 0.01

    def problems(self) -> tuple[str, ...]:
        """As Adam; decay not negative."""
        return super().problems() + _not_negative("weight_decay", self.weight_decay)
