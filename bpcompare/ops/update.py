"""Update rules. g is +∂E/∂w, η the learning rate, t the number of this step counted from 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from bpcompare.ops.op import Op, UpdateOp, fraction, positive

__all__ = ["Adagrad", "Adam", "AdamW", "RmsProp", "Sgd"]


def _not_negative(op: Op, *names: str) -> tuple[str, ...]:
    return tuple(
        f"{name}: must be finite and not negative, is {value!r}"
        for name in names
        if not 0 <= (value := getattr(op, name)) < float("inf")
    )


@dataclass(frozen=True)
class Sgd(UpdateOp):
    """w ← w − η g, the textbook's w_ij ← w_ij + η a_i Δ_j; with decay added to g, and momentum as Sutskever et al. (2013).

    d = g + weight_decay · w;  velocity ← momentum · velocity + d;  w ← w − η (velocity; Nesterov: d + momentum · velocity).
    """

    name: ClassVar[str] = "sgd"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = (
        "d = g + λ w",
        "velocity ← μ velocity + d",
        "w ← w − η velocity   (Nesterov: w − η (d + μ velocity); without momentum: w − η d)",
    )
    symbols: ClassVar[Mapping[str, str]] = {"eta": "η", "momentum": "μ", "weight_decay": "λ"}
    eta: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def problems(self) -> tuple[str, ...]:
        """η positive, momentum a fraction, decay not negative; Nesterov needs momentum."""
        problems = positive(self, "eta") + fraction(self, "momentum") + _not_negative(self, "weight_decay")
        if self.nesterov and not self.momentum:
            problems += ("nesterov: needs a momentum above 0",)
        return problems

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity, where there is momentum."""
        return ("velocity",) if self.momentum else ()

    @property
    def rests(self) -> bool:
        """Where there is neither momentum nor decay."""
        return not self.momentum and not self.weight_decay

    @property
    def textbook(self) -> bool:
        """Where there is neither momentum nor decay."""
        return self.rests

    @property
    def in_short(self) -> str:
        """Without momentum one equation, beside the textbook's."""
        if self.momentum:
            return super().in_short
        decay = " − η λ w" if self.weight_decay else ""
        return f"w ← w − η ∂E/∂w{decay},  the textbook's w_ij ← w_ij + η a_i Δ_j"

    def short(self) -> Self:
        """η ≠ 1 where it can be, μ ≠ 1 − μ, λ ≠ μ."""
        momentum = (0.25 if self.momentum < 0.5 else 0.75) if self.momentum else 0.0
        decay = 0.125 if self.weight_decay else 0.0
        return replace(self, eta=1.0 if self.eta >= 1 else 0.5, momentum=momentum, weight_decay=decay)

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """Momentum, Nesterov's, decay."""
        return (
            cls(0.1),
            cls(0.1, weight_decay=0.05),
            cls(0.1, 0.9),
            cls(0.1, 0.9, weight_decay=0.05),
            cls(0.1, 0.9, nesterov=True),
            cls(0.01, 0.5, nesterov=True, weight_decay=0.05),
        )


