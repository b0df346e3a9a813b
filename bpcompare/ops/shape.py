"""Ops that join, scale, reshape or mask values and have no parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, axes_problems, broadcast, fraction, power_of_two

__all__ = ["Add", "Concat", "Dropout", "Flatten", "Permute", "Reshape", "Scale", "Slice"]


@dataclass(frozen=True)
class Add(LayerOp):
    """The sum of its sources, which broadcast against each other: a residual connection, where they have one shape."""

    name: ClassVar[str] = "add"
    rounding: ClassVar[str] = ""
    in_order: ClassVar[bool] = True
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    equations: ClassVar[tuple[str, ...]] = ("in = Σ_s a_s", "every source receives Δ, summed over what was repeated")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The shape that all broadcast to."""
        out, problems = broadcast(self.name, xs)
        return Shapes(out, problems=problems)


@dataclass(frozen=True)
class Concat(LayerOp):
    """Its sources one after the other along an axis: units, or channels, unless another is named. Negative: from the end."""

    name: ClassVar[str] = "concat"
    rounding: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    equations: ClassVar[tuple[str, ...]] = ("in = [a_1; a_2; …]", "every source receives its slice of Δ")
    axis: int = 0

    @property
    def joins(self) -> int:
        """Its axis."""
        return self.axis

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Sizes along the axis added, the others equal."""
        if any(not x for x in xs):
            return Shapes((), problems=("concat needs sources with at least one axis",))
        if problems := axes_problems(self.name, (self.axis,), xs[0]):
            return Shapes((), problems=problems)
        at = self.axis % len(xs[0])
        if len({(x[:at], x[at + 1 :]) for x in xs}) != 1:
            which = "the first axis" if at == 0 else f"axis {at}"
            shapes = ", ".join(str(list(x)) for x in xs)
            return Shapes((), problems=(f"concat joins along {which}; the others must agree, sources are {shapes}",))
        return Shapes((*xs[0][:at], sum(x[at] for x in xs), *xs[0][at + 1 :]))


@dataclass(frozen=True)
class Scale(LayerOp):
    """The source times a constant."""

    name: ClassVar[str] = "scale"
    in_order: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("in = factor · a", "the source receives factor · Δ")
    factor: float

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Unless its factor is a power of two."""
        return "" if power_of_two(abs(self.factor)) else "its factor is not a power of two"

    def problems(self) -> tuple[str, ...]:
        """A finite factor other than zero."""
        return () if isfinite(self.factor) and self.factor else (f"factor: must be finite and not zero, is {self.factor!r}",)

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept."""
        return Shapes(xs[0])


@dataclass(frozen=True)
class Flatten(LayerOp):
    """All axes of an example as one, in row order."""

    name: ClassVar[str] = "flatten"
    rounding: ClassVar[str] = ""
    in_order: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("in = a, reshaped to one axis", "Δ, reshaped back")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(the product of the axes,)."""
        return Shapes((prod(xs[0]),))


@dataclass(frozen=True)
class Dropout(LayerOp):
    """The source times mask / (1 − rate). The mask of zeros and ones is drawn once, into the plan, for every backend alike."""

    name: ClassVar[str] = "dropout"
    rounding: ClassVar[str] = "it divides by 1 − rate"
    in_order: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("in = a · mask / (1 − rate)", "the source receives Δ · mask / (1 − rate)")
    rate: float

    @property
    def dropped(self) -> float:
        """The rate."""
        return self.rate

    def problems(self) -> tuple[str, ...]:
        """The rate is a fraction."""
        return fraction(self, "rate")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; the mask has it too."""
        return Shapes(xs[0], draws={"mask": xs[0]})


@dataclass(frozen=True)
class Permute(LayerOp):
    """The axes of an example in another order: axis `axes[i]` of the source becomes axis i."""

    name: ClassVar[str] = "permute"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = ("in = a, axes in another order", "Δ, axes in their old order")
    axes: tuple[int, ...]

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Sizes in the new order."""
        problems = axes_problems(self.name, self.axes, xs[0])
        if not problems and len(self.axes) != len(xs[0]):
            problems = (f"permute: axes {list(self.axes)} must name every axis of {list(xs[0])}",)
        return Shapes((), problems=problems) if problems else Shapes(tuple(xs[0][axis] for axis in self.axes))


@dataclass(frozen=True)
class Reshape(LayerOp):
    """The numbers of an example, in row order, in another shape. One −1 stands for what is left."""

    name: ClassVar[str] = "reshape"
    rounding: ClassVar[str] = ""
    in_order: ClassVar[bool] = True
    equations: ClassVar[tuple[str, ...]] = ("in = a, reshaped", "Δ, reshaped back")
    shape: tuple[int, ...]

    def problems(self) -> tuple[str, ...]:
        """Positive sizes, and at most one −1."""
        good = all(size >= 1 or size == -1 for size in self.shape) and self.shape.count(-1) <= 1
        return () if good else (f"shape: sizes must be at least 1, one of them may be -1, is {list(self.shape)}",)

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """As asked for, if it holds as many numbers."""
        have, asked = prod(xs[0]), prod(size for size in self.shape if size != -1)
        if have % asked or (have != asked and -1 not in self.shape):
            return Shapes((), problems=(f"reshape: {list(xs[0])} holds {have} numbers and does not fit {list(self.shape)}",))
        return Shapes(tuple(have // asked if size == -1 else size for size in self.shape))


@dataclass(frozen=True)
class Slice(LayerOp):
    """Positions `start` to `stop` (left out) of one axis, every `step`-th. Negative positions count from the end.

    `drop`: exactly one position is taken, and its axis goes.
    """

    name: ClassVar[str] = "slice"
    rounding: ClassVar[str] = ""
    equations: ClassVar[tuple[str, ...]] = ("in = a[start : stop : step]", "the source receives Δ there, and 0 elsewhere")
    start: int
    stop: int | None = None
    step: int = 1
    axis: int = 0
    drop: bool = False

    def problems(self) -> tuple[str, ...]:
        """Forward only: JAX, NumPy and TOML agree there."""
        return () if self.step >= 1 else (f"step: must be at least 1, is {self.step!r}",)

    def positions(self, size: int) -> range:
        """The positions taken of an axis of `size`."""
        return range(size)[self.start : self.stop : self.step]

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The axis as long as what is taken of it, or gone."""
        if problems := axes_problems(self.name, (self.axis,), xs[0]):
            return Shapes((), problems=problems)
        at = self.axis % len(xs[0])
        taken = len(self.positions(xs[0][at]))
        if not taken or (self.drop and taken != 1):
            wanted = "exactly one position" if self.drop else "at least one position"
            return Shapes((), problems=(f"slice takes {taken} of axis {at} of {list(xs[0])}, and needs {wanted}",))
        return Shapes((*xs[0][:at], *(() if self.drop else (taken,)), *xs[0][at + 1 :]))
