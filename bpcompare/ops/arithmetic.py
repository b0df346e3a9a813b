"""Arithmetic, element by element: with two sources, which broadcast against each other, or with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

from bpcompare.ops.op import LayerOp, Shape, Shapes, broadcast

__all__ = ["Divide", "Exp", "Log", "Multiply", "Power", "Sqrt", "Subtract"]


@dataclass(frozen=True)
class TwoSources(LayerOp):
    """One number of each source makes one. Axes of length 1, and axes that one of the shapes lacks at its front, are repeated."""

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    in_order: ClassVar[bool] = True

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The shape that both broadcast to."""
        out, problems = broadcast(self.name, xs)
        return Shapes(out, problems=problems)


@dataclass(frozen=True)
class Multiply(TwoSources):
    """The product of its sources, element by element: a gate."""

    name: ClassVar[str] = "multiply"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = ("in = a₁ a₂", "Δ₁ = a₂ Δ,  Δ₂ = a₁ Δ, summed over what was repeated")


@dataclass(frozen=True)
class Subtract(TwoSources):
    """The first source minus the second."""

    name: ClassVar[str] = "subtract"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = ("in = a₁ − a₂", "Δ₁ = Δ,  Δ₂ = −Δ, summed over what was repeated")


@dataclass(frozen=True)
class Divide(TwoSources):
    """The first source divided by the second."""

    name: ClassVar[str] = "divide"
    rounding: ClassVar[str] = "it divides by numbers that are not given"
    equations: ClassVar[tuple[str, ...]] = ("in = a₁ / a₂", "Δ₁ = Δ / a₂,  Δ₂ = −a₁ Δ / a₂², summed over what was repeated")

    @property
    def domain(self) -> Mapping[int, Literal["positive", "not zero"]]:
        """The divisor is not 0."""
        return {1: "not zero"}


@dataclass(frozen=True)
class OneSource(LayerOp):
    """Each number of the source makes one."""

    in_order: ClassVar[bool] = True

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept."""
        return Shapes(xs[0])


@dataclass(frozen=True)
class Exp(OneSource):
    """e to the source."""

    name: ClassVar[str] = "exp"
    equations: ClassVar[tuple[str, ...]] = ("in = e^a", "the source receives e^a Δ")


@dataclass(frozen=True)
class Log(OneSource):
    """The natural logarithm of the source, which must be positive."""

    name: ClassVar[str] = "log"
    equations: ClassVar[tuple[str, ...]] = ("in = ln a", "the source receives Δ / a")

    @property
    def domain(self) -> Mapping[int, Literal["positive", "not zero"]]:
        """Positive numbers."""
        return {0: "positive"}


@dataclass(frozen=True)
class Sqrt(OneSource):
    """The square root of the source, which must be positive."""

    name: ClassVar[str] = "sqrt"
    equations: ClassVar[tuple[str, ...]] = ("in = √a", "the source receives Δ / (2 √a)")

    @property
    def domain(self) -> Mapping[int, Literal["positive", "not zero"]]:
        """Positive numbers: at 0 it has no derivative."""
        return {0: "positive"}


@dataclass(frozen=True)
class Power(OneSource):
    """The source to a constant power. With an exponent that is no whole number, the source must be positive."""

    name: ClassVar[str] = "power"
    equations: ClassVar[tuple[str, ...]] = ("in = a^p", "the source receives p a^(p − 1) Δ")
    exponent: float

    def problems(self) -> tuple[str, ...]:
        """A finite exponent other than 0, of a size that numbers survive."""
        fits = isfinite(self.exponent) and self.exponent and abs(self.exponent) <= 64
        return () if fits else (f"exponent: must be finite, not 0, and at most 64 in size, is {self.exponent!r}",)

    @property
    def domain(self) -> Mapping[int, Literal["positive", "not zero"]]:
        """Any numbers, where it is a product of the source with itself."""
        if self.exponent != int(self.exponent):
            return {0: "positive"}
        return {0: "not zero"} if self.exponent < 0 else {}

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless it is a product of the source with itself."""
        return "" if self.exponent >= 1 and self.exponent == int(self.exponent) else self.rounding

    @classmethod
    def forms(cls) -> tuple[Power, ...]:
        """Whole, negative, and of a root."""
        return (cls(2.0), cls(3.0), cls(-1.0), cls(-2.0), cls(0.5), cls(1.5))
