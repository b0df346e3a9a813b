"""Normalization: over the features of one example, or over the examples of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, fraction, positive

__all__ = ["BatchNorm", "LayerNorm"]


@dataclass(frozen=True)
class LayerNorm(LayerOp):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and the biased variance σ² taken over all features of one example.

    Ba, Kiros, Hinton, arXiv:1607.06450. `epsilon` is required: frameworks' defaults differ (1e-5, 1e-6).
    """

    name: ClassVar[str] = "layer_norm"
    equations: ClassVar[tuple[str, ...]] = (
        "x̂ = (x − μ)/√(σ² + ε),  in = γ x̂ + β",
        "Δ_x = (s − mean(s) − x̂ mean(s x̂))/√(σ² + ε)  with s = γ Δ",
        "−∂E/∂γ = Σ x̂ Δ,  −∂E/∂β = Σ Δ",
    )
    epsilon: float

    def problems(self) -> tuple[str, ...]:
        """ε positive."""
        return positive(self, "epsilon")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; `scale` (γ) and `shift` (β) have it too."""
        one = ParameterShape(xs[0], (1, 1))
        return Shapes(xs[0], {"scale": one, "shift": one})


@dataclass(frozen=True)
class BatchNorm(LayerOp):
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
