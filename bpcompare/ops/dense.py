"""The textbook's layer: every node sums over everything that feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least

__all__ = ["Dense"]


@dataclass(frozen=True)
class Dense(LayerOp):
    """in_j = Σ_i w_ij a_i + b_j over every unit i of every group in `from`; of sources with more axes, along the last.

    `weight` is one array, sources × units, its rows the units of the sources in the order of `from`.
    """

    name: ClassVar[str] = "dense"
    rounding: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    connects: ClassVar[Literal["units", "channels"] | None] = "units"
    equations: ClassVar[tuple[str, ...]] = (
        "in_j = Σ_i w_ij a_i + b_j",
        "Δ_i ← Σ_j w_ij Δ_j",
        "−∂E/∂w_ij = a_i Δ_j,  −∂E/∂b_j = Δ_j  (summed over examples)",
    )
    units: int
    bias: bool = True

    @property
    def joins(self) -> int:
        """The last axis."""
        return -1

    def problems(self) -> tuple[str, ...]:
        """At least one unit."""
        return at_least(self, 1, "units")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(…, units) from sources (…, width) whose other axes are equal."""
        problems = tuple(f"dense sums along an axis, source {slot + 1} is a scalar" for slot, x in enumerate(xs) if not x)
        if not problems and len({x[:-1] for x in xs}) != 1:
            shapes = ", ".join(str(list(x)) for x in xs)
            problems = (f"dense joins its sources along the last axis; the others must agree, sources are {shapes}",)
        rows = sum(x[-1] for x in xs if x)
        parameters = {"weight": ParameterShape((rows, self.units), (rows, self.units))}
        if self.bias:
            parameters["bias"] = ParameterShape((self.units,), (rows, self.units))
        return Shapes((*xs[0][:-1], self.units), parameters, problems=problems)
