"""Normalization: over the features of one example, or over the examples of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least, fraction, positive

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RmsNorm"]


@dataclass(frozen=True)
class Normalization(LayerOp):
    """What is divided by a root of a mean square, kept from 0 by ε."""

    normalizes: ClassVar[bool] = True
    rounding: ClassVar[str] = "it divides by a root"
    symbols: ClassVar[Mapping[str, str]] = {"epsilon": "ε"}


@dataclass(frozen=True)
class OverFeatures(Normalization):
    """Statistics over the `last` axes of an example, all of them unless it is given; parameters have the shape of these axes."""

    roles: ClassVar[tuple[str, ...]]
    epsilon: float
    last: int | None = None

    def problems(self) -> tuple[str, ...]:
        """ε positive, at least one axis."""
        return positive(self, "epsilon") + (at_least(self, 1, "last") if self.last is not None else ())

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; each parameter has that of the features."""
        (x,) = xs
        if self.last is not None and self.last > len(x):
            return Shapes(x, problems=(f"{self.name}: the source has shape {list(x)}, it has no {self.last} axes",))
        one = ParameterShape(x if self.last is None else x[len(x) - self.last :], (1, 1))
        return Shapes(x, dict.fromkeys(self.roles, one))


@dataclass(frozen=True)
class LayerNorm(OverFeatures):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and the biased variance σ² taken over the features of one example.

    Ba, Kiros, Hinton, arXiv:1607.06450. `epsilon` is required: frameworks' defaults differ (1e-5, 1e-6). `last` is how many of
    the last axes are features (a sequence of D features has one); all of them unless it is given.
    """

    name: ClassVar[str] = "layer_norm"
    equations: ClassVar[tuple[str, ...]] = (
        "x̂ = (x − μ)/√(σ² + ε),  in = γ x̂ + β",
        "Δ_x = (s − mean(s) − x̂ mean(s x̂))/√(σ² + ε)  with s = γ Δ",
        "−∂E/∂γ = Σ x̂ Δ,  −∂E/∂β = Σ Δ",
    )
    roles: ClassVar[tuple[str, ...]] = ("scale", "shift")


@dataclass(frozen=True)
class RmsNorm(OverFeatures):
    """y = γ x/√(mean(x²) + ε), with the mean taken over the features of one example; `last` as for `layer_norm`.

    Zhang, Sennrich, arXiv:1910.07467.
    """

    name: ClassVar[str] = "rms_norm"
    equations: ClassVar[tuple[str, ...]] = (
        "x̂ = x/√(mean(x²) + ε),  in = γ x̂",
        "Δ_x = (s − x̂ mean(s x̂))/√(mean(x²) + ε)  with s = γ Δ",
        "−∂E/∂γ = Σ x̂ Δ",
    )
    roles: ClassVar[tuple[str, ...]] = ("scale",)


@dataclass(frozen=True)
class GroupNorm(Normalization):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and the biased variance σ² taken over a group of channels of one example.

    Wu, He, arXiv:1803.08494. The channel is the first axis; γ and β have one entry a channel.
    """

    name: ClassVar[str] = "group_norm"
    equations: ClassVar[tuple[str, ...]] = (
        "x̂ = (x − μ)/√(σ² + ε),  in = γ x̂ + β",
        "Δ_x = (s − mean(s) − x̂ mean(s x̂))/√(σ² + ε)  with s = γ Δ and means over a group",
        "−∂E/∂γ = Σ x̂ Δ,  −∂E/∂β = Σ Δ",
    )
    groups: int
    epsilon: float

    def problems(self) -> tuple[str, ...]:
        """ε positive, at least one group."""
        return positive(self, "epsilon") + at_least(self, 1, "groups")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; parameters have one entry a channel."""
        if not xs[0]:
            return Shapes((), problems=("group_norm needs a channel axis, source is a scalar",))
        problems: tuple[str, ...] = ()
        if xs[0][0] % self.groups:
            problems = (f"group_norm: {xs[0][0]} channels cannot be dealt out to {self.groups} groups",)
        one = ParameterShape(xs[0][:1], (1, 1))
        return Shapes(xs[0], {"scale": one, "shift": one}, problems=problems)


@dataclass(frozen=True)
class BatchNorm(Normalization):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and the biased variance σ² taken per channel over the batch and all positions.

    Ioffe, Szegedy, arXiv:1502.03167. The channel is the first axis. Running statistics are state: r ← (1 − momentum) r +
    momentum · (this batch's), where `momentum` is the weight of the new. Frameworks disagree whether the running variance is
    "unbiased" (torch) or "biased" (Flax), so the spec says which.
    """

    name: ClassVar[str] = "batch_norm"
    couples_examples: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = (
        "x̂ = (x − μ)/√(σ² + ε),  in = γ x̂ + β",
        "Δ_x = (s − mean(s) − x̂ mean(s x̂))/√(σ² + ε)  with s = γ Δ and means over the batch",
        "−∂E/∂γ = Σ x̂ Δ,  −∂E/∂β = Σ Δ",
        "running ← (1 − momentum) running + momentum · batch",
    )
    epsilon: float
    momentum: float
    running_variance: Literal["unbiased", "biased"]

    def batch_problem(self, values: int) -> str:
        """Over one value a channel its variance is zero."""
        return "" if values > 1 else "batch_norm needs at least two values a channel: over one its variance is zero"

    def problems(self) -> tuple[str, ...]:
        """ε positive, momentum a fraction."""
        return positive(self, "epsilon") + fraction(self, "momentum")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; parameters and running statistics have one entry a channel."""
        if not xs[0]:
            return Shapes((), problems=("batch_norm needs a channel axis, source is a scalar",))
        channels = xs[0][:1]
        one = ParameterShape(channels, (1, 1))
        return Shapes(xs[0], {"scale": one, "shift": one}, {"running_mean": channels, "running_var": channels})
