"""Activations g in a = g(in)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import Activation, Shape, Shapes, axes_problems, positive, power_of_two

__all__ = [
    "Celu",
    "Elu",
    "GeluErf",
    "GeluTanh",
    "HardSigmoid",
    "HardSwish",
    "Hardtanh",
    "Identity",
    "LeakyRelu",
    "Mish",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]


@dataclass(frozen=True)
class Identity(Activation):
    """a = in."""

    name: ClassVar[str] = "identity"
    straight: ClassVar[bool] = True
    unchanged: ClassVar[bool] = True
    rounding: ClassVar[str] = ""
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
    straight: ClassVar[bool] = True
    off_below_zero: ClassVar[bool] = True
    rounding: ClassVar[str] = ""
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = 0",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else 0", "g'(x) = 1 if x > 0 else 0")


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """a = in where positive, slope · in elsewhere."""

    name: ClassVar[str] = "leaky_relu"
    straight: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = slope",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else slope · x", "g'(x) = 1 if x > 0 else slope")
    slope: float = 0.01

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless its slope is a power of two."""
        return "" if power_of_two(abs(self.slope)) else "its slope is not a power of two"

    @classmethod
    def forms(cls) -> tuple[LeakyRelu, ...]:
        """The usual slope, and a steep one."""
        return cls(), cls(0.3)

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

    @classmethod
    def forms(cls) -> tuple[Elu, ...]:
        """Without a kink and with one."""
        return cls(), cls(0.5)

    def problems(self) -> tuple[str, ...]:
        """A positive α."""
        return positive(self, "alpha")


@dataclass(frozen=True)
class Selu(Activation):
    """elu with α = 1.6733, times λ = 1.0507. Klambauer et al., arXiv:1706.02515."""

    name: ClassVar[str] = "selu"
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = λ α",)
    equations: ClassVar[tuple[str, ...]] = (
        "g(x) = λ x if x > 0 else λ α (e^x − 1),  λ = 1.0507009873554805, α = 1.6732632423543772",
        "g'(x) = λ if x > 0 else λ α e^x",
    )


@dataclass(frozen=True)
class Celu(Activation):
    """a = in where positive, α (e^(in/α) − 1) elsewhere: smooth for every α. Barron, arXiv:1704.07483."""

    name: ClassVar[str] = "celu"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x if x > 0 else α (e^(x/α) − 1)", "g'(x) = 1 if x > 0 else e^(x/α)")
    alpha: float = 1.0

    @classmethod
    def forms(cls) -> tuple[Celu, ...]:
        """As elu, and another."""
        return cls(), cls(0.5)

    def problems(self) -> tuple[str, ...]:
        """A positive α."""
        return positive(self, "alpha")


@dataclass(frozen=True)
class Relu6(Activation):
    """a = in between 0 and 6, and the nearer of the two elsewhere."""

    name: ClassVar[str] = "relu6"
    straight: ClassVar[bool] = True
    off_below_zero: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("in = 0: g'(0) = 0", "in = 6: g'(6) = 0")
    equations: ClassVar[tuple[str, ...]] = ("g(x) = min(max(x, 0), 6)", "g'(x) = 1 if 0 < x < 6 else 0")

    @property
    def bends(self) -> tuple[float, ...]:
        """0 and 6."""
        return 0.0, 6.0


@dataclass(frozen=True)
class Hardtanh(Activation):
    """a = in between low and high, and the nearer of the two elsewhere."""

    name: ClassVar[str] = "hardtanh"
    straight: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("in = low or high: g' = 0 there",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = min(max(x, low), high)", "g'(x) = 1 if low < x < high else 0")
    low: float = -1.0
    high: float = 1.0

    @classmethod
    def forms(cls) -> tuple[Hardtanh, ...]:
        """The usual bounds, and others."""
        return cls(), cls(-0.5, 2.0)

    @property
    def bends(self) -> tuple[float, ...]:
        """Its bounds."""
        return self.low, self.high

    def problems(self) -> tuple[str, ...]:
        """Finite bounds, in their order."""
        ordered = float("-inf") < self.low < self.high < float("inf")
        return () if ordered else (f"high: must be finite and above low = {self.low!r}, is {self.high!r}",)


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """a = relu6(in + 3)/6."""

    name: ClassVar[str] = "hard_sigmoid"
    straight: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("in = −3 or 3: g' = 0 there",)
    equations: ClassVar[tuple[str, ...]] = ("g(x) = min(max(x + 3, 0), 6)/6", "g'(x) = 1/6 if −3 < x < 3 else 0")

    @property
    def bends(self) -> tuple[float, ...]:
        """−3 and 3."""
        return -3.0, 3.0


@dataclass(frozen=True)
class HardSwish(Activation):
    """a = in · hard_sigmoid(in). Howard et al., arXiv:1905.02244."""

    name: ClassVar[str] = "hard_swish"
    kinks: ClassVar[tuple[str, ...]] = ("in = −3: g'(−3) = 0", "in = 3: g'(3) = 1")
    equations: ClassVar[tuple[str, ...]] = (
        "g(x) = x min(max(x + 3, 0), 6)/6",
        "g'(x) = (2x + 3)/6 if −3 < x < 3 else 0 if x < 0 else 1",
    )

    @property
    def bends(self) -> tuple[float, ...]:
        """−3 and 3."""
        return -3.0, 3.0


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
class Mish(Activation):
    """a = in · tanh(softplus(in)). Misra, arXiv:1908.08681."""

    name: ClassVar[str] = "mish"
    equations: ClassVar[tuple[str, ...]] = (
        "g(x) = x tanh(s),  s = ln(1 + e^x)",
        "g'(x) = tanh s + x σ(x) (1 − tanh² s)",
    )


@dataclass(frozen=True)
class Softsign(Activation):
    """a = in/(1 + |in|)."""

    name: ClassVar[str] = "softsign"
    equations: ClassVar[tuple[str, ...]] = ("g(x) = x/(1 + |x|)", "g'(x) = 1/(1 + |x|)²")


@dataclass(frozen=True)
class Softmax(Activation):
    """a_j = e^(in_j) / Σ_k e^(in_k) over one axis of an example, the last unless another is named. g' is a Jacobian."""

    elementwise: ClassVar[bool] = False
    name: ClassVar[str] = "softmax"
    equations: ClassVar[tuple[str, ...]] = ("g(x)_j = e^x_j / Σ_k e^x_k", "Δ_x = a (Δ_a − Σ_k a_k Δ_a,k)")

    axis: int = -1

    @classmethod
    def forms(cls) -> tuple[Softmax, ...]:
        """Over the last axis, and over the first."""
        return (cls(), cls(axis=0))

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Needs the axis that it normalizes over."""
        if not xs[0]:
            return Shapes(xs[0], problems=("softmax needs an axis to normalize over, source is a scalar",))
        return Shapes(xs[0], problems=axes_problems(self.name, (self.axis,), xs[0]))
