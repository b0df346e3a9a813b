"""Activations that learn: layers, for they have parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes

__all__ = ["PRelu"]


@dataclass(frozen=True)
class PRelu(LayerOp):
    """a where a > 0, else slope · a; He, Zhang, Ren, Sun, arXiv:1502.01852.

    One slope for all, or one a channel (the first axis of an example), as `channels` says.
    """

    name: ClassVar[str] = "prelu"
    rounding: ClassVar[str] = ""
    in_order: ClassVar[bool] = True
    kinks: ClassVar[tuple[str, ...]] = ("0: the derivative is the slope, as at negative numbers",)
    equations: ClassVar[tuple[str, ...]] = (
        "in = a for a > 0, slope · a else",
        "the source receives Δ for a > 0, slope · Δ else",
        "−∂E/∂slope = Σ a Δ over a ≤ 0",
    )
    channels: bool = False

    @property
    def bends(self) -> tuple[float, ...]:
        """Where its kinks are: values of the source."""
        return (0.0,)

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Shape kept."""
        if self.channels and not xs[0]:
            return Shapes((), problems=("prelu has a slope for each channel, and the source is a scalar",))
        slopes = xs[0][:1] if self.channels else (1,)
        return Shapes(xs[0], {"slope": ParameterShape(slopes, (1, 1))})
