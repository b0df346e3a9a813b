"""The textbook's layer: every node sums over everything that feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least

__all__ = ["Dense"]


@dataclass(frozen=True)
class Dense(LayerOp):
    """in_j = Σ_i w_ij a_i + b_j over every unit i of every group in `from`.

    `weight` is one array, sources × units, its rows the units of the sources in the order of `from`.
    """

    name: ClassVar[str] = "dense"
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    equations: ClassVar[tuple[str, ...]] = (
        "in_j = Σ_i w_ij a_i + b_j",
        "Δ_i ← Σ_j w_ij Δ_j",
        "−∂E/∂w_ij = a_i Δ_j,  −∂E/∂b_j = Δ_j  (summed over examples)",
    )
    units: int
    bias: bool = True

    def problems(self) -> tuple[str, ...]:
        """At least one unit."""
        return at_least(self, 1, "units")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(units,) from any number of flat groups."""
        problems = tuple(
            f"dense needs flat groups, source {slot + 1} has shape {list(x)}; put a flatten layer before it"
            for slot, x in enumerate(xs)
            if len(x) != 1
        )
        rows = sum(x[0] for x in xs if len(x) == 1)
        parameters = {"weight": ParameterShape((rows, self.units), (rows, self.units))}
        if self.bias:
            parameters["bias"] = ParameterShape((self.units,), (rows, self.units))
        return Shapes((self.units,), parameters, problems=problems)
