"""Sums and means over axes of an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, axes_problems, power_of_two

__all__ = ["Mean", "Sum"]


@dataclass(frozen=True)
class Reduction(LayerOp):
    """`axes` are those of one example, counted from 0; negative ones from the end. `keep`: they stay, with length 1."""

    axes: tuple[int, ...]
    keep: bool = False

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The source's shape without the axes, or with length 1 there."""
        if problems := axes_problems(self.name, self.axes, xs[0]):
            return Shapes((), problems=problems)
        gone = {axis % len(xs[0]) for axis in self.axes}
        if self.keep:
            return Shapes(tuple(1 if axis in gone else size for axis, size in enumerate(xs[0])))
        return Shapes(tuple(size for axis, size in enumerate(xs[0]) if axis not in gone))


@dataclass(frozen=True)
class Sum(Reduction):
    """The sum over some axes of an example."""

    name: ClassVar[str] = "sum"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = ("in = Σ a over the axes", "every member receives Δ")


@dataclass(frozen=True)
class Mean(Reduction):
    """The mean over some axes of an example."""

    name: ClassVar[str] = "mean"
    equations: ClassVar[tuple[str, ...]] = ("in = Σ a / n over the axes, n numbers", "every member receives Δ / n")

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless it divides by a power of two."""
        count = prod(xs[0][axis] for axis in self.axes)
        return "" if power_of_two(count) else f"the mean over {count} values"
