"""Errors E. Each adds over the outputs of one example as it says, then over examples by `reduce`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import ClassVar, Literal

from bpcompare.ops.op import ErrorOp, Shape, Shapes, positive, power_of_two

__all__ = ["BinaryCrossEntropyWithLogits", "HalfSquared", "Huber", "MeanSquared", "SoftmaxCrossEntropy"]


@dataclass(frozen=True)
class HalfSquared(ErrorOp):
    """E = ½ Σ (t − a)², the textbook's error: summed over outputs."""

    name: ClassVar[str] = "half_squared"
    residual: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("E = ½ Σ_k (t_k − a_k)²", "Δ_a = t − a")

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless what it multiplies and divides by are powers of two."""
        return "" if power_of_two(self.scale) else "its scale is not a power of two"


@dataclass(frozen=True)
class MeanSquared(ErrorOp):
    """E = (1/K) Σ (t − a)² over the K outputs of an example."""

    name: ClassVar[str] = "mean_squared"
    equations: ClassVar[tuple[str, ...]] = ("E = (1/K) Σ_k (t_k − a_k)²", "Δ_a = (2/K) (t − a)")

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless what it multiplies and divides by are powers of two."""
        outputs = prod(xs[0])
        if not power_of_two(outputs):
            return f"the mean over {outputs} outputs divides by no power of two"
        return "" if power_of_two(self.scale) else "its scale is not a power of two"


@dataclass(frozen=True)
class SoftmaxCrossEntropy(ErrorOp):
    """E = −Σ_k t_k ln softmax(a)_k of logits a over the last axis; targets are class numbers or probabilities."""

    name: ClassVar[str] = "softmax_cross_entropy"
    elementwise: ClassVar[bool] = False
    equations: ClassVar[tuple[str, ...]] = ("E = Σ_k t_k (ln Σ_m e^a_m − a_k)", "Δ_a = t − softmax(a) Σ_k t_k")
    targets: Literal["classes", "probabilities"] = field(kw_only=True)

    @property
    def target_kind(self) -> Literal["classes", "probabilities"]:
        """As it says."""
        return self.targets

    def target_shape(self, out: Shape) -> Shape:
        """Class numbers drop the axis of classes."""
        return out[:-1] if self.integer_target else out

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Logits need an axis of classes."""
        if not xs[0]:
            return Shapes((), problems=("softmax_cross_entropy needs an axis of classes, its layer is a scalar",))
        return super().shapes(xs)


@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits(ErrorOp):
    """E = Σ_k softplus(a_k) − t_k a_k of logits a: summed over outputs."""

    name: ClassVar[str] = "binary_cross_entropy_with_logits"
    equations: ClassVar[tuple[str, ...]] = ("E = Σ_k ln(1 + e^a_k) − t_k a_k", "Δ_a = t − σ(a)")

    @property
    def target_kind(self) -> Literal["zeros and ones"]:
        """Which of two it is, though any share will do."""
        return "zeros and ones"


@dataclass(frozen=True)
class Huber(ErrorOp):
    """E = Σ ½r² where |r| ≤ threshold, threshold (|r| − ½ threshold) beyond, with r = t − a: summed over outputs."""

    name: ClassVar[str] = "huber"
    pieces: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("E = Σ_k ½r² if |r| ≤ d else d (|r| − ½d),  r = t − a", "Δ_a = r limited to [−d, d]")
    symbols: ClassVar[Mapping[str, str]] = {"threshold": "d"}
    threshold: float = 1.0

    def problems(self) -> tuple[str, ...]:
        """A positive threshold."""
        return super().problems() + positive(self, "threshold")
