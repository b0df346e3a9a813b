"""A layer that reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes

__all__ = ["Constant"]


@dataclass(frozen=True)
class Constant(LayerOp):
    """The same numbers for every example: its parameter `value`. Learned unless it is frozen, as a mask or a first state is.

    `ones`, one a step and example, stand for the examples that it has no source to count.
    """

    name: ClassVar[str] = "constant"
    rounding: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    equations: ClassVar[tuple[str, ...]] = ("in = value", "−∂E/∂value = Σ Δ over examples")
    shape: tuple[int, ...]

    def problems(self) -> tuple[str, ...]:
        """Every axis has at least one entry."""
        return () if all(size >= 1 for size in self.shape) else (f"shape: every axis must be at least 1, is {list(self.shape)}",)

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """As declared; `value` has it too."""
        return Shapes(self.shape, {"value": ParameterShape(self.shape, (1, 1))}, draws={"ones": ()})
