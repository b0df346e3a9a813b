"""Ops that join, scale, reshape or mask values and have no parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, fraction

__all__ = ["Add", "Concat", "Dropout", "Flatten", "Scale"]


@dataclass(frozen=True)
class Add(LayerOp):
    """The sum of its sources, which have one shape: a residual connection."""

    name: ClassVar[str] = "add"
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    equations: ClassVar[tuple[str, ...]] = ("in = Σ_s a_s", "every source receives Δ")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The common shape."""
        problems = () if len(set(xs)) == 1 else (f"add needs sources of one shape, has {', '.join(str(list(x)) for x in xs)}",)
        return Shapes(xs[0], problems=problems)


@dataclass(frozen=True)
class Concat(LayerOp):
    """Its sources one after the other along their first axis (units, or channels)."""

    name: ClassVar[str] = "concat"
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    equations: ClassVar[tuple[str, ...]] = ("in = [a_1; a_2; …]", "every source receives its slice of Δ")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """First axes added, the others equal."""
        if any(not x for x in xs):
            return Shapes((), problems=("concat needs sources with at least one axis",))
        problems: tuple[str, ...] = ()
        if len({x[1:] for x in xs}) != 1:
            problems = (
                f"concat joins along the first axis; the others must agree, sources are {', '.join(str(list(x)) for x in xs)}",
            )
        return Shapes((sum(x[0] for x in xs), *xs[0][1:]), problems=problems)


@dataclass(frozen=True)
class Scale(LayerOp):
    """The source times a constant."""

    name: ClassVar[str] = "scale"
    equations: ClassVar[tuple[str, ...]] = ("in = factor · a", "the source receives factor · Δ")
    factor: float

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
    equations: ClassVar[tuple[str, ...]] = ("in = a, reshaped to one axis", "Δ, reshaped back")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(the product of the axes,)."""
        return Shapes((prod(xs[0]),))


@dataclass(frozen=True)
class Dropout(LayerOp):
    """The source times mask / (1 − rate). The mask of zeros and ones is drawn once, into the plan, for every backend alike."""

    name: ClassVar[str] = "dropout"
    equations: ClassVar[tuple[str, ...]] = ("in = a · mask / (1 − rate)", "the source receives Δ · mask / (1 − rate)")
    rate: float

    def problems(self) -> tuple[str, ...]:
        """The rate is a fraction."""
        return fraction(self, "rate")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept; the mask has it too."""
        return Shapes(xs[0], draws={"mask": xs[0]})
