"""Penalties on parameters: what E gains for the size of their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import PenaltyOp, Shape, positive, power_of_two

__all__ = ["L2"]


@dataclass(frozen=True)
class L2(PenaltyOp):
    """½ factor Σ w² over all numbers of a parameter. Frameworks disagree about the ½: without it, factor counts twice."""

    name: ClassVar[str] = "l2"
    equations: ClassVar[tuple[str, ...]] = ("E = … + ½ λ Σ w²", "−∂E/∂w = … − λ w")
    symbols: ClassVar[Mapping[str, str]] = {"factor": "λ"}
    factor: float

    def problems(self) -> tuple[str, ...]:
        """A positive factor: 0 is no penalty, and a negative one rewards large numbers."""
        return positive(self, "factor")

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless what it multiplies by is a power of two."""
        return "" if power_of_two(self.factor) else "its factor is not a power of two"