@dataclass(frozen=True)
class Adam(UpdateOp):
    """Kingma, Ba, arXiv:1412.6980, algorithm 1; ε stands outside the root. Decay is the penalty ½ λ w² in E: λ w added to g."""

    name: ClassVar[str] = "adam"
    equations: ClassVar[tuple[str, ...]] = (
        "d = g + λ w",
        "m ← β₁ m + (1 − β₁) d,  v ← β₂ v + (1 − β₂) d²",
        "w ← w − η (m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)",
    )
    symbols: ClassVar[Mapping[str, str]] = {"eta": "η", "beta1": "β₁", "beta2": "β₂", "epsilon": "ε", "weight_decay": "λ"}
    eta: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def problems(self) -> tuple[str, ...]:
        """η and ε positive, β₁ and β₂ fractions, decay not negative."""
        return positive(self, "eta", "epsilon") + fraction(self, "beta1", "beta2") + _not_negative(self, "weight_decay")

    @property
    def slots(self) -> tuple[str, ...]:
        """First and second moment."""
        return ("m", "v")

    @property
    def squares(self) -> Mapping[str, str]:
        """The second moment. It forgets otherwise than the first, so nothing is said of the two together."""
        return {"v": ""}

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """Other β and ε; decay."""
        return cls(0.01), cls(0.1, beta1=0.5, beta2=0.9, epsilon=1e-3), cls(0.01, weight_decay=0.05)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the decay decoupled from the gradient: Loshchilov, Hutter, arXiv:1711.05101."""

    name: ClassVar[str] = "adamw"
    equations: ClassVar[tuple[str, ...]] = (
        "m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²",
        "w ← w − η (m̂ / (√v̂ + ε) + λ w)  with m̂, v̂ as in Adam",
    )
    decoupled: ClassVar[bool] = True
    weight_decay: float = 0.01

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """Little decay and much."""
        return cls(0.01), cls(0.1, weight_decay=0.5)


@dataclass(frozen=True)
class RmsProp(UpdateOp):
    """Hinton's Neural Networks for Machine Learning, lecture 6; centered and with momentum as Graves, arXiv:1308.0850.

    Frameworks disagree about ρ (0.9, torch: 0.99) and about the place of ε: inside the root in optax and TensorFlow, outside in
    torch and Keras. So both must be said. The velocity adds up the scaled gradients, without η; decay is λ w added to g.
    """

    name: ClassVar[str] = "rmsprop"
    equations: ClassVar[tuple[str, ...]] = (
        "d = g + λ w",
        "v ← ρ v + (1 − ρ) d²",
        "s = v   (centered: m ← ρ m + (1 − ρ) d,  s = v − m²)",
        "velocity ← μ velocity + d / √(s + ε)   (ε outside the root: d / (√s + ε))",
        "w ← w − η velocity   (without momentum: w − η d / √(s + ε))",
    )
    symbols: ClassVar[Mapping[str, str]] = {"eta": "η", "rho": "ρ", "epsilon": "ε", "momentum": "μ", "weight_decay": "λ"}
    eta: float
    rho: float
    epsilon_inside: bool
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    weight_decay: float = 0.0

    def problems(self) -> tuple[str, ...]:
        """η and ε positive, ρ and momentum fractions, decay not negative; a variance needs a memory."""
        problems = positive(self, "eta", "epsilon") + fraction(self, "rho", "momentum") + _not_negative(self, "weight_decay")
        if self.centered and not self.rho:
            problems += ("centered: needs a rho above 0: the variance of one number is 0",)
        return problems

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean of squares; the mean, where it is subtracted; the velocity, where there is momentum."""
        return ("v", *(["m"] if self.centered else []), *(["velocity"] if self.momentum else []))

    @property
    def squares(self) -> Mapping[str, str]:
        """The mean of squares, not below the square of the mean."""
        return {"v": "m" if self.centered else ""}

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """ε on both sides; momentum, centered, decay."""
        return (
            cls(0.01, 0.9, epsilon_inside=False),
            cls(0.01, 0.9, epsilon_inside=True),
            cls(0.01, 0.9, epsilon_inside=False, epsilon=1e-3, momentum=0.9, weight_decay=0.05),
            cls(0.01, 0.5, epsilon_inside=False, epsilon=1e-3, centered=True),
            cls(0.01, 0.9, epsilon_inside=False, epsilon=1e-3, momentum=0.9, centered=True, weight_decay=0.05),
            cls(0.01, 0.9, epsilon_inside=True, epsilon=1e-3, momentum=0.9, centered=True),
        )


@dataclass(frozen=True)
class Adagrad(UpdateOp):
    """Duchi, Hazan, Singer, JMLR 12, 2011, with a diagonal matrix; decay is λ w added to g.

    Frameworks disagree about ε (1e-10 in torch, 1e-7 in optax and Keras) and about its place: outside the root in the paper and
    in torch, inside in optax. So both must be said. With ε = 0 and an initial accumulator they agree. Left out: torch's decay
    of the learning rate with t (`lr_decay`), for η is constant in all rules here.
    """

    name: ClassVar[str] = "adagrad"
    equations: ClassVar[tuple[str, ...]] = (
        "d = g + λ w",
        "sum ← sum + d²",
        "w ← w − η d / √(sum + ε)   (ε outside the root: w − η d / (√sum + ε))",
    )
    symbols: ClassVar[Mapping[str, str]] = {"eta": "η", "rho": "ρ", "epsilon": "ε", "momentum": "μ", "weight_decay": "λ"}
    eta: float
    epsilon: float
    epsilon_inside: bool
    initial_accumulator: float = 0.0
    weight_decay: float = 0.0

    def problems(self) -> tuple[str, ...]:
        """η positive; ε, the accumulator and decay not negative; and nothing is divided by 0 where g is 0."""
        problems = positive(self, "eta") + _not_negative(self, "epsilon", "initial_accumulator", "weight_decay")
        if not self.epsilon and not self.initial_accumulator:
            problems += ("epsilon: may be 0 only with an initial_accumulator above 0: where g is 0, the step would be 0/0",)
        return problems

    @property
    def slots(self) -> tuple[str, ...]:
        """The sum of all squares."""
        return ("sum",)

    @property
    def squares(self) -> Mapping[str, str]:
        """The sum of all squares."""
        return {"sum": ""}

    @property
    def rests(self) -> bool:
        """Where nothing decays: it never forgets."""
        return not self.weight_decay

    def initial(self, slot: str) -> float:
        """What the sum begins with."""
        return self.initial_accumulator

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """ε on both sides and nowhere; decay."""
        return (
            cls(0.01, 1e-10, epsilon_inside=False),
            cls(0.01, 1e-7, epsilon_inside=True, initial_accumulator=0.1),
            cls(0.01, 0.0, epsilon_inside=False, initial_accumulator=0.1, weight_decay=0.05),
            cls(0.1, 1e-3, epsilon_inside=False, weight_decay=0.05),
        )
