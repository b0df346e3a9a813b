"""Activations g in a = g(in)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import Activation, Shape, Shapes, positive

__all__ = ["Elu", "GeluErf", "GeluTanh", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Silu", "Softmax", "Softplus", "Tanh"]


@dataclass(frozen=True)
class Identity(Activation):
    """a = in."""

    name: ClassVar[str] = "identity"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x", "g'(x) = 1")


@dataclass(frozen=True)
class Sigmoid(Activation):
    """a = 1/(1 + e^−in), the textbook's g."""

    name: ClassVar[str] = "sigmoid"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = 1/(1 + e^−x)", "g'(x) = g(x) (1 − g(x))")


@dataclass(frozen=True)
class Tanh(Activation):
    """a = tanh(in)."""

    name: ClassVar[str] = "tanh"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = tanh x", "g'(x) = 1 − tanh² x")


@dataclass(frozen=True)
class Relu(Activation):
    """a = max(in, 0)."""

    name: ClassVar[str] = "relu"
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = 0",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else 0", "g'(x) = 1 if x > 0 else 0")


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """a = in where positive, slope · in elsewhere."""

    name: ClassVar[str] = "leaky_relu"
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = slope",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else slope · x", "g'(x) = 1 if x > 0 else slope")
    slope: float = 0.01

    def problems(self) -> tuple[str, ...]:
        """A positive slope."""
        return positive(self, "slope")


@dataclass(frozen=True)
class Elu(Activation):
    """a = in where positive, α (e^in − 1) elsewhere. Clevert et al., arXiv:1511.07289."""

    name: ClassVar[str] = "elu"
    kinks: ClassVar[tuple[str, ...]] = ("in = 0, where α ≠ 1: g'(0) = α",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else α (e^x − 1)", "g'(x) = 1 if x > 0 else α e^x")
    alpha: float = 1.0

    def problems(self) -> tuple[str, ...]:
        """A positive α."""
        return positive(self, "alpha")


@dataclass(frozen=True)
class Softplus(Activation):
    """a = ln(1 + e^in), without a threshold."""

    name: ClassVar[str] = "softplus"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = ln(1 + e^x)", "g'(x) = 1/(1 + e^−x)")


@dataclass(frozen=True)
class GeluErf(Activation):
    """a = in Φ(in) with Φ the normal distribution function. Hendrycks, Gimpel, arXiv:1606.08415."""

    name: ClassVar[str] = "gelu_erf"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x (1 + erf(x/√2))/2", "g'(x) = (1 + erf(x/√2))/2 + x e^(−x²/2)/√(2π)")


@dataclass(frozen=True)
class GeluTanh(Activation):
    """The tanh approximation of gelu, of the same paper; a different function, up to 5e-4 away from `gelu_erf`."""

    name: ClassVar[str] = "gelu_tanh"
    equations: ClassVar[tuple[str, ...]] = (
        "g(x) = x (1 + tanh u)/2,  u = √(2/π) (x + 0.044715 x³)",
        "g'(x) = (1 + tanh u)/2 + x (1 − tanh² u) u'/2",
    )


@dataclass(frozen=True)
class Silu(Activation):
    """a = in · sigmoid(in)."""

    name: ClassVar[str] = "silu"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x σ(x)", "g'(x) = σ(x) (1 + x (1 − σ(x)))")


@dataclass(frozen=True)
class Softmax(Activation):
    """a_j = e^(in_j) / Σ_k e^(in_k) over the last axis. Not elementwise: g' is a Jacobian."""

    elementwise: ClassVar[bool] = False
    name: ClassVar[str] = "softmax"
    equations: ClassVar[tuple[str, ...]] = ("g(x)_j = e^x_j / Σ_k e^x_k", "Δ_x = a (Δ_a − Σ_k a_k Δ_a,k)")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Needs at least one axis to normalize over."""
        return Shapes(xs[0], problems=() if xs[0] else ("softmax needs an axis to normalize over, source is a scalar",))
